"""Churn alerts: once a silence, when it is too long for the customer's own rhythm, never falsely."""

from timeline import check

from agents.churn_alert import ChurnAlert
from agents.gate.gate import Gate

#: Alerts when only one silence in five would last as long, so that the tables stay short.
EAGER = ChurnAlert(chance=0.2)
#: Alerts after 30 days exactly, whatever the rhythm.
AFTER_30_DAYS = ChurnAlert(chance=0.99, quiet_days_min=30)


def test_a_weekly_buyer_is_missed_long_before_a_monthly_one_timeline() -> None:
    check(
        """
        2026-01-05 08:00  bob  order_placed
        2026-02-04 08:00  bob  order_placed
        2026-02-11 08:00  ann  order_placed
        2026-02-18 08:00  ann  order_placed
        2026-02-25 08:00  ann  order_placed
        2026-03-04 08:00  ann  order_placed
        2026-03-06 08:00  bob  order_placed
        2026-03-11 08:00  ann  order_placed
        2026-03-29 19:00  ann  -> churn_alert reason=quiet_for_unusually_long quiet_days=18.46
        2026-04-20 02:00  bob  -> churn_alert reason=quiet_for_unusually_long quiet_days=44.75
        2026-08-31 08:00  bob  (one alert a silence, however long)
        """,
        EAGER,
    )


def test_a_single_order_is_judged_by_the_rhythm_that_a_shop_has_by_default_timeline() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed
        2026-02-12 09:00  ann  -> churn_alert reason=no_second_order quiet_days=38.04 orders=1
        2026-06-30 08:00  ann
        """,
        EAGER,
    )


def test_a_single_order_is_judged_by_the_shop_s_own_rhythm_once_it_has_shown_one_timeline() -> None:
    weekly_buyers = "\n".join(
        f"2026-{month:02}-{day:02} 08:00  {buyer}  order_placed"
        for month, day in [(1, 5), (1, 12), (1, 19), (1, 26), (2, 2), (2, 9)]
        for buyer in ("abe", "bob", "cem", "dee", "eve", "fay")
    )
    check(
        f"""
        {weekly_buyers}
        2026-02-10 08:00  ann  order_placed    (30 gaps of a week are known by now)
        2026-02-20 10:00  fay  -> churn_alert quiet_days=11.08
        2026-02-21 07:00  ann  -> churn_alert reason=no_second_order quiet_days=10.96
        # They ordered when the shop had shown fewer than 30 gaps, and the default held.
        2026-02-26 16:00  abe  -> churn_alert
        2026-02-26 16:00  bob  -> churn_alert
        2026-02-26 16:00  cem  -> churn_alert
        2026-02-26 16:00  dee  -> churn_alert
        2026-02-26 16:00  eve  -> churn_alert
        2026-06-30 08:00  ann
        """,
        EAGER,
    )


def test_the_next_order_starts_the_wait_anew_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-10 08:00  ann  order_placed
        2026-02-19 08:00  ann               (the first order alone would be alerted on here)
        2026-03-12 08:00  ann               -> churn_alert quiet_days=30 orders=2 events=e3
        2026-06-30 08:00  ann
        """,
        AFTER_30_DAYS,
    )


def test_a_customer_who_comes_back_and_leaves_again_is_alerted_on_again_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert quiet_days=30 orders=1
        2026-03-01 08:00  ann  order_placed
        2026-03-31 08:00  ann               -> churn_alert quiet_days=30 orders=2
        """,
        AFTER_30_DAYS,
    )


def test_the_alert_comes_in_the_very_second_in_which_it_is_due_timeline() -> None:
    check(
        """
        2026-01-20 08:00:00      ann  order_placed
        2026-02-19 07:59:59.999  ann
        2026-02-19 08:00:00      ann  -> churn_alert quiet_days=30 cause_at=2026-02-19T08:00
        """,
        AFTER_30_DAYS,
    )


def test_an_order_in_the_last_second_prevents_the_alert_timeline() -> None:
    check(
        """
        2026-01-20 08:00:00  ann  order_placed
        2026-02-19 07:59:59  ann  order_placed
        2026-02-19 08:00:00  ann
        2026-03-20 08:00:00  ann
        """,
        AFTER_30_DAYS,
    )


def test_looking_around_is_no_order_and_does_not_prevent_the_alert_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-18 08:00  ann  product_viewed
        2026-02-18 08:05  ann  product_added
        2026-02-19 08:00  ann                 -> churn_alert quiet_days=30
        """,
        AFTER_30_DAYS,
    )


