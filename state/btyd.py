"""Who is still a customer, and when do they come next? Buy till you die, as a sum over a grid.

A customer buys at a rate of their own until they leave for good, which nobody sees; both the rate
and the hazard of leaving differ between customers by gamma distributions. That is the Pareto/NBD
model (Schmittlein, Morrison and Colombo, Management Science 1987). Of a customer it needs three
figures: how many purchases followed the first one, when the last one was, and how old they are.
Two things are added:

    aging      A customer's clock slows down with their age: purchases and leaving go by ``t ** c``
               of the days since the first purchase (the power law of Weibull processes; Fader,
               Hardie and Huang, Marketing Science 2004, found such a decline in new customers).
    eagerness  A factor on the rate, of what else is known of the customer, such as how large their
               first order was (Fader and Hardie, "Incorporating time-invariant covariates", 2007).

The gamma distributions are laid on a grid, so the posterior is a finite sum: no hypergeometric
function, nothing that overflows, and every question about the future is a sum over the same points.
For a rate r, a hazard of leaving m and x repeat purchases, the last of them after t of T days,

    L(alive) = r**x e**-(r+m)T        L(gone) = r**x m / (r+m) (e**-(r+m)t - e**-(r+m)T)
"""

from collections.abc import Sequence
from math import exp, expm1, fsum, lgamma, log

from msgspec import Struct

#: The day at which the clocks of all agings agree. It only sets the scale of the rates.
CLOCK_DAYS = 91.0
#: Points that hold less than this of the mass are left out of questions about the future.
SHARE_MIN = 1e-3
_NEWTON_MAX = 60
#: A rate that is so much less likely than another one (by its logarithm) is none of theirs.
_LOG_NOTHING = 25.0
#: A thousandth of the time until the next purchase is soon enough found.
_STEP_MIN = 1e-3


class Buyers(Struct, frozen=True, array_like=True, gc=False):
    """How the customers of a shop differ: in rates and hazards, each a list of points and weights.

    rates, hazards: per day of the clock. aging: the power ``c``; 1: a customer's clock goes evenly.
    """

    rates: list[float]
    rate_weights: list[float]
    hazards: list[float]
    hazard_weights: list[float]
    aging: float = 1.0

    def clock(self, days: float) -> float:
        """How far a customer's clock has come after so many days."""
        return CLOCK_DAYS * (days / CLOCK_DAYS) ** self.aging if days > 0 else 0.0

    def days(self, clock: float) -> float:
        """After how many days a customer's clock has come so far."""
        return CLOCK_DAYS * (clock / CLOCK_DAYS) ** (1 / self.aging) if clock > 0 else 0.0


class Past(Struct, frozen=True, gc=False):
    """What a customer has done. repeats: purchases after the first one.

    last_days, age_days: from the first purchase to the last one, and until now. eagerness: a factor
    on the rate.
    """

    repeats: int
    last_days: float
    age_days: float
    eagerness: float = 1.0


class Future(Struct, frozen=True, gc=False):
    """What is to be expected of one customer. alive: the chance that they are still one.

    points: the states in which they may be now: chance, rate, hazard. The chances add up to
    ``alive``.
    """

    alive: float
    points: list[tuple[float, float, float]]
    age_days: float
    buyers: Buyers

    def orders(self, days: float) -> float:
        """The expected number of purchases in the next days."""
        span = self._span(days)
        return fsum(
            [
                chance * rate * (-expm1(-hazard * span) / hazard if hazard else span)
                for chance, rate, hazard in self.points
            ]
        )

    def comes(self, days: float) -> float:
        """The chance of at least one purchase in the next days."""
        span = self._span(days)
        return fsum(
            chance * rate / (rate + hazard) * -expm1(-(rate + hazard) * span)
            for chance, rate, hazard in self.points
        )

    def comes_within(self, shares: Sequence[float], days: float) -> list[float]:
        """If they come in the next days: after how many they have come, by these chances.

        shares: rising, each above 0 and below 1, such as .1, .5 and .9 for the median between the
        ends of an interval that holds in four of five cases.
        """
        comers, span = self._comers(), self._span(days)
        ever = fsum(it for it, _ in comers)
        whole = fsum(it * -expm1(-leaves * span) for it, leaves in comers)
        if whole <= 0.0:
            return [days for _ in shares]
        begin = self.buyers.clock(self.age_days)
        found, at = [], 0.0
        for share in shares:
            # The logarithm of those who are still to come falls in a straight line where all are
            # alike, and ever slower where they are not: Newton's steps never overshoot.
            wanted = log(ever - share * whole)
            for _ in range(_NEWTON_MAX):
                left = slope = 0.0
                for it, leaves in comers:
                    to_come = it * exp(-leaves * at)
                    left += to_come
                    slope += to_come * leaves
                step = (log(left) - wanted) * left / slope
                at = min(at + step, span)
                if step <= _STEP_MIN * at:
                    break
            found.append(min(days, max(0.0, self.buyers.days(begin + at) - self.age_days)))
        return found

    def _comers(self) -> list[tuple[float, float]]:
        """By rate: the chance that they come before they leave, and how fast it is one of both.

        Hazards are taken together, by the mean time of those who come: of when they come they say
        little, and it takes a third of the time.
        """
        found: list[tuple[float, float]] = []
        before = ever = time = 0.0
        for chance, rate, hazard in self.points:
            if rate != before:
                if ever:
                    found.append((ever, ever / time))
                before, ever, time = rate, 0.0, 0.0
            comes = chance * rate / (rate + hazard)
            ever += comes
            time += comes / (rate + hazard)
        return [*found, (ever, ever / time)] if ever else found

    def _span(self, days: float) -> float:
        """The next days, by the customer's clock."""
        return self.buyers.clock(self.age_days + days) - self.buyers.clock(self.age_days)


