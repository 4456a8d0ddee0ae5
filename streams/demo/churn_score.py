"""How good were the churn alerts? How often silence followed them, and how often it does anyhow.

An alert is right if the household buys nothing in the time after it. That share alone says little,
because some households are quiet at any moment; so beside it stands the same share for all known
households at the very moments of the alerts. Their ratio is the lift: 1 is no better than chance.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise

from msgspec import Struct


class ChurnScore(Struct, frozen=True):
    """alerts: how many there were; scored: those whose horizon ends within the data.

    quiet_share: the share of scored alerts after which the household bought nothing.
    base_share: the share of quiet households among all (scored moment, known household) pairs.
    lift: the first over the second. Each is None where there is nothing to divide by.
    """

    alerts: int
    scored: int
    quiet_share: float | None
    base_share: float | None
    lift: float | None


def churn_score(
    purchases: dict[str, list[int]],
    alerts: list[tuple[str, int]],
    horizon_ms: int,
    data_end: int,
) -> ChurnScore:
    """Score alerts (household, moment) against what the households then did.

    purchases: all moments at which a household bought, up to and with data_end, in any order.
    A household is known from its first purchase on, and quiet at a moment if it buys nothing after
    it, up to and with moment + horizon_ms. A purchase at the moment itself lies before it.

    >>> days = {"ann": [0, 100], "bob": [0, 10, 20, 30, 40, 50, 60]}
    >>> churn_score(days, [("ann", 20)], horizon_ms=28, data_end=100)
    ChurnScore(alerts=1, scored=1, quiet_share=1.0, base_share=0.5, lift=2.0)
    """
    bought = {household: sorted(moments) for household, moments in purchases.items()}
    scored = [(who, moment) for who, moment in alerts if moment + horizon_ms <= data_end]
    quiet = sum(_quiet(bought.get(who, []), moment, horizon_ms) for who, moment in scored)
    moments = sorted(moment for _, moment in scored)
    known_pairs = quiet_pairs = 0
    for own in bought.values():
        if own:
            known_pairs += len(moments) - bisect_left(moments, own[0])
            quiet_pairs += _quiet_moments(own, moments, horizon_ms)
    quiet_share = _share(quiet, len(scored))
    base_share = _share(quiet_pairs, known_pairs)
    lift = quiet_share / base_share if quiet_share is not None and base_share else None
    return ChurnScore(len(alerts), len(scored), quiet_share, base_share, lift)


def _quiet(own: list[int], moment: int, horizon_ms: int) -> bool:
    coming = bisect_right(own, moment)
    return coming == len(own) or own[coming] > moment + horizon_ms


def _quiet_moments(own: list[int], moments: list[int], horizon_ms: int) -> int:
    """At how many of the sorted moments the household is known and quiet.

    Between two purchases it is quiet from the first to just before the horizon reaches the second;
    after the last one it is quiet for good. The stretches do not overlap, so that each costs two
    look-ups, however many moments lie in it.
    """
    count = len(moments) - bisect_left(moments, own[-1])
    for purchase, following in pairwise(own):
        if following - purchase > horizon_ms:
            count += bisect_left(moments, following - horizon_ms) - bisect_left(moments, purchase)
    return count


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
