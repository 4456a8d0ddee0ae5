"""What does the shop take, and from whom? Net revenue by day, by class of customer, by category.

It keeps a ledger of its partition (``agents/ops/takings.py``) and says nothing: what is in it is
shown by the workers' metrics and by ``ebbtide report sales``. A refund or a cancellation comes off
the day on which it happens, as in the shop's books, and not off the day of the order. History that
is imported counts on its days.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Enter, Remember, View
from agents.calendar.months import QUARTER
from agents.calendar.wall_clock import day_at
from agents.ops.takings import NAME_MAX, NONE, Taken, Takings
from schemas.event import Name
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose, time_zones


class GaveBack(Struct, array_like=True, gc=False, frozen=True):
    """What is counted as gone back already, by order; of the row's recent orders alone."""

    cents: dict[str, int] = {}


class Sales(Agent, frozen=True):
    """time_zone: the shop's, whose midnight ends a day. class_trait: the trait that is a class.

    days_kept: days of which totals are kept, for the forecast. split_days: days of which the
    splits are kept. categories_max: categories kept of a day, currency and partition.
    shown_max: classes and categories that have metrics of their own; the rest is one.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = GaveBack
    keeps: ClassVar = Takings

    purpose: Purpose | Literal["internal"] = "internal"
    time_zone: str = "UTC"
    class_trait: Name = "class"
    days_kept: Annotated[int, Meta(ge=28, le=1_100)] = 400
    split_days: Annotated[int, Meta(ge=28, le=100)] = 28
    categories_max: Annotated[int, Meta(ge=8, le=1_000)] = 32
    shown_max: Annotated[int, Meta(ge=1, le=100)] = 10

    def __post_init__(self) -> None:
        if self.time_zone not in time_zones():
            raise ValueError(f"time_zone is {self.time_zone!r}, which is not an IANA time zone")
        if self.split_days > self.days_kept:
            raise ValueError(
                f"split_days is {self.split_days}, more than days_kept, which is {self.days_kept}"
            )

    def day_of(self, at: int) -> int:
        """The day of the shop's calendar, in days since 1970-01-01.

        >>> Sales(time_zone="Asia/Shanghai").day_of(16 * 3_600_000)
        1
        """
        return _day(at // QUARTER, self.time_zone)

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act] | Enter:
        """Enter what came, or what goes back."""
        if isinstance(event, OrderPlaced):
            return self._taken(event.paid_cents, event.currency, event.products, customer)
        back, acts = _back(event, customer)
        order = customer.row.recent_orders.get(event.order_id)
        currency = order.currency if order and order.currency else customer.row.currency
        if (
            not back or not currency
        ):  # Of somebody of whom no order is known: of no currency either.
            return acts
        items = event.products if isinstance(event, OrderRefunded) else ()
        return [*acts, self._taken(-back, currency, items, customer)]

    def _taken(self, cents: int, currency: str, items: tuple[Item, ...], customer: View) -> Enter:
        row = customer.row
        name = customer.trait(self.class_trait) or row.traits.get(self.class_trait, "") or NONE
        return Enter(
            Taken(
                self.day_of(customer.at), currency, cents, name[:NAME_MAX], shared(cents, items),
                self.days_kept, self.split_days, self.categories_max,
            )
        )  # fmt: skip


def shared(cents: int, items: tuple[Item, ...]) -> dict[str, int]:
    """An amount by category, as the lines of an order have it; it adds up to the amount.

    Reductions and shipping are shared out like the goods, and what is left over by rounding goes
    to the first one.

    >>> tea = Item(product_id="tea", price_cents=200, category="drinks")
    >>> shared(301, (tea, Item(product_id="pot", price_cents=100)))
    {'drinks': 201, '(none)': 100}
    """
    worth: dict[str, int] = {}
    for item in items:
        category = item.category[:NAME_MAX] or NONE
        worth[category] = worth.get(category, 0) + item.quantity * item.price_cents
    whole = sum(worth.values())
    if not whole:
        return {next(iter(worth), NONE): cents}
    size = abs(cents)
    parts = {category: size * it // whole for category, it in worth.items()}
    parts[next(iter(parts))] += size - sum(parts.values())
    return {category: part if cents > 0 else -part for category, part in parts.items()}


def _back(event: OrderCancelled | OrderRefunded, customer: View) -> tuple[int, list[Act]]:
    """How much goes back by this event, and what is remembered of it.

    The row knows what has gone back of an order so far, which is never more than was paid; so what
    is new is that less what is counted already. Of an older order it is what the event says.
    """
    row = customer.row
    order = row.recent_orders.get(event.order_id)
    if order is None:
        said = event.refund_cents if isinstance(event, OrderRefunded) else None
        return said or 0, []
    counted = customer.recall(GaveBack).cents
    back = order.refunded_cents - counted.get(event.order_id, 0)
    if not back:
        return 0, []
    kept = {it: cents for it, cents in counted.items() if it in row.recent_orders}
    return back, [Remember(GaveBack(kept | {event.order_id: order.refunded_cents}))]


_EPOCH = date(1970, 1, 1).toordinal()


# Orders of a day share some hundred of these, and to ask a calendar takes ten times as long.
@lru_cache(maxsize=4096)
def _day(quarter: int, time_zone: str) -> int:
    return day_at(quarter * QUARTER, ZoneInfo(time_zone)).toordinal() - _EPOCH
