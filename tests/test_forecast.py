"""The forecast: it follows a week, is not bent by one wholesaler, and beats the naive ones on a shop."""

from math import pi, sin
from random import Random

import pytest

from bench.forecast import DATA, history
from streams.ops.forecast import (
    BEGUN,
    DAYS_MIN,
    HORIZON,
    SETTLED,
    WEEK,
    Smoothing,
    error,
    forecasts,
    outlook,
    tuned,
)

SHAPE = [100.0, 80.0, 80.0, 90.0, 140.0, 0.0, 60.0]


def weeks(count: int, noise: float = 0.0, seed: int = 1) -> list[float]:
    rng = Random(seed)
    return [SHAPE[it % WEEK] + rng.gauss(0, noise) for it in range(count * WEEK)]


def test_a_week_that_repeats_itself_is_forecast_to_the_cent() -> None:
    seen = outlook(weeks(10))
    assert seen is not None
    assert seen.next_days == pytest.approx(SHAPE)
    assert seen.backtest.ours == pytest.approx(0)
    assert seen.backtest.last_week == 0
    assert seen.backtest.yesterday > 30


def test_where_days_differ_by_chance_it_is_better_than_both_naive_ones() -> None:
    for seed in range(5):
        seen = outlook(weeks(20, noise=15, seed=seed))
        assert seen is not None
        assert seen.backtest.ours < seen.backtest.last_week < seen.backtest.yesterday


def test_one_wholesaler_does_not_bend_the_weeks_after() -> None:
    days = weeks(10, noise=5)
    once = [*days[:60], days[60] + 10_000, *days[61:]]
    plain, bent = (forecasts(it, Smoothing())[len(days)] for it in (days, once))
    assert bent == pytest.approx(plain, abs=5)
    unbounded = Smoothing(surprise_max=1e9)
    assert max(abs(a - b) for a, b in zip(forecasts(once, unbounded)[70], plain, strict=True)) > 300


def test_it_follows_a_level_that_moves() -> None:
    days = [it + 50 * sin(2 * pi * n / 300) for n, it in enumerate(weeks(43))]
    made = forecasts(days, Smoothing(level=0.2))
    assert error(days, made, 200) < error(days, forecasts(days, Smoothing(level=0.02)), 200)


def test_a_forecast_knows_the_days_before_it_alone() -> None:
    days = weeks(12, noise=20)
    other = [*days[:50], *(it + 1_000 for it in days[50:])]
    one, two = forecasts(days, Smoothing()), forecasts(other, Smoothing())
    assert all(one[it] == two[it] for it in range(BEGUN, 51))
    assert one[52] != two[52]
    # And the settings are chosen on the first part.
    seen, changed = outlook(weeks(20, noise=15)), outlook([*weeks(20, noise=15)[:84], *[0.0] * 56])
    assert seen is not None
    assert changed is not None
    assert seen.smoothing == changed.smoothing


def test_an_error_is_the_mean_over_all_days_ahead_that_are_known() -> None:
    made = {3: [1.0] * HORIZON, 4: [2.0] * HORIZON}
    assert error([0, 0, 0, 4, 8], made, 3) == (3 + 7 + 6) / 3
    assert error([0, 0, 0, 4, 8], made, 4) == 6


def test_too_few_days_say_nothing() -> None:
    assert outlook(weeks(8)[:-1]) is None
    seen = outlook(weeks(8))
    assert seen is not None
    assert seen.backtest.days == DAYS_MIN - SETTLED - WEEK


def test_a_shop_that_sold_nothing_is_forecast_to_sell_nothing() -> None:
    seen = outlook([0.0] * 70)
    assert seen is not None
    assert seen.next_days == [0.0] * HORIZON


def test_on_online_retail_it_beats_yesterday_and_the_same_weekday_last_week() -> None:
    if not DATA.is_file():
        pytest.skip(f"{DATA.name} is not beside the checkout")
    days = history()
    seen = outlook(days)
    assert seen is not None
    assert seen.smoothing == tuned(days[: round(len(days) * 0.6)])
    backtest = seen.backtest
    assert backtest.days == 113
    assert backtest.last_week == pytest.approx(966_036, abs=1)
    assert backtest.yesterday == pytest.approx(1_686_680, abs=1)
    assert backtest.ours < 0.85 * backtest.last_week
    assert backtest.ours < 0.5 * backtest.yesterday
