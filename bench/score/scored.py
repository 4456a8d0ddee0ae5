"""What is found of one task? Figures with intervals, ours and the plain ones', and curves to draw.

Every task is a module of this folder with a function ``score(data: Path) -> Task``. ``data`` is the
folder of data sets that lie beside the checkout. It raises ``bench.histories.MissingError`` where
its data are not there.
"""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: A figure of a sample: takes indices of customers, some of them more than once.
Statistic = Callable[[NDArray[np.intp]], float]

RESAMPLES = 1_000


class Interval(Struct, frozen=True):
    """A figure, and between what 95 % of the bootstrap's lie."""

    value: float
    low: float
    high: float


class Figure(Struct, frozen=True):
    """One figure of a task, by who reached it. ours: the name of the one that ships.

    A name that begins with it and a comma ("ours, 4 partitions") is ours under other conditions:
    it is told, and nothing is to be beaten by it or ahead of it.
    goal: what it is to reach at least; or at most, where less is better. None: for information.
    ahead: ours less each plain one, on the same resamples (``resampled.compare``): where nought is
    within the interval, nothing is beaten.
    """

    name: str
    by: dict[str, Interval]
    ours: str
    goal: float | None = None
    less_is_better: bool = False
    ahead: dict[str, Interval] = {}

    @property
    def plain(self) -> dict[str, Interval]:
        """All but ours, the best first."""
        others = [
            it for it in self.by.items()
            if it[0] != self.ours and not it[0].startswith(f"{self.ours},")
        ]  # fmt: skip
        return dict(sorted(others, key=lambda it: it[1].value, reverse=not self.less_is_better))

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        value = self.by[self.ours].value
        return value <= self.goal if self.less_is_better else value >= self.goal


class Curve(Struct, frozen=True):
    """What can be drawn: lines by name. kind: lift, reliability, recall or uplift."""

    kind: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]


class Task(Struct):
    """A task and all that was found. about: the data, the cut, and what was scored, in a sentence.

    notes: what else a reader should know, such as the ceiling that seems to be there.
    """

    name: str
    about: str
    figures: list[Figure]
    curves: list[Curve] = []
    notes: list[str] = []
    cpu_s: float = 0.0


def interval(statistic: Statistic, customers: int, seed: int = 1) -> Interval:
    """A figure with its interval: the percentile bootstrap over customers (Efron 1979).

    Where ours and plain ones are compared, ``resampled.compare`` does it on the same customers.
    """
    chance = np.random.default_rng(seed)
    values = [
        # In order, so that what was sorted before is sorted still.
        statistic(np.sort(chance.integers(0, customers, customers)))
        for _ in range(RESAMPLES)
    ]
    return between(statistic(np.arange(customers)), np.array(values))


def between(value: float, drawn: Floats) -> Interval:
    """A figure, and between what 95 % of those of its resamples lie."""
    known = drawn[~np.isnan(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


def auc(scores: Floats, hits: Floats) -> float:
    """The chance that a hit scores higher than a miss; ties count half (Mann and Whitney 1947).

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.875
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(ordered)]
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    positives = float(hits.sum())
    negatives = len(hits) - positives
    if not positives or not negatives:
        return float("nan")
    return float((ranks[hits > 0].sum() - positives * (positives + 1) / 2) / positives / negatives)


def calibration_error(chances: Floats, hits: Floats, bins: int = 10) -> float:
    """The expected calibration error over equally filled bins (Naeini et al., AAAI 2015).

    >>> calibration_error(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]), 2)
    0.2
    """
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    off = [len(it) * abs(chances[it].mean() - hits[it].mean()) for it in parts if len(it)]
    return round(float(sum(off) / len(chances)), 12)


def reliability(chances: Floats, hits: Floats, bins: int = 10) -> list[tuple[float, float]]:
    """What was said and what came, by bins that are equally filled."""
    parts = np.array_split(np.argsort(chances, kind="stable"), bins)
    return [(float(chances[it].mean()), float(hits[it].mean())) for it in parts if len(it)]


def by_customer(statistic: Callable[[Floats, Floats], float], x: Sequence[float] | Floats,
                y: Sequence[float] | Floats) -> Interval:  # fmt: skip
    """The interval of a figure of pairs, one of each customer."""
    first, second = np.asarray(x, float), np.asarray(y, float)
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    return interval(lambda it: statistic(first[it], second[it]), len(first))
