"""The outlook is fitted: a shop is found again by its sample, and each week anew."""

import random

import pytest
from msgspec.structs import replace

from agents.lifetime.fit import fitted
from agents.lifetime.model import Shoppers, Spending, buyers
from agents.outlook import Outlook
from schemas.instant import DAY, HOUR
from state.census import Census, Counted, key_of
from streams.simulated.story import moment

BEGIN = moment("2026-01-01 08:00")
SHOP = Shoppers(
    buyers(0.6, 1 / 100, 0.8, 1 / 200, 0.9), Spending(6.0, 4.0, 1_000.0), 7.6, 0.7, 0.25,
    (2_000.0, 9_000.0), 400, BEGIN, (), 0.0,
)  # fmt: skip


def lived(people: int, shop: Shoppers, days: int, seed: int = 1, seen_from: int = 0) -> Census:
    """A sample of customers who live by the model, all of whom came in the first 60 days.

    seen_from: the day on which the sample is begun; what they did before is not seen.
    """
    chance = random.Random(seed)
    sample = Census(began_hour=BEGIN // HOUR + seen_from * 24)
    for who in range(people):
        first, size = BEGIN // HOUR + chance.randrange(60 * 24), chance.gauss(0, 1)
        rate = chance.choices(shop.buyers.rates, shop.buyers.rate_weights)[0]
        rate *= shop.eagerness(round(2.718 ** (shop.size_log + shop.size_spread * size)))
        hazard = chance.choices(shop.buyers.hazards, shop.buyers.hazard_weights)[0]
        end, at, hours = chance.expovariate(hazard), 0.0, [first]
        while (at := at + chance.expovariate(rate)) < end:
            hours.append(first + round(24 * shop.buyers.days(at)))
        known = [it for it in hours if it < (BEGIN + days * DAY) // HOUR]
        mean = 6 * 1_000 / chance.gammavariate(4, 1)
        first_cents = round(2.718 ** (shop.size_log + shop.size_spread * size))
        is_new = True
        for repeats, hour in enumerate(known):
            net = round(sum(mean * chance.gammavariate(6, 1) / 6 for _ in range(repeats + 1)))
            if hour < sample.began_hour:
                continue
            sample.enter(
                Counted(
                    key_of(str(who)), first, hour, repeats, net, first_cents, people, 1_095, is_new
                )
            )  # fmt: skip
            is_new = False
    return sample


def test_a_shop_that_lives_by_the_model_is_found_again() -> None:
    at = BEGIN + 400 * DAY
    found = fitted(lived(2_000, SHOP, 400), None, at, 365.0)
    assert found is not None
    mean = sum(r * w for r, w in zip(found.buyers.rates, found.buyers.rate_weights, strict=True))
    assert mean == pytest.approx(1 / 100, rel=0.2)
    assert found.buyers.aging == pytest.approx(0.9, abs=0.08)
    assert found.size_pull == pytest.approx(0.25, abs=0.1)
    for mean, purchases in ((500.0, 1), (2_000.0, 3), (9_000.0, 2), (9_000.0, 20)):
        worth = SHOP.spending.a_purchase(mean, purchases)
        assert found.spending.a_purchase(mean, purchases) == pytest.approx(worth, rel=0.1)
    assert 0 < found.values[0] < found.values[1]
    again = fitted(lived(2_000, SHOP, 400), found, at, 365.0)
    assert again is not None
    assert again.log_likelihood == pytest.approx(found.log_likelihood, abs=0.5)


def test_who_had_bought_before_the_sample_was_begun_does_not_make_the_shop_look_better() -> None:
    at = BEGIN + 400 * DAY
    sample = lived(4_000, SHOP, 400, seen_from=200)
    assert len(sample) < 1_500
    found = fitted(sample, None, at, 365.0)
    taken_as_all = fitted((replace(it, joined=0) for it in sample), None, at, 365.0)
    assert found is not None
    assert taken_as_all is not None

    def to_come(shop: Shoppers) -> float:
        return shop.future(0, 0, 0, 2_000).orders(365)

    assert to_come(found) == pytest.approx(to_come(SHOP), rel=0.25)
    assert to_come(taken_as_all) > 2 * to_come(SHOP)


def test_too_few_customers_teach_nothing() -> None:
    assert fitted(lived(80, SHOP, 400), None, BEGIN + 400 * DAY, 365.0) is None


def test_a_model_is_fitted_each_week_and_sooner_where_a_shop_has_doubled() -> None:
    agent, at = Outlook(fit_days=7), BEGIN + 200 * DAY
    small, large = [lived(150, SHOP, 200)], [lived(150, SHOP, 200), lived(300, SHOP, 200, 2)]
    first = agent.fit(small, None, at)
    assert first is not None
    assert agent.fit(small, first, at + DAY) is None
    assert agent.fit(small, first, at + 7 * DAY) is not None
    assert agent.fit(large, first, at + DAY) is not None


def test_a_model_is_fitted_at_once_where_the_horizon_has_changed() -> None:
    sample, at = [lived(150, SHOP, 200)], BEGIN + 200 * DAY
    year = Outlook(horizon_days=365).fit(sample, None, at)
    assert year is not None
    month = Outlook(horizon_days=30).fit(sample, year, at + DAY)
    assert month is not None
    assert month.values[1] < 0.5 * year.values[1]
    assert Outlook(horizon_days=30).fit(sample, month, at + 2 * DAY) is None
