"""What can be drawn? Lift and uplift by share, recall by rank; reliability is in ``scored``."""

from collections.abc import Sequence

import numpy as np

from bench.score.resampled import lift_at, uplift_at
from bench.score.scored import Floats

Line = list[tuple[float, float]]

#: The shares of customers at which a line has a point.
SHARES = tuple(it / 20 for it in range(1, 21))


def lift(scores: Floats, hits: Floats) -> Line:
    """How many times as often the best-scored share are hits as all are, by share."""
    everybody = np.ones(len(scores))
    return [(it, lift_at(scores, hits, it)(everybody)) for it in SHARES]


def uplift(scores: Floats, treated: Floats, outcomes: Floats) -> Line:
    """What is gained by each customer that there is if the best-scored share is treated, by share.

    Random targeting is the straight line to the last point (Radcliffe 2007: the Qini curve).
    """
    everybody = np.ones(len(scores))
    gained = [(it, it * uplift_at(scores, treated, outcomes, it)(everybody)) for it in SHARES]
    return [(0.0, 0.0), *gained]


def hit_within(ranks: Sequence[int] | Floats, most: int) -> Floats:
    """1 where the wanted one is among the first ``most``. Ranks count from 1; 0: not in the list.

    >>> hit_within([1, 3, 0], 2)
    array([1., 0., 0.])
    """
    at = np.asarray(ranks)
    return np.asarray((at >= 1) & (at <= most), float)


def recall(ranks: Sequence[int] | Floats, most: int = 20) -> Line:
    """Which share of the wanted ones are among the first k, by k. Ranks as in ``hit_within``."""
    return [(float(k), float(hit_within(ranks, k).mean())) for k in range(1, most + 1)]
