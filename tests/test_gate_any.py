"""The gate's laws over any log: no cap is outrun, nothing held is lost, whatever comes in any order."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gate_logs import AGENTS, CAPS, GATES, NIGHT, RULES, STEPS, VOICES, Told, facts
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, cut, journal

from agents.engine.intake import EngineSettings
from agents.gate.caps import Cap
from agents.gate.gate import COMMERCIAL, Gate
from schemas.decisions import Decision
from schemas.instant import DAY, SECOND
from schemas.profiles import ErasureRequested, ProfileUpdated

often = settings(max_examples=100, deadline=None, derandomize=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(STEPS, GATES, st.lists(st.integers(1, 9), max_size=40), st.integers(1, 3))
def test_any_log_in_any_batches_gives_the_same_rows_counters_and_decisions(
    steps: list[Any], gate: Gate, sizes: list[int], due_max: int
) -> None:
    records = journal(facts(steps))

    def run(batches: Iterable[Any], due_max: int) -> dict[str, Any]:
        partition = Partition(*VOICES, gate=gate, settings=EngineSettings(due_max=due_max))
        for batch in batches:
            partition.feed(batch)
        return partition.state()

    one_by_one = run(cut(records, [1] * len(records)), 1_000)

    assert run([records], 1_000) == one_by_one
    assert run(cut(records, sizes), due_max) == one_by_one


def sent_by_customer(told: Told) -> dict[tuple[str, int], list[tuple[int, Decision]]]:
    """What was sent to sell something: by customer, and how often they were erased before."""
    lives: dict[str, int] = defaultdict(int)
    sent: dict[tuple[str, int], list[tuple[int, Decision]]] = defaultdict(list)
    for step in told.steps:
        if isinstance(step.fact, ErasureRequested):
            lives[step.fact.subject] += 1
        for it in step.said:
            if it.outcome == "sent" and AGENTS[it.agent].purpose in COMMERCIAL:
                sent[it.customer_id, lives[it.customer_id]].append((step.left_at(it), it))
    return sent


def most_in_a_window(cap: Cap, sent: list[tuple[int, Decision]]) -> int:
    """The model: how many that count together lie in one window at most."""
    counted: dict[str, list[int]] = defaultdict(list)
    for at, it in sent:
        if cap.covers(it.kind, it.channel):
            by = {"customer": "", "kind": it.kind, "channel": it.channel}[cap.per]
            counted[by].append(at)
    return max(
        (sum(at - cap.window < it <= at for it in moments) for moments in counted.values()
         for at in moments),
        default=0,
    )  # fmt: skip


@often
@given(STEPS, GATES)
def test_no_cap_and_no_distance_is_ever_outrun(steps: list[Any], gate: Gate) -> None:
    rules = (Cap(sent_max=1, hours=gate.distance_hours), *CAPS)

    for sent in sent_by_customer(Told(steps, gate)).values():
        for cap in rules:
            assert most_in_a_window(cap, sent) <= cap.sent_max, cap


@often
@given(STEPS, GATES)
def test_what_is_deferred_ends_in_one_record_and_nothing_is_sent_twice(
    steps: list[Any], gate: Gate
) -> None:
    told = Told(steps, gate)
    waits: set[tuple[str, str, str, str]] = set()
    ended: set[tuple[str, str, str, str]] = set()
    for step in told.steps:
        if isinstance(step.fact, ErasureRequested):
            waits -= {it for it in waits if it[2] == step.fact.subject}
        for it in (it for it in step.said if it.outcome != "noted"):
            said = (it.agent, it.kind, it.customer_id, it.cause)
            assert said not in ended, f"{it} comes after its end"
            if it.outcome == "deferred":
                waits.add(said)
            else:
                waits.discard(said)
                ended.add(said)

    assert waits == set()
    decided = told.partition.outbox()
    assert len({it.id for it in decided}) == len(decided)
    rows = map(told.partition.row, told.partition.state()["customers"])
    assert [row.held for row in rows if row] == [[]] * len(told.partition.state()["customers"])


@often
@given(STEPS, GATES)
def test_who_is_held_out_is_told_nothing_of_the_campaign(steps: list[Any], gate: Gate) -> None:
    told, told_of = defaultdict[tuple[str, str], set[str]](set), defaultdict[str, set[str]](set)
    for _, it in Told(steps, gate).decisions():
        if AGENTS[it.agent].purpose in COMMERCIAL and it.outcome in ("sent", "merged", "held_out"):
            told_of[it.customer_id].add(it.reason)
            if it.reason != "held_out_over_all":
                told[it.customer_id, it.campaign].add(
                    "held_out" if it.outcome == "held_out" else "told"
                )

    assert all(len(arms) == 1 for arms in told.values())
    for reasons in told_of.values():
        assert reasons == {"held_out_over_all"} or "held_out_over_all" not in reasons


@often
@given(STEPS, GATES)
def test_a_campaign_hands_out_its_budget_in_a_period_and_no_more(
    steps: list[Any], gate: Gate
) -> None:
    spent: dict[tuple[str, int], int] = defaultdict(int)
    period: dict[str, int] = defaultdict(int)
    for at, it in Told(steps, gate).decisions():
        agent = AGENTS[it.agent]
        if it.outcome in ("sent", "merged") and agent.budget_cents:
            # A period that has begun is not left again.
            now = period[it.campaign] = max(
                period[it.campaign], at // round(agent.budget_days * DAY)
            )
            spent[it.campaign, now] += agent.gives_cents  # type: ignore[attr-defined]
            assert spent[it.campaign, now] <= agent.budget_cents["EUR"]


@often
@given(STEPS, GATES)
def test_nothing_is_sent_while_it_is_quiet_on_the_customer_s_wall(
    steps: list[Any], gate: Gate
) -> None:
    profile: dict[str, tuple[int, str]] = {}
    for step in Told(steps, gate).steps:
        match step.fact:
            case ErasureRequested(customer_id=str(name)):
                profile.pop(name, None)
            case ProfileUpdated(customer_id=str(name), occurred_at=at, time_zone=str(zone)):
                profile[name] = max(profile.get(name, (0, "")), (at, zone))
        for it in step.said:
            agent = AGENTS[it.agent]
            if it.outcome == "sent" and agent.purpose in COMMERCIAL and agent.keeps_quiet_hours:
                _, zone = profile.get(it.customer_id, (0, NIGHT.time_zone))
                wall = datetime.fromtimestamp(step.left_at(it) // SECOND, ZoneInfo(zone))
                assert 8 <= wall.hour < 21, (it, wall)


def test_the_logs_meet_every_rule() -> None:
    reasons: set[str] = set()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(STEPS, GATES)
    def look(steps: list[Any], gate: Gate) -> None:
        reasons.update(f"{it.outcome} {it.reason}" for _, it in Told(steps, gate).decisions())

    look()

    assert reasons >= {
        "sent heard", "sent woken", "merged with_news", "deferred quiet_hours", "deferred outranked",
        "held_out held_out", "held_out held_out_over_all",
        *(f"suppressed {it}" for it in (
            "no_consent", "no_channel", "paused", "excluded", "capped", "too_soon", "outranked",
            "already_held", "expired", "reason_gone", "over_budget", "late",
        )),
    }, RULES  # fmt: skip
