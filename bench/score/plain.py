"""What does a plain logistic regression say? The rival of whatever has learned from the stream.

Iteratively reweighted least squares with a ridge (Nelder and Wedderburn 1972; le Cessie and van
Houwelingen 1992), on standardised features. It is fitted anew from a table of the past, which no
stream could do, so it is a strong rival.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from bench.score.scored import Floats

#: Newton's method needs some six steps; where classes are nearly separable, some more.
STEPS_MAX = 50
#: Chances stay so far from 0 and 1, or a step's weights would be nought.
EDGE = 1e-9


class Weights(Struct, frozen=True):
    """Of standardised features: what each is less its mean, by its spread."""

    means: Floats
    spreads: Floats
    intercept: float
    slopes: Floats


def fit(x: ArrayLike, y: ArrayLike, ridge: float = 1.0) -> Weights:
    """The weights that make ``y`` (noughts and ones) most likely, given rows of features.

    ridge: half of it times the sum of squared slopes is taken from the log-likelihood; the
    intercept is free. A feature that is the same for all gets the slope 0.
    """
    rows, hits = np.asarray(x, float), np.asarray(y, float)
    means, spreads = rows.mean(axis=0), rows.std(axis=0)
    spreads = np.where(spreads > 0, spreads, 1.0)
    design = np.column_stack([np.ones(len(rows)), (rows - means) / spreads])
    penalty = np.full(design.shape[1], float(ridge))
    penalty[0] = 0.0
    slopes = np.zeros(design.shape[1])
    for _ in range(STEPS_MAX):
        chance = np.clip(_logistic(design @ slopes), EDGE, 1 - EDGE)
        slope = design.T @ (hits - chance) - penalty * slopes
        curve = (design.T * (chance * (1 - chance))) @ design + np.diag(penalty)
        step = _shortened(np.linalg.solve(curve + 1e-10 * np.eye(len(curve)), slope))
        slopes = slopes + step
        if np.abs(step).max() < 1e-9:
            break
    return Weights(means, spreads, float(slopes[0]), slopes[1:])


def chances(weights: Weights, x: ArrayLike) -> Floats:
    """The chance of a hit, of each row."""
    rows = (np.asarray(x, float) - weights.means) / weights.spreads
    return _logistic(weights.intercept + rows @ weights.slopes)


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), float)


def _shortened(step: Floats) -> Floats:
    """No more than 5 at once, so that a first guess far off does not run away."""
    return np.asarray(step * min(1.0, 5 / max(1e-300, float(np.abs(step).max()))), float)
