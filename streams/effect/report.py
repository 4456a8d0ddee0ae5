"""What does a report of the effect hold? One campaign: its counts, its differences, its return.

The unit is the customer: each counts once a campaign, from the first time that a trigger went out
or would have, in the arm that the hash gave them. So both arms are who would have been spoken to,
and sending is all that sets them apart (ghost counting: Johnson, Lewis, Nubbemeyer, Ghost Ads,
Journal of Marketing Research 54 (2017) 867-884).
"""

from typing import Literal

from msgspec import Struct

from streams.effect.counts import Arm, Occasions
from streams.effect.intervals import Interval
from streams.effect.returns import Return

#: Beyond this the arms are not as large as the hash makes them, in one of a thousand by chance
#: (Fabijan et al., Diagnosing sample ratio mismatch in online controlled experiments, KDD 2019).
MISMATCH_Z = 3.29

Measure = Literal["visited", "ordered", "repeated", "money"]
Claim = Literal["more", "less", "none"]
Why = Literal[
    "", "nothing_sent", "not_measured", "nobody_held_out", "arms_differ", "shares_changed",
    "few_customers", "few_buyers", "crosses_zero", "many_questions",
]  # fmt: skip


class Split(Struct, frozen=True):
    """Whether the arms are as large as the hash should make them.

    expected: how many customers should be held out, by the shares in force when each was first
    exposed. z: how many standard deviations off the count is; p: how often chance alone is as far
    off. Both are None where nobody could be held out. shares_changed: not all of them had the same
    share, so one arm holds more of those who had the larger one.
    """

    held_out: int
    expected: float
    z: float | None
    p: float | None
    shares_changed: bool = False

    @property
    def is_off(self) -> bool:
        """Whether somebody is missing in an arm, which spoils every comparison."""
        if self.z is None:
            return self.held_out > 0
        return abs(self.z) > MISMATCH_Z


class Effect(Struct, frozen=True, kw_only=True):
    """What sending made of one measure; the interval says how well that is known (95 %).

    measure: visited, ordered and repeated are shares of the customers; money is net revenue a
    customer in minor units of ``currency``. uplift: sent less held out. relative: uplift as a part
    of held out. None: cannot be said from these counts.
    claim: whether sending brought ``more`` or ``less``, or none is claimed, with ``why``;
    verdict: the same as a sentence.
    """

    measure: Measure
    currency: str = ""
    sent: float | None
    held_out: float | None
    uplift: float | None
    interval: Interval | None
    relative: float | None
    relative_interval: Interval | None
    claim: Claim
    why: Why
    verdict: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """One campaign. sent, held_out: the two arms, customers counted once.

    returns: by currency; none for all campaigns together, whose cost is counted one by one.
    """

    campaign: str
    occasions: Occasions
    sent: Arm
    held_out: Arm
    split: Split
    effects: list[Effect]
    returns: list[Return]
