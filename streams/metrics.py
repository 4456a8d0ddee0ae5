"""What does a worker count? Every Prometheus metric; ``docs/metrics.md`` explains them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import time

from prometheus_client import Counter, Gauge, Histogram

from schemas.decisions import Outgoing
from streams.apply import Applied

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_COUNTS = (1, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000)
_BYTES = (200, 400, 600, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 16_000, 32_000)

EVENTS = Counter(
    "ebbtide_events", "Raw events, by topic and what became of them.", ["topic", "outcome"]
)
DEAD_LETTERS = Counter("ebbtide_dead_letters", "Raw records not accepted, by reason.", ["reason"])
RECORDS = Counter("ebbtide_records", "Journal events, by type and outcome.", ["kind", "outcome"])
BATCH_RECORDS = Histogram(
    "ebbtide_batch_records", "Records in one batch.", ["processor"], buckets=_COUNTS
)
STAGE_SECONDS = Histogram(
    "ebbtide_stage_seconds", "Time of one batch in each stage.", ["stage"], buckets=_FAST
)
TRIGGER_LATENCY = Histogram(
    "ebbtide_trigger_latency_seconds",
    "From a raw event's append to the acknowledged append of the trigger that it caused.",
    buckets=_LATENCY,
)
CLOCK_LAG = Gauge(
    "ebbtide_clock_lag_seconds",
    "Wall time since the last tick applied, or since the partition became ours.",
    ["partition"],
)
SOURCE_LAG = Gauge(
    "ebbtide_source_lag_seconds",
    "How far a raw partition holds the clock back.",
    ["topic", "partition"],
)
PARTITION_LAG = Gauge(
    "ebbtide_partition_lag_records",
    "Journal records that are not committed, up to the end as of the last fetch.",
    ["partition"],
)
DECISIONS = Counter("ebbtide_decisions", "Decisions committed.", ["agent", "kind", "outcome"])
OUTBOX = Gauge("ebbtide_outbox_entries", "Decisions committed and not published.", ["partition"])
CONFLICTS = Counter("ebbtide_commit_conflicts", "Commits refused by the table.", ["partition"])
TIMERS_DUE = Counter("ebbtide_timers_due", "Timers that came due.")
TIMERS_FIRED = Counter("ebbtide_timers_fired", "Timers fired, by agent.", ["agent"])
ROW_BYTES = Histogram(
    "ebbtide_row_bytes", "Size of customer rows written, of some in each commit.", buckets=_BYTES
)
JOURNAL_GAPS = Counter("ebbtide_journal_gaps", "Offsets missing from the journal.", ["partition"])
STORE_ERRORS = Counter("ebbtide_store_errors", "Calls that the store did not answer.")
GATE_DECISIONS = Counter(
    "ebbtide_gate_decisions",
    "Occasions at the gate, by campaign and what became of them.",
    ["campaign", "outcome", "reason"],
)
EFFECT_CUSTOMERS = Counter(
    "ebbtide_effect_customers", "Customers exposed for the first time.", ["campaign", "arm"]
)
EFFECT_ORDERED = Counter(
    "ebbtide_effect_ordered", "Of those, customers who have ordered.", ["campaign", "arm"]
)
# Two, for a counter never falls: a commit in which more was paid than went back adds to the first.
EFFECT_PAID = Counter("ebbtide_effect_paid", "What they paid.", ["campaign", "arm", "currency"])
EFFECT_REFUNDED = Counter(
    "ebbtide_effect_refunded", "What went back to them.", ["campaign", "arm", "currency"]
)
CAMPAIGN_MONEY = Counter(
    "ebbtide_campaign_money",
    "Value of coupons handed out, redeemed and returned.",
    ["campaign", "what", "currency"],
)
OPS_ALERTS = Counter("ebbtide_ops_alerts", "Alerts to the shop published, by kind.", ["kind"])
OPS_WINDOWS = Counter(
    "ebbtide_ops_windows", "Windows that are over, by agent and what became of them.",
    ["agent", "outcome"],
)  # fmt: skip
OPS_HELD_BACK = Gauge(
    "ebbtide_ops_held_back_seconds", "How far the slowest partition's clock is behind the furthest."
)
OPS_LATE = Gauge("ebbtide_ops_late", "What came too late for its window, by agent.", ["agent"])
REVENUE_BY_CLASS = Gauge(
    "ebbtide_revenue_by_class", "Net revenue of the last days, by class of customer.",
    ["currency", "class", "days"],
)  # fmt: skip
REVENUE_BY_CATEGORY = Gauge(
    "ebbtide_revenue_by_category", "Net revenue of the last days, by category.",
    ["currency", "category", "days"],
)  # fmt: skip
MODELS_TAKEN = Counter(
    "ebbtide_models_taken", "Models that the journal brought, by agent and what became of them.",
    ["agent", "outcome"],
)  # fmt: skip
MODEL_FITS = Counter("ebbtide_model_fits", "Attempts to fit a model.", ["agent", "outcome"])
MODEL_INFO = Gauge("ebbtide_model_info", "1 for the model in effect.", ["agent", "version"])
MODEL_MADE_AT = Gauge(
    "ebbtide_model_made_at_seconds", "The time of the log up to which it knows.", ["agent"]
)
MODEL_AGE = Gauge(
    "ebbtide_model_age_seconds", "How far the log has come since the model was made.", ["agent"]
)
LOOKS_SHARED = Counter(
    "ebbtide_looks_shared", "Looks in other partitions that the journal brought, by what became of"
    " them.", ["outcome"],
)  # fmt: skip
LOOKS_LEFT_OUT = Counter(
    "ebbtide_looks_left_out", "Looks of which the other partitions were not told: too many at once."
)

SEALED = Counter(
    "ebbtide_sealed_events", "Events with sealed fields, by what became of these.", ["outcome"]
)
KEYS_CONDEMNED = Gauge(
    "ebbtide_keys_condemned", "Customers whose keys are to be destroyed.", ["partition"]
)
KEYS_DESTROYED = Counter("ebbtide_keys_destroyed", "Keys of customers destroyed.")


def time_stage(stage: str, seconds: float) -> None:
    """Count the time that a batch spent in a stage: decode, load, decide, commit or publish."""
    STAGE_SECONDS.labels(stage).observe(seconds)


def count_applied(applied: Applied) -> None:
    """Count what one commit made of its batch."""
    batch = applied.batch
    for (kind, fate), count in batch.applied.items():
        RECORDS.labels(kind, fate).inc(count)
    TIMERS_DUE.inc(batch.due)
    for agent, count in batch.fired.items():
        TIMERS_FIRED.labels(agent).inc(count)
    for outgoing in batch.outgoing:
        decision = outgoing.decision
        DECISIONS.labels(decision.agent, decision.kind, decision.outcome).inc()
    for size in applied.row_bytes:
        ROW_BYTES.observe(size)
    count_effect(applied.counters)


# What a commit counts begins with one of these where it is the gate's, a campaign's, a model's, or
# of looks that are shared.
_CAMPAIGNS = frozenset("egms")


def count_effect(counters: Mapping[str, int]) -> None:
    """Count what one commit has counted of campaigns.

    Most commits count none, and find that out by the first letters: 0.4 µs for ten names
    (``python -m timeit``).
    """
    for name in counters:
        if name[0] in _CAMPAIGNS:
            _count_of_campaign(name.split("/"), counters[name])


def _count_of_campaign(name: list[str], by: int) -> None:
    match name:
        case ["gate", campaign, outcome, reason]:
            GATE_DECISIONS.labels(campaign, outcome, reason).inc(by)
        case ["effect", campaign, arm, "customers"]:
            EFFECT_CUSTOMERS.labels(campaign, arm).inc(by)
        case ["effect", campaign, arm, "ordered"]:
            EFFECT_ORDERED.labels(campaign, arm).inc(by)
        case ["effect", campaign, arm, "money", currency]:
            # Both, so that neither is missing where the one is taken off the other.
            EFFECT_PAID.labels(campaign, arm, currency).inc(max(0, by))
            EFFECT_REFUNDED.labels(campaign, arm, currency).inc(max(0, -by))
        case ["money", campaign, what, currency]:
            CAMPAIGN_MONEY.labels(campaign, what, currency).inc(by)
        case ["models", agent, fate]:
            MODELS_TAKEN.labels(agent, fate).inc(by)
        case ["shared_looks", fate]:
            LOOKS_SHARED.labels(fate).inc(by)


def count_published(outgoing: Iterable[Outgoing], now_ms: int) -> None:
    """Count the latency of triggers that the broker has just acknowledged."""
    for entry in outgoing:
        if entry.appended_at and entry.decision.outcome == "sent":
            TRIGGER_LATENCY.observe(max(0, now_ms - entry.appended_at) / 1000)


_clock_at: dict[int, int] = {}


def show_clock(partition: int, clock_at: int) -> None:
    """Show how far a partition's clock is behind: the lag grows while no tick comes."""
    if partition not in _clock_at:
        gauge = CLOCK_LAG.labels(str(partition))
        gauge.set_function(lambda: time() - _clock_at.get(partition, 0) / 1000)
    _clock_at[partition] = clock_at


