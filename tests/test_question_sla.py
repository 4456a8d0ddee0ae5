"""Question SLA: a warning before the deadline of each open question, one word after it, no more."""

from msgspec.structs import replace
from timeline import check

from agents.question_sla import OPEN_MAX, QuestionSla

SLA = QuestionSla(answer_hours=24, complaint_hours=4, warning_hours=1)


def test_a_timeline_warns_before_the_deadline_and_speaks_at_it() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 event_id=asked
        2026-01-21 07:00  ann  -> sla_warning reason=answer_due_soon question_id=q1 about=question \
            asked_at=2026-01-20T08:00 due_at=2026-01-21T08:00 expires_at=2026-01-21T08:00 \
            events=asked waited_hours=23
        2026-01-21 08:00  ann  -> sla_breached reason=answer_overdue question_id=q1 waited_hours=24
        2026-02-20 08:00  ann  (one word after the deadline, however long it goes on)
        """,
        SLA,
    )


def test_a_timeline_of_a_complaint_has_a_deadline_of_its_own() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 about=complaint
        2026-01-20 11:00  ann  -> sla_warning about=complaint due_at=2026-01-20T12:00
        2026-01-20 12:00  ann  -> sla_breached about=complaint
        """,
        SLA,
    )


def test_a_timeline_is_silent_if_the_answer_comes_a_moment_before_the_warning() -> None:
    check(
        """
        2026-01-20 08:00:00      ann  question_asked question_id=q1 about=complaint
        2026-01-20 10:59:59.999  ann  question_answered question_id=q1
        2026-01-25 08:00:00      ann
        """,
        SLA,
    )


def test_a_timeline_with_an_answer_between_warning_and_deadline_has_no_breach() -> None:
    check(
        """
        2026-01-20 08:00:00      ann  question_asked question_id=q1 about=complaint
        2026-01-20 11:00:00      ann  -> sla_warning
        2026-01-20 11:59:59.999  ann  question_answered question_id=q1
        2026-01-25 08:00:00      ann
        """,
        SLA,
    )


def test_a_timeline_with_an_answer_after_the_deadline_puts_on_record_how_late_it_was() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 about=complaint event_id=asked
        2026-01-20 11:00  ann  -> sla_warning
        2026-01-20 12:00  ann  -> sla_breached
        2026-01-20 18:00  ann  question_answered question_id=q1 event_id=answered \
            -> noted sla_breached reason=answered_late question_ids=q1 waited_hours=10 \
               events=asked,answered
        2026-01-20 19:00  ann  question_answered question_id=q1  (once)
        """,
        SLA,
    )


def test_a_timeline_in_which_an_answer_is_heard_of_too_late_takes_the_alarm_back() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 about=complaint
        2026-01-20 11:00  ann  -> sla_warning
        2026-01-20 12:00  ann  -> sla_breached
        2026-01-20 18:00  ann  question_answered question_id=q1 occurred_at=2026-01-20T11:30 \
            -> noted sla_breached reason=answered_in_time waited_hours=3.5
        """,
        SLA,
    )


def test_a_timeline_without_warnings_speaks_at_the_deadline_alone() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1
        2026-01-21 08:00  ann  -> sla_breached
        """,
        replace(SLA, warning_hours=0),
    )


def test_a_timeline_with_an_answer_that_comes_before_its_question_is_silent() -> None:
    check(
        """
        2026-01-20 08:10  ann  question_answered question_id=q1
        2026-01-20 08:11  ann  question_asked question_id=q1 occurred_at=2026-01-20T08:00
        2026-01-25 08:00  ann
        """,
        SLA,
    )


def test_a_timeline_of_a_question_that_is_asked_again_after_its_answer_waits_anew() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1
        2026-01-20 09:00  ann  question_answered question_id=q1
        2026-01-22 09:00  ann  question_asked question_id=q1
        2026-01-23 08:00  ann  -> sla_warning
        2026-01-23 09:00  ann  -> sla_breached asked_at=2026-01-22T09:00
        """,
        SLA,
    )


def test_a_timeline_with_an_answer_that_is_older_than_the_question_goes_on_waiting() -> None:
    check(
        """
        2026-01-20 09:00  ann  question_answered question_id=q1 occurred_at=2026-01-20T07:00
        2026-01-20 09:01  ann  question_asked question_id=q1 about=complaint
        2026-01-20 09:02  ann  question_answered question_id=q1 occurred_at=2026-01-20T08:00
        2026-01-20 12:01  ann  -> sla_warning
        2026-01-20 13:01  ann  -> sla_breached
        """,
        SLA,
    )