def test_two_days_of_downtime_fire_no_false_alert_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann    order_placed
        2026-01-20 08:00  bob    order_placed
        2026-02-18 20:00  clock  stops
        2026-02-19 07:00  ann    order_placed  (an hour before the alert would have been due)
        2026-02-20 20:00  clock  goes_on       (all that has happened is in the log before this)
        2026-02-20 20:00  bob                  -> churn_alert quiet_days=31.5
        2026-03-21 07:00  ann                  -> churn_alert quiet_days=30
        """,
        AFTER_30_DAYS,
    )


def test_a_late_order_does_not_repeat_an_alert_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> churn_alert quiet_days=30
        2026-02-25 08:00  ann  order_placed occurred_at=2026-01-02  (late: says nothing)
        2026-06-30 08:00  ann
        """,
        AFTER_30_DAYS,
    )


def test_a_late_order_does_not_move_the_alert_that_is_set_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-10 08:00  ann  order_placed occurred_at=2026-01-02
        2026-02-19 08:00  ann               -> churn_alert quiet_days=30 orders=2 events=e2
        """,
        AFTER_30_DAYS,
    )


def test_a_late_order_that_ended_the_silence_moves_the_alert_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-15 08:00  ann  order_placed occurred_at=2026-02-01
        2026-02-19 08:00  ann
        2026-03-03 00:00  ann               -> churn_alert quiet_days=30 orders=2
        """,
        AFTER_30_DAYS,
    )


def test_a_silence_that_was_over_before_it_was_heard_of_is_not_told_as_news_timeline() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2026-02-20 08:00  ann  order_placed occurred_at=2025-11-01
        2026-02-20 09:00  ann  -> suppressed churn_alert reason=late
        2026-06-30 08:00  ann
        """,
        AFTER_30_DAYS,
    )


def test_what_is_at_stake_is_what_was_spent_in_the_last_year_timeline() -> None:
    check(
        """
        2024-11-01 08:00  ann    order_placed products=sofa:1x90000
        2024-11-01 09:00  clock  stops
        2025-12-01 08:00  ann    order_placed products=milk:2x199,bread:1x250
        2025-12-01 09:00  clock  goes_on
        2025-12-31 08:00  ann    -> churn_alert value_at_stake_cents=648 orders=2
        2026-01-20 08:00  ann    order_placed total_cents=5000 currency=EUR
        2026-02-19 08:00  ann    -> churn_alert value_at_stake_cents=5648 currency=EUR orders=3
        """,
        AFTER_30_DAYS,
    )


def test_the_evidence_holds_the_gaps_the_chance_and_the_last_order_timeline() -> None:
    (alert,) = check(
        """
        2026-01-05 08:00  ann  order_placed
        2026-01-12 08:00  ann  order_placed
        2026-01-12 17:00  ann  order_placed  (the same day: one purchase)
        2026-01-20 20:00  ann  order_placed event_id=last
        2026-02-13 00:00  ann  -> churn_alert gap_days=7,8.1 usual_gap_days=7.56 events=last
        """,
        EAGER,
    )

    assert alert.evidence.thresholds == {"chance": 0.2, "quiet_days_min": 7.0}
    assert alert.evidence.values["chance"] == 0.1996  # The tick comes somewhat after the moment.
    assert alert.cause.startswith("churn_alert@")


def test_an_internal_alert_needs_no_consent_and_one_to_the_customer_does_timeline() -> None:
    history = """
        2026-01-20 08:00  ann  order_placed
        2026-02-19 08:00  ann               -> {}
        2026-06-30 08:00  ann
    """
    check(
        history.format("churn_alert"),
        ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=30),
        gate=Gate(),
    )
    check(
        history.format("suppressed churn_alert reason=no_consent"),
        ChurnAlert(purpose="marketing", chance=0.99, quiet_days_min=30),
        gate=Gate(),
    )
