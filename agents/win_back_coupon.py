"""How do we ask a customer back? With a coupon, some days after an alert that was not answered.

Any order in between answers the alert. The coupon is worth a share of the customer's usual order,
within bounds and within the margin. While it is open there is no other, and some days before its
end the customer is reminded of it, unless an order came. What an order redeems, and what of that
goes back, is put on record (``coupons/coupon.py``).

Once enough is known of customers with and without an offer, it goes to those whose mind it changes:
where the order that it brings earns more than it costs with those who come anyway
(``coupons/uplift.py``). Some get it all the same, so that learning goes on; and in doubt it is
offered.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import (
    Act,
    CancelTimer,
    Decided,
    Enter,
    Note,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from agents.coupons.coupon import Coupon, CouponPayload, check_bounds, payload_of, worth_cents
from agents.coupons.giver import EXPIRY, CouponGiver, given, kept
from agents.coupons.uplift import (
    ADDED_MAX,
    Arms,
    Offers,
    Outcome,
    Tried,
    Uplift,
    known_of,
    names_of,
)  # fmt: skip
from agents.coupons.uplift_fit import fitted
from agents.coupons.worthwhile import Judgement, explores, judged
from schemas.decisions import Evidence, Money
from schemas.event import Name
from schemas.instant import DAY, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded

REMINDER = "reminder"
#: The timer at which it is known what came of an offer.
LEARN = "learn"
EXPIRING = "coupon_expiring"


class WinBackCoupon(CouponGiver, frozen=True):
    """after: the kind of trigger that must go unanswered. share: of the usual order's value.

    margin_share: what of an order's value is left to give away. reminder_days: how long before its
    end the customer is reminded of an open coupon; 0: not at all. outcome: what an offer is to
    bring about in outcome_days. interests, traits: categories, and traits that the shop told (name
    and value), that may make the effect another. examples_min: so many in each arm, or everybody is
    offered. explore_share: of those who are not worth an offer, how many get it nevertheless.
    doubt: so many standard errors are for the offer.
    """

    listens: ClassVar = (Decided, OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Offers
    says: ClassVar = {"win_back_coupon": CouponPayload, EXPIRING: CouponPayload}
    keeps: ClassVar = Arms
    keeps_at_ticks: ClassVar = True
    model: ClassVar = Uplift

    after: str = "churn_alert"
    after_days: float = 7.0
    share: Annotated[float, Meta(ge=0, le=1)] = 0.15
    value_cents_min: Annotated[int, Meta(ge=1)] = 200
    value_cents_max: Annotated[int, Meta(ge=1)] = 2_000
    margin_share: Annotated[float, Meta(ge=0, le=1)] = 0.3
    reminder_days: Annotated[float, Meta(ge=0)] = 3.0
    pause_hours: float = 60 * 24.0
    outcome: Literal["ordered", "visited"] = "ordered"
    outcome_days: Annotated[float, Meta(gt=0)] = 28.0
    interests: Annotated[tuple[Name, ...], Meta(max_length=ADDED_MAX)] = ()
    traits: Annotated[tuple[tuple[Name, Name], ...], Meta(max_length=ADDED_MAX)] = ()
    examples_min: Annotated[int, Meta(ge=2)] = 100
    explore_share: Annotated[float, Meta(ge=0, le=1)] = 0.1
    doubt: Annotated[float, Meta(ge=0)] = 1.0

    def __post_init__(self) -> None:
        for market, changes in self.markets.items():
            if other := changes.keys() & {"interests", "traits", "outcome", "outcome_days"}:
                raise ValueError(
                    f"markets.{market} sets {sorted(other)}: the effect is learned of all markets"
                )
        check_bounds(self.value_cents_min, self.value_cents_max)

    def on_event(
        self, event: Decided | OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """An alert starts the wait; an order ends it, and may redeem what is open."""
        coupons = customer.recall(Offers)
        match event:
            case Decided(kind=self.after, id=alert_id):
                yield Remember(replace(coupons, occasion=alert_id))
                yield SetTimer(event.decided_at + round(self.after_days * DAY))
            case Decided(kind=self.name, payload=CouponPayload() as said, expires_at=int(end)):
                yield from given(coupons, said, end, event)
                remind_at = end - round(self.reminder_days * DAY)
                if event.decided_at < remind_at < end:
                    yield SetTimer(remind_at, REMINDER)
            case OrderPlaced() if coupons != Offers():
                yield from self._ordered(coupons, event, customer)
            case OrderCancelled() | OrderRefunded() if coupons.redeemed:
                yield from self.returned(coupons, event)

    def _ordered(self, coupons: Offers, order: OrderPlaced, customer: View) -> Iterable[Act]:
        after, note = coupons.ordered(order, self.return_days)
        # One that comes late and is older than the silence is no answer to it.
        if order.occurred_at >= customer.row.last_order_at:
            yield CancelTimer()
            yield CancelTimer(REMINDER)
            after = replace(after, occasion="")
        if note:
            yield CancelTimer(EXPIRY)
            if after.tried:
                after = replace(after, tried=replace(after.tried, redeemed=True))
        yield from kept(after, note)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No order came: make the offer, or remind of it, or see it end."""
        coupons = customer.recall(Offers)
        coupon = coupons.open_at(customer.at)
        if timer.name == LEARN:
            yield from self._learned(coupons, customer)
        elif timer.name == EXPIRY:
            yield from kept(*coupons.ended(customer.at))
        elif timer.name == REMINDER:
            if coupon:
                yield self._reminder(coupon, customer)
        elif coupon:
            yield Note(
                reason="coupon_still_open",
                evidence=Evidence(events=(coupons.occasion,)),
                payload=payload_of(coupon),
            )
        else:
            yield from self._offer(coupons, timer, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: an offer if its alert is unanswered still, a reminder if it is of use."""
        coupons = customer.recall(Offers)
        coupon = coupons.open_at(customer.at)
        if held.kind == EXPIRING:
            ordered = coupon and customer.row.last_order_at > coupon.sent_at
            is_wanted = coupon and not ordered and payload_of(coupon) == held.payload
        else:
            is_wanted = not coupon and held.evidence.events == (coupons.occasion,)
        return held if is_wanted else None

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Uplift | None:
        """What an offer changes, from the examples of all partitions."""
        return fitted(ledgers, self._names, self.examples_min)

    def _offer(self, coupons: Offers, timer: Timer, customer: View) -> Iterable[Act]:
        row = customer.row
        usual = (row.spent_cents - row.refunded_cents) // max(1, row.order_count)
        low, high = self.value_cents_min, self.value_cents_max
        # Whoever has left a cart may never have ordered.
        silence = customer.at - row.last_order_at if row.last_order_at else None
        quiet = {} if silence is None else {"quiet_days": round(silence / DAY, 2)}
        evidence = Evidence(
            events=(coupons.occasion,),
            values={**quiet, "usual_order_cents": usual, "orders": row.order_count},
            thresholds={
                "after_days": self.after_days,
                "share": self.share,
                "value_cents_min": low,
                "value_cents_max": high,
                "margin_share": self.margin_share,
            },
        )
        value = worth_cents(usual, self.share, low, high, self.margin_share)
        if not value:
            yield Note(reason="below_margin", evidence=evidence)
            return
        known = known_of(customer, self.interests, self.traits)
        expires_at = customer.at + round(self.valid_days * DAY)
        code = self.issued(self.name, timer, customer)
        if judgement := self._judged(known, usual, value, customer):
            explored = not judgement.is_worth_it and explores(
                self.code_key, code, self.explore_share
            )
            evidence = judgement.told(evidence, explored=explored)
            if not (judgement.is_worth_it or explored):
                yield Note(reason="no_effect_expected", evidence=evidence)
                return
        if self.counted_as not in row.exposures:
            # Nothing came of an earlier one, if there was one: the gate has refused it.
            yield Remember(replace(coupons, tried=Tried(customer.at, known)))
            yield SetTimer(customer.at + round(self.outcome_days * DAY), LEARN)
        yield Say(
            reason="alert_unanswered",
            payload=CouponPayload(code, value, row.currency, to_text(expires_at)),
            expires_at=expires_at,
            evidence=evidence,
            hands_out=Money(value, row.currency),
        )

    def _judged(self, known: bytes, usual: int, value: int, customer: View) -> Judgement | None:
        """Whether the offer is worth it; None where too little is known yet to tell."""
        fitted = customer.model(Uplift)
        if fitted is None or fitted.model.names != self._names:
            return None
        earned = self.margin_share * usual if self.outcome == "ordered" else None
        return judged(fitted, known, earned, value, self.doubt)

    def _learned(self, coupons: Offers, customer: View) -> Iterable[Act]:
        """It is known by now what came of the first offer, in the arm that the gate has drawn."""
        tried, exposure = coupons.tried, customer.row.exposures.get(self.counted_as)
        if tried and exposure:
            over_at = exposure.at + round(self.outcome_days * DAY)
            if customer.at < over_at:
                yield SetTimer(over_at, LEARN)  # It had waited for the morning.
                return
            answered = exposure.visited if self.outcome == "visited" else exposure.orders > 0
            yield Enter(
                Outcome(self._names, tried.known, exposure.held_out, answered, tried.redeemed)
            )
        yield from kept(replace(coupons, tried=None), None)

    @property
    def _names(self) -> tuple[str, ...]:
        return names_of(self.interests, self.traits)

    def _reminder(self, coupon: Coupon, customer: View) -> Say:
        return Say(
            kind=EXPIRING,
            reason="coupon_unused",
            payload=payload_of(coupon),
            expires_at=coupon.expires_at,
            evidence=Evidence(
                values={
                    "sent_at": to_text(coupon.sent_at),
                    "left_days": round((coupon.expires_at - customer.at) / DAY, 2),
                },
                thresholds={"reminder_days": self.reminder_days},
            ),
        )
