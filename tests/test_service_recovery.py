"""Service recovery: a bad review calls for a person, once, with the review as evidence."""

from timeline import check

from agents.gate.gate import Gate
from agents.service_recovery import REVIEWS_MAX, TEXT_MAX, ServiceRecovery

RECOVERY = ServiceRecovery(rating_max=2)


def test_one_star_and_two_stars_call_for_a_person_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=kettle:1x4900
        2026-01-25 08:00  ann  review_posted rating=2 product_id=kettle order_id=o1 \
            review_id=r1 text="Leaks." event_id=bad \
            -> service_recovery reason=bad_review rating=2 product_id=kettle order_id=o1 \
               review_id=r1 text=Leaks. events=bad orders=1 spent_cents=4900 currency=EUR
        2026-01-26 08:00  ann  review_posted rating=1  -> service_recovery rating=1
        """,
        RECOVERY,
    )


def test_three_stars_and_more_are_no_reason_to_speak_timeline() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted rating=3
        2026-01-25 08:01  ann  review_posted rating=4
        2026-01-25 08:02  ann  review_posted rating=5
        """,
        RECOVERY,
    )


def test_editing_a_bad_review_does_not_repeat_the_call_timeline() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=1  -> service_recovery
        2026-01-25 09:00  ann  review_edited review_id=r1 rating=1 text="Still leaks."
        2026-01-26 09:00  ann  review_edited review_id=r1 rating=5
        2026-01-27 09:00  ann  review_edited review_id=r1 rating=2  (back again: it was answered)
        """,
        RECOVERY,
    )


def test_a_review_that_was_edited_from_good_to_bad_calls_timeline() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=5
        2026-01-26 09:00  ann  review_edited review_id=r1 rating=1  -> service_recovery rating=1
        2026-01-27 09:00  ann  review_edited review_id=r1 rating=2
        """,
        RECOVERY,
    )


def test_an_edit_that_is_seen_before_the_review_calls_once_timeline() -> None:
    check(
        """
        2026-01-25 08:10  ann  review_edited review_id=r1 rating=1  -> service_recovery
        2026-01-25 08:11  ann  review_posted review_id=r1 rating=2 occurred_at=2026-01-25T08:00
        """,
        RECOVERY,
    )


def test_a_storefront_that_retries_is_heard_once_timeline() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted rating=1 event_id=e1  -> service_recovery
        2026-01-25 08:01  ann  review_posted rating=1 event_id=e1
        """,
        RECOVERY,
    )


def test_each_customer_and_each_review_is_answered_for_itself_timeline() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=1  -> service_recovery
        2026-01-25 08:00  bob  review_posted review_id=r2 rating=1  -> service_recovery
        2026-01-25 08:05  ann  review_posted review_id=r3 rating=1  -> service_recovery
        2026-01-25 08:10  ann  review_edited review_id=r1 rating=2
        """,
        RECOVERY,
    )


def test_a_review_that_arrives_days_late_is_on_record_and_calls_nobody_timeline() -> None:
    check(
        """
        2026-01-25 08:00  bob  page_viewed
        2026-01-28 08:00  ann  review_posted rating=1 occurred_at=2026-01-25 \
            -> suppressed service_recovery reason=late
        """,
        RECOVERY,
    )


def test_a_customer_who_refuses_service_messages_gets_none_even_where_consent_is_assumed_timeline() -> (
    None
):
    check(
        """
        2026-01-25 08:00  ann  consent_changed purpose=service granted=false
        2026-01-25 09:00  ann  review_posted rating=1 \
            -> suppressed service_recovery reason=no_consent
        2026-01-25 09:00  bob  review_posted rating=1  -> service_recovery
        """,
        RECOVERY,
        gate=Gate(assume_consent=("service",)),
    )


def test_the_agent_s_memory_is_bounded_and_so_is_the_text_timeline() -> None:
    rows = "\n".join(
        f"2026-01-25 08:{minute:02}  ann  review_posted review_id=r{minute} rating=1 "
        f"text={'x' * 2 * TEXT_MAX} -> service_recovery text={'x' * TEXT_MAX}"
        for minute in range(REVIEWS_MAX + 1)
    )
    check(
        f"""
        {rows}
        2026-01-25 09:00  ann  review_edited review_id=r1 rating=2
        2026-01-25 09:01  ann  review_edited review_id=r0 rating=2  -> service_recovery (forgotten)
        """,
        RECOVERY,
    )
