"""Abandoned carts: one hour untouched and not ordered, whichever of the two is seen first."""

import pytest
from partition import NOBODY
from timeline import check

from agents.abandoned_cart import AbandonedCart
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours

CART = AbandonedCart(after_minutes=60)


def test_a_cart_that_nobody_touches_for_an_hour_is_told_of_with_what_is_in_it_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk:2x199
        2026-01-20 08:05  ann  product_added product=bread:1x250 event_id=last
        2026-01-20 09:04  ann
        2026-01-20 09:05  ann  -> abandoned_cart products=milk:2x199,bread:1x250 value_cents=648 \
            currency=EUR untouched_minutes=60 reason=cart_untouched events=last
        2026-03-20 08:00  ann  (once)
        """,
        CART,
    )


def test_a_visitor_without_a_name_has_a_cart_too_timeline() -> None:
    check(
        """
        2026-01-20 08:00  anon:7f3  product_added
        2026-01-20 09:00  anon:7f3  -> abandoned_cart value_cents=1000
        """,
        CART,
    )


def test_any_activity_around_the_cart_starts_the_hour_anew_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 08:50  ann  product_viewed product=bread
        2026-01-20 09:40  ann  product_added product=bread
        2026-01-20 10:30  ann  product_removed product=bread
        2026-01-20 11:20  ann  checkout_started
        2026-01-20 12:19  ann
        2026-01-20 12:20  ann  -> abandoned_cart products=milk
        """,
        CART,
    )


def test_whoever_still_looks_around_has_not_left_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk event_id=added
        2026-01-20 08:50  ann  page_viewed
        2026-01-20 09:30  ann  products_searched
        2026-01-20 09:31  ann  page_viewed occurred_at=2026-01-20T08:10  (late: moves nothing)
        2026-01-20 10:30  ann  -> abandoned_cart untouched_minutes=60 events=added
        """,
        CART,
    )


def test_looking_around_without_a_cart_is_no_reason_to_speak_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed
        2026-01-20 08:05  ann  checkout_started
        2026-01-20 12:00  ann
        """,
        CART,
    )


def test_the_order_ends_it_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 08:30  ann  checkout_started
        2026-01-20 08:59  ann  order_placed products=milk
        2026-01-20 12:00  ann
        """,
        CART,
    )


def test_an_order_that_is_seen_before_its_cart_ends_it_too_timeline() -> None:
    check(
        """
        2026-01-20 08:10  ann  order_placed products=milk
        2026-01-20 08:11  ann  product_added product=milk occurred_at=2026-01-20T08:00
        2026-01-20 08:12  ann  checkout_started occurred_at=2026-01-20T08:05
        2026-01-20 12:00  ann
        """,
        CART,
    )


def test_what_is_added_after_an_order_is_a_new_cart_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 08:10  ann  order_placed products=milk
        2026-01-20 08:20  ann  product_added product=bread
        2026-01-20 09:20  ann  -> abandoned_cart products=bread
        """,
        CART,
    )


def test_an_order_seen_after_the_next_cart_was_begun_leaves_that_cart_alone_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 08:20  ann  product_added product=bread
        2026-01-20 08:25  ann  order_placed products=milk occurred_at=2026-01-20T08:10
        2026-01-20 09:20  ann  -> abandoned_cart products=bread
        """,
        CART,
    )


def test_taking_the_last_thing_out_ends_it_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk:2x199
        2026-01-20 08:30  ann  product_removed product=milk:1x199
        2026-01-20 08:40  ann  product_removed product=milk:1x199
        2026-01-20 12:00  ann
        """,
        CART,
    )


def test_an_out_of_order_click_does_not_shorten_the_wait_timeline() -> None:
    check(
        """
        2026-01-20 08:30  ann  product_added product=milk
        2026-01-20 08:31  ann  product_added product=bread occurred_at=2026-01-20T08:00
        2026-01-20 09:00  ann
        2026-01-20 09:30  ann  -> abandoned_cart products=milk,bread
        """,
        CART,
    )


