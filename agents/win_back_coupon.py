"""How do we ask a customer back? With a coupon, some days after an alert that was not answered.

Any order in between answers the alert. The coupon is worth a share of the customer's usual order,
within bounds, and its code is derived from the cause by a keyed hash: unique, the same in a replay,
and not to be guessed. The order that redeems it is put on record.
"""

import hmac
from base64 import b32encode
from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, CancelTimer, Decided, Note, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.instant import DAY, to_text
from schemas.orders import OrderPlaced


class WinBackCouponPayload(Struct, frozen=True):
    """A code worth ``value_cents`` of ``currency`` off one order, until ``expires_at``."""

    code: str
    value_cents: int
    currency: str
    expires_at: str


class CouponRedeemed(Struct, frozen=True):
    """What redeemed the coupon, and for how much."""

    code: str
    order_id: str
    value_cents: int
    paid_cents: int
    currency: str


class Offer(Struct, array_like=True, gc=False):
    """The alert that waits for an answer, and the coupon that is open."""

    alert_id: str = ""
    code: str = ""
    value_cents: int = 0
    expires_at: int = 0


class WinBackCoupon(Agent, frozen=True):
    """after: the kind of trigger that must go unanswered. share: of the usual order's value.

    code_key: the secret of the keyed hash; comes from the environment, not from the file.
    """

    listens: ClassVar = (Decided, OrderPlaced)
    says: ClassVar = {"win_back_coupon": WinBackCouponPayload}

    after: str = "churn_alert"
    after_days: float = 7.0
    share: float = 0.15
    value_cents_min: int = 200
    value_cents_max: int = 2_000
    valid_days: float = 28.0
    pause_hours: float = 60 * 24.0
    code_key: str = "development"

    def on_event(self, event: Decided | OrderPlaced, customer: View) -> Iterable[Act]:
        """An alert starts the wait; an order ends it, and may redeem what is open."""
        offer = customer.recall(Offer)
        match event:
            case Decided(kind=self.after, id=alert_id):
                yield Remember(Offer(alert_id, offer.code, offer.value_cents, offer.expires_at))
                yield SetTimer(event.decided_at + round(self.after_days * DAY))
            case OrderPlaced() if offer.alert_id or offer.code:
                yield CancelTimer()
                if offer.code and offer.code in event.coupons:
                    yield self._redeemed(offer, event)
                    offer = Offer()
                open_until = offer.expires_at
                still_open = offer.code and event.occurred_at <= open_until
                offer = Offer("", offer.code, offer.value_cents, open_until)
                yield Remember(offer if still_open else None)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No order came: make the offer."""
        row, offer = customer.row, customer.recall(Offer)
        usual = (row.spent_cents - row.refunded_cents) // max(1, row.order_count)
        value = round(self.share * usual)
        value = min(max(value, self.value_cents_min), self.value_cents_max)
        expires_at = customer.at + round(self.valid_days * DAY)
        code = self._code(customer.id, timer.due_at)
        yield Remember(Offer("", code, value, expires_at))
        yield Say(
            reason="alert_unanswered",
            payload=WinBackCouponPayload(code, value, row.currency, to_text(expires_at)),
            expires_at=expires_at,
            evidence=Evidence(
                events=(offer.alert_id,),
                values={
                    "quiet_days": round((customer.at - row.last_order_at) / DAY, 2),
                    "usual_order_cents": usual,
                    "orders": row.order_count,
                },
                thresholds={
                    "after_days": self.after_days,
                    "share": self.share,
                    "value_cents_min": self.value_cents_min,
                    "value_cents_max": self.value_cents_max,
                },
            ),
        )

    def _code(self, customer_id: str, due_at: int) -> str:
        """Twelve letters and digits: 60 bits of HMAC-SHA256 over customer and cause."""
        text = f"{customer_id}\x1f{due_at}".encode()
        digest = hmac.digest(self.code_key.encode(), text, "sha256")
        letters = b32encode(digest).decode()
        return f"EBB-{letters[:4]}-{letters[4:8]}-{letters[8:12]}"

    def _redeemed(self, offer: Offer, order: OrderPlaced) -> Note:
        return Note(
            reason="redeemed" if order.occurred_at <= offer.expires_at else "redeemed_after_expiry",
            evidence=Evidence(
                events=(order.event_id,), values={"redeemed_at": to_text(order.occurred_at)}
            ),
            payload=CouponRedeemed(
                offer.code, order.order_id, offer.value_cents, order.paid_cents, order.currency
            ),
        )
