"""Between which bounds may the difference of two arms lie? Intervals from sums alone.

Proportions: Newcombe's hybrid score interval for the difference, Katz's log interval for the ratio.
Money: Welch's t interval for the difference of means, Fieller's for their ratio. ``docs/effect.md``
has the formulas. The first arm is always the one that was sent to.

- Newcombe, Interval estimation for the difference between independent proportions, Statistics in
  Medicine 17 (1998) 873-890, method 10.
- Katz, Baptista, Azen, Pike, Obtaining confidence intervals for the risk ratio in cohort studies,
  Biometrics 34 (1978) 469-474.
- Welch, The generalization of "Student's" problem, Biometrika 34 (1947) 28-35.
- Fieller, Some problems in interval estimation, J. Royal Statistical Society B 16 (1954) 175-185.
"""

from math import exp, hypot, log, sqrt
from statistics import NormalDist

from msgspec import Struct
from scipy.special import stdtrit

CONFIDENCE = 0.95

_NORMAL = NormalDist()


class Interval(Struct, frozen=True):
    """From low to high, in the unit of what it is about."""

    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        """Whether nothing at all is among what may be."""
        return self.low <= 0 <= self.high

    def scaled(self, by: float) -> "Interval":
        """Both bounds times a factor that is not negative."""
        return Interval(self.low * by, self.high * by)


class Share(Struct, frozen=True):
    """How many of how many."""

    part: int
    whole: int

    @property
    def rate(self) -> float:
        """The part of the whole; there must be a whole."""
        return self.part / self.whole


class Sums(Struct, frozen=True):
    """A sample by its count, its sum and its sum of squares, all of them exact."""

    count: int
    total: int
    squares: int

    @property
    def mean(self) -> float:
        """The mean; there must be at least one."""
        return self.total / self.count

    @property
    def variance(self) -> float:
        """The sample variance; there must be at least two.

        In whole numbers up to the one division: in floating point the difference of two large sums
        would keep none of its digits.

        >>> Sums(2, 2 * 10**12 + 2, 2 * 10**24 + 4 * 10**12 + 4).variance
        2.0
        """
        spread = self.count * self.squares - self.total**2
        return spread / (self.count * (self.count - 1))

    @property
    def error(self) -> float:
        """The variance of the mean."""
        return self.variance / self.count


def wilson(share: Share, confidence: float = CONFIDENCE) -> Interval:
    """The score interval of a proportion, without continuity correction (Wilson 1927)."""
    z, n, p = _z(confidence), share.whole, share.rate
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def newcombe(sent: Share, held_out: Share, confidence: float = CONFIDENCE) -> Interval:
    """The difference of two proportions: the score intervals of both, put together (method 10).

    >>> it = newcombe(Share(56, 70), Share(48, 80))
    >>> round(it.low, 4), round(it.high, 4)
    (0.0524, 0.3339)
    """
    difference = sent.rate - held_out.rate
    first, second = wilson(sent, confidence), wilson(held_out, confidence)
    down = hypot(sent.rate - first.low, second.high - held_out.rate)
    up = hypot(first.high - sent.rate, held_out.rate - second.low)
    return Interval(max(-1.0, difference - down), min(1.0, difference + up))


def katz(sent: Share, held_out: Share, confidence: float = CONFIDENCE) -> Interval | None:
    """The ratio of two proportions, less one; None where nobody in an arm did it, or everybody.

    There the logarithm's variance says nothing: at everybody it is zero, as if all were known.
    """
    if not 0 < sent.part < sent.whole or not 0 < held_out.part < held_out.whole:
        return None
    middle = log(sent.rate / held_out.rate)
    spread = 1 / sent.part - 1 / sent.whole + 1 / held_out.part - 1 / held_out.whole
    reach = _z(confidence) * sqrt(spread)
    return Interval(exp(middle - reach) - 1, exp(middle + reach) - 1)


def welch(sent: Sums, held_out: Sums, confidence: float = CONFIDENCE) -> Interval:
    """The difference of two means whose variances may differ; at least two in each arm."""
    difference = sent.mean - held_out.mean
    reach = _t(sent, held_out, confidence) * sqrt(sent.error + held_out.error)
    return Interval(difference - reach, difference + reach)


def fieller(sent: Sums, held_out: Sums, confidence: float = CONFIDENCE) -> Interval | None:
    """The ratio of two means, less one; None where it has no bounds.

    That is so where the mean below the line may itself be zero. With the same t as ``welch`` it
    leaves out zero exactly where that one does.
    """
    t = _t(sent, held_out, confidence)
    above, below = sent.mean, held_out.mean
    # The ratios r for which (above - r below)² <= t² (error above + r² error below).
    square = below**2 - t**2 * held_out.error
    if below <= 0 or square <= 0:
        return None
    constant = above**2 - t**2 * sent.error
    reach = sqrt(max(0.0, (above * below) ** 2 - square * constant))
    return Interval((above * below - reach) / square - 1, (above * below + reach) / square - 1)


def _z(confidence: float) -> float:
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def _t(sent: Sums, held_out: Sums, confidence: float) -> float:
    """Student's t at the degrees of freedom of Welch and Satterthwaite."""
    first, second = sent.error, held_out.error
    if not first + second:
        return 0.0
    weights = first**2 / (sent.count - 1) + second**2 / (held_out.count - 1)
    freedom = (first + second) ** 2 / weights
    return float(stdtrit(freedom, (1 + confidence) / 2))
