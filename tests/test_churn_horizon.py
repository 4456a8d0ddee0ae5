"""Another horizon, other features: what was learned by the old ones is left, and nobody is hurt."""

import pytest
from partition import Partition
from test_churn_learning import BEGIN, EAGER, GROWS, PRIOR, habit_after, order

from agents.churn.habit import Silence
from agents.churn.lessons import ChurnModel, Lesson, Lessons, fitted
from agents.churn_alert import ChurnAlert
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from schemas.codec import encode_json
from schemas.instant import DAY
from schemas.journal import Tick
from state.model import Kept, Models, model_key


def test_after_a_change_of_the_horizon_nobody_is_woken_by_every_tick() -> None:
    partition = Partition(EAGER)
    partition.facts(Tick(BEGIN), *(order(BEGIN + 1, f"c{it}") for it in range(30)))
    other = ChurnAlert(purpose="internal", risk_min=0.5, horizon_days=60.0)
    partition.engine = Engine((other,), Gate(), EngineSettings())
    partition.facts(Tick(BEGIN + 31 * DAY))
    for it in range(30):
        assert (row := partition.row(f"c{it}"))
        assert row.timers["churn_alert/moment"] > BEGIN + 31 * DAY


def test_who_is_out_of_scope_is_told_all_the_same_after_a_change_of_the_horizon() -> None:
    partition = Partition(ChurnAlert(purpose="internal"))
    partition.facts(Tick(BEGIN), *(order(BEGIN + 1, f"c{it}") for it in range(5)))
    for day in range(1, 100):
        partition.facts(Tick(BEGIN + day * DAY))
    other = ChurnAlert(purpose="internal", horizon_days=60.0)
    partition.engine = Engine((other,), Gate(), EngineSettings())
    told = [it for day in range(100, 400) for it in partition.facts(Tick(BEGIN + day * DAY))]
    assert {it.customer_id for it in told} == {f"c{it}" for it in range(5)}
    for it in range(5):
        assert (row := partition.row(f"c{it}"))
        assert "churn_alert" not in row.timers


def test_sums_of_another_horizon_are_not_mixed_with_those_of_this_one() -> None:
    seen, ledger = Silence(habit_after([240]), BEGIN, 28.0, PRIOR).seen(3.0), Lessons()
    for place in range(100):
        ledger.enter(Lesson(seen, place % 2 == 0, 19_000, None, 28.0))
    assert fitted([ledger], 28.0) is not None
    assert fitted([ledger], 90.0) is None
    ledger.enter(Lesson(seen, True, 19_001, None, 90.0))
    assert (ledger.examples, ledger.days) == (1.0, 90.0)


def test_a_model_of_other_features_does_not_take_effect() -> None:
    body = encode_json(GROWS).replace(b"[-3.0,", b"[", 1)
    models = Models({model_key("churn_alert"): None})
    assert models.take("churn_alert", Kept("v", BEGIN, body), ChurnModel) == "unreadable"


def test_a_market_cannot_have_a_horizon_of_its_own() -> None:
    with pytest.raises(ValueError, match="horizon_days"):
        ChurnAlert(markets={"DE": {"horizon_days": 7}})
