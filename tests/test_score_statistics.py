"""Figures of the score: each is what counting by hand gives, and its interval covers the truth."""

from statistics import mean
from time import process_time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.score import curves, plain
from bench.score.resampled import (
    Measure,
    auc_of,
    calibration_error_of,
    compare,
    correlation_of,
    lift_at,
    mean_of,
    rate_at,
    ratio_of,
    resamples,
    uplift_at,
)
from bench.score.scored import (
    Floats,
    auc,
    between,
    by_customer,
    calibration_error,
    interval,
    reliability,
)

#: Few distinct scores, so that many tie.
POINTS = st.lists(
    st.tuples(st.integers(0, 6).map(lambda it: it / 6), st.booleans(), st.integers(0, 3)),
    min_size=2, max_size=40,
)  # fmt: skip


def columns(points: list[tuple[float, bool, int]]) -> tuple[Floats, Floats, Floats]:
    scores, hits, weights = np.array(points, float).T
    return scores, hits, weights


def repeated(values: Floats, weights: Floats) -> Floats:
    return np.asarray(np.repeat(values, weights.astype(int)), float)


def same(a: float, b: float) -> bool:
    return a == pytest.approx(b, abs=1e-9, nan_ok=True)


@given(POINTS)
def test_an_auc_is_the_share_of_pairs_in_the_right_order(
    points: list[tuple[float, bool, int]],
) -> None:
    scores, hits, _ = columns(points)
    pairs = [
        (yes > no) + (yes == no) / 2
        for yes in scores[hits > 0]
        for no in scores[hits == 0]
    ]  # fmt: skip
    assert same(auc(scores, hits), mean(pairs) if pairs else float("nan"))


@example([(1 / 6, False, 1), (1 / 6, False, 3), (1 / 6, False, 3), (1 / 6, True, 3)])
@given(POINTS)
def test_a_weighted_measure_is_that_of_points_which_stand_so_often(
    points: list[tuple[float, bool, int]],
) -> None:
    scores, hits, weights = columns(points)
    again, hit = repeated(scores, weights), repeated(hits, weights)
    assert same(auc_of(scores, hits)(weights), auc(again, hit) if len(hit) else float("nan"))
    if not len(hit):
        return
    assert same(mean_of(scores)(weights), again.mean())
    if hit.any():
        assert same(ratio_of(scores, hits)(weights), again.sum() / hit.sum())
    for bins in (2, 10):
        measured = calibration_error_of(scores, hits, bins)(weights)
        order = np.argsort(scores, kind="stable")
        kept = weights[order].astype(int)
        expected = calibration_error(
            np.repeat(scores[order], kept), np.repeat(hits[order], kept), bins
        )
        assert same(measured, expected)
    measured = correlation_of(scores, hits)(weights)
    if len(set(again)) > 1 and len(set(hit)) > 1:
        assert same(measured, float(np.corrcoef(again, hit)[0, 1]))
    else:
        assert np.isnan(measured)


@given(POINTS, st.integers(1, 20).map(lambda it: it / 20))
def test_the_best_share_is_right_on_average_however_ties_are_broken(
    points: list[tuple[float, bool, int]], share: float
) -> None:
    scores, hits, weights = columns(points)
    again, hit = repeated(scores, weights), repeated(hits, weights)
    if not len(hit):
        return
    room, found = share * len(hit), 0.0
    for score in sorted(set(again), reverse=True):
        tied = hit[again == score]
        taken = min(room, len(tied))
        found, room = found + taken * tied.mean(), room - taken
    rate = found / (share * len(hit))
    assert same(rate_at(scores, hits, share)(weights), rate)
    if hit.any():
        assert same(lift_at(scores, hits, share)(weights), rate / hit.mean())
        assert lift_at(scores, hits, 1.0)(weights) == pytest.approx(1)


def test_an_uplift_is_the_difference_of_the_arms_among_the_best() -> None:
    scores = np.array([4.0, 3, 2, 1, 4, 3, 2, 1])
    treated = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    visits = np.array([1.0, 1, 0, 0, 0, 1, 0, 1])
    everybody = np.ones(8)
    assert uplift_at(scores, treated, visits, 0.25)(everybody) == 1.0
    assert uplift_at(scores, treated, visits, 0.5)(everybody) == 0.5
    assert uplift_at(scores, treated, visits, 1.0)(everybody) == 0.0
    assert np.isnan(uplift_at(scores, np.ones(8), visits, 0.5)(everybody))
    line = curves.uplift(scores, treated, visits)
    assert line[0] == (0.0, 0.0)
    assert dict(line)[0.5] == 0.25


@settings(max_examples=20)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_recall_grows_with_the_rank_and_ends_at_the_hit_rate(ranks: list[int]) -> None:
    line = [share for _, share in curves.recall(ranks, 20)]
    assert line == sorted(line)
    assert line[-1] == sum(1 <= it <= 20 for it in ranks) / len(ranks)


def test_bins_of_the_reliability_have_all_points_and_say_what_came() -> None:
    chances = np.linspace(0, 1, 100)
    line = reliability(chances, (chances > 0.5).astype(float), 4)
    assert [came for _, came in line] == [0, 0, 1, 1]
    assert line[0][0] == pytest.approx(chances[:25].mean())


