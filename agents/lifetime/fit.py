"""How is the outlook learned? The likeliest shop, given the customers of all partitions' samples.

The law: it runs on the leader, outside of the core, so it may use numpy; what it finds enters the
log. Parameters have weak priors, as in most shops, so that a hundred customers do not say the
absurd. The next fit sets out from the last one, and then takes a few steps.
"""

from collections.abc import Iterable
from math import exp, log
from typing import Any

from agents.lifetime.model import HAZARDS, RATES, SIZE_MAX, Shoppers, Spending, buyers
from schemas.instant import DAY, HOUR
from state.btyd import CLOCK_DAYS, gamma_grid
from state.census import One

#: Below so many customers, and so many purchases that were not the first, nothing is fitted.
CUSTOMERS_MIN, REPEATS_MIN = 100, 50
#: Logarithms of shape and mean of the rates and of the hazards, and of the aging; then the pull of
#: the first order's size: what is believed before, and with what standard deviation.
_BEFORE = (log(0.7), log(1 / 60), log(0.8), log(1 / 300), 0.0, 0.0)
_SPREAD = (1.0, 1.5, 0.7, 1.0, 0.2, 0.5)
#: A clock never speeds up: of a young shop that would foretell ever more.
_BOUNDS = ((-3.0, 3.0), (-12.0, 1.0), (-2.3, 3.0), (-12.0, 0.0), (-1.0, 0.0), (-2.0, 2.0))


def fitted(
    sample: Iterable[One], before: Shoppers | None, at: int, horizon_days: float
) -> Shoppers | None:
    """The model of a sample as it is at a moment; None where it is too small to say anything."""
    import numpy as np
    from scipy.optimize import minimize

    known = [it for it in sample if it.first_hour * HOUR < at]
    if len(known) < CUSTOMERS_MIN or sum(it.repeats for it in known) < REPEATS_MIN:
        return None
    it = _Seen(np, known, at)
    # Another version may have had other parameters.
    is_like = before is not None and len(before.fitted) == len(_BEFORE)
    begin = np.array(before.fitted if before and is_like else _BEFORE)
    found = minimize(
        it.badness, begin, method="L-BFGS-B", bounds=_BOUNDS, options={"ftol": 1e-7, "maxiter": 60}
    )
    theta = tuple(round(float(value), 6) for value in found.x)
    model = Shoppers(
        buyers(*map(exp, theta[:5])),
        _spending(np, minimize, it.purchases, it.means),
        it.size_log, it.size_spread, theta[5],
        customers=len(known), fitted_at=at, fitted=theta,
        log_likelihood=round(it.log_likelihood(np.array(theta)), 1),
    )  # fmt: skip
    spends = [_spend(model, one, at, horizon_days) for one in known]
    cuts = tuple(round(float(cut)) for cut in np.quantile(spends, (0.5, 0.8)))
    return _with_values(model, cuts, horizon_days)


def _with_values(model: Shoppers, cuts: tuple[int, ...], horizon_days: float) -> Shoppers:
    from msgspec.structs import replace

    return replace(model, values=cuts, horizon_days=horizon_days)


