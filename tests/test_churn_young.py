"""A young churn model: what it has not seen yet, it makes nothing up about."""

import numpy as np
import pytest

from agents.churn.habit import Habit, Silence
from agents.churn.lessons import Lesson, Lessons, fitted
from agents.churn.speaking import score
from schemas.instant import DAY, HOUR
from schemas.orders import Item, OrderPlaced

BEGIN = 19_000 * DAY
PRIOR = (2.1, 33.0)


def silence_after(gap_hours: list[int]) -> Silence:
    habit, at = Habit(), BEGIN
    for number, gap in enumerate([0, *gap_hours]):
        at += gap * HOUR
        event = OrderPlaced(
            event_id=f"e{number}", occurred_at=at, customer_id="ann", order_id=f"o{number}",
            currency="EUR", products=(Item("tea", 1, 2_000),),
        )  # fmt: skip
        habit.take(event, 28.0)
    return Silence(habit, BEGIN, 28.0, PRIOR)


@pytest.mark.parametrize("seed", range(8))
def test_it_is_sure_of_no_silence_that_is_longer_than_any_it_has_seen(seed: int) -> None:
    chance_of, ledger = np.random.default_rng(seed), Lessons()
    for place in range(120):
        # Nobody has come for longer than a month, or been silent for longer than nine days.
        quiet = float(chance_of.uniform(0, 9))
        seen = silence_after([int(it) for it in chance_of.integers(20, 200, 3)]).seen(quiet)
        is_gone = bool(chance_of.random() < 0.3 + 0.04 * quiet)
        ledger.enter(Lesson(seen, is_gone, 19_000 + place // 12, None, 28.0))
    model = fitted([ledger], 28.0)
    assert model is not None
    silence = silence_after([100] * 3)
    assert 0.5 < score(model.weights, silence, 33.0) < 0.97
    assert 0.5 < score(model.weights, silence, 60.0) < 0.99
