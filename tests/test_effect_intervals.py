"""Intervals: from sums alone they say what the raw lists say, and what their papers say."""

from math import isclose, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from streams.effect.intervals import (
    Interval,
    Share,
    Sums,
    fieller,
    katz,
    newcombe,
    welch,
    wilson,
)

CENTS = st.lists(st.integers(-(10**9), 10**12), min_size=2, max_size=40)
SHARES = st.integers(1, 10**6).flatmap(
    lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole))
)


def sums(values: list[int]) -> Sums:
    return Sums(len(values), sum(values), sum(it * it for it in values))


def near(one: float, other: float, scale: float = 1.0) -> bool:
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * scale)


# Proportions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "held_out", "low", "high"),
    # Newcombe 1998, Table II, examples (a) to (h), method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_the_difference_of_proportions_is_that_of_newcombes_examples(
    sent: tuple[int, int], held_out: tuple[int, int], low: float, high: float
) -> None:
    found = newcombe(Share(*sent), Share(*held_out))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(SHARES)
def test_a_proportions_own_interval_is_that_of_scipy(share: Share) -> None:
    found = wilson(share)
    theirs = stats.binomtest(share.part, share.whole).proportion_ci(method="wilson")
    assert near(found.low, theirs.low)
    assert near(found.high, theirs.high)


@given(SHARES, SHARES)
def test_the_arms_changed_over_change_the_sign_of_the_difference(one: Share, other: Share) -> None:
    found, back = newcombe(one, other), newcombe(other, one)
    assert near(found.low, -back.high)
    assert near(found.high, -back.low)
    assert found.low <= one.rate - other.rate <= found.high


@given(SHARES, SHARES)
def test_the_ratio_of_proportions_is_that_of_scipy(sent: Share, held_out: Share) -> None:
    found = katz(sent, held_out)
    if not 0 < sent.part < sent.whole or not 0 < held_out.part < held_out.whole:
        assert found is None
        return
    ratio = stats.contingency.relative_risk(sent.part, sent.whole, held_out.part, held_out.whole)
    theirs = ratio.confidence_interval(0.95)
    assert found is not None
    assert near(found.low, theirs.low - 1)
    assert near(found.high, theirs.high - 1)


# Money ---------------------------------------------------------------------------------------------


@given(CENTS, CENTS)
def test_the_difference_of_means_is_that_of_scipy_from_the_raw_lists(
    sent: list[int], held_out: list[int]
) -> None:
    # scipy computes in floating point, and has no answer for lists without any variance.
    assume(len(set(sent)) > 1 and len(set(held_out)) > 1)
    found = welch(sums(sent), sums(held_out))
    theirs = stats.ttest_ind(sent, held_out, equal_var=False).confidence_interval(0.95)
    scale = max(map(abs, [*sent, *held_out]))
    assert near(found.low, theirs.low, scale)
    assert near(found.high, theirs.high, scale)


@given(CENTS)
def test_mean_and_variance_are_those_of_the_raw_list(values: list[int]) -> None:
    found = sums(values)
    mean = sum(values) / len(values)
    assert found.mean == mean
    # Two passes: every difference first, so that nothing is lost.
    spread = sum((len(values) * it - sum(values)) ** 2 for it in values)
    assert isclose(found.variance, spread / (len(values) ** 2 * (len(values) - 1)), rel_tol=1e-12)


def test_a_small_difference_of_large_sums_keeps_its_digits() -> None:
    # The squares add up to 3 * 10**24: as floating-point numbers they would leave a variance of 0.
    assert sums([10**12, 10**12 + 1, 10**12 + 2]).variance == 1.0


PAID = st.lists(st.integers(500, 1_500), min_size=4, max_size=40)


@given(PAID, PAID)
def test_the_ratio_of_means_leaves_out_nothing_exactly_where_the_difference_does(
    sent: list[int], held_out: list[int]
) -> None:
    ratio, difference = fieller(sums(sent), sums(held_out)), welch(sums(sent), sums(held_out))
    assume(abs(difference.low * difference.high) > 1e-6)
    if ratio is not None:
        assert ratio.has_zero == difference.has_zero


def test_the_bounds_of_a_ratio_are_as_improbable_as_the_level_says() -> None:
    sent, held_out = [120, 90, 150, 200, 140, 100], [100, 80, 130, 90, 110]
    found, one, other = fieller(sums(sent), sums(held_out)), sums(sent), sums(held_out)
    assert found is not None
    freedom = stats.ttest_ind(sent, held_out, equal_var=False).df
    t = stats.t.ppf(0.975, freedom)
    for ratio in (found.low + 1, found.high + 1):
        off = (one.mean - ratio * other.mean) / sqrt(one.error + ratio**2 * other.error)
        assert near(abs(off), t)
    assert found.low < one.mean / other.mean - 1 < found.high


def test_a_ratio_below_whose_line_may_be_nothing_has_no_bounds() -> None:
    assert fieller(sums([10, 20, 30]), sums([0, 0, 1])) is None
    assert fieller(sums([10, 20, 30]), sums([0, 0, 0])) is None


def test_arms_in_which_everybody_paid_the_same_differ_by_just_that() -> None:
    assert welch(sums([5, 5, 5]), sums([3, 3])) == Interval(2.0, 2.0)
    assert welch(sums([0, 0, 0]), sums([0, 0])) == Interval(0.0, 0.0)
    assert Interval(0.0, 0.0).has_zero
