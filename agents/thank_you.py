"""Whom do we thank? Whoever has written a good review, once for each review.

An edited review does not repeat the thanks; one that was edited from bad to good is thanked for.
"""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, Remember, Say, View
from agents.feedback.heard import Heard
from schemas.decisions import Evidence
from schemas.reviews import Rating, Review, ReviewEdited, ReviewPosted


class ThankYouPayload(Struct, frozen=True):
    """The review to thank for."""

    review_id: str
    product_id: str
    order_id: str | None
    rating: int


class ThankYou(Agent, frozen=True):
    """rating_min: the lowest rating that is good. needs_text: whether stars alone do not do."""

    listens: ClassVar = (ReviewPosted, ReviewEdited)
    remembers: ClassVar = Heard
    says: ClassVar = {"thank_you": ThankYouPayload}

    rating_min: Rating = 4
    needs_text: bool = False

    def on_event(self, event: Review, customer: View) -> Iterable[Act]:
        """Thank for the first good word in a review."""
        has_text = bool(event.text.strip())
        is_good = event.rating >= self.rating_min and (has_text or not self.needs_text)
        heard, acts = customer.recall(Heard).hear(event.review_id, event.occurred_at, fits=is_good)
        yield Remember(heard)
        if acts:
            yield Say(
                reason="good_review",
                payload=ThankYouPayload(
                    event.review_id, event.product_id, event.order_id, event.rating
                ),
                evidence=Evidence(
                    events=(event.event_id,),
                    values={"rating": event.rating, "has_text": has_text},
                    thresholds={"rating_min": self.rating_min, "needs_text": self.needs_text},
                ),
            )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: unless the review was edited to a bad one in the night."""
        payload = held.payload
        if not isinstance(payload, ThankYouPayload):
            return None
        return held if customer.recall(Heard).still_fits(payload.review_id) else None
