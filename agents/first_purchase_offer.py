"""Who looks around and has never bought? An offer, perhaps with a coupon, after some silence.

How often they looked stands on the trail of the row. A view costs a look into the row: once the
wait has begun, or the customer has bought or was told, nothing else is done. With ``value_cents``
the offer holds a coupon, which is kept account of like any other (``coupons/coupon.py``); it is in
one currency, and who shops in another gets the offer without it.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import (
    Act,
    CancelTimer,
    Decided,
    Note,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from agents.coupons.coupon import CouponPayload, Coupons, payload_of
from agents.coupons.giver import EXPIRY, CouponGiver, given, kept
from schemas.clickstream import ProductViewed
from schemas.decisions import Evidence, Money
from schemas.event import Cents, Currency
from schemas.instant import DAY, HOUR, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from state import trail
from state.customer import Customer

PRODUCTS_MAX = 3


class FirstPurchaseOfferPayload(Struct, frozen=True):
    """The products that were looked at most, and a coupon for the first order; null for none."""

    products: list[str]
    coupon: CouponPayload | None


class FirstPurchaseOffer(CouponGiver, frozen=True):
    """views_min: so many looks at products are interest. window_days: in this time.

    after_hours: how long nothing must happen. value_cents: of ``currency``, what the coupon is
    worth; 0: there is none, and valid_days is how long the offer stands.
    """

    listens: ClassVar = (ProductViewed, Decided, OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Coupons
    says: ClassVar = {"first_purchase_offer": FirstPurchaseOfferPayload}

    views_min: Annotated[int, Meta(ge=1)] = 5
    window_days: Annotated[float, Meta(gt=0, le=30)] = 14.0
    after_hours: Annotated[float, Meta(gt=0)] = 24.0
    value_cents: Cents = 0
    currency: Currency = "EUR"
    valid_days: Annotated[float, Meta(gt=0)] = 14.0
    pause_hours: float = 30 * 24.0

    def on_event(
        self,
        event: ProductViewed | Decided | OrderPlaced | OrderCancelled | OrderRefunded,
        customer: View,
    ) -> Iterable[Act]:
        """A view may start the wait, and an order ends it."""
        if type(event) is ProductViewed:
            return self._looked(event, customer)
        return self._happened(event, customer)

    def _looked(self, view: ProductViewed, customer: View) -> Iterable[Act]:
        row = customer.row
        if row.order_count or self.name in row.timers:
            return ()
        said = row.said.get(self.name)
        if said and customer.at - said.sent_at < self.pause_hours * HOUR:
            return ()
        if self._views(row, customer.at) < self.views_min:
            return ()
        coupons = replace(customer.recall(Coupons), occasion=view.event_id)
        return Remember(coupons), SetTimer(row.session.last_at + self._wait)

    def _happened(
        self,
        event: ProductViewed | Decided | OrderPlaced | OrderCancelled | OrderRefunded,
        customer: View,
    ) -> Iterable[Act]:
        match event:
            case Decided(
                kind=self.name,
                payload=FirstPurchaseOfferPayload(coupon=CouponPayload() as said),
                expires_at=int(end),
            ):
                yield from given(customer.recall(Coupons), said, end, event)
            case OrderPlaced() if (coupons := customer.recall(Coupons)) != Coupons():
                after, note = replace(coupons, occasion="").ordered(event, self.return_days)
                yield CancelTimer()
                if note:
                    yield CancelTimer(EXPIRY)
                yield from kept(after, note)
            case OrderCancelled() | OrderRefunded():
                coupons = customer.recall(Coupons)
                if coupons.redeemed:
                    yield from self.returned(coupons, event)

    @property
    def _wait(self) -> int:
        return round(self.after_hours * HOUR)

    def _views(self, row: Customer, at: int) -> int:
        return trail.looks_since(row.trail, at - round(self.window_days * DAY))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nothing came: make the offer. Something did: wait from there on."""
        row, coupons = customer.row, customer.recall(Coupons)
        if timer.name == EXPIRY:
            yield from kept(*coupons.ended(customer.at))
            return
        seen_at = row.session.last_at
        if seen_at + self._wait > timer.due_at:
            yield SetTimer(seen_at + self._wait)
            return
        yield from kept(replace(coupons, occasion=""), None)
        views = self._views(row, customer.at)
        if row.order_count or views < self.views_min:
            return
        if coupon := coupons.open_at(customer.at):
            yield Note(
                reason="coupon_still_open",
                evidence=Evidence(events=(coupons.occasion,)),
                payload=payload_of(coupon),
            )
        else:
            yield self._offer(coupons.occasion, views, timer, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: to those who have not bought, and who do not look around just now."""
        row = customer.row
        return None if row.order_count or self.name in row.timers else held

    def _offer(self, view_id: str, views: int, timer: Timer, customer: View) -> Say:
        row, coupon = customer.row, None
        expires_at = customer.at + round(self.valid_days * DAY)
        if self.value_cents and row.currency in ("", self.currency):
            code = self.issued(self.name, timer, customer)
            until = to_text(expires_at)
            coupon = CouponPayload(code, self.value_cents, self.currency, until)
        return Say(
            reason="looked_and_never_bought",
            payload=FirstPurchaseOfferPayload(_most_looked_at(row), coupon),
            expires_at=expires_at,
            evidence=Evidence(
                events=(view_id,),
                values={
                    "views": views,
                    "quiet_hours": round((customer.at - row.session.last_at) / HOUR, 1),
                },
                thresholds={
                    "views_min": self.views_min,
                    "window_days": self.window_days,
                    "after_hours": self.after_hours,
                },
            ),
            hands_out=Money(coupon.value_cents, coupon.currency) if coupon else None,
        )


def _most_looked_at(row: Customer) -> list[str]:
    looks = [it for it in trail.steps(row.trail) if it.kind == trail.VIEWED]
    looks.sort(key=lambda it: (-it.times, -it.last_at, it.name))
    return [it.name for it in looks[:PRODUCTS_MAX]]
