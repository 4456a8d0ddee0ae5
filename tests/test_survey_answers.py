"""Answers to surveys: a low score is looked after, a high one is asked to tell others; each once."""

from timeline import check

from agents.detractor_follow_up import TEXT_MAX, DetractorFollowUp
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.referral_invite import ReferralInvite

LOW = DetractorFollowUp()
HIGH = ReferralInvite()


def test_a_timeline_of_scores_at_both_bounds_and_between_them() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=kettle:1x4900
        2026-01-25 08:00  ann  survey_answered survey_id=s1 score=6 order_id=o1 event_id=low \
            text="Came late." -> detractor_follow_up reason=low_score score=6 survey_id=s1 \
               order_id=o1 text="Came late." orders=1 spent_cents=4900 currency=EUR events=low
        2026-01-25 08:00  bob  survey_answered survey_id=s1 score=7
        2026-01-25 08:00  cem  survey_answered survey_id=s1 score=8
        2026-01-25 08:00  dee  survey_answered survey_id=s1 score=9 event_id=high \
            -> referral_invite reason=high_score score=9 survey_id=s1 events=high
        2026-01-25 08:00  eve  survey_answered survey_id=s1 score=0 -> detractor_follow_up
        2026-01-25 08:00  fay  survey_answered survey_id=s1 score=10 -> referral_invite
        """,
        LOW,
        HIGH,
    )


def test_a_timeline_of_answers_that_are_corrected_or_told_twice() -> None:
    check(
        """
        2026-01-25 08:00  ann  survey_answered survey_id=s1 score=3 event_id=a -> detractor_follow_up
        2026-01-25 08:01  ann  survey_answered survey_id=s1 score=3 event_id=a
        2026-01-25 08:02  ann  survey_answered survey_id=s1 score=2
        2026-01-25 08:03  ann  survey_answered survey_id=s1 score=9 -> referral_invite
        2026-01-25 08:04  ann  survey_answered survey_id=s1 score=1
        2026-01-25 08:05  ann  survey_answered survey_id=s1 score=10
        2026-01-25 08:06  ann  survey_answered survey_id=s2 score=1 -> detractor_follow_up
        2026-01-25 08:07  ann  survey_answered survey_id=s1 score=1 order_id=o2 \
            -> detractor_follow_up order_id=o2  (the same survey, about another order)
        """,
        LOW,
        ReferralInvite(pause_hours=0),
    )


def test_a_timeline_of_an_older_answer_that_comes_after_a_newer_one() -> None:
    check(
        """
        2026-01-25 08:10  ann  survey_answered survey_id=s1 score=9 -> referral_invite
        2026-01-25 08:11  ann  survey_answered survey_id=s1 score=1 occurred_at=2026-01-25T08:00
        2026-01-25 08:11  bob  survey_answered survey_id=s1 score=1 -> detractor_follow_up
        2026-01-25 08:11  bob  survey_answered survey_id=s1 score=9 occurred_at=2026-01-25T08:00
        """,
        LOW,
        HIGH,
    )


def test_a_timeline_of_a_promoter_who_is_asked_once_in_ninety_days() -> None:
    check(
        """
        2026-01-25 08:00  ann  survey_answered survey_id=s1 score=10 -> referral_invite
        2026-04-25 07:59:59  ann  survey_answered survey_id=s2 score=10 \
            -> suppressed referral_invite reason=paused
        2026-04-25 08:00:00  ann  survey_answered survey_id=s3 score=10 -> referral_invite
        """,
        HIGH,
    )


def test_a_timeline_of_an_answer_that_arrives_days_late() -> None:
    check(
        """
        2026-01-25 08:00  bob  page_viewed
        2026-01-28 08:00  ann  survey_answered score=1 occurred_at=2026-01-25 \
            -> suppressed detractor_follow_up reason=late
        2026-01-28 08:00  bob  survey_answered score=9 occurred_at=2026-01-25 \
            -> suppressed referral_invite reason=late
        """,
        LOW,
        HIGH,
    )


def test_a_timeline_of_service_that_needs_no_consent_and_advertising_that_does() -> None:
    check(
        """
        2026-01-25 08:00  ann  survey_answered survey_id=s1 score=1 -> detractor_follow_up
        2026-01-25 08:00  bob  survey_answered survey_id=s1 score=9 \
            -> suppressed referral_invite reason=no_consent
        """,
        LOW,
        HIGH,
        gate=Gate(assume_consent=("service",)),
    )


def test_a_timeline_of_a_promoter_who_thinks_better_of_it_in_the_night() -> None:
    quiet = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
    check(
        """
        2026-01-25 22:00  ann  survey_answered survey_id=s1 score=9 -> deferred referral_invite
        2026-01-25 22:00  bob  survey_answered survey_id=s1 score=9 -> deferred referral_invite
        2026-01-25 23:00  bob  survey_answered survey_id=s1 score=4
        2026-01-26 09:00  ann  -> referral_invite
        2026-01-26 09:00  bob  -> suppressed referral_invite reason=reason_gone
        """,
        HIGH,
        gate=Gate(assume_consent=("marketing",), quiet_hours=quiet),
    )


def test_a_timeline_of_a_text_that_is_cut() -> None:
    check(
        f"""
        2026-01-25 08:00  ann  survey_answered score=1 text={"x" * 2 * TEXT_MAX} \
            -> detractor_follow_up text={"x" * TEXT_MAX}
        """,
        LOW,
    )