def test_a_cart_that_is_heard_of_days_later_is_not_told_as_news_timeline() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2026-01-23 08:00  ann  product_added occurred_at=2026-01-20T08:00
        2026-01-23 09:00  ann  -> suppressed abandoned_cart reason=late
        2026-02-23 08:00  ann
        """,
        CART,
    )


def test_nor_when_the_customer_is_there_as_it_is_heard_of_timeline() -> None:
    check(
        """
        2026-01-20 12:00  ann  page_viewed
        2026-01-20 12:01  ann  product_added product=milk occurred_at=2026-01-17T08:00
        2026-01-20 13:00  ann  -> suppressed abandoned_cart reason=late
        2026-02-20 13:00  ann
        """,
        CART,
    )


def test_two_carts_left_within_a_day_are_told_of_once_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 09:00  ann                              -> abandoned_cart
        2026-01-20 18:00  ann  product_added product=bread
        2026-01-20 19:00  ann                     -> suppressed abandoned_cart reason=paused
        2026-01-21 18:00  ann  product_viewed
        2026-01-21 19:00  ann                     -> abandoned_cart products=milk,bread
        """,
        CART,
    )


def test_a_cart_that_is_worth_less_than_the_minimum_is_let_go_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk:1x199
        2026-01-20 08:00  bob  product_added product=wine:1x2000
        2026-01-20 09:00  bob  -> abandoned_cart value_cents=2000
        2026-01-20 12:00  ann
        """,
        AbandonedCart(after_minutes=60, value_cents_min=2000),
    )


def test_an_order_during_downtime_prevents_the_reminder_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann    product_added product=milk
        2026-01-20 08:00  bob    product_added product=milk
        2026-01-20 08:30  clock  stops
        2026-01-20 10:00  ann    order_placed products=milk
        2026-01-20 20:00  clock  goes_on
        2026-01-20 20:00  bob    -> abandoned_cart untouched_minutes=720
        """,
        CART,
    )


def test_it_is_no_use_after_three_days_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added
        2026-01-20 09:00  ann  -> abandoned_cart expires_at=2026-01-23T09:00
        """,
        CART,
    )


def test_without_consent_the_record_says_so_once_and_then_counts_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_added product=milk
        2026-01-20 09:00  ann                      -> suppressed abandoned_cart reason=no_consent
        2026-01-21 08:00  ann  product_viewed
        2026-01-22 08:00  ann  product_viewed
        2026-01-23 08:00  ann  consent_changed purpose=marketing
        2026-01-23 08:00  ann  product_viewed
        2026-01-23 09:00  ann                      -> abandoned_cart refused_before=2
        """,
        CART,
        gate=Gate(),
    )


# In the morning ------------------------------------------------------------------------------------

NIGHT = Gate(
    assume_consent=("marketing",),
    holdout=NOBODY,
    quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
)
HELD = """
    2026-01-20 21:00     ann  product_added product=milk:2x199
    2026-01-20 22:00     ann  -> deferred abandoned_cart reason=quiet_hours value_cents=398
"""


@pytest.mark.parametrize(
    ("night", "morning"),
    [
        ("", "abandoned_cart products=milk:2x199 value_cents=398"),
        ("product_added product=tea:1x450", "abandoned_cart products=milk,tea value_cents=848"),
        ("product_removed product=milk:1x199", "suppressed abandoned_cart reason=reason_gone"),
        ("product_removed product=milk:2x199", "suppressed abandoned_cart reason=reason_gone"),
        ("order_placed products=milk", "suppressed abandoned_cart reason=reason_gone"),
    ],
)
def test_in_the_morning_it_tells_of_the_cart_as_it_is_by_then_timeline(
    night: str, morning: str
) -> None:
    again = "-> suppressed abandoned_cart reason=already_held" if "tea" in night else ""
    check(
        f"""
        {HELD}
        2026-01-20 23:00     ann  {night}
        2026-01-21 00:00     ann  {again}
        2026-01-21 08:00:01  ann  -> {morning}
        2026-01-21 12:00     ann
        """,
        AbandonedCart(after_minutes=60, value_cents_min=200),
        gate=NIGHT,
    )


def test_whoever_is_busy_with_the_cart_in_the_morning_is_told_of_it_later_timeline() -> None:
    check(
        f"""
        {HELD}
        2026-01-21 07:50     ann  product_added product=tea:1x450
        2026-01-21 08:00:01  ann  -> suppressed abandoned_cart reason=reason_gone
        2026-01-21 08:50     ann  -> abandoned_cart products=milk,tea
        """,
        CART,
        gate=NIGHT,
    )