def future(buyers: Buyers, past: Past) -> Future:
    """What is to be expected of a customer who has done this."""
    mass, total, _ = _posterior(buyers, past)
    alive = fsum([it[0] for it in mass])
    least = SHARE_MIN * alive
    kept = [it for it in mass if it[0] >= least]
    # What the points left out held goes to the others, so that the chances still add up.
    scale = alive / fsum([it[0] for it in kept]) / total if alive > 0.0 else 0.0
    points = [(chance * scale, rate, hazard) for chance, rate, hazard in kept if scale]
    return Future(alive / total, points, past.age_days, buyers)


def log_likelihood(buyers: Buyers, past: Past) -> float:
    """Of one customer's past, but for the factor that only the moments of purchases would give."""
    _, total, shift = _posterior(buyers, past)
    return log(total) + shift + past.repeats * log(past.eagerness)


def _posterior(buyers: Buyers, past: Past) -> tuple[list[tuple[float, float, float]], float, float]:
    """The mass of being a customer still, by point; that of all that may be; and a log scale.

    A grid is a product, so there is an exponential for each rate and each hazard and none for each
    of their pairs.
    """
    last = buyers.clock(min(past.last_days, past.age_days))
    silence = buyers.clock(past.age_days) - last
    repeats, eagerness = past.repeats, past.eagerness
    logs = [
        log(weight) + repeats * log(rate) - rate * eagerness * last
        for rate, weight in zip(buyers.rates, buyers.rate_weights, strict=True)
    ]
    shift = max(logs)
    hazards = [
        (hazard, weight * exp(-hazard * last), exp(-hazard * silence))
        for hazard, weight in zip(buyers.hazards, buyers.hazard_weights, strict=True)
    ]
    mass = []
    total = 0.0
    for base, given in zip(logs, buyers.rates, strict=True):
        if base < shift - _LOG_NOTHING:
            continue
        rate = given * eagerness
        of_rate, rate_silent = exp(base - shift), exp(-rate * silence)
        for hazard, of_hazard, hazard_silent in hazards:
            silent = rate_silent * hazard_silent
            here = of_rate * of_hazard
            still = here * silent
            total += still + here * (1.0 - silent) * hazard / (rate + hazard)
            mass.append((still, rate, hazard))
    if total <= 0.0:
        # So improbable that no float holds it: they are gone.
        return [], 1.0, shift
    return mass, total, shift


def gamma_grid(shape: float, mean: float, count: int) -> tuple[list[float], list[float]]:
    """A gamma distribution as so many points with weights: each the mean of a slice of it.

    The slices grow evenly in their logarithm, so the mean is kept whatever their number.

    >>> points, weights = gamma_grid(0.5, 3.0, 12)
    >>> round(sum(weights), 9), round(sum(p * w for p, w in zip(points, weights)), 9)
    (1.0, 3.0)
    """
    # Below a tenth of the median, or a fiftieth of the mean, one value is as good as another.
    lowest = max(0.02 * shape, 0.1 * exp((log(0.5) + lgamma(shape + 1)) / shape))
    highest = shape + 3.0 * shape**0.5 + 2.0
    step = log(highest / lowest) / max(1, count - 2)
    ends = [lowest * exp(step * place) for place in range(count - 1)]
    below = [0.0, *(_gamma_below(shape, it) for it in ends), 1.0]
    # The mean of a slice comes from the distribution whose shape is larger by one.
    moment = [0.0, *(_gamma_below(shape + 1, it) for it in ends), 1.0]
    points, weights = [], []
    for place in range(count):
        weight = below[place + 1] - below[place]
        if weight > 0.0:
            points.append(mean * (moment[place + 1] - moment[place]) / weight)
            weights.append(weight)
    return points, weights


def _gamma_below(shape: float, x: float) -> float:
    """The regularised lower incomplete gamma function, by its power series (DLMF 8.7.1)."""
    term = whole = 1.0 / shape
    place = shape
    while term > whole * 1e-16:
        place += 1.0
        term *= x / place
        whole += term
    return min(1.0, whole * exp(shape * log(x) - x - lgamma(shape)))
