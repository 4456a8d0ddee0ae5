"""Surveys: each order once, some days after its delivery, and not more often than a cap allows."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import AGREED, NOBODY, Partition, journal
from test_import import past
from timeline import check

from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.survey import ORDERS_MAX, WAITING_MAX, Survey, Surveyed
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import OrderDelivered
from schemas.reviews import QuestionAsked
from streams.simulated.story import moment

SURVEY = Survey()
MANY = Survey(invites_max=12, pause_hours=0)


def delivered(at: int, order: str) -> OrderDelivered:
    return OrderDelivered(
        event_id=f"d-{order}-{at}", customer_id="ann", occurred_at=at, order_id=order
    )


def test_a_timeline_of_an_invitation_seven_days_after_the_delivery() -> None:
    check(
        """
        2026-01-10 08:00  ann  order_placed order_id=o1
        2026-01-12 08:30  ann  order_delivered order_id=o1
        2026-01-19 08:29:59.999  ann
        2026-01-19 08:30  ann  -> survey_invite reason=order_delivered order_id=o1 invites=0 \
            delivered_at=2026-01-12T08:30:00Z expires_at=2026-02-02T08:30:00Z
        2026-03-01 08:00  ann
        """,
        SURVEY,
    )


def test_a_timeline_of_a_quarter_with_one_invitation_at_its_very_last_second() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_delivered order_id=o1
        2026-01-08 08:00  ann  -> survey_invite order_id=o1
        2026-02-01 08:00  ann  order_delivered order_id=o2
        2026-02-08 08:00  ann  -> noted survey_invite reason=invites_used_up invites=1 order_id=o2
        2026-04-01 07:59:59  ann  order_delivered order_id=o3
        2026-04-01 08:00:00  ann  order_delivered order_id=o4
        2026-04-08 07:59:59  ann  -> noted survey_invite reason=invites_used_up order_id=o3
        2026-04-08 08:00:00  ann  -> survey_invite order_id=o4 invites=0
        """,
        SURVEY,
    )


def test_a_timeline_of_a_cap_that_counts_what_was_sent_and_not_what_was_refused() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_delivered order_id=o1
        2026-01-08 08:00  ann  -> suppressed survey_invite reason=no_consent
        2026-01-09 08:00  ann  consent_changed purpose=marketing
        2026-01-10 08:00  ann  order_delivered order_id=o2
        2026-01-17 08:00  ann  -> survey_invite order_id=o2 invites=0
        """,
        SURVEY,
        gate=Gate(holdout=NOBODY),
    )


def test_a_timeline_of_two_orders_that_are_due_at_once_and_a_cap_of_one() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_delivered order_id=o1
        2026-01-01 08:00  ann  order_delivered order_id=o2
        2026-01-08 08:00  ann  -> survey_invite order_id=o1
        2026-01-08 09:00  ann  -> noted survey_invite reason=invites_used_up order_id=o2
        """,
        Survey(pause_hours=0),
        gate=Gate(assume_consent=("marketing",), at_once="all", holdout=NOBODY),
    )


