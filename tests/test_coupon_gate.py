"""Coupons at the gate: what was not sent is nobody's, and what has waited is looked at again."""

from coupons import ALERT, COUPON, HISTORY, Bell, code_in
from msgspec.structs import replace
from partition import NOBODY, Partition, journal
from timeline import check

from agents.abandoned_cart import AbandonedCart
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from streams.simulated.story import facts, parse

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
QUIET = Gate(assume_consent=("marketing",), holdout=NOBODY, quiet_hours=NIGHT)

#: The alert and the coupon are due at night.
LATE = """
    2026-01-20 22:00  ann  order_placed total_cents=8000
    2026-02-19 22:00  ann               -> churn_alert
    2026-02-26 22:00  ann               -> deferred win_back_coupon reason=quiet_hours
"""
CODE = code_in(check(LATE, ALERT, COUPON, gate=QUIET), "deferred")


def test_a_coupon_that_waits_for_the_morning_is_open_from_then_on_timeline() -> None:
    check(
        f"""
        {LATE}
        2026-02-27 08:00:01  ann  -> win_back_coupon code={CODE} expires_at=2026-03-26T22:00
        2026-03-01 08:00     ann  order_placed coupons={CODE} \
            -> noted win_back_coupon reason=redeemed
        """,
        ALERT,
        COUPON,
        gate=QUIET,
    )


def test_an_order_in_the_night_answers_the_alert_and_the_code_is_nobodys_timeline() -> None:
    check(
        f"""
        {LATE}
        2026-02-26 23:00     ann  order_placed coupons={CODE}
        2026-02-27 08:00:01  ann  -> suppressed win_back_coupon reason=reason_gone
        2026-02-28 08:00     ann  order_placed coupons={CODE}
        2026-03-28 08:00     ann
        """,
        ALERT,
        COUPON,
        gate=QUIET,
    )


def test_a_late_order_from_before_the_silence_does_not_hold_it_up_timeline() -> None:
    check(
        f"""
        {LATE}
        2026-02-26 23:00     ann  order_placed occurred_at=2026-01-02
        2026-02-27 08:00:01  ann  -> win_back_coupon code={CODE}
        """,
        ALERT,
        COUPON,
        gate=QUIET,
    )


def test_a_reminder_that_waits_is_dropped_if_an_order_comes_in_the_night_timeline() -> None:
    history = f"""
        {LATE}
        2026-02-27 08:00:01  ann  -> win_back_coupon
        2026-03-23 22:00     ann  -> deferred coupon_expiring
    """
    ended = "2026-03-26 22:00  ann  -> noted win_back_coupon reason=expired_unused"
    for night, morning in {
        "": "coupon_expiring reason=coupon_unused left_days=3",
        "2026-03-23 23:00 ann order_placed": "suppressed coupon_expiring reason=reason_gone",
    }.items():
        check(
            f"""
            {history}
            {night}
            2026-03-24 08:00:01  ann  -> {morning}
            {ended}
            """,
            ALERT,
            COUPON,
            gate=QUIET,
        )


def test_a_coupon_that_is_redeemed_in_the_night_is_not_reminded_of_timeline() -> None:
    check(
        f"""
        {LATE}
        2026-02-27 08:00:01  ann  -> win_back_coupon
        2026-03-23 22:00     ann  -> deferred coupon_expiring
        2026-03-24 07:00     ann  order_placed coupons={CODE} \
            -> noted win_back_coupon reason=redeemed
        2026-03-24 08:00:01  ann  -> suppressed coupon_expiring reason=reason_gone
        """,
        ALERT,
        COUPON,
        gate=QUIET,
    )


def test_who_is_held_out_gets_no_coupon_no_reminder_and_redeems_nothing_timeline() -> None:
    holdout = Holdout(share=0.5, over_all=0, key="a")
    assert holdout.draws("win_back_coupon", 0.5, "ann")
    check(
        f"""
        {HISTORY.replace("-> win_back_coupon", "-> held_out win_back_coupon")}
        2026-03-01 08:00  ann  order_placed coupons={code_in(check(HISTORY, ALERT, COUPON))}
        2026-03-02 08:00  ann  order_cancelled
        2026-03-30 08:00  ann
        """,
        ALERT,
        COUPON,
        gate=Gate(assume_consent=("marketing",), holdout=holdout),
    )


def test_what_the_budget_does_not_pay_for_is_nobodys_coupon_timeline() -> None:
    poor = replace(COUPON, budget_cents={"EUR": 1_199})
    check(
        f"""
        {HISTORY.replace("-> win", "-> suppressed win")}
        2026-03-01 08:00  ann  order_placed coupons={code_in(check(HISTORY, ALERT, COUPON))}
        2026-03-30 08:00  ann
        """.replace("win_back_coupon\n", "win_back_coupon reason=over_budget\n"),
        ALERT,
        poor,
    )


def test_one_that_was_refused_does_not_hide_the_one_that_is_open_timeline() -> None:
    code = code_in(check(HISTORY, ALERT, COUPON))
    check(
        f"""
        {HISTORY}
        2026-03-01 08:00  ann  order_placed
        2026-03-23 08:00  ann
        2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
        2026-03-31 08:00  ann  -> churn_alert
        2026-04-07 08:00  ann  -> suppressed win_back_coupon reason=paused
        2026-04-08 08:00  ann  order_placed coupons={code} \
            -> noted win_back_coupon reason=redeemed_after_expiry
        """,
        ALERT,
        COUPON,
    )


def test_an_alert_in_the_night_begins_the_wait_anew_and_one_coupon_leaves_timeline() -> None:
    check(
        """
        2026-01-20 16:00     ann    order_placed total_cents=8000
        2026-01-20 16:00     ann    page_viewed   -> bell
        2026-01-20 22:00     ann                  -> deferred win_back_coupon
        2026-01-20 22:30     clock  stops
        2026-01-20 23:00     ann    page_viewed   -> bell
        2026-01-21 09:00     clock  goes_on
        2026-01-21 09:00     ann  -> suppressed win_back_coupon reason=reason_gone; win_back_coupon
        """,
        Bell(),
        replace(COUPON, after="bell", after_days=0.25, pause_hours=0),
        gate=replace(QUIET, at_once="all"),
    )


def test_a_coupon_that_joins_another_trigger_is_open_as_well_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=8000
        2026-01-20 08:01  ann  page_viewed   -> bell
        2026-01-20 12:00  ann  product_added
        2026-01-20 14:01  ann                -> abandoned_cart; merged win_back_coupon
        2026-02-14 14:01  ann                -> coupon_expiring
        2026-02-17 14:01  ann                -> noted win_back_coupon reason=expired_unused
        """,
        Bell(),
        AbandonedCart(after_minutes=121, priority=1),
        replace(COUPON, after="bell", after_days=0.25),
        gate=replace(QUIET, at_once="merge"),
    )


def test_what_is_handed_out_used_and_returned_is_in_the_books_timeline() -> None:
    code = code_in(check(HISTORY, ALERT, COUPON))
    shop = Partition(ALERT, replace(COUPON, campaign="spring"))
    history = f"""
        {HISTORY}
        2026-03-01 08:00  ann  order_placed order_id=back coupons={code}
        2026-03-02 08:00  ann  order_cancelled order_id=back
    """
    shop.feed(journal(fact for _, fact in facts(parse(history))))

    money = {it: by for it, by in shop.state()["counters"].items() if it.startswith("money/")}
    assert money == {
        f"money/spring/{it}/EUR": 1200 for it in ("handed_out", "redeemed", "returned")
    }
