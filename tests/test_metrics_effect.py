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
                "effect/metrics_test/held_out/ordered": 1, "effect/metrics_test/sent/money/EUR": -500,
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
    assert shown("ebbtide_effect_money", **mine, arm="sent", currency="EUR") == -1_000
    assert shown("ebbtide_campaign_money_total", **mine, what="redeemed", currency="EUR") == 1_400


def test_a_commit_without_campaigns_asks_for_no_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(metrics, "_count_of_campaign", lambda name, _: asked.append(name))
    metrics.count_effect({"records/page_viewed/applied": 5, "decisions/churn_alert/sent": 1})
    assert asked == []