def test_a_timeline_of_a_delivery_that_is_told_twice_or_after_it_was_asked_about() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_delivered order_id=o1 event_id=d1
        2026-01-01 08:00  ann  order_delivered order_id=o1 event_id=d1
        2026-01-03 08:00  ann  order_delivered order_id=o1 event_id=d2
        2026-01-08 08:00  ann  -> survey_invite order_id=o1
        2026-01-09 08:00  ann  order_delivered order_id=o1 event_id=d3
        2026-02-01 08:00  ann
        """,
        MANY,
    )


def test_a_timeline_of_a_late_delivery_and_of_one_that_is_heard_of_too_late() -> None:
    check(
        """
        2026-01-10 08:00  bob  page_viewed
        2026-01-10 08:00  ann  order_delivered order_id=o1 occurred_at=2026-01-05T08:00
        2026-01-12 08:00  ann  -> survey_invite order_id=o1
        2026-01-20 08:00  bob  order_delivered order_id=o2 occurred_at=2026-01-13T08:00
        2026-02-01 08:00  bob
        """,
        SURVEY,
    )


def test_a_timeline_of_complaints_that_are_open_answered_closed_or_old() -> None:
    check(
        """
        2026-01-01 08:00  ann  question_asked question_id=q1 about=complaint
        2026-01-01 08:00  bob  question_asked question_id=q1 about=complaint
        2026-01-01 08:00  cem  question_asked question_id=q1 about=complaint
        2026-01-01 08:00  dee  question_asked question_id=q1 about=complaint
        2026-01-01 08:00  eve  question_asked question_id=q1
        2026-01-02 08:00  bob  question_answered question_id=q1
        2026-01-02 08:00  cem  case_closed
        2026-01-02 08:00  eve  order_delivered order_id=o1
        2026-01-02 08:00  ann  order_delivered order_id=o1
        2026-01-02 08:00  bob  order_delivered order_id=o1
        2026-01-02 08:00  cem  order_delivered order_id=o1
        2026-01-09 08:00  ann  -> noted survey_invite reason=trouble_open open=complaint order_id=o1
        2026-01-09 08:00  bob  -> survey_invite
        2026-01-09 08:00  cem  -> survey_invite
        2026-01-09 08:00  eve  -> survey_invite
        2026-01-24 07:59:59  dee  order_delivered order_id=o1
        2026-01-24 08:00:00  dee  order_delivered order_id=o2
        2026-01-31 07:59:59  dee  -> noted survey_invite reason=trouble_open order_id=o1
        2026-01-31 08:00:00  dee  -> survey_invite order_id=o2
        """,
        SURVEY,
    )


def test_a_timeline_of_money_that_went_back_before_the_delivery_or_is_heard_of_late() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed order_id=o1
        2026-01-02 08:00  ann  order_refunded order_id=o1 refund_cents=100
        2026-01-02 09:00  ann  order_delivered order_id=o1
        2026-01-02 09:00  bob  order_delivered order_id=o2
        2026-01-06 08:00  bob  order_refunded order_id=o2 refund_cents=1 occurred_at=2026-01-04
        2026-01-07 08:00  bob  case_closed
        2026-01-09 09:00  ann  -> noted survey_invite reason=trouble_open open=refund
        2026-01-09 09:00  bob  -> survey_invite order_id=o2
        2026-01-25 08:00:00  ann  order_delivered order_id=o3
        2026-02-01 08:00:00  ann  -> survey_invite order_id=o3  (30 days after the refund)
        """,
        SURVEY,
    )


def test_a_timeline_of_refunds_that_arrive_in_the_wrong_order() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_refunded order_id=o1 refund_cents=1
        2026-01-20 09:00  ann  order_refunded order_id=o0 refund_cents=1 occurred_at=2025-12-01
        2026-01-21 08:00  ann  order_delivered order_id=o1
        2026-01-28 08:00  ann  -> noted survey_invite reason=trouble_open open=refund
        """,
        SURVEY,
    )


def test_a_timeline_of_something_that_goes_wrong_while_it_waits_for_the_morning() -> None:
    quiet = Gate(
        assume_consent=("marketing",), holdout=NOBODY,
        quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
    )  # fmt: skip
    check(
        """
        2026-01-01 22:00  ann  order_delivered order_id=o1
        2026-01-01 22:00  bob  order_delivered order_id=o1
        2026-01-08 22:00  ann  -> deferred survey_invite
        2026-01-08 22:00  bob  -> deferred survey_invite
        2026-01-08 23:00  bob  question_asked about=complaint
        2026-01-09 09:00  ann  -> survey_invite order_id=o1
        2026-01-09 09:00  bob  -> suppressed survey_invite reason=reason_gone
        """,
        SURVEY,
        gate=quiet,
    )


def test_a_timeline_of_answers_the_passive_noted_and_the_order_not_asked_about_again() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_delivered order_id=o1
        2026-01-02 08:00  ann  survey_answered survey_id=s1 order_id=o1 score=6
        2026-01-03 08:00  ann  survey_answered survey_id=s1 score=7 event_id=a7 \
            -> noted survey_invite reason=passive_answer score=7 survey_id=s1 events=a7
        2026-01-03 08:01  ann  survey_answered survey_id=s1 score=8 -> noted survey_invite score=8
        2026-01-03 08:02  ann  survey_answered survey_id=s1 score=9
        2026-01-04 08:00  ann  order_delivered order_id=o1
        2026-02-01 08:00  ann
        """,
        SURVEY,
    )


