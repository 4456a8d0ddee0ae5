"""How do many values lie? Counts in buckets that grow with the value, so each is nearly itself.

DDSketch (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", VLDB 2019), with integers for bounds. The law: all values of a bucket
are within the relative error of the one that stands for it, below 99 each whole number has a bucket
of its own, and what was put in can be taken out again, so the counts are those of the values there
are now. There are at most ``BUCKETS_MAX``; beyond that the lowest ones become one, for good, and of
a value in that one no more is known than that it is among the lowest.

The bounds come from integers alone, so a value falls into the same bucket on every machine.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

from msgspec import Struct, field

#: Of the value that stands for a bucket, against any value in it: 1 per cent.
RELATIVE_ERROR = 0.01
BUCKETS_MAX = 512
#: Values above this fall into the last bucket.
VALUE_MAX = 10**15


def _bounds() -> list[int]:
    """The least value of each bucket: (1 + error) / (1 - error) times the last, or one more."""
    bounds = [0, 1]
    while bounds[-1] <= VALUE_MAX:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 101 // 99))
    return bounds


_BOUNDS = _bounds()


def bucket_of(value: int) -> int:
    """The number of the bucket of a value from 0 on.

    >>> [bucket_of(value) for value in (0, 1, 98, 99, 10_000, 10_001)]
    [0, 1, 98, 99, 342, 342]
    """
    return min(bisect_right(_BOUNDS, value), len(_BOUNDS) - 1) - 1


def value_of(bucket: int) -> int:
    """The value that stands for a bucket: within the relative error, and half, of each in it.

    >>> [value_of(bucket) for bucket in (0, 1, 98, 342)]
    [0, 1, 98, 9920]
    """
    low, high = _BOUNDS[bucket], _BOUNDS[bucket + 1] - 1
    return (2 * low * high + (low + high) // 2) // (low + high) if high else 0


class Buckets(Struct, array_like=True, gc=False):
    """Counts by bucket, from the lowest on. floor: the bucket that holds all below it as well.

    A bucket may be any whole number: of ``bucket_of``, or a day.
    """

    buckets: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    floor: int = 0
    total: int = 0

    def add(self, bucket: int) -> None:
        """Count one value."""
        bucket = max(bucket, self.floor)
        self.total += 1
        at = bisect_left(self.buckets, bucket)
        if at < len(self.buckets) and self.buckets[at] == bucket:
            self.counts[at] += 1
            return
        self.buckets.insert(at, bucket)
        self.counts.insert(at, 1)
        if len(self.buckets) > BUCKETS_MAX:
            self.counts[1] += self.counts[0]
            self.floor = self.buckets[1]
            del self.buckets[0], self.counts[0]

    def remove(self, bucket: int) -> None:
        """Take out a value that was counted. One that was not leaves all as it is."""
        bucket = max(bucket, self.floor)
        at = bisect_left(self.buckets, bucket)
        if at == len(self.buckets) or self.buckets[at] != bucket:
            return
        self.total -= 1
        self.counts[at] -= 1
        if not self.counts[at]:
            del self.buckets[at], self.counts[at]

    def rank(self, bucket: int, instead_of: int | None = None) -> tuple[int, int]:
        """How many values would be lower, and how many as high, if this one was put in.

        instead_of: the bucket of a value that is taken out for it.
        """
        bucket = max(bucket, self.floor)
        at = bisect_left(self.buckets, bucket)
        found = at < len(self.buckets) and self.buckets[at] == bucket
        below, equal = sum(self.counts[:at]), self.counts[at] if found else 0
        if instead_of is not None:
            old = max(instead_of, self.floor)
            below -= old < bucket
            equal -= old == bucket
        return below, equal + 1

    def quantile(self, share: float) -> int:
        """The bucket of the value below which this share of all values lies; 0 if there is none.

        >>> Buckets([3, 7], [1, 3], 0, 4).quantile(0.5)
        7
        """
        if not self.buckets:
            return 0
        wanted = share * (self.total - 1)
        below = list(accumulate(self.counts))
        return self.buckets[min(bisect_right(below, wanted), len(below) - 1)]


def quintile(below: int, equal: int, total: int) -> int:
    """The score from 1 to 5 of a value among ``total``, itself included: by its middle rank.

    below: how many are lower. equal: how many are as high, itself included.

    >>> [quintile(below, 1, 5) for below in range(5)], quintile(0, 6, 10)
    ([1, 2, 3, 4, 5], 2)
    """
    # (below + equal / 2) / total * 5, in whole numbers.
    return 1 + min(4, 5 * (2 * below + equal) // (2 * total))
