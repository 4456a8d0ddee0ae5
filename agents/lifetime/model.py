"""What is known of a shop's buyers? How they come and leave, and what they spend: a small model.

Until one has been fitted, ``first_guess`` stands in: the shop's usual gap, and what is found in
most shops. What is fitted replaces it (``fit.py``).
"""

from collections.abc import Iterable
from functools import lru_cache
from math import exp, isfinite, log

from msgspec import Struct, field

from state.btyd import Buyers, Future, Past, future, gamma_grid

#: How many rates and hazards are told apart. With finer grids CDNOW and Online Retail are foretold
#: alike to the third digit; with coarser ones they are not.
RATES, HAZARDS = 10, 5
#: Of the logarithm of a first order: beyond so many standard deviations it says no more.
SIZE_MAX = 2.0
#: Nothing that is fitted comes near these; beyond them powers and exponentials leave the floats.
_AGINGS, _PULL_MAX = (0.05, 5.0), 20.0


class Spending(Struct, frozen=True, array_like=True, gc=False):
    """What a purchase is worth: the Gamma-Gamma model (Fader and Hardie 2013), in minor units.

    Purchases of one customer vary by a gamma distribution of shape p, customers by one of shape q
    and scale gamma.
    """

    p: float = 6.0
    q: float = 4.0
    gamma: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for parameters of which there is no such model."""
        _demand(_are_above(0.0, (self.p,)) and _are_above(1.0, (self.q,)), "p and q are too small")
        _demand(isfinite(self.gamma) and self.gamma >= 0.0, "gamma is no scale")

    def a_purchase(self, mean_cents: float, purchases: int) -> float:
        """What to expect of one that is to come: their own mean, drawn towards the shop's."""
        if not self.gamma:
            return mean_cents
        weight = self.p * purchases + self.q - 1.0
        return self.p * (self.gamma + mean_cents * purchases) / weight


class Shoppers(Struct, frozen=True, gc=False):
    """The model. customers: of so many.

    size_log, size_spread: mean and standard deviation of the logarithm of a first order in minor
    units; size_pull: by how much the rate grows with one standard deviation, as a logarithm.
    values: the expected spend from which a customer's value is medium, and high. fitted: the
    parameters as they were fitted, from which the next fit sets out. log_likelihood: for people.
    horizon_days: for which the values were taken.
    """

    buyers: Buyers
    spending: Spending = field(default_factory=Spending)
    size_log: float = 0.0
    size_spread: float = 0.0
    size_pull: float = 0.0
    values: tuple[float, ...] = ()
    customers: int = 0
    fitted_at: int = 0
    fitted: tuple[float, ...] = ()
    log_likelihood: float = 0.0
    horizon_days: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for what does not fit together: a model that is read is checked, too."""
        it = self.buyers
        _check_grid("rate", it.rates, it.rate_weights)
        _check_grid("hazard", it.hazards, it.hazard_weights)
        _demand(_AGINGS[0] <= it.aging <= _AGINGS[1], "the aging is out of bounds")
        numbers = (
            self.size_log,
            self.log_likelihood,
            self.horizon_days,
            *self.fitted,
            *self.values,
        )
        _demand(all(map(isfinite, numbers)), "a number is not finite")
        _demand(isfinite(self.size_spread) and self.size_spread >= 0.0, "the spread is none")
        _demand(abs(self.size_pull) <= _PULL_MAX, "the pull is out of bounds")
        is_rising = list(self.values) == sorted(self.values)
        _demand(len(self.values) in (0, 2) and is_rising, "values are two that rise, or none")

    def eagerness(self, first_cents: int) -> float:
        """The factor on the rate of somebody whose first order was worth this."""
        if not self.size_spread or first_cents <= 0:
            return 1.0
        size = (log(first_cents) - self.size_log) / self.size_spread
        return exp(self.size_pull * min(SIZE_MAX, max(-SIZE_MAX, size)))

    def future(self, repeats: int, last_days: float, age_days: float, first_cents: int) -> Future:
        """What is to be expected of a customer."""
        past = Past(repeats, last_days, age_days, self.eagerness(first_cents))
        return future(self.buyers, past)

    def value(self, spend_cents: float) -> str:
        """Whether that is a low, a medium or a high value; empty where nobody knows yet."""
        if not self.values:
            return ""
        return ("low", "medium", "high")[sum(spend_cents >= it for it in self.values)]


def buyers(
    shape: float, mean_rate: float, shape_of_leaving: float, mean_hazard: float, aging: float
) -> Buyers:
    """A shop's buyers by their distributions: rates and hazards a day of the clock."""
    return Buyers(
        *gamma_grid(shape, mean_rate, RATES),
        *gamma_grid(shape_of_leaving, mean_hazard, HAZARDS),
        aging,
    )


@lru_cache(maxsize=64)
def first_guess(gap_days: int) -> Shoppers:
    """A shop of which only the usual gap between two purchases is known.

    That most customers buy once, and half of the others are gone after some gaps, is what CDNOW,
    Online Retail and Complete Journey have in common; it is worth little, and soon replaced.
    """
    gap = max(1, gap_days)
    return Shoppers(buyers(0.7, 0.5 / gap, 0.8, 0.1 / gap, 1.0))


def _check_grid(name: str, points: list[float], weights: list[float]) -> None:
    _demand(0 < len(points) == len(weights), f"each {name} has one weight, and there is one")
    _demand(_are_above(0.0, points), f"each {name} is above nought")
    _demand(_are_above(0.0, weights), f"each weight of a {name} is above nought")


def _are_above(least: float, numbers: Iterable[float]) -> bool:
    return all(isfinite(it) and it > least for it in numbers)


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"a model of shoppers: {otherwise}")
