"""Metrics: code, page, alerts and dashboard speak of the same ones, by the same names and labels."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from streams import metrics
from streams.webhooks import metrics as webhook_metrics

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "ops/grafana/dashboards/ebbtide.json").read_text("utf-8"))

#: What Prometheus and its client put on every series, or on a histogram's.
LABELS_OF_ALL = {"instance", "job", "le"}
SUFFIXES = r"(?:_total|_bucket|_sum|_count)?"
SECTION = re.compile(r"^### `(\w+)`\n\n(Counter|Gauge|Histogram), (.*)\.\n", re.MULTILINE)


class Metric:
    """A metric as the code declares it. series: the names that Prometheus shows."""

    def __init__(self, declared: MetricWrapperBase) -> None:
        self.type = type(declared).__name__
        self.labels = set(declared._labelnames)
        name = declared._name
        ends = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_sum", "_count"]}
        self.name = f"{name}_total" if self.type == "Counter" else name
        self.series = {f"{name}{end}" for end in ends[self.type]}


DECLARED = [
    Metric(it)
    for module in (metrics, webhook_metrics)
    for it in vars(module).values()
    if isinstance(it, MetricWrapperBase)
]
SERIES = {series: metric for metric in DECLARED for series in metric.series}


def labels_in(expression: str) -> set[str]:
    """The labels that a PromQL expression asks for, in matchers or in ``by (…)``."""
    matched = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\"", expression)
    grouped = ",".join(re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", expression))
    return set(matched) | {it.strip() for it in grouped.split(",") if it.strip()}


def series_in(expression: str) -> set[str]:
    return set(re.findall(r"\bebbtide_\w+", expression))


def expressions_in(node: Any) -> Iterator[tuple[str, str]]:
    """Every PromQL expression of the dashboard, with what is written beside it."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"], str(node.get("legendFormat", ""))
        for it in node.values():
            yield from expressions_in(it)
    elif isinstance(node, list):
        for it in node:
            yield from expressions_in(it)


def check(expression: str, labels: set[str]) -> None:
    """Raise AssertionError where an expression names a series, or a label, that there is not."""
    asked = series_in(expression)
    assert asked <= SERIES.keys(), expression
    if asked:
        have = set().union(*(SERIES[it].labels for it in asked)) | LABELS_OF_ALL
        assert labels <= have, expression


EXPRESSIONS = list(expressions_in(DASHBOARD))


def test_every_metric_is_on_the_page_with_its_type_and_its_labels() -> None:
    told = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in SECTION.findall(PAGE)
    }
    assert told == {it.name: (it.type, it.labels) for it in DECLARED}


def test_every_metric_says_what_is_normal_and_what_to_do_if_it_is_not() -> None:
    for metric in DECLARED:
        section = PAGE.split(f"### `{metric.name}`", 1)[1].split("\n#", 1)[0]
        assert "**Normal:**" in section, metric.name
        assert "**If not:**" in section, metric.name


def test_the_page_names_no_metric_and_no_alert_that_is_not_there() -> None:
    assert series_in(PAGE) <= {it.name for it in DECLARED}
    assert set(re.findall(r"`(Ebbtide\w+)`", PAGE)) <= {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    texts = " ".join(rule["annotations"].values())
    check(rule["expr"], labels_in(rule["expr"]))
    told = set(re.findall(r"\$labels\.(\w+)", texts))
    if series_in(rule["expr"]):
        check(rule["expr"], told)
    assert series_in(texts) <= SERIES.keys()


def test_a_panel_asks_for_metrics_and_labels_that_there_are() -> None:
    assert len(EXPRESSIONS) > len(DECLARED)
    for expression, legend in EXPRESSIONS:
        check(expression, labels_in(expression) | set(re.findall(r"{{\s*(\w+)\s*}}", legend)))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = set().union(*(series_in(expression) for expression, _ in EXPRESSIONS))
    assert [it.name for it in DECLARED if not it.series & shown] == []


def test_the_checks_of_this_file_notice_a_wrong_name_and_a_wrong_label() -> None:
    for wrong in ("sum(ebbtide_event_total)", 'ebbtide_events_total{reason="x"}'):
        with pytest.raises(AssertionError):
            check(wrong, labels_in(wrong))
    assert labels_in('sum by (a, b) (x{c=~"d", e!="f"})') == {"a", "b", "c", "e"}
