"""What do the arms teach? A linear model of the effect, in which most of what is known may be idle.

Nearly nothing of what is known of a customer changes what an offer does, and with a holdout of some
hundreds each idle value would only add noise. So each coefficient of the effect has a normal prior
of its own, around zero, whose width is chosen so that the data become most probable; what is idle
gets a width of zero (automatic relevance determination: MacKay, Neural Computation 4 (1992)
415-447; Tipping, Journal of Machine Learning Research 1 (2001) 211-244). What is left over is the
mean effect, the same for all. Runs on the leader only, and needs numpy.
"""

from collections.abc import Sequence
from typing import Any

from agents.coupons.uplift import Arms, Uplift
from state.moments import Moments

_ROUNDS = 60
#: A coefficient of the effect is taken for a fiftieth at first; what is idle goes to nought.
_WIDTH = 0.02
_PRECISION_MIN, _PRECISION_MAX = 1.0, 1e9


def fitted(ledgers: Sequence[Arms], names: tuple[str, ...], examples_min: int) -> Uplift | None:
    """The model; None where an arm has too few examples.

    names: of what is known. A ledger that still tells of other things is left out.
    """
    alike = [it for it in ledgers if it.names == names]
    sent, held_out = Moments(), Moments()
    for it in alike:
        sent, held_out = sent.plus(it.sent), held_out.plus(it.held_out)
    if min(sent.count, held_out.count) < examples_min:
        return None
    import numpy as np

    arms = [_unpacked(it, np) for it in (sent, held_out)]
    whole = arms[0][0] + arms[1][0]
    count = whole[0, 0]
    means = whole[0, 1:] / count
    scales = np.sqrt(np.maximum(np.diag(whole)[1:] / count - means**2, 0.0))
    scales[scales < 1e-6] = 1e9  # It is the same for all, so it says nothing.
    # Rows as deviations: (1, x) times this is (1, (x - mean) / scale).
    turn = np.zeros_like(whole)
    turn[0, 0], turn[0, 1:] = 1.0, -means / scales
    turn[np.arange(1, len(turn)), np.arange(1, len(turn))] = 1 / scales
    (a1, b1), (a0, b0) = [(turn.T @ a @ turn, turn.T @ b) for a, b in arms]
    matrix = np.block([[a1 + a0, (a1 - a0) / 2], [(a1 - a0) / 2, (a1 + a0) / 4]])
    vector = np.concatenate([b1 + b0, (b1 - b0) / 2])
    mean, covariance = _relevant(matrix, vector, b1[0] + b0[0], count, np)
    width = len(whole)
    lower = covariance[width:, width:][np.tril_indices(width)]
    answered = sum(it.answered for it in alike)
    redeemed = sum(it.redeemed for it in alike)
    return Uplift(
        names, _told(means), _told(scales), _told(mean[:width]), _told(mean[width:]),
        _told(lower), round((redeemed + 1) / (answered + 1), 4) if redeemed < answered else 1.0,
        sent.count, held_out.count,
    )  # fmt: skip


def _unpacked(moments: Moments, np: Any) -> tuple[Any, Any]:
    """The sums of products as a matrix, and those of what came as a vector."""
    width = len(moments.came)
    matrix = np.zeros((width, width))
    matrix[np.tril_indices(width)] = moments.products
    return matrix + np.tril(matrix, -1).T, np.array(moments.came, float)


def _relevant(matrix: Any, vector: Any, squares: float, count: float, np: Any) -> tuple[Any, Any]:
    """Mean and covariance of the coefficients: those of the base, then those of the effect.

    Both constants are free. The base's others have one prior in common; each of the effect's has
    its own. squares: the sum of the outcomes squared.
    """
    width = len(vector) // 2
    least = np.linalg.lstsq(matrix, vector, rcond=None)[0]
    noise = max((squares - vector @ least) / count, 1e-6)
    base, effect = np.arange(1, width), np.arange(width + 1, 2 * width)
    precision = np.full(2 * width, 1e-6)
    precision[base], precision[effect] = 10 / noise, 1 / _WIDTH**2

    def posterior() -> tuple[Any, Any]:
        covariance = np.linalg.inv(matrix / noise + np.diag(precision))
        return covariance @ vector / noise, covariance

    for _ in range(_ROUNDS):
        mean, covariance = posterior()
        told = 1 - precision * np.diag(covariance)
        precision[effect] = np.clip(
            told[effect] / np.maximum(mean[effect] ** 2, 1e-12), _PRECISION_MIN, _PRECISION_MAX
        )
        shared = told[base].sum() / max((mean[base] ** 2).sum(), 1e-12)
        precision[base] = np.clip(shared, _PRECISION_MIN, _PRECISION_MAX)
    return posterior()


def _told(values: Any) -> list[float]:
    """As the model has them: seven digits are more than is known."""
    return [float(f"{it:.7g}") for it in values]
