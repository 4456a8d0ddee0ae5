"""What do customers tell us? The raw topic ``reviews``."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.event import Event, Id, Text

Rating = Annotated[int, Meta(ge=1, le=5)]
Concern = Literal["question", "complaint"]


class Review(Event, frozen=True):
    """What a review says. review_id is the same after an edit."""

    review_id: Id
    product_id: Id
    rating: Rating
    text: Text = ""
    order_id: Id | None = None


class ReviewPosted(Review, frozen=True):
    """A review was written."""


class ReviewEdited(Review, frozen=True):
    """A review was changed; the fields are those after the change."""


class QuestionAsked(Event, frozen=True):
    """A question or a ticket was opened. about: whether something has gone wrong."""

    question_id: Id
    text: Text
    product_id: Id | None = None
    order_id: Id | None = None
    about: Concern = "question"


class QuestionAnswered(Event, frozen=True):
    """A question or a ticket was answered by the shop."""

    question_id: Id


class SurveyAnswered(Event, frozen=True):
    """A survey came back. score: 0 to 10, as in Net Promoter surveys."""

    survey_id: Id
    score: Annotated[int, Meta(ge=0, le=10)]
    text: Text = ""
    order_id: Id | None = None


class CaseClosed(Event, frozen=True):
    """Somebody has taken care of what the customer complained about."""

    trigger_id: Id | None = None


Reviews = (
    ReviewPosted | ReviewEdited | QuestionAsked | QuestionAnswered | SurveyAnswered | CaseClosed
)
