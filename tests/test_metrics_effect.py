"""What a worker counts of campaigns is what its commits have counted, and costs nothing else."""

import pytest
from prometheus_client import REGISTRY

from streams import metrics


def shown(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_commits_counters_are_added_to_the_metrics() -> None:
    for _ in range(2):
        metrics.count_effect(
            {
                "gate/metrics_test/suppressed/cap": 2, "effect/metrics_test/sent/customers": 3,
                "effect/metrics_test/held_out/ordered": 1,
                "money/metrics_test/redeemed/EUR": 700, "effect/metrics_test/expected/mean": 9,
                "effect/metrics_test/sent/squares_low/EUR": 9, "cost/metrics_test/sent": 4,
                "records/page_viewed/applied": 5,
            }
        )  # fmt: skip
    mine = {"campaign": "metrics_test"}
    gate = shown("ebbtide_gate_decisions_total", **mine, outcome="suppressed", reason="cap")
    assert gate == 4
    assert shown("ebbtide_effect_customers_total", **mine, arm="sent") == 6
    assert shown("ebbtide_effect_ordered_total", **mine, arm="held_out") == 2
    assert shown("ebbtide_campaign_money_total", **mine, what="redeemed", currency="EUR") == 1_400


def test_money_that_comes_in_and_money_that_goes_back_are_counters_of_their_own() -> None:
    for net in (900, -300, 0, -250):
        metrics.count_effect({"effect/metrics_money/sent/money/EUR": net})
    labels = {"campaign": "metrics_money", "arm": "sent", "currency": "EUR"}
    assert shown("ebbtide_effect_paid_total", **labels) == 900
    assert shown("ebbtide_effect_refunded_total", **labels) == 550


def test_of_money_that_only_came_in_there_is_a_counter_of_what_went_back_as_well() -> None:
    metrics.count_effect({"effect/metrics_paid/held_out/money/EUR": 900})
    labels = {"campaign": "metrics_paid", "arm": "held_out", "currency": "EUR"}
    assert REGISTRY.get_sample_value("ebbtide_effect_refunded_total", labels) == 0


def test_a_commit_without_campaigns_asks_for_no_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(metrics, "_count_of_campaign", lambda name, _: asked.append(name))
    metrics.count_effect({"records/page_viewed/applied": 5, "decisions/churn_alert/sent": 1})
    assert asked == []
