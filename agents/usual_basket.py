"""What will they put into the next basket? The usual, told when their next order is about due.

What a customer buys again and again is learned with each order, and what is bought again at all is
learned from the shop's (``products/habits.py``). When the next order is due is the customer's own
rhythm: the median of their last gaps. Where hardly anything is bought twice, there is no usual
basket, and nothing is said. What is cancelled or goes back does not count
(``products/usual_went_back.py``).
"""

from collections.abc import Container, Iterable
from statistics import median
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, CancelTimer, Enter, Remember, Say, SetTimer, Timer, View
from agents.products.habits import LISTED_MAX, TIMES_MAX, Habits, Usual, remembered
from agents.products.usual_went_back import key_of, placed, went_back
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose
from state.customer import GAPS_MAX, Customer
from state.sold_out import sold_out


class Expected(Struct, frozen=True):
    """One product. times: how many of their orders had it; 0: none, but it is sold much."""

    product_id: str
    times: int


class UsualBasketPayload(Struct, frozen=True):
    """The products that will be in the next order, the most probable one first.

    expected_at: when that order is due by the customer's rhythm.
    """

    products: list[Expected]
    expected_at: str


class UsualBasket(Agent, frozen=True):
    """products_max: how many products are listed.

    regulars_min: so many of them, none of which is in the cart, were bought ``times_min`` times.
    gaps_min: gaps between purchases that make a rhythm. ahead_hours: how long before the next order
    is due; never before half of the gap has passed.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Usual
    says: ClassVar = {"usual_basket": UsualBasketPayload}
    keeps: ClassVar = Habits
    reads_sold_out: ClassVar = True

    purpose: Purpose | Literal["internal"] = "personalisation"
    pause_hours: float = 168.0
    products_max: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 10
    regulars_min: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 5
    times_min: Annotated[int, Meta(ge=2, le=TIMES_MAX)] = 3
    gaps_min: Annotated[int, Meta(ge=0, le=GAPS_MAX)] = 3
    ahead_hours: Annotated[float, Meta(ge=0)] = 12.0

    def __post_init__(self) -> None:
        if self.regulars_min > self.products_max:
            raise ValueError(
                f"regulars_min is {self.regulars_min}, more than products_max, which is"
                f" {self.products_max}: so many are never listed"
            )

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """Learn from the order, and wait for the next one. Or unlearn what went back."""
        usual, habits, row = customer.recall(Usual), customer.ledger(Habits), customer.row
        if not isinstance(event, OrderPlaced):
            yield from _unlearned(event, usual, habits, row)
            return
        if (key := key_of(event.order_id)) in usual.early:
            usual = replace(usual, early=[it for it in usual.early if it != key])
        else:
            lines = dict[str, str]()
            for item in event.products:
                lines.setdefault(item.product_id, item.category)
            after, ordered = remembered(usual.items, [*lines.items()], event.occurred_at, habits)
            recent = placed(usual.recent, event.order_id, ordered.weight)
            usual = Usual(after, recent, usual.early)
            yield Enter(ordered)
        yield Remember(usual)
        due_at = self._due_at(row)
        if due_at and self._regulars(self.listed(usual, row.cart)) >= self.regulars_min:
            yield SetTimer(due_at - self._ahead(row))
        else:
            yield CancelTimer()

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """The next order is about due: list the usual."""
        row = customer.row
        listed, due_at = self._to_be_had(customer), self._due_at(row)
        regulars = self._regulars(listed)
        if regulars < self.regulars_min:
            return ()
        gap = _gap(row)
        said = Say(
            reason="next_order_due",
            payload=UsualBasketPayload(listed, to_text(due_at)),
            expires_at=due_at + gap,
            evidence=Evidence(
                values={
                    "regulars": regulars,
                    "gap_days": round(gap / DAY, 1),
                    "left_days": round((due_at - customer.at) / DAY, 2),
                    "orders": row.order_count,
                },
                thresholds={
                    "regulars_min": self.regulars_min,
                    "times_min": self.times_min,
                    "gaps_min": self.gaps_min,
                    "ahead_hours": self.ahead_hours,
                },
            ),
        )
        return (said,)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what can be had then, unless they have ordered in the night."""
        payload, row = held.payload, customer.row
        if not isinstance(payload, UsualBasketPayload):
            return None
        if payload.expected_at != to_text(self._due_at(row)):
            return None
        listed = self._to_be_had(customer)
        if self._regulars(listed) < self.regulars_min:
            return None
        return replace(held, payload=replace(payload, products=listed))

    def listed(
        self, usual: Usual, cart: Container[str], gone: Container[str] = ()
    ) -> list[Expected]:
        """The most probable ones that are neither in the cart yet nor sold out."""
        found = list[Expected]()
        for product_id, item in usual.items.items():
            if len(found) >= self.products_max:
                break
            if product_id not in cart and product_id not in gone:
                found.append(Expected(product_id, item.times))
        return found

    def _to_be_had(self, customer: View) -> list[Expected]:
        """What is listed at the moment."""
        gone = sold_out(customer.ledgers)
        return self.listed(customer.recall(Usual), customer.row.cart, gone)

    def _regulars(self, listed: list[Expected]) -> int:
        return sum(it.times >= self.times_min for it in listed)

    def _due_at(self, row: Customer) -> int:
        """When the next order is due; 0 where no rhythm is known."""
        gap = _gap(row) if len(row.gap_hours) >= self.gaps_min else 0
        return row.last_order_at + gap if gap else 0

    def _ahead(self, row: Customer) -> int:
        """How long before that they are told."""
        return min(round(self.ahead_hours * HOUR), _gap(row) // 2)


def _unlearned(
    event: OrderCancelled | OrderRefunded, usual: Usual, habits: Habits, row: Customer
) -> Iterable[Act]:
    """Of money that went back for nothing that is named, only all of it says what went back."""
    products: set[str] = set()
    if isinstance(event, OrderRefunded):
        products = {it.product_id for it in event.products}
        order = row.recent_orders.get(event.order_id)
        is_all = order is not None and 0 < order.paid_cents <= order.refunded_cents
        if not products and event.refund_cents is not None and not is_all:
            return
    after, entry = went_back(usual, event.order_id, products, habits)
    if after != usual:
        yield Remember(after)
    if entry is not None:
        yield Enter(entry)


def _gap(row: Customer) -> int:
    """The usual gap between purchases in milliseconds; if none is known, that between orders."""
    if row.gap_hours:
        return round(median(row.gap_hours) * HOUR)
    return (row.last_order_at - row.first_order_at) // max(1, row.order_count - 1)