def _spend(model: Shoppers, it: One, at: int, horizon_days: float) -> float:
    last_days, age_days = _days(it.last_hour - it.first_hour), _days(at // HOUR - it.first_hour)
    ahead = model.future(it.repeats, last_days, age_days, round(it.first_cents))
    purchases = it.repeats + 1
    mean = max(0.0, it.net_cents) / purchases
    return ahead.orders(horizon_days) * model.spending.a_purchase(mean, purchases)


def _days(hours: int) -> float:
    return max(0, hours) * HOUR / DAY


class _Seen:
    """A sample as columns, and how badly parameters agree with it."""

    def __init__(self, np: Any, known: list[One], at: int) -> None:
        self._np = np
        self._repeats = np.array([it.repeats for it in known], float)
        self._last = np.array([_days(it.last_hour - it.first_hour) for it in known])
        age = [_days(at // HOUR - it.first_hour) for it in known]
        self._age = np.maximum(np.array(age), self._last)
        logs = np.array([it.log_ages for it in known]) - self._repeats * log(CLOCK_DAYS)
        self._log_ages = float(logs.sum())
        joined = np.array([it.joined for it in known])
        self._dated = float(self._repeats.sum() - np.maximum(0, joined - 1).sum())
        self._joined = joined > 0
        begun = [_days(it.began_hour - it.first_hour) for it in known if it.joined]
        self._begun = np.minimum(np.array(begun), self._age[self._joined])
        self.purchases = self._repeats + 1
        self.means = np.maximum(0.0, [it.net_cents for it in known]) / self.purchases
        first = np.array([it.first_cents for it in known])
        sizes = np.log(first[first > 0])
        self.size_log = round(float(sizes.mean()), 4) if len(sizes) else 0.0
        self.size_spread = round(float(sizes.std()), 4) if len(sizes) else 0.0
        with np.errstate(divide="ignore"):
            standard = (np.log(first) - self.size_log) / (self.size_spread or 1.0)
        standard = np.where(first > 0, np.clip(standard, -SIZE_MAX, SIZE_MAX), 0.0)
        self._sizes = standard if self.size_spread else np.zeros(len(known))

    def badness(self, theta: Any) -> float:
        """The negative logarithm of likelihood and prior."""
        parts = zip(theta, _BEFORE, _SPREAD, strict=True)
        prior = sum(((value - mean) / spread) ** 2 for value, mean, spread in parts) / 2
        return float(prior - self.log_likelihood(theta))

    def log_likelihood(self, theta: Any) -> float:
        """As in ``state/btyd.py``, of all customers at once."""
        np = self._np
        aging, eagerness = exp(theta[4]), np.exp(theta[5] * self._sizes)[:, None]
        rates, rate_weights = map(np.array, gamma_grid(exp(theta[0]), exp(theta[1]), RATES))
        hazards, weights = map(np.array, gamma_grid(exp(theta[2]), exp(theta[3]), HAZARDS))
        last = CLOCK_DAYS * (self._last / CLOCK_DAYS) ** aging
        silence = (CLOCK_DAYS * (self._age / CLOCK_DAYS) ** aging - last)[:, None]
        last, rate = last[:, None], rates * eagerness
        of_rate = np.log(rate_weights) + self._repeats[:, None] * np.log(rate) - rate * last
        shift = of_rate.max(1, keepdims=True)
        of_rate, of_hazard = np.exp(of_rate - shift), weights * np.exp(-hazards * last)
        silent = np.exp(-rate * silence)[:, :, None] * np.exp(-hazards * silence)[:, None, :]
        leaves = hazards / (rate[:, :, None] + hazards)
        either = of_rate[:, :, None] * of_hazard[:, None, :] * (silent + (1 - silent) * leaves)
        of_each = np.log(np.maximum(either.sum((1, 2)), 1e-300)) + shift[:, 0]
        # What the slowing clock does to the density of each purchase.
        slowing = self._dated * theta[4] + (aging - 1) * self._log_ages
        returning = 0.0
        if self._joined.any():
            # They are in the sample because they came again; those who did not are not in it.
            begun = CLOCK_DAYS * (self._begun / CLOCK_DAYS) ** aging
            span = ((last + silence)[self._joined, 0] - begun)[:, None, None]
            rate = rate[self._joined][:, :, None]
            still = weights * np.exp(-hazards * begun[:, None])
            comes = rate / (rate + hazards) * -np.expm1(-(rate + hazards) * span)
            chance = (rate_weights[:, None] * still[:, None, :] * comes).sum((1, 2))
            returning = float(np.log(np.maximum(chance, 1e-300)).sum())
        return float(of_each.sum() + slowing - returning)


def _spending(np: Any, minimize: Any, purchases: Any, means: Any) -> Spending:
    """The likeliest Gamma-Gamma model of what customers paid for a purchase on average."""
    from scipy.special import gammaln

    paid = means > 0
    n, mean = purchases[paid], means[paid]
    if len(n) < CUSTOMERS_MIN:
        return Spending()
    unit = float(np.median(mean))
    x = mean / unit

    def badness(theta: Any) -> float:
        p, q, scale = np.exp(theta[0]), 1.0 + np.exp(theta[1]), np.exp(theta[2])
        of_each = (
            gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(scale)
            + (p * n - 1) * np.log(x) + p * n * np.log(n) - (p * n + q) * np.log(scale + n * x)
        )  # fmt: skip
        # The mean of the shop is only there for q above 1, and a fit of few likes to leave it.
        return float(((theta[1] - 1) / 1.5) ** 2 / 2 - of_each.sum())

    found = minimize(badness, np.array([1.0, 1.0, 1.0]), method="L-BFGS-B", bounds=((-3, 6),) * 3)
    p, q, scale = (float(np.exp(it)) for it in found.x)
    return Spending(round(p, 5), round(1.0 + q, 5), round(scale * unit, 3))
