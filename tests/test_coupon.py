"""Coupons: one at a time, redeemed once, ended once, reminded of once, and returned once."""

import msgspec
import pytest
from coupons import ALERT, COUPON, HISTORY, code_in
from msgspec.structs import replace
from timeline import check

from agents.churn_alert import ChurnAlert
from agents.coupons.coupon import Coupon, Coupons
from agents.win_back_coupon import WinBackCoupon
from schemas.codec import encode_row
from schemas.decisions import Decision, Money
from schemas.orders import OrderCancelled
from streams.simulated.story import moment

CODE = code_in(check(HISTORY, ALERT, COUPON))
REDEEMED = f"order_placed order_id=back total_cents=6800 coupons={CODE} -> noted win_back_coupon"


def told(history: str, coupon: WinBackCoupon = COUPON) -> list[Decision]:
    """What is said after the coupon was sent."""
    return check(HISTORY + history, ALERT, coupon)[2:]


def test_the_order_that_redeems_the_coupon_is_put_on_record() -> None:
    redeemed = f"reason=redeemed code={CODE} value_cents=1200 paid_cents=6800 order_id=back"
    told(f"""
    2026-03-01 08:00  ann  order_placed order_id=back total_cents=6800 coupons=SPRING,{CODE} \
        -> noted win_back_coupon {redeemed}
    2026-03-02 08:00  ann  order_placed coupons={CODE}  (the shop's affair, and noted once)
    """)


@pytest.mark.parametrize(
    "typed", [CODE.lower(), CODE.replace("-", ""), f'" {CODE.replace("-", " ")}"']
)
def test_a_code_is_known_however_it_was_typed(typed: str) -> None:
    told(f"""
    2026-03-01 08:00  ann  order_placed "coupons={typed.strip('"')}" \
        -> noted win_back_coupon reason=redeemed code={CODE}
    """)


def test_a_code_in_somebody_elses_hands_is_not_the_customers_order() -> None:
    told(f"""
    2026-03-01 08:00  bob  order_placed coupons={CODE}
    2026-03-02 08:00  ann  order_placed coupons={CODE} -> noted win_back_coupon reason=redeemed
    """)


def test_an_order_without_the_code_leaves_the_coupon_open() -> None:
    told(f"""
    2026-03-01 08:00  ann  order_placed coupons=SPRING
    2026-03-05 08:00  ann  order_placed coupons={CODE} -> noted win_back_coupon reason=redeemed
    """)


# The end --------------------------------------------------------------------------------------------


def test_a_coupon_that_nobody_uses_is_reminded_of_and_then_ends_once() -> None:
    reminder, _ = told(f"""
    2026-03-23 07:59  ann
    2026-03-23 08:00  ann  -> coupon_expiring reason=coupon_unused code={CODE} value_cents=1200 \
        currency=EUR expires_at=2026-03-26T08:00 left_days=3 sent_at=2026-02-26T08:00
    2026-03-26 07:59  ann
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused code={CODE}
    2026-06-26 08:00  ann
    """)

    assert reminder.campaign == "win_back_coupon"
    assert reminder.evidence.thresholds == {"reminder_days": 3.0}
    assert reminder.expires_at == moment("2026-03-26 08:00")


@pytest.mark.parametrize("days", [0, 28, 40])
def test_without_time_for_it_there_is_no_reminder(days: float) -> None:
    ended = "\n 2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused"
    told(ended, replace(COUPON, reminder_days=days))


def test_any_order_makes_the_reminder_needless_and_the_coupon_stays_open() -> None:
    told("""
    2026-03-01 08:00  ann  order_placed
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    """)


def test_a_late_order_from_before_the_silence_does_not_prevent_the_reminder() -> None:
    told("""
    2026-03-01 08:00  ann  order_placed occurred_at=2026-01-02
    2026-03-23 08:00  ann  -> coupon_expiring
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    """)


def test_after_an_outage_over_its_end_nobody_is_reminded_and_an_order_in_time_counts() -> None:
    told("""
    2026-03-22 08:00  clock  stops
    2026-03-27 08:00  clock  goes_on
    2026-03-27 08:00  ann    -> noted win_back_coupon reason=expired_unused
    """)
    told(f"""
    2026-03-22 08:00  clock  stops
    2026-03-25 08:00  ann    order_placed coupons={CODE} -> noted win_back_coupon reason=redeemed
    2026-03-27 08:00  clock  goes_on
    """)


def test_an_order_after_the_end_that_is_seen_before_the_tick_hides_no_end() -> None:
    told("""
    2026-03-26 07:00  clock  stops
    2026-03-26 08:05  ann    order_placed
    2026-03-26 09:00  clock  goes_on
    2026-03-26 09:00  ann    -> noted win_back_coupon reason=expired_unused
    """, replace(COUPON, reminder_days=0))  # fmt: skip


def test_a_code_that_comes_back_after_its_end_is_recorded_as_that() -> None:
    told(f"""
    2026-03-23 08:00  ann  -> coupon_expiring
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    2026-03-26 08:01  ann  order_placed coupons={CODE} \
        -> noted win_back_coupon reason=redeemed_after_expiry
    """)


