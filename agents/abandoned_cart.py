"""Who left a full cart behind? One that nobody has touched for a while, and that was not ordered.

Whatever the customer does in the shop puts it off; an order that empties the cart ends it,
and so does one that is seen before the cart it belongs to, because the fold leaves no cart then.
"""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, CancelTimer, Remember, Say, SetTimer, Timer, View
from schemas.clickstream import CheckoutStarted, ProductAdded, ProductRemoved, ProductViewed
from schemas.decisions import Evidence
from schemas.instant import HOUR, MINUTE
from schemas.orders import OrderPlaced
from state.customer import Customer


class CartItem(Struct, frozen=True):
    """One product that was left behind."""

    product_id: str
    quantity: int
    price_cents: int


class AbandonedCartPayload(Struct, frozen=True):
    """What was left behind, and what it is worth in minor units of ``currency``."""

    products: list[CartItem]
    value_cents: int
    currency: str


class LastTouch(Struct, array_like=True, gc=False):
    """The event that last touched the cart. active_at: the newest activity known of then."""

    event_id: str = ""
    at: int = 0
    active_at: int = 0


class AbandonedCart(Agent, frozen=True):
    """after_minutes: how long nothing must happen. value_cents_min: carts worth less are let go."""

    listens: ClassVar = (ProductAdded, ProductRemoved, ProductViewed, CheckoutStarted, OrderPlaced)
    remembers: ClassVar = LastTouch
    says: ClassVar = {"abandoned_cart": AbandonedCartPayload}

    after_minutes: float = 60.0
    valid_hours: float = 72.0
    value_cents_min: int = 0

    def on_event(
        self,
        event: ProductAdded | ProductRemoved | ProductViewed | CheckoutStarted | OrderPlaced,
        customer: View,
    ) -> Iterable[Act]:
        """Wait from the last activity on, as long as there is something in the cart."""
        row = customer.row
        if isinstance(event, ProductViewed) and (not row.cart or self.name in row.timers):
            # Nothing to wait for, or the wait has begun: how long it is will be seen at its end.
            return ()
        return self._touched(event, customer)

    def _touched(
        self,
        event: ProductAdded | ProductRemoved | ProductViewed | CheckoutStarted | OrderPlaced,
        customer: View,
    ) -> Iterable[Act]:
        if not customer.row.cart:
            if customer.recall(LastTouch).event_id:
                yield CancelTimer()
                yield Remember(None)
        elif event.occurred_at >= customer.recall(LastTouch).at:
            seen_at = customer.row.session.last_at
            yield Remember(LastTouch(event.event_id, event.occurred_at, seen_at))
            yield SetTimer(event.occurred_at + self._wait)

    @property
    def _wait(self) -> int:
        return round(self.after_minutes * MINUTE)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nothing came: say what was left behind. Something did: wait from there on."""
        row = customer.row
        last_touch = customer.recall(LastTouch)
        active_at = last_touch.at
        if row.session.last_at > last_touch.active_at:
            # Only what came after the touch: of a cart that is heard of late, all else is old news.
            active_at = row.session.last_at
        if active_at + self._wait > timer.due_at:
            yield SetTimer(active_at + self._wait)
            return
        yield Remember(None)
        if not self._is_worth_it(row):
            return
        yield Say(
            reason="cart_untouched",
            payload=_left_behind(row),
            expires_at=customer.at + round(self.valid_hours * HOUR),
            evidence=Evidence(
                events=(last_touch.event_id,),
                values={"untouched_minutes": round((customer.at - active_at) / MINUTE, 1)},
                thresholds={"after_minutes": self.after_minutes},
            ),
        )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is in the cart by now, unless somebody is busy with it again."""
        row = customer.row
        if not self._is_worth_it(row) or self.name in row.timers:
            return None
        return replace(held, payload=_left_behind(row))

    def _is_worth_it(self, row: Customer) -> bool:
        return bool(row.cart) and row.cart_cents >= self.value_cents_min


def _left_behind(row: Customer) -> AbandonedCartPayload:
    return AbandonedCartPayload(
        [CartItem(it, line.quantity, line.price_cents) for it, line in row.cart.items()],
        row.cart_cents,
        row.currency,
    )
