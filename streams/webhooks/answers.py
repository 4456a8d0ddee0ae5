"""What does a target's answer mean, and how long do we wait before we try again?

The law: only what the receiver says about *this* trigger ends it. A target that is busy, broken or
away says nothing about the trigger, so the trigger is sent again.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

Meaning = Literal["delivered", "again", "refused", "gone"]
# How one request ended: for the metric and for people.
Ending = Literal[
    "delivered", "refused", "busy", "error", "timeout", "broken", "unreachable", "gone"
]

GONE = 410
# Request timeout, too early, too many requests. All others from 400 to 499 are for ever.
_AGAIN = (408, 425, 429)
_BUSY = (429, 503)
# Who wants us to stay away for longer is asked again after this.
RETRY_AFTER_MAX_S = 3_600.0


class Answer(Struct, frozen=True):
    """What became of a request. status 0: there was no answer.

    detail: the receiver's own words, cut, or what went wrong. retry_after_s: for how long it wants
    to be left alone; 0 where it says nothing.
    """

    status: int
    ending: Ending
    detail: str
    retry_after_s: float = 0.0

    @property
    def meaning(self) -> Meaning:
        """What follows for the trigger."""
        match self.ending:
            case "delivered" | "refused" | "gone":
                return self.ending
            case _:
                return "again"

    @property
    def reached(self) -> bool:
        """Whether the request may have come to the receiver: only then is it an attempt."""
        return self.ending != "unreachable"

    @property
    def is_failure(self) -> bool:
        """Whether it speaks against the target as a whole. Who refuses, or is busy, is there."""
        return self.ending in ("error", "timeout", "broken", "unreachable")


def answered(status: int, words: str, retry_after: str | None = None) -> Answer:
    """What an HTTP status says. words: the beginning of the answer's body."""
    detail = f"answered {status}: {words}" if words else f"answered {status}"
    if 200 <= status < 300:
        return Answer(status, "delivered", detail)
    if status == GONE:
        return Answer(status, "gone", detail)
    if status in _AGAIN or status >= 500:
        wait_s = _seconds(retry_after)
        ending: Ending = "busy" if status in _BUSY and (wait_s or status == 429) else "error"
        return Answer(status, ending, detail, wait_s)
    return Answer(status, "refused", detail)


def _seconds(retry_after: str | None) -> float:
    """A ``Retry-After`` in seconds, within bounds. A date in it is not worth a parser: 0."""
    text = (retry_after or "").strip()
    if not (text.isascii() and text.isdecimal()):
        return 0.0
    # So many digits are more than an hour in any case, and Python refuses to read thousands.
    return RETRY_AFTER_MAX_S if len(text) > 9 else min(float(text), RETRY_AFTER_MAX_S)


def backoff_s(
    tries: int, first_s: float, most_s: float, uniform: Callable[[float, float], float]
) -> float:
    """How long to wait after so many tries: anything from nothing to twice as much each time.

    Full jitter, because what failed together must not come again together (M. Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    # 2**60 is above any bound; larger powers only cost.
    return uniform(0.0, min(most_s, first_s * 2.0 ** min(tries - 1, 60)))
