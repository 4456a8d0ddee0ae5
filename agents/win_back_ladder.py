"""How do we ask a customer back, step by step? A reminder, a larger coupon by value, a last call.

The ladder begins with an alert, as win-back coupons do, and any order ends it. Between reminder and
larger coupon lies the coupon of ``win_back_coupon.py``, an agent of its own: while that is open, or
one of the ladder's, there is no larger one. The larger coupon is for those who have spent enough to
deserve it. An alert that comes while the ladder is climbed begins no other.
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
from agents.coupons.coupon import CouponPayload, Coupons, check_bounds, payload_of, worth_cents
from agents.coupons.giver import EXPIRY, CouponGiver, given, kept
from schemas.decisions import Evidence, Money, Scalar
from schemas.event import Cents
from schemas.instant import DAY, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from state.customer import Customer

REMINDER, LARGER, LAST_CALL = "win_back_reminder", "win_back_larger_coupon", "win_back_last_call"


class WinBackReminderPayload(Struct, frozen=True):
    """Who they are to us. bought: the products that they bought last, newest last."""

    quiet_days: float
    orders: int
    bought: list[str]


class WinBackLastCallPayload(Struct, frozen=True):
    """The same, and the ladder's coupon if it is open still; null if there is none."""

    quiet_days: float
    orders: int
    bought: list[str]
    coupon: CouponPayload | None


class Climb(Coupons, array_like=True, gc=False, frozen=True):
    """The coupons, and how far up the customer is. began_at: when the alert came; 0: no ladder.

    steps: how many lie behind. other_until: until when a coupon of another agent is open.
    """

    began_at: int = 0
    steps: int = 0
    other_until: int = 0

    @property
    def over(self) -> "Climb":
        """What is left when the ladder ends: the coupons."""
        return replace(self, occasion="", began_at=0, steps=0, other_until=0)