def test_history_is_silent_and_a_delivery_of_last_week_is_asked_about() -> None:
    now = moment("2026-01-20")
    it = Partition(SURVEY)
    it.feed(past(delivered(now - 90 * DAY, "old"), delivered(now - 5 * DAY, "new"), at=now))
    row = it.row("ann")
    assert row is not None
    assert [key for key in row.timers if key != "row"] == ["survey/new"]
    (said,) = it.feed([Tick(now + hour * HOUR) for hour in range(24 * 10)])
    assert said.cause == f"survey/new@{now + 2 * DAY}"


def test_a_customer_s_timers_and_memory_are_bounded() -> None:
    it = Partition(MANY, gate=AGREED)
    start = moment("2026-01-01")
    it.facts(*(delivered(start + n, f"o{n}") for n in range(WAITING_MAX + 3)))
    row = it.row("ann")
    assert row is not None
    assert sum(key.startswith("survey/") for key in row.timers) == WAITING_MAX
    facts: list[Event | Tick] = []
    for n in range(60):
        at = start + n * 8 * DAY
        facts += [delivered(at, f"p{n}"), Tick(at + DAY), Tick(at + 8 * DAY - 1)]
    it.facts(*facts, begin=100)
    row = it.row("ann")
    assert row is not None
    assert len(bytes(row.memory["survey"])) < 200
    assert ORDERS_MAX == 8


def test_the_last_complaints_are_remembered_and_no_more() -> None:
    it = Partition(SURVEY)
    at = moment("2026-01-01")
    it.facts(
        *(
            QuestionAsked(
                event_id=f"q{n}", customer_id="ann", occurred_at=at + n * HOUR, question_id=f"q{n}",
                text="Where is it?", about="complaint",
            )
            for n in range(10)
        )
    )  # fmt: skip
    row = it.row("ann")
    assert row is not None
    kept = msgspec.msgpack.decode(row.memory["survey"], type=Surveyed).complaints
    assert list(kept) == ["q6", "q7", "q8", "q9"]


def test_two_settings_that_contradict_each_other_stop_the_start() -> None:
    with pytest.raises(ValueError, match="passive_min is 9, more than passive_max, which is 8"):
        Survey(passive_min=9)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 400), max_size=30), st.integers(1, 3), st.integers(5, 120))
def test_no_stretch_of_days_has_more_invitations_than_the_cap(
    days: list[int], invites_max: int, per_days: int
) -> None:
    start = moment("2026-01-01")
    facts: list[Event | Tick] = [
        delivered(start + day * DAY, f"o{number}") for number, day in enumerate(days)
    ]
    facts += [Tick(start + half * DAY // 2) for half in range(2 * 420)]
    facts.sort(key=lambda it: it.at if isinstance(it, Tick) else it.occurred_at)
    agent = Survey(invites_max=invites_max, per_days=per_days, pause_hours=0)
    all_at_once = Gate(assume_consent=("marketing",), at_once="all", holdout=NOBODY)
    said = Partition(agent, gate=all_at_once).feed(journal(facts))
    sent = [it.decided_at for it in said if it.outcome == "sent"]
    assert bool(sent) == bool(days)
    for first, last in pairwise(sent[::invites_max]):
        assert last - first >= per_days * DAY