def test_an_order_from_before_the_end_that_is_seen_after_it_was_in_time() -> None:
    told(f"""
    2026-03-23 08:00  ann  -> coupon_expiring
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    2026-03-28 08:00  ann  order_placed coupons={CODE} occurred_at=2026-03-25 \
        -> noted win_back_coupon reason=redeemed
    """)


def test_an_ended_coupon_is_forgotten_with_the_next_order() -> None:
    told(f"""
    2026-03-23 08:00  ann  -> coupon_expiring
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    2026-03-27 08:00  ann  order_placed
    2026-03-28 08:00  ann  order_placed coupons={CODE}
    """)


def test_while_a_coupon_is_open_there_is_no_other_and_each_occasion_says_so_once_timeline() -> None:
    weekly = ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=7)
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-27 08:00  ann               -> churn_alert
        2026-02-03 08:00  ann               -> win_back_coupon
        2026-02-04 08:00  ann  order_placed
        2026-02-11 08:00  ann               -> churn_alert
        2026-02-18 08:00  ann  -> noted win_back_coupon reason=coupon_still_open value_cents=200
        2026-02-19 08:00  ann  order_placed
        2026-02-26 08:00  ann               -> churn_alert
        2026-03-03 08:00  ann  -> noted win_back_coupon reason=expired_unused
        2026-03-05 08:00  ann               -> win_back_coupon
        2026-03-30 08:00  ann               -> coupon_expiring
        """,
        weekly,
        replace(COUPON, pause_hours=0),
    )


# What goes back -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "return_",
    [
        "order_cancelled",
        "order_refunded",
        "order_refunded refund_cents=6800",
        "order_refunded refund_cents=9000",
    ],
)
def test_an_order_that_goes_back_gives_back_what_it_redeemed_and_only_once(return_: str) -> None:
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
    2026-03-09 08:00  ann  {return_} order_id=back -> noted win_back_coupon \
        reason=redemption_returned code={CODE} order_id=back value_cents=1200 currency=EUR reopened=false
    2026-03-10 08:00  ann  order_refunded order_id=back
    2026-03-11 08:00  ann  order_placed coupons={CODE}
    """)


def test_a_part_that_goes_back_returns_nothing_until_the_rest_does_too() -> None:
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
    2026-03-09 08:00  ann  order_refunded order_id=back refund_cents=6000
    2026-03-09 08:01  ann  order_refunded order_id=another
    2026-03-30 08:00  ann  order_refunded order_id=back refund_cents=800 \
        -> noted win_back_coupon reason=redemption_returned
    """)


def test_orders_in_between_do_not_hide_which_one_redeemed_the_coupon() -> None:
    others = "\n".join(f"    2026-03-{day} 08:00  ann  order_placed" for day in range(10, 25))
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
{others}
    2026-03-28 08:00  ann  order_cancelled order_id=back \
        -> noted win_back_coupon reason=redemption_returned
    """)


def test_what_comes_back_after_thirty_days_is_not_waited_for() -> None:
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
    2026-03-29 08:00  ann  order_placed
    2026-03-31 08:01  ann  order_cancelled order_id=back
    """)


def test_a_returned_coupon_is_good_again_where_the_setting_says_so() -> None:
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
    2026-03-09 08:00  ann  order_cancelled order_id=back \
        -> noted win_back_coupon reason=redemption_returned reopened=true
    2026-03-10 08:00  ann  order_placed coupons={CODE} order_id=again \
        -> noted win_back_coupon reason=redeemed
    2026-03-11 08:00  ann  order_cancelled order_id=again \
        -> noted win_back_coupon reason=redemption_returned reopened=true
    2026-03-26 08:00  ann  -> noted win_back_coupon reason=expired_unused
    """, replace(COUPON, reopens=True))  # fmt: skip


def test_but_not_after_its_end() -> None:
    told(f"""
    2026-03-01 08:00  ann  {REDEEMED} reason=redeemed
    2026-03-27 08:00  ann  order_cancelled order_id=back \
        -> noted win_back_coupon reason=redemption_returned reopened=false
    2026-03-28 08:00  ann  order_placed coupons={CODE}
    """, replace(COUPON, reopens=True))  # fmt: skip


def test_a_memory_that_an_earlier_version_wrote_can_be_read() -> None:
    # The alert, the coupon that was sent, and one that perhaps was not.
    row = encode_row(
        ("alert", ("EBB-A", 500, 1_772_000_000_000), ("EBB-B", 700, 1_773_000_000_000))
    )
    coupons = msgspec.msgpack.decode(row, type=Coupons)
    cancelled = OrderCancelled(
        event_id="e", customer_id="ann", occurred_at=moment("2026-02-01"), order_id="o"
    )

    assert coupons.given == Coupon("EBB-A", 500, 1_772_000_000_000)
    assert coupons.returned(cancelled, reopens=True) == (coupons, None)


def test_a_returned_coupon_is_not_opened_beside_another_one() -> None:
    end = moment("2026-03-26")
    other = Coupon("EBB-B", 700, end)
    coupons = Coupons("", other, Coupon("EBB-A", 500, end, "EUR", order_id="o", returns_until=end))
    cancelled = OrderCancelled(
        event_id="e", customer_id="ann", occurred_at=moment("2026-03-01"), order_id="o"
    )

    after, note = coupons.returned(cancelled, reopens=True)

    assert after == Coupons("", other, None)
    assert note is not None
    assert note.returned == Money(500, "EUR")
