"""How do we ask a customer back? With a coupon, some days after an alert that was not answered.

Any order in between answers the alert. The coupon is worth a share of the customer's usual order,
within bounds, and its code is derived from the trigger's id by a keyed hash: unique, the same in a
replay, and not to be guessed. The order that redeems it is put on record.
"""

import hmac
from base64 import b32encode
from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from agents.agent import (
    Act,
    Agent,
    CancelTimer,
    Decided,
    Note,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from schemas.decisions import Evidence, decision_id
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


class Coupon(Struct, array_like=True, gc=False, frozen=True):
    """A code, what it is worth, and until when."""

    code: str
    value_cents: int
    expires_at: int


class Offer(Struct, array_like=True, gc=False):
    """The alert that waits for an answer, the coupon that the customer has, and the one to be sent.

    They are two, because the gate may refuse the next while the last can still be redeemed.
    """

    alert_id: str = ""
    sent: Coupon | None = None
    next: Coupon | None = None


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
                yield Remember(Offer(alert_id, offer.sent))
                yield SetTimer(event.decided_at + round(self.after_days * DAY))
            case Decided(kind=self.name):
                yield Remember(Offer(sent=offer.next))
            case OrderPlaced() if offer.alert_id or offer.sent:
                sent, alert_id = offer.sent, offer.alert_id
                if sent and sent.code in event.coupons:
                    yield self._redeemed(sent, event)
                    sent = None
                elif sent and event.occurred_at > sent.expires_at:
                    sent = None
                # One that comes late and is older than the silence is no answer to it.
                if event.occurred_at >= customer.row.last_order_at:
                    yield CancelTimer()
                    alert_id = ""
                yield Remember(Offer(alert_id, sent) if alert_id or sent else None)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No order came: make the offer."""
        row, offer = customer.row, customer.recall(Offer)
        usual = (row.spent_cents - row.refunded_cents) // max(1, row.order_count)
        value = round(self.share * usual)
        value = min(max(value, self.value_cents_min), self.value_cents_max)
        expires_at = customer.at + round(self.valid_days * DAY)
        trigger_id = decision_id(self.name, self.name, customer.id, f"{self.name}@{timer.due_at}")
        code = self._code(trigger_id)
        yield Remember(Offer("", offer.sent, Coupon(code, value, expires_at)))
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

    def _code(self, trigger_id: str) -> str:
        """Twelve letters and digits: 60 bits of HMAC-SHA256 over the trigger's id."""
        digest = hmac.digest(self.code_key.encode(), trigger_id.encode(), "sha256")
        letters = b32encode(digest).decode()
        return f"EBB-{letters[:4]}-{letters[4:8]}-{letters[8:12]}"

    def _redeemed(self, coupon: Coupon, order: OrderPlaced) -> Note:
        return Note(
            reason="redeemed"
            if order.occurred_at <= coupon.expires_at
            else "redeemed_after_expiry",
            evidence=Evidence(
                events=(order.event_id,), values={"redeemed_at": to_text(order.occurred_at)}
            ),
            payload=CouponRedeemed(
                coupon.code, order.order_id, coupon.value_cents, order.paid_cents, order.currency
            ),
        )
