"""What happened, as plain lists? And what of it goes by the clock, or by what a row knows.

Nothing in this package imports an agent, a fold, a window, a sketch or a ledger. It is written from
their docstrings and pages, and says by how much they round and what they let go.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.event import Event
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded, PointsRedeemed

HOUR = 3_600_000
DAY = 24 * HOUR

#: Orders nearer to each other than this are one purchase.
ONE_PURCHASE = 20 * HOUR
#: A row knows the last three orders, of the 14 days before the newest of them.
RECENT_ORDERS, RECENT_DAYS = 3, 14


class Fact(NamedTuple):
    """One event. arrived_at: ticks up to then came before it. cents: None where none are named.

    kind: order, refund, cancel or redeem; cents of the last one are points.
    """

    arrived_at: int
    at: int
    who: str
    kind: str
    order: str
    cents: int | None


Facts = Sequence[Fact]


def facts_of(arrivals: Iterable[tuple[int, Event]]) -> list[Fact]:
    """All events in the order in which they arrived; one that is told again counts once."""
    found: list[Fact] = []
    known: set[str] = set()
    for arrived_at, event in arrivals:
        if event.event_id in known:
            continue
        known.add(event.event_id)
        at, who = event.occurred_at, event.subject
        match event:
            case OrderPlaced():
                cents: int | None = event.total_cents
                if cents is None:
                    cents = sum(it.quantity * it.price_cents for it in event.products)
                found.append(Fact(arrived_at, at, who, "order", event.order_id, cents))
            case OrderRefunded():
                cents = event.refund_cents
                found.append(Fact(arrived_at, at, who, "refund", event.order_id, cents))
            case OrderCancelled():
                found.append(Fact(arrived_at, at, who, "cancel", event.order_id, None))
            case PointsRedeemed():
                found.append(Fact(arrived_at, at, who, "redeem", "", event.points))
            case _:
                raise TypeError(f"nothing is counted of {type(event).__name__}")
    return found


def by_customer(facts: Facts) -> dict[str, list[Fact]]:
    """Each customer's own, in the same order."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.who].append(fact)
    return dict(found)


class Clock:
    """The ticks. Timers fire on them and on nothing else."""

    def __init__(self, ticks: Sequence[int]) -> None:
        self._ticks = ticks

    def fires_at(self, due_at: int) -> int:
        """The tick at which a timer fires that is due then; one beyond all ticks: never."""
        place = bisect_left(self._ticks, due_at)
        return self._ticks[place] if place < len(self._ticks) else self._ticks[-1] + DAY

    def last(self, moment: int) -> int:
        """The last tick up to a moment; 0 where there was none."""
        place = bisect_right(self._ticks, moment)
        return self._ticks[place - 1] if place else 0

    def after(self, tick: int) -> int:
        """The tick that follows one."""
        return self.fires_at(tick + 1)


class Return(NamedTuple):
    """What one return gave back. placed_at: of its order; None where the row does not know it."""

    fact: Fact
    placed_at: int | None
    cents: int
    is_whole: bool


def returns(history: Facts, *, unlimited: bool = False) -> dict[Fact, Return]:
    """What each refund and each cancellation gave back, by the orders that the row knows then.

    Never more than was paid for the order; without an amount all that has not gone back yet. Of an
    order that the row does not know, what is said, and nothing if nothing is.
    """
    recent: list[tuple[str, int, int]] = []
    back: dict[str, int] = defaultdict(int)
    found: dict[Fact, Return] = {}
    for fact in history:
        if fact.kind == "order":
            recent.append((fact.order, fact.at, fact.cents or 0))
            if not unlimited:
                recent = _recent(recent)
        elif fact.kind != "redeem":
            known = next((it for it in recent if it[0] == fact.order), None)
            if known is None:
                found[fact] = Return(fact, None, fact.cents or 0, is_whole=False)
                continue
            _, placed_at, paid = known
            rest = paid - back[fact.order]
            cents = rest if fact.cents is None else min(fact.cents, rest)
            back[fact.order] += cents
            is_whole = back[fact.order] >= paid
            found[fact] = Return(fact, placed_at, cents, is_whole)
    return found


def _recent(orders: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Those that a row still knows: of the same moment the one that came first goes first."""
    newest = max(placed_at for _, placed_at, _ in orders)
    young = [it for it in orders if it[1] >= newest - RECENT_DAYS * DAY]
    by_age = sorted(young, key=lambda it: it[1])[-RECENT_ORDERS:]
    return [it for it in young if it in by_age]
