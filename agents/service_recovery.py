"""Who is unhappy? A bad rating calls for a person, once, with the review as evidence.

An edited review does not repeat the call; one that was edited from good to bad makes it.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal

from msgspec import Struct

from agents.agent import Act, Agent, Remember, Say, View
from schemas.decisions import Evidence
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
    """rating_max: the best rating that is still bad."""

    listens: ClassVar = (ReviewPosted, ReviewEdited)
    remembers: ClassVar = Answered
    says: ClassVar = {"service_recovery": ServiceRecoveryPayload}

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    rating_max: int = 2

    def on_event(self, event: Review, customer: View) -> Iterable[Act]:
        """Call for a person on the first bad word in a review."""
        answered = customer.recall(Answered).review_ids
        if event.rating > self.rating_max or event.review_id in answered:
            return
        row = customer.row
        yield Remember(Answered([*answered, event.review_id][-REVIEWS_MAX:]))
        yield Say(
            reason="bad_review",
            payload=ServiceRecoveryPayload(
                event.review_id, event.product_id, event.order_id, event.rating,
                event.text[:TEXT_MAX], row.order_count, row.spent_cents, row.currency,
            ),
            evidence=Evidence(
                events=(event.event_id,),
                values={"rating": event.rating},
                thresholds={"rating_max": self.rating_max},
            ),
        )  # fmt: skip