class WinBackLadder(CouponGiver, frozen=True):
    """after: the kind of trigger that must go unanswered. The three steps come so long after it.

    spent_cents_min: the larger coupon is for those who have spent this, less what went back. share
    to margin_share: what it is worth, as of a win-back coupon. A last call without a coupon stands
    for valid_days, too.
    """

    listens: ClassVar = (Decided, OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Climb
    says: ClassVar = {
        REMINDER: WinBackReminderPayload,
        LARGER: CouponPayload,
        LAST_CALL: WinBackLastCallPayload,
    }

    after: str = "churn_alert"
    reminder_after_days: Annotated[float, Meta(gt=0)] = 3.0
    larger_after_days: Annotated[float, Meta(gt=0)] = 38.0
    last_call_after_days: Annotated[float, Meta(gt=0)] = 60.0
    spent_cents_min: Cents = 20_000
    share: Annotated[float, Meta(ge=0, le=1)] = 0.25
    value_cents_min: Annotated[int, Meta(ge=1)] = 500
    value_cents_max: Annotated[int, Meta(ge=1)] = 5_000
    margin_share: Annotated[float, Meta(ge=0, le=1)] = 0.3
    pause_hours: float = 60 * 24.0

    def __post_init__(self) -> None:
        first, second, third = (days for days, _ in self._steps)
        if not first < second < third:
            raise ValueError(
                f"reminder_after_days, larger_after_days and last_call_after_days are {first},"
                f" {second} and {third}: each step must come later than the one before it"
            )
        check_bounds(self.value_cents_min, self.value_cents_max)

    @property
    def _steps(self) -> tuple[tuple[float, str], ...]:
        return (
            (self.reminder_after_days, REMINDER),
            (self.larger_after_days, LARGER),
            (self.last_call_after_days, LAST_CALL),
        )

    def _step_at(self, climb: Climb) -> int:
        return climb.began_at + round(self._steps[climb.steps][0] * DAY)

    def on_event(
        self, event: Decided | OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """An alert begins the ladder; an order ends it, and may redeem what is open."""
        climb = customer.recall(Climb)
        match event:
            case Decided(kind=self.after) if not climb.began_at:
                began = replace(climb, occasion=event.id, began_at=event.decided_at)
                yield Remember(began)
                yield SetTimer(self._step_at(began))
            case Decided(payload=CouponPayload() as said, expires_at=int(end)):
                if event.kind == LARGER:
                    yield from given(climb, said, end, event)
                elif climb.began_at:
                    yield Remember(replace(climb, other_until=max(climb.other_until, end)))
            case OrderPlaced() if climb != Climb():
                yield from self._ordered(climb, event, customer)
            case OrderCancelled() | OrderRefunded() if climb.redeemed:
                yield from self.returned(climb, event)

    def _ordered(self, climb: Climb, order: OrderPlaced, customer: View) -> Iterable[Act]:
        after, note = climb.ordered(order, self.return_days)
        # One that comes late and is older than the silence is no answer to it.
        if order.occurred_at >= customer.row.last_order_at:
            yield CancelTimer()
            after = after.over
        if note:
            yield CancelTimer(EXPIRY)
        yield from kept(after, note)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No order came: take the next step, or see the coupon end."""
        climb = customer.recall(Climb)
        if timer.name == EXPIRY:
            yield from kept(*climb.ended(customer.at))
            return
        after = replace(climb, steps=climb.steps + 1)
        # After an outage, of several steps that are due the last one is taken.
        while after.steps < len(self._steps) and self._step_at(after) <= customer.at:
            after = replace(after, steps=after.steps + 1)
        _, kind = self._steps[after.steps - 1]
        if after.steps < len(self._steps):
            yield from kept(after, None)
            yield SetTimer(self._step_at(after))
        else:
            yield from kept(after.over, None)
        if kind == REMINDER:
            yield self._reminder(climb, customer)
        elif kind == LARGER:
            yield self._larger(climb, timer, customer)
        else:
            yield self._last_call(climb, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what no order has answered, with the coupon as it is by now."""
        climb, row = customer.recall(Climb), customer.row
        coupon = climb.open_at(customer.at)
        if held.evidence.values.get("last_order_at") != to_text(row.last_order_at):
            return None
        if held.kind == LARGER:
            return None if coupon or customer.at < climb.other_until else held
        if held.kind == LAST_CALL:
            return replace(held, payload=_last_call_of(climb, customer))
        return held

    def _reminder(self, climb: Climb, customer: View) -> Say:
        row = customer.row
        return Say(
            kind=REMINDER,
            reason="alert_not_answered_yet",
            payload=WinBackReminderPayload(_quiet_days(customer), row.order_count, row.bought),
            expires_at=climb.began_at + round(self.larger_after_days * DAY),
            evidence=self._evidence(climb, customer, "reminder_after_days"),
        )

    def _larger(self, climb: Climb, timer: Timer, customer: View) -> Say | Note:
        row = customer.row
        spent = row.spent_cents - row.refunded_cents
        usual = spent // max(1, row.order_count)
        low, high = self.value_cents_min, self.value_cents_max
        evidence = self._evidence(
            climb, customer, "larger_after_days", "spent_cents_min", "share", "value_cents_min",
            "value_cents_max", "margin_share", spent_cents=spent, usual_order_cents=usual,
        )  # fmt: skip
        coupon = climb.open_at(customer.at)
        if coupon or customer.at < climb.other_until:
            open_now = payload_of(coupon) if coupon else None
            return Note(
                kind=LARGER, reason="coupon_still_open", evidence=evidence, payload=open_now
            )
        if spent < self.spent_cents_min:
            return Note(kind=LARGER, reason="spent_too_little", evidence=evidence)
        value = worth_cents(usual, self.share, low, high, self.margin_share)
        if not value:
            return Note(kind=LARGER, reason="below_margin", evidence=evidence)
        expires_at = customer.at + round(self.valid_days * DAY)
        code = self.issued(LARGER, timer, customer)
        return Say(
            kind=LARGER,
            reason="worth_a_larger_coupon",
            payload=CouponPayload(code, value, row.currency, to_text(expires_at)),
            expires_at=expires_at,
            evidence=evidence,
            hands_out=Money(value, row.currency),
        )

    def _last_call(self, climb: Climb, customer: View) -> Say:
        coupon = climb.open_at(customer.at)
        until = coupon.expires_at if coupon else customer.at + round(self.valid_days * DAY)
        return Say(
            kind=LAST_CALL,
            reason="alert_unanswered_to_the_end",
            payload=_last_call_of(climb, customer),
            expires_at=until,
            evidence=self._evidence(climb, customer, "last_call_after_days"),
        )

    def _evidence(
        self, climb: Climb, customer: View, *thresholds: str, **values: Scalar
    ) -> Evidence:
        """The alert, the silence, and the settings of these names."""
        row = customer.row
        silence: dict[str, Scalar] = {
            "quiet_days": _quiet_days(customer),
            "last_order_at": to_text(row.last_order_at),
        }
        return Evidence(
            events=(climb.occasion,),
            values={**silence, **values},
            thresholds={name: getattr(self, name) for name in thresholds},
        )


def _last_call_of(climb: Climb, customer: View) -> WinBackLastCallPayload:
    row: Customer = customer.row
    coupon = climb.open_at(customer.at)
    told = payload_of(coupon) if coupon else None
    return WinBackLastCallPayload(_quiet_days(customer), row.order_count, row.bought, told)


def _quiet_days(customer: View) -> float:
    return round((customer.at - customer.row.last_order_at) / DAY, 2)
