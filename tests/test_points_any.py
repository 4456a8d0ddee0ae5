"""Points in any history: the sums are those of a list that has every single point in it, at each step."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from loyalty import book_in
from partition import Partition

from agents.loyalty.points_book import Book
from agents.points import Points
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded, PointsRedeemed
from state.customer import Customer
from streams.simulated.story import moment

#: Over the turn of a year with a 29 February.
BEGIN = moment("2027-11-15 20:00")
AGENT = Points(points_per_unit=2, unit_cents=700, expiry_months=2, refund_days=40, expiring_days=10)
KEPT_DAYS = AGENT.refund_days
SUMS = ("earned", "redeemed", "reversed", "expired", "owed", "available")


class Point:
    """One point. month: that of its order, as (year, month)."""

    def __init__(self, order_id: str, month: tuple[int, int]) -> None:
        self.order_id, self.month = order_id, month
        self.fate = "available"


class Ledger:
    """Every point there ever was, and every order; it forgets nothing.

    A point's fate changes once at most: it is redeemed, reversed or expired, or it has paid off
    something that was owed (``paid``).
    """

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.paid: dict[str, int] = {}
        self.placed_at: dict[str, int] = {}
        self.back: dict[str, list[tuple[int, int]]] = {}
        self.reversed: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()

    def take(self, event: Event, newest_at: int) -> None:
        """Let an event count."""
        self.expire(event.occurred_at)
        match event:
            case OrderPlaced():
                self.order(event, newest_at)
            case PointsRedeemed():
                self.sums["redeemed"] += event.points
                self.spend(event.points, "redeemed", lambda it: it.month)
            case OrderCancelled() | OrderRefunded():
                cents = event.refund_cents if isinstance(event, OrderRefunded) else None
                amount = 10**12 if cents is None else cents
                if event.order_id not in self.placed_at:
                    self.let_go(event.order_id, newest_at)
                self.back.setdefault(event.order_id, []).append((event.occurred_at, amount))
                self.reverse(event.order_id, newest_at)
        self.expire(newest_at)

    def order(self, event: OrderPlaced, newest_at: int) -> None:
        """Earn, pay off what is owed, and reverse what went back before."""
        self.placed_at[event.order_id] = event.occurred_at
        self.paid[event.order_id] = event.paid_cents
        at = datetime.fromtimestamp(event.occurred_at / 1000, UTC)
        earned = event.paid_cents // 700 * 2
        self.sums["earned"] += earned
        paid_off = min(earned, self.sums["owed"])
        self.sums["owed"] -= paid_off
        self.points += [
            Point(event.order_id, (at.year, at.month)) for _ in range(earned - paid_off)
        ]
        self.let_go(event.order_id, newest_at)
        self.reverse(event.order_id, newest_at, is_new=True)

    def let_go(self, order_id: str, newest_at: int) -> None:
        """Forget what went back of an order that has not come, when that began too long ago."""
        back = self.back.get(order_id, [])
        if back and newest_at // DAY - back[0][0] // DAY > KEPT_DAYS:
            del self.back[order_id]

    def is_young(self, order_id: str, newest_at: int) -> bool:
        """Whether the order is kept still."""
        return newest_at // DAY - self.placed_at[order_id] // DAY <= KEPT_DAYS

    def reverse(self, order_id: str, newest_at: int, *, is_new: bool = False) -> None:
        """Reverse what the order is not worth any more, if it is young enough."""
        placed_at = self.placed_at.get(order_id)
        if placed_at is None or not (is_new or self.is_young(order_id, newest_at)):
            return
        paid = self.paid[order_id]
        left = max(0, paid - sum(cents for _, cents in self.back.get(order_id, [])))
        points = paid // 700 * 2 - left // 700 * 2 - self.reversed[order_id]
        self.reversed[order_id] += points
        self.sums["reversed"] += points
        at = datetime.fromtimestamp(placed_at / 1000, UTC)
        own = (at.year, at.month)
        self.spend(points, "reversed", lambda it: (it.month != own, it.month))

    def spend(self, points: int, fate: str, order: Any) -> None:
        """Take available points in an order; those that there are not are owed."""
        there = sorted((it for it in self.points if it.fate == "available"), key=order)
        for it in there[:points]:
            it.fate = fate
        self.sums["owed"] += points - len(there[:points])

    def expire(self, at: int) -> None:
        """End the points of the months that ended two months before."""
        here = datetime.fromtimestamp(at / 1000, UTC)
        for it in self.points:
            year, month = it.month
            if it.fate == "available" and here.year * 12 + here.month >= year * 12 + month + 3:
                it.fate = "expired"
                self.sums["expired"] += 1

    def told(self) -> dict[str, int]:
        available = sum(it.fate == "available" for it in self.points)
        return {**{it: self.sums[it] for it in SUMS}, "available": available}


ORDERS = tuple(f"o{number}" for number in range(6))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["order", "order", "order", "part", "part", "refund", "cancel", "redeem", "redeem", "tick", "tick"]
        ),
        st.sampled_from(ORDERS),
        st.sampled_from([0, 0, 1, 5, 30, 24 * 11, 24 * 28, 24 * 45]),
        st.sampled_from([0, 0, 0, 0, 2, 24 * 12, 24 * 70]),
        st.sampled_from([1, 350, 699, 700, 701, 1_400, 4_899, 9_800]),
    ),
    min_size=5,
    max_size=30,
)  # fmt: skip


def event_of(number: int, what: str, order_id: str, at: int, cents: int) -> Event | None:
    """None for a tick."""
    common: dict[str, Any] = {"event_id": f"e{number}", "customer_id": "ann", "occurred_at": at}
    match what:
        case "order":
            items = (Item("tea", price_cents=cents),)
            return OrderPlaced(order_id=order_id, products=items, currency="EUR", **common)
        case "part":
            return OrderRefunded(order_id=order_id, refund_cents=cents // 2, **common)
        case "refund":
            return OrderRefunded(order_id=order_id, **common)
        case "cancel":
            return OrderCancelled(order_id=order_id, **common)
        case "tick":
            return None
    return PointsRedeemed(points=1 + cents // 700, **common)


def known_orders(partition: Partition) -> set[str]:
    """Those by whose ids the engine knows an order again."""
    row = partition.row("ann")
    return set() if row is None else set(row.recent_orders)


def sums_of(row: Customer | None) -> dict[str, int]:
    book = Book() if row is None else book_in(row)
    return {it: getattr(book, it) for it in SUMS}


HAPPENED: Counter[str] = Counter()


@settings(max_examples=500, deadline=None, derandomize=True)
@given(STEPS)
def check_against_the_ledger(steps: list[tuple[str, str, int, int, int]]) -> None:
    partition, ledger, at, newest_at = Partition(AGENT), Ledger(), BEGIN, 0
    facts: list[Event | Tick] = []
    noted: Counter[str] = Counter()
    for number, (what, order_id, hours, late_hours, cents) in enumerate(steps):
        at += hours * HOUR
        event = event_of(number, what, order_id, at - late_hours * HOUR, cents)
        known = known_orders(partition)
        if what == "order" and order_id in ledger.placed_at and order_id not in known:
            continue  # One that was let go would earn once more.
        facts.append(Tick(at) if event is None else event)
        said = partition.facts(facts[-1], begin=len(facts))
        if event is None:
            ledger.expire(at)
        elif what != "order" or order_id not in known:  # Else it counts as not having come at all.
            newest_at = max(newest_at, event.occurred_at)
            ledger.take(event, newest_at)
        told = ledger.told()
        assert sums_of(partition.row("ann")) == told, (number, what)
        for it in said:
            assert it.reason != "agent_failed", it.evidence
            noted[it.reason] += 1
        for name, by in told.items():
            HAPPENED[name] += by > 0
    HAPPENED.update(noted)
    at_once = Partition(AGENT)
    at_once.facts(*facts, begin=1)
    assert at_once.state() == partition.state()


def test_the_sums_are_those_of_a_list_of_all_points_at_each_step() -> None:
    HAPPENED.clear()
    check_against_the_ledger()
    # Else it would prove nothing.
    for name in (*SUMS, "points_expired", "points_owed", "points_unused"):
        assert HAPPENED[name] > 20, name
