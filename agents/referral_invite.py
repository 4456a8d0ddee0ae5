"""Who would recommend us? Whoever has just said so with a high score may be asked to do it.

An answer that is corrected does not repeat the invitation, and there is one in some months.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, View
from agents.feedback.heard import Heard
from schemas.decisions import Evidence
from schemas.reviews import SurveyAnswered


class ReferralInvitePayload(Struct, frozen=True):
    """The answer that shows that they like the shop."""

    survey_id: str
    order_id: str | None
    score: int


class ReferralInvite(Agent, frozen=True):
    """score_min: the lowest score that is high."""

    listens: ClassVar = (SurveyAnswered,)
    remembers: ClassVar = Heard
    says: ClassVar = {"referral_invite": ReferralInvitePayload}

    pause_hours: float = 90 * 24.0
    score_min: Annotated[int, Meta(ge=0, le=10)] = 9

    def on_event(self, event: SurveyAnswered, customer: View) -> Iterable[Act]:
        """Invite on the first high score in a survey about an order."""
        told = f"{event.survey_id}/{event.order_id or ''}"
        is_high = event.score >= self.score_min
        heard, acts = customer.recall(Heard).hear(told, event.occurred_at, fits=is_high)
        yield Remember(heard)
        if acts:
            yield Say(
                reason="high_score",
                payload=ReferralInvitePayload(event.survey_id, event.order_id, event.score),
                evidence=Evidence(
                    events=(event.event_id,),
                    values={"score": event.score},
                    thresholds={"score_min": self.score_min},
                ),
            )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: unless they have thought better of it."""
        payload = held.payload
        if not isinstance(payload, ReferralInvitePayload):
            return None
        told = f"{payload.survey_id}/{payload.order_id or ''}"
        return held if customer.recall(Heard).still_fits(told) else None
