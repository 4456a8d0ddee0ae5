"""The churn score: it learns from what has ended, and what it will say in silence is known before."""

import asyncio
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline import check

from agents.agent import View
from agents.churn.habit import (
    MEANINGS,
    OUT_OF_SCOPE,
    Habit,
    Silence,
    features,
    next_moment,
)
from agents.churn.lessons import (
    ChurnModel,
    Lesson,
    Lessons,
    chance,
    fitted,
    log_odds,
    moved_by,
)
from agents.churn.speaking import Prices, crossing, score
from agents.churn_alert import ChurnAlert
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from schemas.codec import encode_row
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from state.customer import decode_customer
from state.ledger import Ledgers
from state.model import Models, model_key
from state.shop import decode_shop
from state.table import Needs
from streams.replay import Replay

BEGIN = 19_000 * DAY
PRIOR = (2.1, 33.0)
GAPS = st.lists(st.integers(1, 60 * 24), min_size=1, max_size=12)
#: The score grows with silence, and with nothing else.
GROWS = ChurnModel([-3.0, 1.2, *[0.0] * (len(MEANINGS) - 2)], [0.0] * len(MEANINGS), 0.1, 500, 28.0)


def order(at: int, who: str = "ann", number: int = 0) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{who}-{at}-{number}", occurred_at=at, customer_id=who, order_id=f"{who}-{at}",
        currency="EUR", products=(Item("tea", 1, 2_000),),
    )  # fmt: skip


def habit_after(gap_hours: list[int]) -> Habit:
    habit, at = Habit(), BEGIN
    for gap in [0, *gap_hours]:
        at += gap * HOUR
        habit.take(order(at), 28.0)
    return habit


@given(GAPS)
def test_faded_sums_are_what_adding_up_all_orders_gives(gap_hours: list[int]) -> None:
    habit = habit_after(gap_hours)
    moments = [0, *np.cumsum(gap_hours)]
    counted = [0.0] * 5
    for place, hour in enumerate(moments):
        if not place or hour - moments[place - 1] >= 20:
            for i, span in enumerate((7, 14, 28, 56, 112)):
                counted[i] += exp(-(moments[-1] - hour) / 24 / span)
    assert [it / 1_000 for it in habit.sums[:5]] == pytest.approx(counted, abs=0.001 * len(moments))


@given(GAPS, st.floats(0, 200))
def test_what_was_seen_fits_into_a_byte_a_number(gap_hours: list[int], quiet: float) -> None:
    habit = habit_after(gap_hours)
    seen = Silence(habit, BEGIN, 28.0, PRIOR).seen(quiet)
    habit.wait(1, seen)
    assert len(habit.seen) == len(seen)
    assert habit.seen_then == pytest.approx(seen, abs=1 / 30)
    assert len(features(seen)) == len(MEANINGS)


def test_a_customer_s_memory_stays_small() -> None:
    habit = habit_after([24] * 400)
    habit.wait(BEGIN, Silence(habit, BEGIN, 28.0, PRIOR).seen(3.0))
    assert len(encode_row(habit)) < 100


def test_silence_makes_the_prior_surer_and_a_busy_customer_is_surer_to_come() -> None:
    quiet = [Silence(habit_after([24] * 20), BEGIN, 28.0, PRIOR).seen(it)[-1] for it in (0, 20, 80)]
    assert quiet == sorted(quiet)
    rare = Silence(habit_after([30 * 24] * 3), BEGIN, 28.0, PRIOR).seen(0.0)[-1]
    assert rare > quiet[0]


@given(GAPS, st.floats(0.05, 0.95))
def test_a_crossing_is_where_the_score_crosses(gap_hours: list[int], threshold: float) -> None:
    silence = Silence(habit_after(gap_hours), BEGIN, 28.0, PRIOR)
    due = crossing(GROWS.weights, silence, threshold, 7.0, 28.0)
    if due is None:
        assert score(GROWS.weights, silence, 6 * 28.0) < threshold
    else:
        assert score(GROWS.weights, silence, due) >= threshold
        assert due == 7.0 or score(GROWS.weights, silence, due - 0.5) < threshold


