"""Whose complaint must not wait? That of a customer who is worth much to the shop.

A complaint is a question that says so, or a bad rating. What a customer is worth is seen in what
they spent in a year, in the class that an agent has learned, or in their tier: one is enough.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, View
from agents.feedback.spoken import read_in
from agents.gate.campaign import trait_of
from schemas.decisions import Evidence, Scalar
from schemas.event import Name
from schemas.instant import DAY
from schemas.profiles import Purpose
from schemas.reviews import QuestionAsked, Rating, Review, ReviewEdited, ReviewPosted
from state import window

COMPLAINTS_MAX = 8
TEXT_MAX = 500
SPENT_IN = 365 * DAY


class VipCarePayload(Struct, frozen=True):
    """The complaint, by the id of its question or its review, and whose it is.

    text: its beginning. valued_for: what makes them a high-value customer: spend, class, tier.
    spent_cents: in the last 365 days.
    """

    question_id: str | None
    review_id: str | None
    product_id: str | None
    order_id: str | None
    rating: int | None
    text: str
    valued_for: list[str]
    spent_cents: int
    currency: str
    customer_class: str
    tier: str
    orders: int


class Heard(Struct, array_like=True, gc=False, frozen=True):
    """The last complaints that were passed on, by the ids of their questions and reviews."""

    questions: list[str] = []
    reviews: list[str] = []


class Worth(Struct, frozen=True):
    """What a customer is worth to the shop. valued_for: what of it is enough."""

    spent_cents: int
    customer_class: str
    tier: str
    valued_for: list[str]


class VipCare(Agent, frozen=True):
    """spend_cents_min: who has spent so much in 365 days is a high-value customer.

    classes, tiers: so is who has one of these as the trait ``class``, ``tier``. rating_max: the
    best rating that is still a complaint.
    """

    listens: ClassVar = (QuestionAsked, ReviewPosted, ReviewEdited)
    remembers: ClassVar = Heard
    says: ClassVar = {"vip_care": VipCarePayload}

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    priority: int = 60
    spend_cents_min: Annotated[int, Meta(ge=1)] = 50_000
    classes: tuple[Name, ...] = ("high_value", "high_end")
    tiers: tuple[Name, ...] = ("gold", "platinum")
    rating_max: Rating = 2

    def on_event(self, event: QuestionAsked | Review, customer: View) -> Iterable[Act]:
        """Call for care on the first word of a complaint."""
        if isinstance(event, QuestionAsked):
            is_complaint = event.about == "complaint"
        else:
            is_complaint = event.rating <= self.rating_max
        if not is_complaint:
            return ()
        worth = self._worth(customer)
        return self._complained(event, customer, worth) if worth.valued_for else ()

    def _complained(
        self, event: QuestionAsked | Review, customer: View, worth: Worth
    ) -> Iterable[Act]:
        heard, row = customer.recall(Heard), customer.row
        question_id = review_id = rating = None
        questions, reviews = heard.questions, heard.reviews
        values: dict[str, Scalar | list[Scalar]] = {"spend_cents": worth.spent_cents}
        values |= {"class": worth.customer_class, "tier": worth.tier}
        thresholds: dict[str, Scalar] = {
            "spend_cents_min": self.spend_cents_min,
            "classes": ", ".join(self.classes),
            "tiers": ", ".join(self.tiers),
        }
        if isinstance(event, QuestionAsked):
            question_id = event.question_id
            if question_id in questions:
                return
            questions = [*questions, question_id][-COMPLAINTS_MAX:]
        else:
            review_id, rating = event.review_id, event.rating
            if review_id in reviews:
                return
            reviews = [*reviews, review_id][-COMPLAINTS_MAX:]
            values["rating"] = rating
            thresholds["rating_max"] = self.rating_max
        values |= read_in(customer.reading)
        yield Remember(Heard(questions, reviews))
        yield Say(
            reason="complaint" if rating is None else "bad_review",
            payload=VipCarePayload(
                question_id, review_id, event.product_id, event.order_id, rating,
                event.text[:TEXT_MAX], worth.valued_for, worth.spent_cents, row.currency,
                worth.customer_class, worth.tier, row.order_count,
            ),
            evidence=Evidence(events=(event.event_id,), values=values, thresholds=thresholds),
        )  # fmt: skip

    def _worth(self, customer: View) -> Worth:
        row = customer.row
        # A window does not know what was not there yet: one that comes late sees the newest.
        newest = max(customer.at, row.last_seen_at)
        _, spent_cents = window.total(row.orders, newest, SPENT_IN)
        customer_class, tier = (trait_of(row, it, customer.at) for it in ("class", "tier"))
        enough = {
            "spend": spent_cents >= self.spend_cents_min,
            "class": customer_class in self.classes,
            "tier": tier in self.tiers,
        }
        return Worth(spent_cents, customer_class, tier, [it for it in enough if enough[it]])
