"""What was read in a customer's words? How likely they complain, and of what.

A model read them when the event came (``streams/reviews``), and what it read stands beside the
event in the journal: rows and decisions depend on that, whatever becomes of the model.
"""

from typing import Literal

from msgspec import Struct

from schemas.event import Event
from schemas.reviews import QuestionAsked, ReviewEdited, ReviewPosted, SurveyAnswered

Issue = Literal["quality", "delivery", "price", "service", "size"]
#: The events in which customers speak in their own words.
SPOKEN: frozenset[type[Event]] = frozenset(
    (ReviewPosted, ReviewEdited, QuestionAsked, SurveyAnswered)
)


class Reading(Struct, frozen=True, gc=False, array_like=True):
    """negative: the chance that the text is a complaint, in hundredths.

    issues: what is complained of, the likeliest first. model: the version of what has read it.
    """

    negative: float
    issues: tuple[Issue, ...] = ()
    model: str = ""
