"""Win-back coupons: some days after an alert that no order has answered, worth what is in bounds."""

import re

import pytest
from coupons import ALERT, COUPON, HISTORY, code_in
from timeline import check

from agents.abandoned_cart import AbandonedCart
from agents.churn_alert import ChurnAlert
from agents.gate.gate import Gate
from agents.win_back_coupon import WinBackCoupon


def test_the_coupon_comes_a_week_after_an_alert_that_no_order_has_answered_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=8000
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 07:59  ann
        2026-02-26 08:00  ann  -> win_back_coupon reason=alert_unanswered quiet_days=37
        2026-03-23 08:00  ann  -> coupon_expiring
        2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
        2026-06-30 08:00  ann  (one alert, one coupon)
        """,
        ALERT,
        COUPON,
    )


def test_an_order_in_between_cancels_it_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 07:59  ann  order_placed
        2026-02-26 08:00  ann
        2026-03-20 08:00  ann
        """,
        ALERT,
        COUPON,
    )


def test_an_order_that_was_placed_before_the_alert_and_seen_after_it_cancels_it_too_timeline() -> (
    None
):
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-20 08:00  ann  order_placed occurred_at=2026-02-18
        2026-03-19 08:00  ann
        """,
        ALERT,
        COUPON,
    )


def test_a_late_order_from_before_the_silence_is_no_answer_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-20 08:00  ann  order_placed occurred_at=2026-01-02
        2026-02-26 08:00  ann               -> win_back_coupon
        """,
        ALERT,
        COUPON,
    )


def test_an_alert_that_the_gate_refused_is_followed_by_no_coupon_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann  -> suppressed churn_alert reason=no_consent
        2026-04-30 08:00  ann
        """,
        ChurnAlert(purpose="marketing", chance=0.99, quiet_days_min=30),
        COUPON,
        gate=Gate(),
    )


def test_without_consent_the_coupon_is_not_sent_and_the_record_says_so_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 08:00  ann               -> suppressed win_back_coupon reason=no_consent
        """,
        ALERT,
        COUPON,
        gate=Gate(),
    )


@pytest.mark.parametrize(
    ("spent", "worth"),
    [
        ("total_cents=8000", "value_cents=1200 usual_order_cents=8000"),
        ("total_cents=700", "value_cents=200"),
        ("total_cents=900000", "value_cents=2000"),
        ("total_cents=8000 currency=JPY", "value_cents=1200 currency=JPY"),
    ],
)
def test_it_is_worth_a_share_of_the_usual_order_within_bounds_timeline(
    spent: str, worth: str
) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  order_placed {spent}
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 08:00  ann               -> win_back_coupon {worth}
        """,
        ALERT,
        COUPON,
    )


def test_it_is_never_worth_more_than_the_margin_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=8000
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 08:00  ann               -> win_back_coupon value_cents=800
        """,
        ALERT,
        WinBackCoupon(margin_share=0.1),
    )


@pytest.mark.parametrize("spent", ["total_cents=600", "total_cents=0", "total_cents=666"])
def test_where_the_margin_leaves_less_than_the_least_there_is_no_coupon_timeline(
    spent: str,
) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  order_placed {spent}
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 08:00  ann               -> noted win_back_coupon reason=below_margin
        2026-06-26 08:00  ann
        """,
        ALERT,
        COUPON,
    )


def test_what_was_refunded_does_not_count_as_spent_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=tv total_cents=9000
        2026-01-21 08:00  ann  order_refunded order_id=tv refund_cents=5000
        2026-02-19 08:00  ann               -> churn_alert
        2026-02-26 08:00  ann               -> win_back_coupon usual_order_cents=4000
        """,
        ALERT,
        COUPON,
    )


def test_the_code_is_the_same_in_a_replay_and_another_with_another_key_timeline() -> None:
    code = code_in(check(HISTORY, ALERT, COUPON))
    again = code_in(check(HISTORY, ALERT, COUPON))
    other_key = code_in(check(HISTORY, ALERT, WinBackCoupon(code_key="another")))

    assert re.fullmatch(r"EBB(-[A-Z2-7]{4}){3}", code)
    assert again == code
    assert other_key != code


def test_no_two_customers_and_no_two_occasions_share_a_code_timeline() -> None:
    codes = {code_in(check(HISTORY, ALERT, COUPON))}
    codes.add(code_in(check(HISTORY.replace("ann", "bob"), ALERT, COUPON)))
    codes.add(code_in(check(HISTORY.replace("08:00", "08:01"), ALERT, COUPON)))

    assert len(codes) == 3


def test_it_expires_where_it_says_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann  -> churn_alert
        2026-02-26 08:00  ann  -> win_back_coupon expires_at=2026-03-26T08:00
        """,
        ALERT,
        COUPON,
    )


def test_a_second_coupon_within_the_pause_is_held_back_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-27 08:00  ann               -> churn_alert
        2026-02-03 08:00  ann               -> win_back_coupon
        2026-02-10 08:00  ann               -> noted win_back_coupon reason=expired_unused
        2026-02-10 09:00  ann  order_placed
        2026-02-17 09:00  ann               -> churn_alert
        2026-02-24 09:00  ann               -> suppressed win_back_coupon reason=paused
        """,
        ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=7),
        WinBackCoupon(valid_days=7, reminder_days=0),
    )


def test_the_evidence_names_the_alert_that_went_unanswered_timeline() -> None:
    alert, coupon = check(HISTORY, ALERT, COUPON)

    assert coupon.evidence.events == (alert.id,)
    assert coupon.evidence.thresholds == {
        "after_days": 7.0,
        "share": 0.15,
        "value_cents_min": 200,
        "value_cents_max": 2000,
        "margin_share": 0.3,
    }


def test_of_somebody_who_never_ordered_no_silence_is_told_timeline() -> None:
    """Days since the last order: of nobody's last order, that would be 56 years."""
    alert, note = check(
        """
        2026-01-20 08:00  ann  consent_changed purpose=marketing
        2026-01-20 08:00  ann  product_added product=mug
        2026-01-20 09:00  ann  -> abandoned_cart
        2026-01-27 09:00  ann  -> noted win_back_coupon reason=below_margin
        """,
        AbandonedCart(),
        WinBackCoupon(after="abandoned_cart"),
    )
    assert note.evidence.events == (alert.id,)
    assert note.evidence.values == {"usual_order_cents": 0, "orders": 0}
