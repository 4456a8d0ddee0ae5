"""Who redeems a coupon, as far as examples teach it? A logistic regression, with a ridge.

Runs on the leader only, and needs numpy.
"""

from collections.abc import Sequence
from typing import Any

from agents.coupons.redeeming import EXAMPLE_WIDTH, KNOWN, Chances, Responses


def fitted(ledgers: Sequence[Responses], redeemed_min: int) -> Chances | None:
    """The model; None where too few coupons have been redeemed, or none was left."""
    redeemed = sum(it.redeemed_count for it in ledgers)
    others = sum(it.others_count for it in ledgers)
    if redeemed < redeemed_min or others < redeemed_min:
        return None
    import numpy as np

    names = sorted({name for it in ledgers for name in it.templates})
    rows, hits, weights = [], [], []
    for ledger in ledgers:
        for sample, count, hit in (
            (ledger.redeemed, ledger.redeemed_count, 1.0),
            (ledger.others, ledger.others_count, 0.0),
        ):
            examples = len(sample) // EXAMPLE_WIDTH
            for at in range(0, len(sample), EXAMPLE_WIDTH):
                place = sample[at]
                name = ledger.templates[place] if place < len(ledger.templates) else None
                flags = [float(it == name) for it in names]
                rows.append([*sample[at + 1 : at + EXAMPLE_WIDTH], *flags])
                hits.append(hit)
                weights.append(count / examples)
    table = np.array(rows, float)
    means, scales, slopes = _logistic(table, [hits, weights], len(KNOWN), np)
    known = len(KNOWN)
    return Chances(
        means[:known].tolist(), scales[:known].tolist(), slopes[1 : known + 1].tolist(),
        float(slopes[0]), dict(zip(names, map(float, slopes[known + 1 :]), strict=True)),
        redeemed / (redeemed + others), redeemed + others,
    )  # fmt: skip


def _logistic(table: Any, told: list[list[float]], known: int, np: Any) -> tuple[Any, Any, Any]:
    """Means, scales and weights by Newton's method, with a ridge; flags stay as they are.

    told: whether each was redeemed, and how many it stands for.
    """
    hit, weight = (np.array(it) for it in told)
    means = np.average(table, axis=0, weights=weight)
    scales = np.sqrt(np.average((table - means) ** 2, axis=0, weights=weight))
    means[known:], scales[known:] = 0.0, 1.0
    scales[scales < 1e-6] = 1e9
    design = np.column_stack([np.ones(len(table)), (table - means) / scales])
    ridge = np.ones(design.shape[1])
    ridge[0] = 1e-6
    slopes = np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ slopes, -30, 30)))
        curve = (design.T * (weight * chance * (1 - chance))) @ design + np.diag(ridge)
        step = np.linalg.solve(curve, design.T @ (weight * (hit - chance)) - ridge * slopes)
        slopes = slopes + step * min(1.0, 5 / max(1e-9, float(abs(step).max())))
        if abs(step).max() < 1e-8:
            break
    return means, scales, slopes
