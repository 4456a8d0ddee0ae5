"""Who is unhappy? A bad rating calls for a person, once, with the review as evidence.

An edited review does not repeat the call; one that was edited from good to bad makes it. The stars
decide. Only where the setting says so does a text speak against its own good rating.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, View
from agents.feedback.spoken import read_in
from schemas.decisions import Evidence, Scalar
from schemas.profiles import Purpose
from schemas.reviews import Review, ReviewEdited, ReviewPosted

REVIEWS_MAX = 8
TEXT_MAX = 500


class ServiceRecoveryPayload(Struct, frozen=True):
    """The review that calls for a person; text: its beginning."""

    review_id: str
    product_id: str
    order_id: str | None
    rating: int
    text: str
    orders: int
    spent_cents: int
    currency: str


class Answered(Struct, array_like=True, gc=False):
    """The last reviews that were answered with a call."""

    review_ids: list[str] = []


class ServiceRecovery(Agent, frozen=True):
    """rating_max: the best rating that is still bad.

    negative_chance_min: from this chance on that its text is a complaint, a review calls whatever
    its rating. 0: never; it takes a model that reads texts, and is wrong in the rest of the cases.
    """

    listens: ClassVar = (ReviewPosted, ReviewEdited)
    remembers: ClassVar = Answered
    says: ClassVar = {"service_recovery": ServiceRecoveryPayload}

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    rating_max: int = 2
    negative_chance_min: Annotated[float, Meta(ge=0, le=1)] = 0.0

    def on_event(self, event: Review, customer: View) -> Iterable[Act]:
        """Call for a person on the first bad word in a review."""
        answered = customer.recall(Answered).review_ids
        is_bad = event.rating <= self.rating_max
        if not (is_bad or self._complains(customer)) or event.review_id in answered:
            return
        row, thresholds = customer.row, dict[str, Scalar](rating_max=self.rating_max)
        if not is_bad:
            thresholds["negative_chance_min"] = self.negative_chance_min
        yield Remember(Answered([*answered, event.review_id][-REVIEWS_MAX:]))
        yield Say(
            reason="bad_review" if is_bad else "complaint_in_text",
            payload=ServiceRecoveryPayload(
                event.review_id, event.product_id, event.order_id, event.rating,
                event.text[:TEXT_MAX], row.order_count, row.spent_cents, row.currency,
            ),
            evidence=Evidence(
                events=(event.event_id,),
                values={"rating": event.rating, **read_in(customer.reading)},
                thresholds=thresholds,
            ),
        )  # fmt: skip

    def _complains(self, customer: View) -> bool:
        reading, least = customer.reading, self.negative_chance_min
        return reading is not None and 0 < least <= reading.negative