def shares_covered(seed: int, points_each: int) -> bool:
    """Whether the interval of a mean has the truth, 0; customers differ, and so do their points."""
    chance = np.random.default_rng(seed)
    customers = 60
    own = np.repeat(chance.normal(size=customers), points_each)
    values = own + chance.normal(size=len(own)) / 2
    who = np.repeat(np.arange(customers), points_each)
    measure = mean_of(values)
    drawn = [measure(it) for it in resamples(who, seed, 200)]
    found = between(measure(np.ones(len(values))), np.array(drawn))
    return found.low <= 0 <= found.high


@pytest.mark.parametrize("points_each", [1, 5])
def test_an_interval_covers_the_truth_in_nineteen_of_twenty_samples(points_each: int) -> None:
    covered = mean(shares_covered(it, points_each) for it in range(200))
    # The percentile bootstrap of 60 is a little narrow; three standard errors are 0.05.
    assert 0.89 <= covered <= 0.99


def test_points_of_one_customer_come_together() -> None:
    who = ["ann", "bob", "ann", "cyn"]
    drawn = list(resamples(who, 1, 50))
    assert all(it[0] == it[2] and it[0] + it[1] + it[3] == 3 for it in drawn)
    assert len({tuple(it) for it in drawn}) > 3


def two_scores(size: int = 800) -> tuple[Floats, dict[str, Measure]]:
    chance = np.random.default_rng(1)
    hits = (chance.random(size) < 0.3).astype(float)
    plainly = hits + chance.normal(size=size)
    # Better by a little, and nearly the same: alone, the two intervals overlap widely.
    better = plainly + 0.3 * hits
    return hits, {"ours": auc_of(better, hits), "plain": auc_of(plainly, hits)}


def test_a_difference_is_judged_on_the_same_customers() -> None:
    hits, measures = two_scores()
    found = compare("auc", measures, np.arange(len(hits)), "ours", goal=0.5)
    ahead = found.ahead["plain"]
    assert found.reached
    assert found.by["ours"].low < found.by["plain"].high
    assert ahead.low > 0
    assert ahead.value == pytest.approx(found.by["ours"].value - found.by["plain"].value)
    reordered = compare("auc", dict(reversed(measures.items())), np.arange(len(hits)), "ours")
    assert reordered.by == found.by


def test_two_ways_to_an_interval_say_nearly_the_same() -> None:
    chance = np.random.default_rng(2)
    hits = (chance.random(300) < 0.5).astype(float)
    scores = hits + chance.normal(size=300)
    by_weights = compare("auc", {"ours": auc_of(scores, hits)}, np.arange(300), "ours").by["ours"]
    by_index = by_customer(auc, scores, hits)
    plainly = interval(lambda it: auc(scores[it], hits[it]), 300)
    for one in (by_index, plainly):
        assert one.value == pytest.approx(by_weights.value)
        assert (one.low, one.high) == pytest.approx((by_weights.low, by_weights.high), abs=0.01)


def test_a_thousand_resamples_of_60_000_points_take_seconds() -> None:
    chance = np.random.default_rng(3)
    hits = (chance.random(60_000) < 0.3).astype(float)
    measure = auc_of(hits + chance.normal(size=60_000), hits)
    began = process_time()
    for weights in resamples(np.arange(60_000), 1, 100):
        measure(weights)
    assert process_time() - began < 1


# The plain logistic regression -------------------------------------------------------------------


def test_a_logistic_regression_finds_what_made_the_data() -> None:
    chance = np.random.default_rng(4)
    x = chance.normal(size=(20_000, 3)) * [1, 10, 0.1] + [0, 50, 7]
    logit = 0.5 * x[:, 0] - 0.1 * (x[:, 1] - 50) - 1
    hits = (chance.random(20_000) < 1 / (1 + np.exp(-logit))).astype(float)
    weights = plain.fit(x, hits, 1e-6)
    assert weights.slopes / weights.spreads == pytest.approx([0.5, -0.1, 0], abs=0.25)
    said = plain.chances(weights, x)
    assert said.mean() == pytest.approx(hits.mean(), abs=1e-6)
    assert calibration_error(said, hits) < 0.02


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_at_the_weights_found_the_penalised_likelihood_is_flat(seed: int, ridge: float) -> None:
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(60, 4)) * chance.lognormal(size=4) * 10
    hits = (x[:, 0] > 0).astype(float)  # Separable: only the ridge holds it.
    weights = plain.fit(x, hits, ridge)
    rows = (x - weights.means) / weights.spreads
    left = hits - plain.chances(weights, x)
    assert left.sum() == pytest.approx(0, abs=1e-5)
    assert rows.T @ left == pytest.approx(ridge * weights.slopes, abs=1e-5)


def test_a_feature_that_is_the_same_for_all_says_nothing() -> None:
    x = np.column_stack([np.arange(20.0), np.full(20, 3.0)])
    hits = (np.arange(20) % 3 == 0).astype(float)
    weights = plain.fit(x, hits)
    assert weights.slopes[1] == 0
    assert np.isfinite(plain.chances(weights, x)).all()
