"""Is ours better than the plain one? Figures, and their differences, on the same resamples.

A measure is prepared once and then asked with weights: how often each point is in a resample. A
customer's points come together or not at all (the cluster bootstrap: Davison and Hinkley 1997,
section 3.8), and every measure of one figure sees the same customers, so a difference is a paired
one. A thousand resamples of 60,000 points take a few seconds, since nothing is sorted again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.score.scored import RESAMPLES, Figure, Floats, between

#: A figure of weighted points.
Measure = Callable[[Floats], float]

_NAN = float("nan")


def compare(
    name: str,
    measures: Mapping[str, Measure],
    who: Sequence[Any] | NDArray[Any],
    ours: str,
    goal: float | None = None,
    *,
    less_is_better: bool = False,
    seed: int = 1,
) -> Figure:
    """One figure of ours and of the plain ones, with how far ours is ahead of each of them.

    who: the customer of each point. The figures of the measures are taken of all points.
    """
    everybody = np.ones(len(who))
    values = {it: float(measure(everybody)) for it, measure in measures.items()}
    drawn = np.array(
        [[measure(weights) for measure in measures.values()] for weights in resamples(who, seed)]
    )
    found = dict(zip(measures, drawn.T, strict=True))
    return Figure(
        name,
        {it: between(values[it], found[it]) for it in measures},
        ours,
        goal,
        less_is_better,
        {
            it: between(values[ours] - values[it], found[ours] - found[it])
            for it in measures
            if it != ours and not it.startswith(f"{ours},")
        },
    )


def resamples(
    who: Sequence[Any] | NDArray[Any], seed: int = 1, count: int = RESAMPLES
) -> Iterator[Floats]:
    """How often each point is in a resample of its customers; who: the customer of each point."""
    names, place = np.unique(np.asarray(who), return_inverse=True)
    alone = len(names) == len(place)
    chance = np.random.default_rng(seed)
    for _ in range(count):
        times = np.bincount(chance.integers(0, len(names), len(names)), minlength=len(names))
        # Where everybody has one point, which of them it is does not matter to chance.
        yield (times if alone else times[place]).astype(float)


def _dot(a: Floats, b: Floats) -> float:
    """Not ``@``: for long rows BLAS starts threads for it, and they cost ten times the sum."""
    return float((a * b).sum())


# Measures -----------------------------------------------------------------------------------------


def auc_of(scores: Floats, hits: Floats) -> Measure:
    """``scored.auc`` of weighted points."""
    order = np.argsort(np.asarray(scores, float), kind="stable")
    ordered, hit = np.asarray(scores, float)[order], np.asarray(hits, float)[order] > 0
    # Where a run of ties begins; without any, each point is a run of its own.
    runs = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    tied = len(runs) < len(ordered)

    def measured(weights: Floats) -> float:
        sorted_weights = weights[order]
        yes = sorted_weights * hit
        no = sorted_weights - yes
        if tied:
            yes, no = np.add.reduceat(yes, runs), np.add.reduceat(no, runs)
        misses = no.cumsum()
        pairs = float(yes.sum() * misses[-1])
        return _dot(yes, misses - no / 2) / pairs if pairs else _NAN

    return measured


def mean_of(values: Floats) -> Measure:
    """The mean: a hit rate of noughts and ones, an MRR of reciprocal ranks, an MAE of errors."""
    return ratio_of(values, np.ones(len(values)))


def ratio_of(above: Floats, below: Floats) -> Measure:
    """One sum by another: what came true of all that was said, say."""
    top, bottom = np.asarray(above, float), np.asarray(below, float)

    def measured(weights: Floats) -> float:
        total = _dot(weights, bottom)
        return _dot(weights, top) / total if total else _NAN

    return measured


def correlation_of(x: Floats, y: Floats) -> Measure:
    """Pearson's r."""
    first, second = np.asarray(x, float), np.asarray(y, float)
    # What is the same for all differs from its mean by rounding alone.
    least = 1e-12 * np.abs(first).max(), 1e-12 * np.abs(second).max()

    def measured(weights: Floats) -> float:
        total = weights.sum()
        a, b = first - _dot(weights, first) / total, second - _dot(weights, second) / total
        spreads = (_dot(weights, it * it) for it in (a, b))
        roots = [(it / total) ** 0.5 for it in spreads]
        if roots[0] <= least[0] or roots[1] <= least[1]:
            return _NAN
        return float(_dot(weights, a * b) / total / roots[0] / roots[1])

    return measured


def calibration_error_of(chances: Floats, hits: Floats, bins: int = 10) -> Measure:
    """``scored.calibration_error`` of weighted points; weights are whole numbers."""
    order = np.argsort(np.asarray(chances, float), kind="stable")
    off = np.asarray(chances, float)[order] - np.asarray(hits, float)[order]

    def measured(weights: Floats) -> float:
        ordered = np.repeat(off, weights[order].astype(int))
        parts = [it for it in np.array_split(ordered, bins) if len(it)]
        return float(sum(abs(it.sum()) for it in parts) / max(1, len(ordered)))

    return measured


def rate_at(scores: Floats, hits: Floats, share: float) -> Measure:
    """How many of the best-scored share are hits (precision at that share)."""
    best, hit = _best(scores), np.asarray(hits, float)

    def measured(weights: Floats) -> float:
        kept = best(weights, share)
        return _dot(kept, hit) / float(kept.sum()) if kept.any() else _NAN

    return measured


def lift_at(scores: Floats, hits: Floats, share: float) -> Measure:
    """How many times as often the best-scored share are hits as all are."""
    rate, overall = rate_at(scores, hits, share), mean_of(hits)

    def measured(weights: Floats) -> float:
        whole = overall(weights)
        return rate(weights) / whole if whole else _NAN

    return measured


def uplift_at(scores: Floats, treated: Floats, outcomes: Floats, share: float) -> Measure:
    """What treating does to the best-scored share: the treated's mean less the others'.

    It says what was caused only where chance decided who is treated. Radcliffe (2007), "Using
    control groups to target on predicted lift".
    """
    best, arm = _best(scores), np.asarray(treated, float)
    outcome = np.asarray(outcomes, float)

    def measured(weights: Floats) -> float:
        kept = best(weights, share)
        with_it, without = kept * arm, kept * (1 - arm)
        if not with_it.any() or not without.any():
            return _NAN
        return _dot(with_it, outcome) / float(with_it.sum()) - _dot(without, outcome) / float(
            without.sum()
        )

    return measured


def _best(scores: Floats) -> Callable[[Floats, float], Floats]:
    """Weights of the best-scored share. Of those that tie at its edge each is in by a part."""
    values, tied = np.unique(-np.asarray(scores, float), return_inverse=True)

    def kept(weights: Floats, share: float) -> Floats:
        sizes = np.bincount(tied, weights, len(values))
        room = share * sizes.sum() - (sizes.cumsum() - sizes)
        parts = np.clip(np.divide(room, sizes, out=np.zeros_like(sizes), where=sizes > 0), 0, 1)
        return np.asarray(weights * parts[tied], float)

    return kept
