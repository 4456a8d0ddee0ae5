"""Who was reached by which campaign, and who was left out? The two arms of a comparison.

The law: a customer counts once in a campaign, from the first moment at which a trigger of it left,
or would have left were the customer not held out; and in one of two arms, for good. Whoever is held
out is counted by the same rule as whoever is sent, so the arms can be compared (ghost ads: Johnson,
Lewis and Nubbemeyer, Journal of Marketing Research 2017). What follows is in ``outcome.py``.
"""

from collections import Counter

from msgspec import Struct, field

#: The campaign that stands for all of them, for the holdout over all.
ALL_CAMPAIGNS = "*"
CAMPAIGNS_MAX = 64
MILLION = 1_000_000


class Exposure(Struct, array_like=True, gc=False):
    """One customer in one campaign. at: since when. money: net, by currency."""

    at: int
    held_out: bool
    visited: bool = False
    orders: int = 0
    money: dict[str, int] = field(default_factory=dict)

    @property
    def arm(self) -> str:
        """Under which name the counters have it."""
        return "held_out" if self.held_out else "sent"


Exposures = dict[str, Exposure]
Counts = Counter[str]


def expose(
    exposures: Exposures, campaign: str, at: int, counts: Counts, *, held_out: bool, share: float
) -> None:
    """Begin to count a customer in a campaign, if they are not counted there already.

    share: how probable it was that they would be held out. What is to be expected is added up, so
    that a share that is changed later can still be checked against what came of it.
    """
    if campaign in exposures:
        return
    if len(exposures) >= CAMPAIGNS_MAX:
        # Campaigns are as many as the agents' at most, so some have left the config.
        others = (it for it in exposures if it != ALL_CAMPAIGNS)
        del exposures[min(others, key=lambda it: (exposures[it].at, it))]
    exposure = exposures[campaign] = Exposure(at, held_out)
    counts[f"effect/{campaign}/{exposure.arm}/customers"] += 1
    counts[f"effect/{campaign}/expected/mean"] += round(share * MILLION)
    counts[f"effect/{campaign}/expected/variance"] += round(share * (1 - share) * MILLION)
