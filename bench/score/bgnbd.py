"""What does the plain model say? BG/NBD, as published, for comparison.

Fader, Hardie and Lee, "Counting your customers the easy way", Marketing Science 2005: likelihood
(equation 6) and the expected number of purchases of a customer (equation 10), with time in weeks.
"""

from typing import Any

import numpy as np
from msgspec import Struct
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from bench.score.scored import Floats


class BgNbd(Struct, frozen=True):
    """The parameters, and how likely they make the data."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def expected(self, repeats: Floats, last: Floats, age: Floats, weeks: float) -> Floats:
        """How many purchases each customer is expected to make in the next weeks."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        grown = r + repeats
        series = hyp2f1(grown, b + repeats, a + b + repeats - 1, weeks / (alpha + age + weeks))
        most = (a + b + repeats - 1) / (a - 1)
        lasting = 1 - ((alpha + age) / (alpha + age + weeks)) ** grown * series
        left = a / (b + np.maximum(repeats, 1) - 1) * ((alpha + age) / (alpha + last)) ** grown
        return np.asarray(most * lasting / (1 + np.where(repeats > 0, left, 0)))


def fit(repeats: Floats, last: Floats, age: Floats) -> BgNbd:
    """The likeliest parameters. last: weeks from the first purchase to the last one."""

    def badness(logs: Any) -> float:
        r, alpha, a, b = np.exp(logs)
        grown = r + repeats
        rates = gammaln(grown) - gammaln(r) + r * np.log(alpha)
        leaving = gammaln(a + b) + gammaln(b + repeats) - gammaln(b) - gammaln(a + b + repeats)
        stays = -grown * np.log(alpha + age)
        gone = np.log(a / (b + np.maximum(repeats, 1) - 1)) - grown * np.log(alpha + last)
        either = np.logaddexp(stays, np.where(repeats > 0, gone, -np.inf))
        return -float((rates + leaving + either).sum())

    found = minimize(
        badness, np.zeros(4), method="Nelder-Mead",
        options={"maxiter": 4_000, "xatol": 1e-7, "fatol": 1e-7},
    )  # fmt: skip
    r, alpha, a, b = (float(it) for it in np.exp(found.x))
    return BgNbd(r, alpha, a, b, -float(found.fun))
