"""Question SLA, in any order: what is answered leaves nothing behind, what is not is told once."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from partition import Partition, journal

from agents.question_sla import ANSWERED_MAX, QuestionSla, SlaPayload
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Entry, Tick
from schemas.reviews import QuestionAnswered, QuestionAsked
from streams.simulated.story import moment

SLA = QuestionSla(answer_hours=24, complaint_hours=4, warning_hours=1)
BEGIN = moment("2026-01-20 08:00")
decode = msgspec.json.Decoder(SlaPayload).decode


def test_nothing_is_remembered_of_what_is_answered_and_no_timer_is_left() -> None:
    partition = Partition(SLA)
    partition.facts(asked("q1", 0), asked("q2", 1), answered("q1", 2), answered("q2", 3))
    row = partition.row("ann")
    assert row is not None
    assert (row.memory, [*row.timers]) == ({}, ["row"])


@pytest.mark.parametrize("name", ["answer_hours", "complaint_hours"])
def test_a_warning_that_would_come_with_the_question_stops_the_start(name: str) -> None:
    with pytest.raises(ValueError, match=f"warning_hours is 1, not less than {name}, which is 1:"):
        replace(SLA, warning_hours=1, **{name: 1})


def asked(name: str, hour: float) -> Event:
    return QuestionAsked(
        event_id=f"{name}-asked", customer_id="ann", occurred_at=BEGIN + round(hour * HOUR),
        question_id=name, text="?",
    )  # fmt: skip


def answered(name: str, hour: float) -> Event:
    return QuestionAnswered(
        event_id=f"{name}-answered", customer_id="ann", occurred_at=BEGIN + round(hour * HOUR),
        question_id=name,
    )  # fmt: skip


HOURS = st.integers(0, 47)


@given(
    st.lists(st.tuples(HOURS, st.none() | HOURS), min_size=1, max_size=ANSWERED_MAX),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_in_any_order_of_arrival_those_without_an_answer_are_told_and_no_others(
    questions: list[tuple[int, int | None]], order: Random
) -> None:
    facts: list[Event] = []
    for number, (asked_hour, wait) in enumerate(questions):
        facts.append(asked(f"q{number}", asked_hour))
        if wait is not None:
            facts.append(answered(f"q{number}", asked_hour + wait))
    order.shuffle(facts)

    # All of it is heard of before the first deadline.
    partition = Partition(SLA)
    partition.facts(Tick(BEGIN), *facts)
    ticks = [Tick(BEGIN + hour * HOUR) for hour in range(1, 80)]
    told = [it for it in partition.facts(*ticks) if it.kind == "sla_breached"]

    breached = [decode(it.payload).question_id for it in told if it.outcome == "sent"]
    assert sorted(breached) == [f"q{it}" for it, (_, wait) in enumerate(questions) if wait is None]
    row = partition.row("ann")
    assert row is not None
    assert [*row.timers] == ["row"]


def test_a_timeline_of_imported_history_says_nothing_and_what_is_still_due_comes() -> None:
    old, new = asked("old", 0), asked("new", 20)
    entries = [
        replace(it, imported_at=BEGIN + 30 * HOUR) for it in journal([old, new])
        if isinstance(it, Entry)
    ]  # fmt: skip
    partition = Partition(SLA)
    told = partition.feed([*entries, *(Tick(BEGIN + hour * HOUR) for hour in range(30, 60))])
    assert [(it.kind, decode(it.payload).question_id) for it in told] == [
        ("sla_warning", "new"),
        ("sla_breached", "new"),
    ]
