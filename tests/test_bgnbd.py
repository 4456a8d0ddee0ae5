"""The plain model that ours is held against is the published one."""

from pathlib import Path

import numpy as np
import pytest

from bench import cdnow
from bench.score import bgnbd
from schemas.instant import DAY

DATA = Path(__file__).parents[2] / "shared" / "data"


def test_cdnow_gives_the_published_parameters() -> None:
    """Fader, Hardie and Lee 2005, table 2; the sample, with time in weeks."""
    if not (DATA / cdnow.FILE).exists():
        pytest.skip(f"{cdnow.FILE} is not beside the checkout")
    days: dict[str, list[int]] = {}
    for it in cdnow.read(DATA):
        if it.occurred_at < cdnow.CUT_AT:
            days.setdefault(it.subject, []).append((it.occurred_at - cdnow.BEGIN_AT) // DAY)
    purchases = [sorted(set(it)) for it in days.values()]
    found = bgnbd.fit(
        np.array([len(it) - 1 for it in purchases], float),
        np.array([it[-1] - it[0] for it in purchases]) / 7,
        np.array([272 - it[0] for it in purchases]) / 7,
    )
    assert len(purchases) == 2_357
    assert found.r == pytest.approx(0.243, abs=5e-4)
    assert found.alpha == pytest.approx(4.414, abs=5e-3)
    assert found.a == pytest.approx(0.793, abs=2e-3)
    assert found.b == pytest.approx(2.426, abs=5e-3)
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_customers_who_live_by_the_model_are_found_again() -> None:
    chance = np.random.default_rng(3)
    people, age, ahead = 6_000, 30.0, 20.0
    rates, leaving = chance.gamma(0.8, 1 / 6.0, people), chance.beta(1.0, 3.0, people)
    repeats, last, later = np.zeros(people), np.zeros(people), np.zeros(people)
    for who in range(people):
        at = 0.0
        while (at := at + chance.exponential(1 / rates[who])) < age + ahead:
            if at < age:
                repeats[who] += 1
                last[who] = at
            else:
                later[who] += 1
            if chance.random() < leaving[who]:
                break
    found = bgnbd.fit(repeats, last, np.full(people, age))
    assert found.r == pytest.approx(0.8, rel=0.15)
    assert found.alpha == pytest.approx(6.0, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(0.25, rel=0.15)
    expected = found.expected(repeats, last, np.full(people, age), ahead)
    assert expected.sum() == pytest.approx(later.sum(), rel=0.06)
    assert np.corrcoef(expected, later)[0, 1] > 0.5
