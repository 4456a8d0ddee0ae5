"""In which cluster is a customer? The same sequential k-means, over lists of everybody's values.

One after the other, as they are scored: whoever is goes to the nearest mean as it is at that
moment, themselves included, and then the means of the cluster they leave and of the one they join
change.
A mean is that of its members as they were scored last, and of its seed, which counts as one. Points
are (recency in months, orders, money), ln(1 + x) in whole thousandths; distances are in units of
the standard deviations, rounded down, 1 at least, worked out anew with the first scoring of a day.
Seeds are the middles of as many equal parts of each of the three, the best part first: laid when
there are ``customers_min``, and anew with the first scoring of a day where nobody is left.

``rounded``: orders and money for seeds and deviations as the sketch gives them back: numbers within
one per cent share one that stands for them. Without it they are exact.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from math import isqrt, log1p
from typing import Any

from bench.recount.scores import Scoring, Scorings, Values

MONTH_DAYS = 30
Point = tuple[int, int, int]


class Means:
    """The clusters of one partition. members: their cluster and their point, as scored last."""

    def __init__(self, names: Sequence[str], customers_min: int, *, rounded: bool) -> None:
        self.names, self._least, self._rounded = names, customers_min, rounded
        self.values: dict[str, Values] = {}
        self.members: dict[str, tuple[int, Point]] = {}
        self.seeds: list[Point] = []
        self.sums: list[list[int]] = []
        self.sizes: list[int] = []
        self._means: list[list[float]] = []
        self._deviations = (1, 1, 1)
        self._day = 0

    def score(self, it: Scoring) -> str:
        """Score somebody; the name of their cluster, empty where they get none."""
        day, orders, cents = it.values
        point = _point(max(0, it.day - day), orders, cents)
        nearest = self._nearest(point) if self.seeds else None
        is_enough = len(self.values) + (it.who not in self.values) >= self._least
        name = ""
        if nearest is not None and is_enough and it.counts:
            name = self._name(nearest)
        self.values[it.who] = it.values
        if (old := self.members.pop(it.who, None)) is not None:
            self._move(*old, -1)
        if nearest is not None:
            self.members[it.who] = nearest, point
            self._move(nearest, point, 1)
        self._begin_day(it.day)
        return name

    def _begin_day(self, day: int) -> None:
        if self.seeds and day <= self._day:
            return
        ages = sorted(max(0, day - last) for last, _, _ in self.values.values())
        orders = sorted(self._as_kept(it) for _, it, _ in self.values.values())
        cents = sorted(self._as_kept(it) for _, _, it in self.values.values())
        self._deviations = (
            _deviation([_months(it) for it in ages]), _deviation([_log(it) for it in orders]),
            _deviation([_log(it) for it in cents]),
        )  # fmt: skip
        new_day, self._day = day > self._day, max(day, self._day)
        if self.seeds and new_day:
            for cluster, seed in enumerate(self._middles(ages, orders, cents)):
                if self.sizes[cluster] == 0:
                    self.seeds[cluster] = seed
                    self._mean(cluster)
        elif not self.seeds and len(self.values) >= self._least:
            self.seeds = self._middles(ages, orders, cents)
            self.sums = [[0, 0, 0] for _ in self.seeds]
            self.sizes = [0] * len(self.seeds)
            self._means = [[float(axis) for axis in seed] for seed in self.seeds]

    def _middles(self, ages: list[int], orders: list[int], cents: list[int]) -> list[Point]:
        found = []
        for part in range(len(self.names)):
            share = 1 - (part + 0.5) / len(self.names)
            place = int(share * (len(ages) - 1))
            # The newest order has the lowest age: days are ranked, and not ages.
            found.append(_point(ages[len(ages) - 1 - place], orders[place], cents[place]))
        return found

    def _as_kept(self, value: int) -> int:
        return stands_for(value) if self._rounded else value

    def _move(self, cluster: int, point: Point, by: int) -> None:
        self.sizes[cluster] += by
        for axis in range(3):
            self.sums[cluster][axis] += by * point[axis]
        self._mean(cluster)

    def _mean(self, cluster: int) -> None:
        """Work out the mean of a cluster that has changed."""
        count, sums, seed = self.sizes[cluster] + 1, self.sums[cluster], self.seeds[cluster]
        self._means[cluster] = [(one + it) / count for one, it in zip(sums, seed, strict=True)]

    def _nearest(self, point: Point) -> int:
        r, f, m = point
        unit_r, unit_f, unit_m = self._deviations
        distances = [
            ((r - mean[0]) / unit_r) ** 2 + ((f - mean[1]) / unit_f) ** 2
            + ((m - mean[2]) / unit_m) ** 2
            for mean in self._means
        ]  # fmt: skip
        return distances.index(min(distances))

    def _name(self, cluster: int) -> str:
        """By how good its mean is among all: orders and money more, recency less."""
        unit_r, unit_f, unit_m = self._deviations
        worths = [f / unit_f + m / unit_m - r / unit_r for r, f, m in self._means]
        ranked = sorted(range(len(worths)), key=lambda it: worths[it], reverse=True)
        return self.names[ranked.index(cluster)]


def clusters(
    scored: Scorings, by: Mapping[str, Any], *, rounded: bool = True
) -> list[tuple[dict[str, str], list[tuple[int, list[int]]]]]:
    """Of one partition, at each cut: everybody's cluster, and sizes and sums with the seeds."""
    means = Means(by["clusters"], by["customers_min"], rounded=rounded)
    latest: dict[str, str] = {}
    found = []
    for it in scored:
        if isinstance(it, int):
            found.append((dict(latest), _summed(means)))
        elif name := means.score(it):
            latest[it.who] = name
    return found


def _summed(means: Means) -> list[tuple[int, list[int]]]:
    """Sizes and sums once more, from all members and the seeds."""
    found = []
    for cluster, seed in enumerate(means.seeds):
        points = [point for place, point in means.members.values() if place == cluster]
        sums = [sum(axis) for axis in zip(seed, *points, strict=True)]
        found.append((len(points) + 1, sums))
    return found


def _point(age_days: int, orders: int, cents: int) -> Point:
    return _months(age_days), _log(orders), _log(cents)


def _months(age_days: int) -> int:
    return _log(age_days / MONTH_DAYS)


@cache
def _log(value: float) -> int:
    return round(1_000 * log1p(value))


def _deviation(values: list[int]) -> int:
    once, twice = sum(values), sum(it * it for it in values)
    return max(1, isqrt(len(values) * twice - once * once) // len(values))


@cache
def _steps() -> list[int]:
    """Where numbers begin that share one: each next by 101 / 99, or one more."""
    steps = [0, 1]
    while steps[-1] <= 10**15:
        steps.append(max(steps[-1] + 1, steps[-1] * 101 // 99))
    return steps


@cache
def stands_for(value: int) -> int:
    """The number that stands for all that share a step: the harmonic mean of its ends."""
    steps = _steps()
    place = min(bisect_right(steps, value), len(steps) - 1)
    low, high = steps[place - 1], steps[place] - 1
    return (4 * low * high + low + high) // (2 * (low + high)) if high else 0
