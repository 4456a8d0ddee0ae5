"""Which customers are alike? Means of those who are, kept up one customer at a time.

Sequential k-means (MacQueen, "Some methods for classification and analysis of multivariate
observations", 1967): whoever is scored goes to the nearest mean, and the mean moves. The law: a
mean is exactly that of its members as they were scored last, and of its seed, which counts as one.
A member who is scored again or leaves is taken out first; sums are whole numbers, so nothing is
lost by rounding. Nothing is drawn by chance: seeds are quantiles, from the best to the worst, and
each day those of clusters without members are laid anew. On real shops' orders the members lie 1.04
to 1.24 times as far from their means as in the best of ten runs of k-means over all customers at
once, squared (``bench/verify_state.py``); after months without any order, up to 1.53 times.

A point is (recency, orders, money) on a logarithmic scale, in thousandths. Distances are in units
of each one's standard deviation in the shop, which is worked out anew each day.
"""

from collections.abc import Iterable
from math import isqrt, log1p

from msgspec import Struct, field

from state.sketch import Buckets, bucket_of, value_of

Point = tuple[int, int, int]
_AXES = 3
#: The unit of recency. In days, whoever has just ordered would be far from everybody else.
MONTH_DAYS = 30


def point_of(age_days: int, orders: int, cents: int) -> Point:
    """Where a customer lies, by days since the last order, orders and money.

    >>> point_of(0, 1, 9_999)
    (0, 693, 9210)
    """
    return _recency(age_days), _scaled(orders), _scaled(cents)


def _recency(age_days: int) -> int:
    return _scaled(age_days / MONTH_DAYS)


def _scaled(value: float) -> int:
    return round(1_000 * log1p(value))


class Clusters(Struct, array_like=True, gc=False):
    """The means, as sums and sizes. generation: how often seeds were laid; 0: not yet.

    sums: flat, three for a cluster. spreads: standard deviations. spread_on: the day of those.
    """

    generation: int = 0
    sizes: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)
    spreads: list[int] = field(default_factory=lambda: [1] * _AXES)
    spread_on: int = 0

    def seed(self, seeds: Iterable[Point]) -> None:
        """Begin anew with these means; who was a member before is none."""
        points = list(seeds)
        self.generation += 1
        self.sizes = [1] * len(points)
        self.sums = [axis for point in points for axis in point]

    def seed_again(self, seeds: Iterable[Point]) -> None:
        """Lay the seeds of those clusters anew that have lost all their members."""
        for cluster, point in enumerate(seeds):
            if self.sizes[cluster] == 1:
                self.sums[_AXES * cluster : _AXES * (cluster + 1)] = point

    def move(self, cluster: int, point: Point, by: int) -> None:
        """Take a member in (1), or out (-1)."""
        self.sizes[cluster] += by
        for axis in range(_AXES):
            self.sums[_AXES * cluster + axis] += by * point[axis]

    def nearest(self, point: Point) -> int:
        """The cluster whose mean is nearest; the first of several. -1 where there is none."""
        sums, spreads = self.sums, self.spreads
        # Written out by axis, for all customers are scored at each of their orders.
        (x, y, z), (dx, dy, dz) = point, spreads
        distances = [
            ((x - sums[at] / size) / dx) ** 2
            + ((y - sums[at + 1] / size) / dy) ** 2
            + ((z - sums[at + 2] / size) / dz) ** 2
            for at, size in zip(range(0, len(sums), _AXES), self.sizes, strict=True)
        ]
        return distances.index(min(distances)) if distances else -1

    def place(self, cluster: int) -> int:
        """Where a cluster stands among all, 0 for the best: who came lately, often, for much."""
        sums, (of_recency, of_orders, of_money) = self.sums, self.spreads
        worths = [
            sums[at + 1] / size / of_orders
            + sums[at + 2] / size / of_money
            - sums[at] / size / of_recency
            for at, size in zip(range(0, len(sums), _AXES), self.sizes, strict=True)
        ]
        own = worths[cluster]
        return sum(it > own for it in worths) + sum(it == own for it in worths[:cluster])


class Population(Struct, array_like=True, gc=False):
    """How recent, frequent and valuable the customers of a partition are now, by bucket."""

    days: Buckets = field(default_factory=Buckets)
    orders: Buckets = field(default_factory=Buckets)
    cents: Buckets = field(default_factory=Buckets)

    def add(self, day: int, orders: int, cents: int) -> None:
        """Count a customer."""
        self.days.add(day)
        self.orders.add(bucket_of(orders))
        self.cents.add(bucket_of(cents))

    def remove(self, day: int, orders: int, cents: int) -> None:
        """Take out a customer who was counted."""
        self.days.remove(day)
        self.orders.remove(bucket_of(orders))
        self.cents.remove(bucket_of(cents))

    def spreads(self, today: int) -> list[int]:
        """The standard deviations of points, by what stands for the buckets; 1 at least."""
        days, orders, cents = self.days, self.orders, self.cents
        return [
            _spread([_recency(max(0, today - day)) for day in days.buckets], days.counts),
            _spread([_scaled(value_of(it)) for it in orders.buckets], orders.counts),
            _spread([_scaled(value_of(it)) for it in cents.buckets], cents.counts),
        ]

    def seeds(self, clusters: int, today: int) -> list[Point]:
        """The middle of each of so many equal parts of the customers, the best part first."""
        points = []
        for part in range(clusters):
            share = 1 - (part + 0.5) / clusters
            age = max(0, today - self.days.quantile(share))
            orders = value_of(self.orders.quantile(share))
            points.append(point_of(age, orders, value_of(self.cents.quantile(share))))
        return points


def _spread(scaled: list[int], counts: list[int]) -> int:
    total = sum(counts)
    once = sum(it * count for it, count in zip(scaled, counts, strict=True))
    twice = sum(it * it * count for it, count in zip(scaled, counts, strict=True))
    return max(1, isqrt(total * twice - once * once) // max(1, total))
