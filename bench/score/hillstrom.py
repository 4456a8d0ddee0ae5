"""What stands in a row of Hillstrom's test? A customer, and the events that the row stands for.

The last order, one long before it for those who are not new, what the shop has told of them; then a
cart that is left, which stands for the occasion of the mail, and the visit after it.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import count
from pathlib import Path

from msgspec import Struct

from agents.gate.holdout import Holdout
from bench.histories import MissingError
from schemas.clickstream import PageViewed, ProductAdded
from schemas.event import Event
from schemas.instant import DAY, HOUR, to_millis
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ProfileUpdated

FILE = "hillstrom_mailing.csv.gz"
ARMS = {"Womens E-Mail": "sent", "No E-Mail": "held_out"}
FOLDS = 10
BEGIN = to_millis(datetime(2008, 3, 1, 8, tzinfo=UTC))
MONTH = 30 * DAY
#: The mail leaves on the second day after the cart; visits come after that.
VISIT_AT = BEGIN + 5 * DAY


class Customer(Struct, frozen=True):
    """A row of the file. id: one that the hash puts into the row's arm."""

    id: str
    mailed: bool
    visited: bool
    recency: int
    cents: int
    mens: bool
    womens: bool
    is_new: bool
    zip: str
    channel: str


def customers(data: Path, holdout: Holdout, campaign: str) -> list[Customer]:
    """Those with the women's mail and those without a mail. Raises MissingError.

    holdout, campaign: by which the engine draws the arms.
    """
    path = data / FILE
    found = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for nth, row in enumerate(csv.DictReader(file)):
                arm = ARMS.get(row["segment"])
                if arm is None:
                    continue
                ids = (f"{nth}-{it}" for it in count())
                wanted = arm == "held_out"
                here = next(it for it in ids if holdout.draws(campaign, 0.5, it) == wanted)
                found.append(Customer(
                    here, not wanted, row["visit"] == "1", int(row["recency"]),
                    round(100 * float(row["history"])), row["mens"] == "1", row["womens"] == "1",
                    row["newbie"] == "1", row["zip_code"], row["channel"],
                ))  # fmt: skip
    except OSError as error:
        raise MissingError(f"{error}. Give the folder that has {FILE} with --data") from error
    return found


def fold_of(who: str) -> int:
    """To which journal a customer is dealt."""
    return int.from_bytes(blake2b(who.encode(), digest_size=4).digest(), "big") % FOLDS


def history(fold: list[Customer], until: int) -> Iterator[Event | Tick]:
    """What happened, in the order of time, with a tick each day from the first cart on."""
    events = sorted((it for who in fold for it in _events(who)), key=lambda it: it.occurred_at)
    ticks = iter(range(BEGIN - DAY, until + 1, 12 * HOUR))
    due = next(ticks)
    for event in events:
        while due <= event.occurred_at and due <= until:
            yield Tick(due)
            due = next(ticks, until + 1)
        if event.occurred_at <= until:
            yield event
    yield Tick(due)
    yield from map(Tick, ticks)


def _events(it: Customer) -> Iterator[Event]:
    """What a row of the file stands for."""
    who, bought_at = it.id, BEGIN - it.recency * MONTH
    wares = [name for name in ("mens", "womens") if getattr(it, name)]
    if not it.is_new:
        # Longer than a year ago, before the time of which the file tells the spend.
        yield _order(who, "first", BEGIN - 18 * MONTH, (Item("old", 1, 0),))
    prices = {name: it.cents // len(wares) for name in wares}
    prices[wares[0]] += it.cents - sum(prices.values())
    items = tuple(Item(name, 1, cents, name) for name, cents in prices.items())
    yield _order(who, "last", bought_at, items)
    yield ProfileUpdated(
        event_id=f"profile-{who}", occurred_at=BEGIN - DAY, customer_id=who,
        traits={"zip": it.zip, "channel": it.channel},
    )  # fmt: skip
    yield ProductAdded(
        event_id=f"cart-{who}", occurred_at=BEGIN, customer_id=who, product_id="mail"
    )
    if it.visited:
        yield PageViewed(event_id=f"visit-{who}", occurred_at=VISIT_AT, customer_id=who)


def _order(who: str, name: str, at: int, items: tuple[Item, ...]) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{name}-{who}", occurred_at=at, customer_id=who, order_id=f"{name}-{who}",
        currency="USD", products=items,
    )  # fmt: skip