def show_partition(partition: int) -> None:
    """Begin a partition's series: an alert on an increase does not see a counter's first value."""
    CONFLICTS.labels(str(partition)).inc(0)
    JOURNAL_GAPS.labels(str(partition)).inc(0)


def forget_partition(partition: int) -> None:
    """Take a partition's gauges off the page: its next owner shows them."""
    _clock_at.pop(partition, None)
    for gauge in (CLOCK_LAG, PARTITION_LAG, OUTBOX):
        with suppress(KeyError):
            gauge.remove(str(partition))


def show_revenue(
    by_class: Mapping[tuple[str, str, str], int], by_category: Mapping[tuple[str, str, str], int]
) -> None:
    """Show amounts by (currency, name, days), and nothing of what was shown before."""
    for gauge, amounts in ((REVENUE_BY_CLASS, by_class), (REVENUE_BY_CATEGORY, by_category)):
        gauge.clear()
        for labels, cents in amounts.items():
            gauge.labels(*labels).set(cents)


def show_model(agent: str, version: str, made_at_s: float, age_s: float) -> None:
    """Show an agent's model in effect, and no earlier one."""
    if (before := _models.get(agent)) != version:
        if before is not None:
            MODEL_INFO.remove(agent, before)
        _models[agent] = version
        MODEL_INFO.labels(agent, version).set(1)
    MODEL_MADE_AT.labels(agent).set(made_at_s)
    MODEL_AGE.labels(agent).set(age_s)


_models: dict[str, str] = {}


def forget_models() -> None:
    """Take off the page what the leader alone shows: another worker is the leader."""
    _models.clear()
    for gauge in (MODEL_INFO, MODEL_MADE_AT, MODEL_AGE):
        gauge.clear()


def forget_ops() -> None:
    """Take off the page what the leader alone shows: another worker is the leader."""
    OPS_HELD_BACK.set(0)
    for gauge in (OPS_LATE, REVENUE_BY_CLASS, REVENUE_BY_CATEGORY):
        gauge.clear()
