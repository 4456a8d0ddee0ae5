"""Who would not recommend us? A low score calls for an answer, once for each survey.

An answer that is corrected does not repeat the call; one that is corrected from high to low makes
it.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, View
from agents.feedback.heard import Heard
from agents.feedback.spoken import read_in
from schemas.decisions import Evidence
from schemas.profiles import Purpose
from schemas.reviews import SurveyAnswered

TEXT_MAX = 500


class DetractorFollowUpPayload(Struct, frozen=True):
    """The answer to look after; text: its beginning."""

    survey_id: str
    order_id: str | None
    score: int
    text: str
    orders: int
    spent_cents: int
    currency: str


class DetractorFollowUp(Agent, frozen=True):
    """score_max: the best score that is still low."""

    listens: ClassVar = (SurveyAnswered,)
    remembers: ClassVar = Heard
    says: ClassVar = {"detractor_follow_up": DetractorFollowUpPayload}

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    score_max: Annotated[int, Meta(ge=0, le=10)] = 6

    def on_event(self, event: SurveyAnswered, customer: View) -> Iterable[Act]:
        """Call on the first low score in a survey about an order."""
        told = f"{event.survey_id}/{event.order_id or ''}"
        is_low = event.score <= self.score_max
        heard, acts = customer.recall(Heard).hear(told, event.occurred_at, fits=is_low)
        yield Remember(heard)
        if not acts:
            return
        row = customer.row
        yield Say(
            reason="low_score",
            payload=DetractorFollowUpPayload(
                event.survey_id, event.order_id, event.score, event.text[:TEXT_MAX],
                row.order_count, row.spent_cents, row.currency,
            ),
            evidence=Evidence(
                events=(event.event_id,),
                values={"score": event.score, **read_in(customer.reading)},
                thresholds={"score_max": self.score_max},
            ),
        )  # fmt: skip
