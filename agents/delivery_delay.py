"""Which order is late? One whose promised moment has passed, and nobody has said that it arrived.

It is told once for each order, before the customer has to ask. A delivery, a cancellation or the
refund of the whole order ends the wait, and a new promise moves it; what happened counts, and not
when we hear of it.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, CancelTimer, Note, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR, to_text
from schemas.orders import OrderCancelled, OrderDelivered, OrderRefunded, OrderShipped
from schemas.profiles import Purpose

AWAITED_MAX = 8
ENDED_MAX = 4
# An order of which nothing is heard for so long after its promise is let go when the next is sent.
KEPT = 60 * DAY


class DeliveryDelayPayload(Struct, frozen=True):
    """The order that is late. paid_cents: what was paid for it, in ``currency``, if it is known."""

    order_id: str
    promised_at: str
    shipped_at: str
    late_hours: float
    paid_cents: int | None
    currency: str


class Awaited(Struct, array_like=True, gc=False, frozen=True):
    """An order under way. shipped_at, event_id: of the promise. is_told: whether its delay was."""

    order_id: str
    promised_at: int
    shipped_at: int
    event_id: str
    is_told: bool = False


class UnderWay(Struct, array_like=True, gc=False, frozen=True):
    """What is waited for. ended: orders that have ended before the row has heard of them."""

    orders: list[Awaited] = []
    ended: list[str] = []


class DeliveryDelay(Agent, frozen=True):
    """grace_hours: how long after the promised moment a delivery is still in time."""

    listens: ClassVar = (OrderShipped, OrderDelivered, OrderCancelled, OrderRefunded)
    remembers: ClassVar = UnderWay
    says: ClassVar = {"delivery_delay": DeliveryDelayPayload}

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    grace_hours: Annotated[float, Meta(ge=0)] = 12.0

    def on_event(
        self, event: OrderShipped | OrderDelivered | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """Wait from the promise on, until the order has arrived or is called off."""
        if isinstance(event, OrderShipped):
            return () if event.promised_at is None else self._shipped(event, customer)
        order = customer.row.recent_orders.get(event.order_id)
        is_part = isinstance(event, OrderRefunded) and event.refund_cents is not None
        # Of one that the row has let go nobody knows how much is left: it is waited for no more.
        if is_part and order is not None and order.is_open:
            return ()
        return self._ended(event, customer)

    def _shipped(self, event: OrderShipped, customer: View) -> Iterable[Act]:
        at, promised_at = event.occurred_at, event.promised_at or 0
        under_way, order = (
            customer.recall(UnderWay), customer.row.recent_orders.get(event.order_id),
        )  # fmt: skip
        known = next((it for it in under_way.orders if it.order_id == event.order_id), None)
        promise = Awaited(event.order_id, promised_at, at, event.event_id)
        if event.order_id in under_way.ended or (known and at < known.shipped_at):
            return  # It is over, or there is a newer promise.
        if order is not None and not order.is_open:
            if order.delivered_at:
                yield from self._arrived(promise, order.delivered_at, event.event_id)
            return
        others = [
            it for it in under_way.orders
            if it is not known and it.promised_at > at - KEPT
        ]  # fmt: skip
        awaited = replace(promise, is_told=known is not None and known.is_told)
        orders = [*others, awaited]
        if len(orders) > AWAITED_MAX:
            # What can be missed best: what was told longest ago, or has most time left.
            left = {it: it.promised_at - at for it in orders}
            out = max(orders, key=lambda it: (it.is_told, abs(left[it])))
            orders.remove(out)
            yield CancelTimer(out.order_id)
            yield Note(
                reason="too_many_open",
                evidence=Evidence(
                    events=(out.event_id,),
                    values={"order_id": out.order_id},
                    thresholds={"open_max": AWAITED_MAX},
                ),
            )
        yield _kept(replace(under_way, orders=orders))
        if awaited in orders and not awaited.is_told:
            yield SetTimer(self._due_at(awaited), event.order_id)

    def _ended(
        self, event: OrderDelivered | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        under_way = customer.recall(UnderWay)
        order_id = event.order_id
        known = next((it for it in under_way.orders if it.order_id == order_id), None)
        if known is None:
            order = customer.row.recent_orders.get(order_id)
            is_unheard_of = order is None or order.is_open
            # The refund of an order that is long over is usual, and ends nothing.
            if is_unheard_of and not isinstance(event, OrderRefunded):
                others = [it for it in under_way.ended if it != order_id]
                yield _kept(replace(under_way, ended=[*others, order_id][-ENDED_MAX:]))
            return
        yield _kept(replace(under_way, orders=[it for it in under_way.orders if it is not known]))
        yield CancelTimer(order_id)
        if isinstance(event, OrderDelivered):
            yield from self._arrived(known, event.occurred_at, event.event_id)

    def _arrived(self, it: Awaited, at: int, event_id: str) -> Iterable[Act]:
        """Put on record that it was late, or that it was not although we have said so."""
        is_late = at >= self._due_at(it)
        if is_late or it.is_told:
            events = tuple(dict.fromkeys((it.event_id, event_id)))
            late_hours = round((at - it.promised_at) / HOUR, 2)
            yield Note(
                reason="delivered_late" if is_late else "delivered_in_time",
                evidence=Evidence(
                    events=events,
                    values={"order_id": it.order_id, "late_hours": late_hours},
                    thresholds={"grace_hours": self.grace_hours},
                ),
            )

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nobody has said that it arrived: say so."""
        under_way = customer.recall(UnderWay)
        for it in under_way.orders:
            if it.order_id != timer.name or it.is_told:
                continue
            if customer.at < self._due_at(it):
                yield SetTimer(self._due_at(it), timer.name)  # There is more grace by now.
                return
            others = [other for other in under_way.orders if other is not it]
            yield Remember(replace(under_way, orders=[*others, replace(it, is_told=True)]))
            yield self._said(it, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: as it is by then, if it has not arrived and nothing else was promised."""
        order_id = getattr(held.payload, "order_id", "")
        for it in customer.recall(UnderWay).orders:
            if it.order_id == order_id and customer.at >= self._due_at(it):
                return self._said(it, customer)
        return None

    def _said(self, it: Awaited, customer: View) -> Say:
        order = customer.row.recent_orders.get(it.order_id)
        paid = order and (order.original or order)  # As the customer has paid it.
        late_hours = round((customer.at - it.promised_at) / HOUR, 2)
        return Say(
            reason="promise_passed",
            payload=DeliveryDelayPayload(
                it.order_id, to_text(it.promised_at), to_text(it.shipped_at), late_hours,
                paid.paid_cents if paid else None, paid.currency if paid else "",
            ),
            evidence=Evidence(
                events=(it.event_id,),
                values={"late_hours": late_hours},
                thresholds={"grace_hours": self.grace_hours},
            ),
        )  # fmt: skip

    def _due_at(self, it: Awaited) -> int:
        return it.promised_at + round(self.grace_hours * HOUR)


def _kept(under_way: UnderWay) -> Remember:
    return Remember(under_way if under_way.orders or under_way.ended else None)
