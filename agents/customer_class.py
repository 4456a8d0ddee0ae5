"""Which class is a customer in? New, frequent, high-end, low-end, high-value or on the way there.

The names are those of Taobao, the definitions ours. What counts is the last 365 days: orders less
those that went back whole, and what was paid for them less what went back of it. A class is the
first of these that fits, by ``classify``:

    new         one order ever, the first, less than ``new_days`` old
    high_value  ``frequent_orders`` or more that come to ``high_value_spend_cents`` or more
    high_end    ``high_end_order_cents`` or more for an order, on average
    frequent    ``frequent_orders`` or more
    potential   ``potential_orders`` or more, or ``potential_spend_cents`` or more
    low_end     everybody else who has ever ordered

Whoever is in a class, or in one that implies it, keeps it until they are below its thresholds by
more than the band, so that nobody at an edge is told of twice. ``new`` has no band: it ends by
time. Classes fall as well, when orders grow too old to count: an order counts until the bucket that
holds it (``state/window.py``) is 365 days old. What went back leaves with its order, or, where the
row did not know that any more, 365 days after it went back.

It is internal: it tells the shop's people, or their tools, a fact that no cap and no holdout may
swallow, and who falls into a lower class is not to be told of it. Campaigns speak to a class by
their ``audience``, and then the gate asks for consent.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from agents.agent import (
    Act,
    Agent,
    CancelTimer,
    Learn,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from schemas.decisions import Evidence
from schemas.event import Cents
from schemas.instant import DAY, HOUR
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose
from state import window
from state.customer import Customer

Class = Literal["low_end", "new", "potential", "frequent", "high_end", "high_value"]
Benefit = Literal["discount", "gift", "vip_service"]
Count = Annotated[int, Meta(ge=1)]

#: From the lowest to the highest.
RANKS: dict[str, int] = {
    "low_end": 0, "new": 1, "potential": 2, "frequent": 3, "high_end": 4, "high_value": 5,
}  # fmt: skip

#: In which classes somebody has reached the thresholds of another one too.
_IMPLIED_BY: dict[str, frozenset[str]] = {
    "high_value": frozenset(("high_value",)),
    "high_end": frozenset(("high_end",)),
    "frequent": frozenset(("frequent", "high_value")),
    "potential": frozenset(("potential", "frequent", "high_end", "high_value")),
}
_BENEFITS: dict[Class, Benefit] = {
    "new": "discount", "potential": "discount", "frequent": "discount", "high_end": "gift",
    "high_value": "vip_service",
}  # fmt: skip

YEAR = 365 * DAY
RETURNS_MAX = 12
_FIELDS = 3


class ClassChangedPayload(Struct, frozen=True):
    """What they were, what they are, what that suggests, and what it rests on.

    old: null for a first class. benefit: null where the settings name none for the class.
    """

    old: Class | None
    new: Class
    benefit: Benefit | None
    orders: int
    spend_cents: int
    currency: str


class Returned(Struct, array_like=True, gc=False, frozen=True):
    """What went back. seen_cents: ``row.refunded_cents`` when it was last looked at.

    orders: flat, ``[hour, orders, cents, …]``: when the order was placed, 1 if all of it went back.
    Of an order that the row did not know, when it went back, and -1.
    """

    seen_cents: int = 0
    orders: list[int] = []

    def after(self, event: OrderCancelled | OrderRefunded, row: Customer) -> "Returned":
        """With what an event, which has been folded, gave back."""
        given = row.recent_orders.get(event.order_id)
        back = row.refunded_cents - self.seen_cents
        said = event.refund_cents if isinstance(event, OrderRefunded) else None
        if said is None:
            said = 0 if given is None else given.refunded_cents
        # Not more than the event can have given: the agent may be younger than the row.
        back = min(back, said)
        if back <= 0:
            return Returned(row.refunded_cents, self.orders)
        at = event.occurred_at if given is None else given.placed_at
        whole = -1 if given is None else int(given.refunded_cents >= given.paid_cents)
        orders = [*self.orders, at // HOUR, whole, back]
        return Returned(row.refunded_cents, orders[-RETURNS_MAX * _FIELDS :])

    def total(self, row: Customer, now: int) -> tuple[int, int]:
        """Orders and money that went back, of the orders that still count."""
        orders = cents = 0
        for i in range(0, len(self.orders), _FIELDS):
            hour, whole, back = self.orders[i : i + _FIELDS]
            at = hour * HOUR
            # The bucket in which it went back has other orders in it, not its own.
            is_young = at > now - YEAR
            if is_young if whole < 0 else window.is_counted(row.orders, at, now, YEAR):
                orders += max(0, whole)
                cents += back
        return orders, cents


class CustomerClass(Agent, frozen=True):
    """The thresholds of the classes, and their band. See the file's docstring.

    orders_band: by how many orders, spend_band: by which share of a threshold somebody may be below
    it and keep the class. benefits: what is suggested for whom.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Returned
    says: ClassVar = {"class_changed": ClassChangedPayload}
    learns: ClassVar = {"class": Class}

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    new_days: Annotated[float, Meta(gt=0)] = 30.0
    potential_orders: Count = 2
    frequent_orders: Count = 6
    potential_spend_cents: Cents = 10_000
    high_end_order_cents: Cents = 20_000
    high_value_spend_cents: Cents = 100_000
    orders_band: Annotated[int, Meta(ge=0)] = 1
    spend_band: Annotated[float, Meta(ge=0, lt=1)] = 0.15
    benefits: dict[Class, Benefit] = field(default_factory=lambda: dict(_BENEFITS))

    def __post_init__(self) -> None:
        if self.orders_band >= self.potential_orders:
            raise ValueError(
                f"orders_band is {self.orders_band}, and potential_orders is"
                f" {self.potential_orders}: who has no order at all would keep the class"
            )
        if self.potential_orders > self.frequent_orders:
            raise ValueError(
                f"potential_orders is {self.potential_orders}, more than frequent_orders, which is"
                f" {self.frequent_orders}"
            )

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """Judge them anew, with what an order brings or what goes back of one."""
        row, before = customer.row, customer.recall(Returned)
        if not row.order_count:
            return  # Something went back of which we never saw an order.
        if isinstance(event, OrderPlaced):
            returned = Returned(row.refunded_cents, before.orders)
        else:
            returned = before.after(event, row)
        if returned != before:
            yield Remember(returned)
        yield from self._judge(returned, customer, (event.event_id,))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Something has grown too old to count, or somebody is not new any more."""
        yield from self._judge(customer.recall(Returned), customer, ())

    def _judge(self, returned: Returned, customer: View, events: tuple[str, ...]) -> Iterable[Act]:
        row = customer.row
        now = max(customer.at, row.last_seen_at)
        orders, spend = window.total(row.orders, now, YEAR)
        orders_back, cents_back = returned.total(row, now)
        orders, spend = max(0, orders - orders_back), max(0, spend - cents_back)
        new_until = row.first_order_at + round(self.new_days * DAY)
        is_new = row.order_count == 1 and now < new_until
        old = customer.trait("class")
        new = classify(orders, spend, old, is_new, self)
        yield self._look_again(new, new_until, now, customer)
        if new == old:
            return
        yield Learn("class", new)
        yield Say(
            kind="class_changed",
            reason="class_rose" if RANKS[new] > RANKS.get(old, -1) else "class_fell",
            payload=ClassChangedPayload(
                old or None,  # type: ignore[arg-type]
                new, self.benefits.get(new), orders, spend, row.currency,
            ),
            evidence=Evidence(
                events=events,
                values={"orders": orders, "spend_cents": spend, "is_new": is_new},
                thresholds={
                    "potential_orders": self.potential_orders,
                    "frequent_orders": self.frequent_orders,
                    "potential_spend_cents": self.potential_spend_cents,
                    "high_end_order_cents": self.high_end_order_cents,
                    "high_value_spend_cents": self.high_value_spend_cents,
                },
            ),
        )  # fmt: skip

    def _look_again(
        self, found: str, new_until: int, now: int, customer: View
    ) -> SetTimer | CancelTimer:
        """When a class can fall without anything happening: never, if it is the lowest."""
        row, clock_at = customer.row, customer.shop.clock_at
        if found == "new":
            due_at: int | None = new_until
        elif found == "low_end":
            due_at = None
        elif due_at := window.next_loss_at(row.orders, now, YEAR):
            # Old orders leave in blocks of 28 days, which begin for all customers at one moment:
            # each is looked at some hours after it, by when in a day their first order was.
            due_at += row.first_order_at % DAY
        if due_at is None:
            return CancelTimer()
        # What lies behind the clock already, as after an import, is looked at in a day.
        return SetTimer(due_at if due_at > clock_at else clock_at + DAY)


def classify(orders: int, spend_cents: int, before: str, is_new: bool, by: CustomerClass) -> Class:
    """The class of somebody with these orders and this spend in 365 days, both net.

    before: the class they were in, empty for none. is_new: one order ever, and a recent one. by:
    the thresholds.

    >>> by = CustomerClass(high_end_order_cents=50_000)
    >>> [classify(orders, 10_000 * orders, "", False, by) for orders in (1, 5, 6, 10)]
    ['potential', 'potential', 'frequent', 'high_value']
    >>> classify(5, 50_000, "frequent", False, by), classify(4, 40_000, "frequent", False, by)
    ('frequent', 'potential')
    """
    if is_new:
        return "new"

    def reaches(wanted: Class, orders_min: int, cents_min: int, cents: int) -> bool:
        if before in _IMPLIED_BY[wanted]:
            return orders >= orders_min - by.orders_band and cents >= cents_min * (
                1 - by.spend_band
            )
        return orders >= orders_min and cents >= cents_min

    if reaches("high_value", by.frequent_orders, by.high_value_spend_cents, spend_cents):
        return "high_value"
    if orders and reaches("high_end", 0, by.high_end_order_cents, spend_cents // orders):
        return "high_end"
    if reaches("frequent", by.frequent_orders, 0, 0):
        return "frequent"
    if reaches("potential", by.potential_orders, 0, 0) or (
        orders and reaches("potential", 0, by.potential_spend_cents, spend_cents)
    ):
        return "potential"
    return "low_end"
