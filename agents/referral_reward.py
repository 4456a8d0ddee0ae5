"""Whose referral has bought? The first order of a customer who came by one, once for ever.

The law: it is decided in the row of the new customer, the referee. Whoever referred them lives in
another partition perhaps, where nobody could say whether the referee was counted already.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Note, Remember, Say, View
from schemas.decisions import Evidence
from schemas.event import ANONYMOUS
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose


class ReferralRewardPayload(Struct, frozen=True):
    """Who is to be rewarded (referrer), for whom (referee), and the order that shows it."""

    referrer_id: str
    referee_id: str
    order_id: str
    paid_cents: int
    currency: str


class Rewarded(Struct, array_like=True, gc=False, frozen=True):
    """The order that a reward was said for; empty: there was none."""

    order_id: str = ""


class ReferralReward(Agent, frozen=True):
    """value_cents_min: a first order that is worth less earns no reward."""

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Rewarded
    says: ClassVar = {"referral_reward": ReferralRewardPayload}

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    value_cents_min: Annotated[int, Meta(ge=0)] = 1

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """The first order earns the reward; that it went back as a whole is put on record."""
        if not isinstance(event, OrderPlaced):
            order = customer.row.recent_orders.get(event.order_id)
            part = isinstance(event, OrderRefunded) and event.refund_cents is not None
            is_whole = not part or (order is not None and order.refunded_cents >= order.paid_cents)
            if is_whole and customer.recall(Rewarded).order_id == event.order_id:
                evidence = Evidence(events=(event.event_id,), values={"order_id": event.order_id})
                yield Note(reason="rewarded_order_cancelled", evidence=evidence)
        # By event time: one that is heard of later may have been placed before.
        elif event.referred_by is not None and event.occurred_at <= customer.row.first_order_at:
            yield from self._referred(event, event.referred_by, customer)

    def _referred(self, event: OrderPlaced, referrer: str, customer: View) -> Iterable[Act]:
        evidence = Evidence(
            events=(event.event_id,),
            values={"referred_by": referrer, "paid_cents": event.paid_cents},
            thresholds={"value_cents_min": self.value_cents_min},
        )
        payload = ReferralRewardPayload(
            referrer, customer.id, event.order_id, event.paid_cents, event.currency
        )
        if why := self._refusal(event, referrer, customer):
            yield Note(reason=why, evidence=evidence, payload=payload)
            return
        yield Remember(Rewarded(event.order_id))
        yield Say(reason="first_order_by_referral", payload=payload, evidence=evidence)

    def _refusal(self, event: OrderPlaced, referrer: str, customer: View) -> str:
        """Why there is no reward, as a reason; empty where there is one."""
        own = (event.customer_id, event.anonymous_id, f"{ANONYMOUS}{event.anonymous_id}")
        if referrer in own:
            return "self_referral"
        if customer.recall(Rewarded).order_id:
            return "already_rewarded"
        if event.customer_id is None:
            # A guest is somebody new at every device, and a reward for each would be a gift.
            return "referee_unknown"
        return "order_too_small" if event.paid_cents < self.value_cents_min else ""