def test_a_timeline_of_a_question_that_becomes_a_complaint_has_the_nearer_deadline() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1
        2026-01-20 10:00  ann  question_asked question_id=q1 about=complaint
        2026-01-20 11:00  ann  question_asked question_id=q1  (asked again: it changes nothing)
        2026-01-20 13:00  ann  -> sla_warning about=complaint due_at=2026-01-20T14:00
        2026-01-20 14:00  ann  -> sla_breached
        2026-01-20 15:00  ann  question_asked question_id=q1  (nor does it after the deadline)
        2026-01-20 15:01  ann  question_asked question_id=q1 about=complaint \
            occurred_at=2026-01-20T07:00
        2026-01-25 08:00  ann
        """,
        SLA,
    )


def test_a_timeline_with_several_open_questions_waits_for_each_of_them() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 about=complaint
        2026-01-20 08:00  ann  question_asked question_id=q2 about=complaint
        2026-01-20 08:30  ann  question_asked question_id=a/b about=complaint
        2026-01-20 09:00  ann  question_answered question_id=q1
        2026-01-20 11:00  ann  -> sla_warning question_id=q2
        2026-01-20 11:30  ann  -> sla_warning question_id=a/b
        2026-01-20 12:00  ann  -> sla_breached question_id=q2
        2026-01-20 12:30  ann  -> sla_breached question_id=a/b
        """,
        SLA,
    )


def test_a_timeline_in_which_two_are_due_at_once_tells_of_both() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1
        2026-01-20 08:00  ann  question_asked question_id=q2
        2026-01-21 08:00  ann  -> sla_breached question_id=q1 ; sla_breached question_id=q2
        """,
        replace(SLA, warning_hours=0),
    )


def test_a_timeline_with_a_closed_case_ends_all_complaints_and_no_question() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=c1 about=complaint
        2026-01-20 09:00  ann  question_asked question_id=c2 about=complaint
        2026-01-20 09:00  ann  question_asked question_id=q1
        2026-01-20 11:00  ann  -> sla_warning question_id=c1
        2026-01-20 12:00  ann  -> sla_breached question_id=c1
        2026-01-20 12:00  ann  -> sla_warning question_id=c2
        2026-01-20 12:30  ann  case_closed \
            -> noted sla_breached reason=answered_late question_ids=c1 waited_hours=4.5
        2026-01-20 12:31  ann  question_asked question_id=c3 about=complaint \
            occurred_at=2026-01-20T12:00 (it was closed before it was heard of)
        2026-01-21 08:00  ann  -> sla_warning question_id=q1
        2026-01-21 09:00  ann  -> sla_breached question_id=q1
        """,
        SLA,
    )


def test_a_timeline_with_a_complaint_after_the_case_was_closed_waits_for_it() -> None:
    check(
        """
        2026-01-20 08:00  ann  case_closed
        2026-01-20 08:01  ann  question_asked question_id=c1 about=complaint
        2026-01-20 09:00  ann  case_closed occurred_at=2026-01-20T07:59
        2026-01-20 11:01  ann  -> sla_warning
        2026-01-20 12:01  ann  -> sla_breached
        """,
        SLA,
    )


def test_a_timeline_with_two_days_of_downtime_warns_of_nothing_that_is_over() -> None:
    check(
        """
        2026-01-20 08:00  ann    question_asked question_id=q1
        2026-01-20 09:00  bob    question_asked question_id=q2
        2026-01-20 20:00  clock  stops
        2026-01-21 05:00  bob    question_answered question_id=q2
        2026-01-22 20:00  clock  goes_on
        2026-01-22 20:00  ann    -> sla_breached waited_hours=60
        """,
        SLA,
    )


def test_a_timeline_with_a_question_that_is_heard_of_days_late_says_it_on_record_alone() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2026-01-23 08:00  ann  question_asked question_id=q1 occurred_at=2026-01-20T08:00
        2026-01-23 09:00  ann  -> suppressed sla_breached reason=late
        """,
        SLA,
    )


def test_a_timeline_of_a_storefront_that_retries_is_told_once() -> None:
    check(
        """
        2026-01-20 08:00  ann  question_asked question_id=q1 event_id=x
        2026-01-20 08:01  ann  question_asked question_id=q1 event_id=x
        2026-01-20 09:00  ann  question_answered question_id=q1
        2026-01-20 09:01  ann  question_asked question_id=q1 event_id=x
        2026-01-25 08:00  ann
        """,
        SLA,
    )


def test_a_timeline_with_more_questions_than_are_watched_notes_which_one_falls_out() -> None:
    minutes = range(OPEN_MAX - 1)
    asked = [f"2026-01-20 08:{it:02}  ann  question_asked question_id=q{it}" for it in minutes]
    told = [f"2026-01-21 07:{it:02}  ann  -> sla_breached question_id=q{it}" for it in minutes]
    check(
        f"""
        {chr(10).join(asked)}
        2026-01-20 08:10  ann  question_asked question_id=last event_id=eighth
        2026-01-20 08:30  ann  question_asked question_id=more event_id=ninth \
            -> noted sla_breached reason=too_many_open question_id=more events=ninth
        2026-01-20 08:40  ann  question_asked question_id=c about=complaint \
            -> noted sla_breached reason=too_many_open question_id=last events=eighth
        2026-01-20 12:40  ann  -> sla_breached question_id=c
        # What is overdue falls out before what can still be answered in time.
        2026-01-20 13:00  ann  question_asked question_id=new \
            -> noted sla_breached reason=too_many_open question_id=c
        {chr(10).join(told)}
        2026-01-21 12:00  ann  -> sla_breached question_id=new
        """,
        replace(SLA, answer_hours=23, warning_hours=0),
    )