def test_the_threshold_comes_from_money_and_has_a_floor() -> None:
    prices = Prices(message_cents=5, offer_cents=100, change=0.05, chance_min=0.5)
    assert prices.threshold(100_000) == 0.5
    assert prices.threshold(1_000) == pytest.approx(105 / 150)
    assert prices.threshold(0) == 1
    p, value = prices.threshold(1_000), 1_000
    assert p * value * 0.05 == pytest.approx(5 + (1 - p) * 100)


def lessons_of(seed: int, count: int, truth: list[float]) -> list[Lesson]:
    """Lessons of customers who go by known weights."""
    chance_of = np.random.default_rng(seed)
    made = []
    for place in range(count):
        habit = habit_after([int(it) for it in chance_of.integers(20, 900, 6)])
        seen = Silence(habit, BEGIN, 28.0, PRIOR).seen(float(chance_of.uniform(0, 60)))
        p = chance(log_odds(truth, features(seen)))
        made.append(Lesson(seen, bool(chance_of.random() < p), 19_000 + place // 100, None, 28.0))
    return made


def test_weights_are_learned_and_sums_of_partitions_add_up() -> None:
    lessons = lessons_of(3, 1_500, GROWS.weights)
    whole, parts, model = Lessons(), [Lessons(), Lessons()], None
    for place, it in enumerate(lessons):
        if place % 100 == 0:
            model = fitted([whole], 28.0)
        taught = Lesson(it.seen, it.quiet, it.day, model.weights if model else None, 28.0)
        whole.enter(taught)
        parts[place % 2].enter(taught)
    one, two = fitted([whole], 28.0), fitted(parts, 28.0)
    assert one is not None
    assert two is not None
    assert one.weights == pytest.approx(two.weights, abs=1e-6)
    said = [chance(log_odds(one.weights, features(it.seen))) for it in lessons]
    meant = [chance(log_odds(GROWS.weights, features(it.seen))) for it in lessons]
    assert np.abs(np.array(said) - meant).mean() < 0.04
    assert one.quiet_share == pytest.approx(np.mean([it.quiet for it in lessons]), abs=0.02)
    assert len(encode_row(whole)) < 3_000


def test_too_few_of_either_kind_make_no_model() -> None:
    ledger = Lessons()
    for it in lessons_of(4, 200, GROWS.weights):
        ledger.enter(Lesson(it.seen, False, it.day, None, 28.0))
    assert fitted([ledger], 28.0) is None
    assert fitted([], 28.0) is None


def test_with_few_examples_the_score_is_the_prior() -> None:
    ledger = Lessons()
    seen = lessons_of(5, 1, GROWS.weights)[0].seen
    p = chance(seen[-1])
    for place in range(200):
        ledger.enter(Lesson(seen, place < 200 * p, 19_000, None, 28.0))
    model = fitted([ledger], 28.0)
    if model is not None:
        assert chance(log_odds(model.weights, features(seen))) == pytest.approx(p, abs=0.02)


def test_what_moved_a_score_is_named_once_and_the_most_first() -> None:
    seen = Silence(habit_after([24] * 9), BEGIN, 28.0, PRIOR).seen(30.0)
    moved = moved_by(GROWS, seen)
    name, odds = moved[0]
    assert name == "silence"
    assert odds == pytest.approx(1.2 * log(31))
    assert len({it for it, _ in moved}) == len(moved)


def play(history: list[OrderPlaced | Tick], agent: ChurnAlert, batch: int = 1_000) -> Replay:
    replay = Replay(Engine([agent], Gate(), EngineSettings(), 2), 2, batch)
    asyncio.run(replay.run(history))
    return replay


def shop(days: int, buyers: int = 60) -> list[OrderPlaced | Tick]:
    """Half of them buy every five days for ever; the others stop for good, one after another."""
    facts: list[OrderPlaced | Tick] = []
    for day in range(days):
        facts.append(Tick(BEGIN + day * DAY))
        facts += [
            order(BEGIN + day * DAY + HOUR + it, f"c{it}")
            for it in range(buyers)
            if (day + it) % 5 == 0 and (it % 2 or day < 20 + 5 * it)
        ]
    return facts


EAGER = ChurnAlert(purpose="internal", risk_min=0.5)


def test_a_shop_s_score_is_learned_and_alerts_name_the_model() -> None:
    replay = play(shop(250), EAGER)
    assert replay.models
    by_model = [it for part in replay.decisions for it in part if "model" in it.evidence.values]
    assert by_model
    versions = {it.version for it in replay.models}
    for it in by_model:
        assert it.evidence.values["model"] in versions
        assert it.evidence.values["risk"] >= it.evidence.thresholds["risk"] - 1e-4  # type: ignore[operator]
        assert it.evidence.values["moved_by"]
        # Whoever buys on is not alerted on.
        assert int(it.customer_id[1:]) % 2 == 0


def test_a_replay_decides_the_same_however_the_log_is_cut() -> None:
    one, two = play(shop(200), EAGER), play(shop(200), EAGER, batch=7)
    assert [[it.id for it in part] for part in one.decisions] == [
        [it.id for it in part] for part in two.decisions
    ]
    assert [it.version for it in one.models] == [it.version for it in two.models]
    assert [one.table.rows(it) for it in (0, 1)] == [two.table.rows(it) for it in (0, 1)]


def test_nothing_is_learned_from_a_moment_before_its_days_have_passed() -> None:
    facts = shop(120)
    replay = play(facts, EAGER)
    for model in replay.models:
        examples = sum(
            (next_moment(f"c{it}", BEGIN + HOUR, 28.0) + 28 * DAY) <= model.made_at
            for it in range(60)
        )
        assert examples > 0


def test_a_silence_teaches_until_it_is_out_of_scope_and_never_twice() -> None:
    facts: list[OrderPlaced | Tick] = [order(BEGIN, "ann")]
    facts += [Tick(BEGIN + day * DAY) for day in range(1, 300)]
    facts += [order(BEGIN + 300 * DAY, "ann"), Tick(BEGIN + 301 * DAY)]
    replay = play(facts, EAGER)
    total, memory = 0.0, Habit()
    for partition in (0, 1):
        loaded = asyncio.run(replay.table.load(partition, Needs(ledgers=["churn_alert"])))
        total += Ledgers(loaded.ledgers).read("churn_alert", Lessons).quiet
        for name, row in replay.table.rows(partition).items():
            view = View(
                name, BEGIN, decode_customer(name, row), decode_shop(loaded.shop or b""), {},
                agent="churn_alert", models=Models({model_key("churn_alert"): None}),
            )  # fmt: skip
            memory = view.recall(Habit)
    # Three moments lie within 84 days; they have faded by less than a half.
    assert 2.0 < total <= 3.0
    assert memory.moment_at != OUT_OF_SCOPE


def test_whoever_buys_every_sixty_days_is_not_called_lost_a_week_after_an_order() -> None:
    facts: list[OrderPlaced | Tick] = []
    for day in range(500):
        facts.append(Tick(BEGIN + day * DAY))
        facts += [
            order(BEGIN + day * DAY + HOUR + it, f"c{it}")
            for it in range(120)
            if (day + 7 * it) % (55 + it % 11) == 0
        ]
    replay = play(facts, EAGER)
    assert replay.models
    by_model = [it for part in replay.decisions for it in part if "model" in it.evidence.values]
    assert len(by_model) < 0.02 * len(facts)
    assert all(float(it.evidence.values["quiet_days"]) > 55 for it in by_model)  # type: ignore[arg-type]


def test_before_there_is_a_model_the_prior_says_how_likely_a_silence_goes_on_timeline() -> None:
    (alert,) = check(
        """
        2026-01-05 08:00  ann  order_placed
        2026-01-12 08:00  ann  order_placed
        2026-01-19 08:00  ann  order_placed
        2026-02-13 08:00  ann  -> churn_alert quiet_days=25 risk=0.5009
        2026-08-01 08:00  ann
        """,
        ChurnAlert(chance=0.2, risk_min=0.5),
    )
    assert alert.evidence.thresholds["risk_min"] == 0.5
    assert "model" not in alert.evidence.values
