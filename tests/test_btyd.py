"""Buy till you die: the sums over a grid are the integrals that they stand for."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.btyd import Buyers, Future, Past, future, gamma_grid, log_likelihood

#: Some shop: a purchase in 60 days on average, a year until half have left.
SHOP = Buyers(*gamma_grid(0.7, 1 / 60, 10), *gamma_grid(0.8, 1 / 300, 5), 0.9)
EVEN = Buyers([1 / 30], [1.0], [1 / 200], [1.0])

pasts = st.builds(
    lambda repeats, age, share, eagerness: Past(
        repeats, age * share if repeats else 0.0, age, eagerness
    ),
    st.integers(0, 400), st.floats(0, 4000), st.floats(0, 1), st.floats(0.2, 5),
)  # fmt: skip


def test_one_kind_of_customer_is_as_the_formula_says() -> None:
    """Schmittlein, Morrison and Colombo 1987, for a given rate and hazard."""
    rate, hazard, last, age = 1 / 30, 1 / 200, 90.0, 200.0
    leaves = rate + hazard
    alive = 1 / (1 + hazard / leaves * (math.exp(leaves * (age - last)) - 1))
    it = future(EVEN, Past(4, last, age))
    assert it.alive == pytest.approx(alive)
    assert it.orders(60) == pytest.approx(alive * rate / hazard * (1 - math.exp(-hazard * 60)))
    assert it.comes(60) == pytest.approx(alive * rate / leaves * (1 - math.exp(-leaves * 60)))


def test_a_fine_grid_is_the_integral_over_both_gamma_distributions() -> None:
    shape, scale, shape_of_leaving, scale_of_leaving = 0.6, 60.0, 0.9, 300.0
    past = Past(3, 80.0, 210.0)
    alive = gone = 0.0
    steps = [math.exp(-14 + 0.1 * it) for it in range(140)]
    for rate in steps:
        for hazard in steps:
            weight = rate**shape * math.exp(-rate * scale)
            weight *= hazard**shape_of_leaving * math.exp(-hazard * scale_of_leaving)
            leaves = rate + hazard
            still = math.exp(-leaves * past.age_days)
            alive += weight * rate**3 * still
            left = hazard / leaves * (math.exp(-leaves * past.last_days) - still)
            gone += weight * rate**3 * left
    fine = Buyers(
        *gamma_grid(shape, shape / scale, 60),
        *gamma_grid(shape_of_leaving, shape_of_leaving / scale_of_leaving, 60),
    )
    assert future(fine, past).alive == pytest.approx(alive / (alive + gone), rel=0.01)
    coarse = Buyers(
        *gamma_grid(shape, shape / scale, 10),
        *gamma_grid(shape_of_leaving, shape_of_leaving / scale_of_leaving, 5),
    )
    assert future(coarse, past).alive == pytest.approx(alive / (alive + gone), rel=0.06)


def test_what_is_expected_of_simulated_customers_comes() -> None:
    """Customers who live by the model, each looked at after 120 days and again after 300."""
    chance = random.Random(7)
    expected = came = comers = comes = alive = living = 0.0
    for _ in range(4000):
        rate = chance.choices(SHOP.rates, SHOP.rate_weights)[0]
        hazard = chance.choices(SHOP.hazards, SHOP.hazard_weights)[0]
        end, at, bought = chance.expovariate(hazard), 0.0, []
        while (at := at + chance.expovariate(rate)) < min(end, SHOP.clock(300)):
            bought.append(SHOP.days(at))
        before = [it for it in bought if it <= 120]
        it = future(SHOP, Past(len(before), max(before, default=0.0), 120.0))
        expected += it.orders(180)
        comes += it.comes(180)
        alive += it.alive
        came += len(bought) - len(before)
        comers += len(bought) > len(before)
        living += end > SHOP.clock(120)
    assert expected == pytest.approx(came, rel=0.05)
    assert comes == pytest.approx(comers, rel=0.05)
    assert alive == pytest.approx(living, rel=0.05)


def test_the_interval_of_the_next_order_holds_as_often_as_it_says() -> None:
    it = future(SHOP, Past(5, 200.0, 230.0))
    low, middle, high = it.comes_within((0.1, 0.5, 0.9), 365)
    assert low < middle < high < 365
    for share, days in ((0.1, low), (0.5, middle), (0.9, high)):
        assert it.comes(days) == pytest.approx(share * it.comes(365), rel=1e-2)


@given(pasts, st.floats(0.5, 800))
def test_every_past_has_a_future_that_is_possible(past: Past, days: float) -> None:
    it: Future = future(SHOP, past)
    assert 0 <= it.alive <= 1 + 1e-9
    assert 0 <= it.comes(days) <= it.alive + 1e-9
    assert it.comes(days) <= it.orders(days) + 1e-9
    assert it.orders(days) <= it.orders(days + 10) + 1e-9
    found = it.comes_within((0.1, 0.5, 0.9), days)
    assert found == sorted(found)
    assert all(0 <= it <= days for it in found)


@given(pasts)
def test_a_longer_silence_never_makes_a_customer_more_certain(past: Past) -> None:
    longer = Past(past.repeats, past.last_days, past.age_days + 30, past.eagerness)
    assert future(SHOP, longer).alive <= future(SHOP, past).alive + 1e-9


def test_whoever_has_just_bought_is_a_customer() -> None:
    assert future(SHOP, Past(0, 0.0, 0.0)).alive == pytest.approx(1)
    assert future(SHOP, Past(9, 300.0, 300.0)).alive == pytest.approx(1)


def test_a_silence_beyond_all_floats_is_a_customer_gone() -> None:
    it = future(Buyers([5.0], [1.0], [1e-300], [1.0]), Past(9, 10.0, 4000.0))
    assert it.alive == 0
    assert it.orders(365) == it.comes(365) == 0


def test_the_likelihood_of_all_that_may_happen_adds_up() -> None:
    """Of no repeat purchase at all, it is the chance of that."""
    none = math.exp(log_likelihood(EVEN, Past(0, 0.0, 100.0)))
    leaves = 1 / 30 + 1 / 200
    assert none == pytest.approx((1 / 200 + 1 / 30 * math.exp(-leaves * 100)) / leaves)
