"""Price drops: who wished for a product, or left it in the cart, is told when it costs far less than it did."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import AGREED, NOBODY, Partition
from timeline import check

from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.price_drop import PriceDrop
from schemas.clickstream import ProductWishlisted
from schemas.shop_events import PriceChanged
from streams.simulated.story import moment

DROPS = PriceDrop(drop_share=0.1, pause_hours=0)
NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
QUIET = Gate(assume_consent=("marketing",), holdout=NOBODY, quiet_hours=NIGHT)
AT = moment("2026-01-20 09:00")


def test_a_timeline_of_a_wish_that_becomes_cheaper_step_by_step() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-21 09:00  shop  price_changed product=tea:1x901
        2026-01-22 09:00  shop  price_changed product=tea:1x900 event_id=p2 \
            -> price_drop customer_id=ann products=tea reason=price_fell seen_cents=1000 \
            price_cents=900 fell_share=0.1 events=p2
        2026-01-23 09:00  shop  price_changed product=tea:1x811
        2026-01-24 09:00  shop  price_changed product=tea:1x810  -> price_drop seen_cents=900
        """,
        DROPS,
    )


def test_a_timeline_of_a_price_that_goes_up_and_down_again() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-21 09:00  shop  price_changed product=tea:1x700  -> price_drop price_cents=700
        2026-01-22 09:00  shop  price_changed product=tea:1x1000
        2026-01-23 09:00  shop  price_changed product=tea:1x700
        2026-01-24 09:00  shop  price_changed product=tea:1x1200
        2026-01-25 09:00  ann   product_wishlisted product=tea:1x1200
        2026-01-26 09:00  shop  price_changed product=tea:1x1000  -> price_drop seen_cents=1200
        """,
        DROPS,
    )


def test_a_timeline_of_what_is_left_in_the_cart() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_added product=tea:2x1000
        2026-01-20 09:01  bob   product_added product=tea:1x1000
        2026-01-20 09:02  cem   product_added product=tea:1x1000
        2026-01-20 09:02  dee   product_added product=tea:1x1000
        2026-01-20 09:03  ann   product_removed product=tea
        2026-01-20 09:04  bob   product_removed product=tea
        2026-01-20 09:05  cem   order_placed products=tea
        2026-01-20 09:06  dee   order_placed products=pot   (an order empties the cart)
        2026-01-21 09:00  shop  price_changed product=tea:1x500  -> price_drop customer_id=ann
        """,
        DROPS,
    )


def test_a_timeline_of_a_cart_that_does_not_count() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_added product=tea:1x1000
        2026-01-20 09:01  bob   product_wishlisted product=tea:1x1000
        2026-01-20 09:02  bob   product_added product=tea:1x1000
        2026-01-20 09:03  bob   product_removed product=tea   (it is wished for still)
        2026-01-21 09:00  shop  price_changed product=tea:1x500  -> price_drop customer_id=bob
        """,
        PriceDrop(of_cart=False),
    )


def test_a_timeline_of_an_order_that_ends_it_unless_it_is_older_than_the_wish() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 09:00  bob   product_wishlisted product=tea:1x1000
        2026-01-20 10:00  ann   order_placed products=tea
        2026-01-20 10:00  bob   order_placed products=tea occurred_at=2026-01-20T08:30
        2026-01-20 10:01  ann   product_wishlisted product=tea:1x1000 occurred_at=2026-01-20T09:59
        2026-01-21 09:00  shop  price_changed product=tea:1x500  -> price_drop customer_id=bob
        """,
        DROPS,
    )


def test_a_timeline_of_another_currency() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-21 09:00  shop  price_changed product=tea:1x500 currency=SEK
        2026-01-22 09:00  shop  price_changed product=tea:1x600  -> price_drop price_cents=600
        """,
        DROPS,
    )


def test_a_timeline_of_a_drop_while_it_is_sold_out() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 10:00  shop  stock_changed product=tea available=0
        2026-01-21 09:00  shop  price_changed product=tea:1x500
        2026-01-22 09:00  shop  stock_changed product=tea available=3  -> price_drop price_cents=500
        2026-01-23 09:00  shop  stock_changed product=tea available=0
        2026-01-24 09:00  shop  stock_changed product=tea available=3
        """,
        DROPS,
    )


def test_a_timeline_of_a_wish_without_a_price() -> None:
    check(
        """
        2026-01-20 08:00  shop  price_changed product=tea:1x1000
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x0   (they saw the shop's price)
        2026-01-20 09:00  ann   product_wishlisted product=pot:1x0   (nobody knows what it cost)
        2026-01-21 09:00  shop  price_changed product=tea:1x800  -> price_drop seen_cents=1000
        2026-01-21 09:00  shop  price_changed product=pot:1x1
        """,
        DROPS,
    )


def test_a_timeline_of_a_price_that_overtakes_the_wish() -> None:
    check(
        """
        2026-01-20 09:10:00  shop  price_changed product=tea:1x800
        2026-01-20 09:10:01  ann   product_wishlisted product=tea:1x1000 \
            occurred_at=2026-01-20T09:09  -> price_drop seen_cents=1000 price_cents=800
        2026-01-20 09:11:00  bob   product_wishlisted product=tea:1x1000  (they saw an old page)
        2026-01-20 09:12:00  shop  price_changed product=tea:1x790 -> price_drop customer_id=bob
        """,
        DROPS,
    )


@pytest.mark.parametrize(("second", "told"), [(0, True), (1, False)])
def test_a_timeline_of_a_price_that_is_remembered_for_so_many_days(second: int, told: bool) -> None:
    check(
        f"""
        2026-01-20 09:00     ann   product_wishlisted product=tea:1x1000
        2026-01-30 09:00:0{second}  shop  price_changed product=tea:1x500 \
            {"-> price_drop" if told else ""}
        2026-01-31 09:00     shop  price_changed product=tea:1x490
        """,
        PriceDrop(valid_days=10),
    )


def test_a_timeline_of_a_night_in_which_prices_move_on() -> None:
    check(
        """
        2026-01-20 19:00     ann   product_wishlisted product=tea:1x1000
        2026-01-20 19:00     ann   product_wishlisted product=pot:1x2000
        2026-01-20 19:00     bob   product_wishlisted product=tea:1x1000
        2026-01-20 22:00     shop  price_changed product=tea:1x800 \
            -> deferred price_drop customer_id=ann; deferred price_drop customer_id=bob
        2026-01-20 23:00     shop  price_changed product=pot:1x1500 \
            -> suppressed price_drop reason=already_held
        2026-01-21 01:00     shop  price_changed product=tea:1x950
        2026-01-21 08:00:01  ann   -> price_drop products=pot
        2026-01-21 08:00:01  bob   -> suppressed price_drop reason=reason_gone
        2026-01-21 12:00     shop  price_changed product=tea:1x900 \
            -> price_drop customer_id=ann; price_drop customer_id=bob
        """,
        DROPS,
        gate=QUIET,
    )


def test_a_timeline_of_a_refusal_after_which_only_a_lower_price_is_news() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 09:00  ann   product_wishlisted product=pot:1x1000
        2026-01-21 09:00  shop  price_changed product=pot:1x500  -> price_drop products=pot
        2026-01-21 10:00  shop  price_changed product=tea:1x800  -> suppressed price_drop reason=paused
        2026-01-22 11:00  shop  price_changed product=tea:1x850
        2026-01-22 12:00  shop  price_changed product=tea:1x840 \
            -> price_drop products=tea seen_cents=1000 price_cents=840
        """,
        PriceDrop(),
    )


def test_a_timeline_of_who_is_held_out_and_counts_as_told() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-21 09:00  shop  price_changed product=tea:1x500  -> held_out price_drop
        2026-01-22 09:00  shop  price_changed product=tea:1x1000
        2026-01-23 09:00  shop  price_changed product=tea:1x500
        """,
        PriceDrop(pause_hours=0, holdout_share=0.5),
        gate=AGREED,
    )


def test_a_timeline_of_a_late_word_on_the_price() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 10:00  shop  price_changed product=tea:1x1000
        2026-01-20 11:00  shop  price_changed product=tea:1x500 occurred_at=2026-01-20T09:30
        2026-01-20 14:00  shop  price_changed product=tea:1x500 occurred_at=2026-01-20T12:00 \
            -> suppressed price_drop reason=late
        """,
        DROPS,
    )


@settings(max_examples=200, deadline=None)
@given(
    share=st.integers(1, 9_999),
    seen=st.integers(1, 10**12),
    parts=st.integers(0, 12_000),
    by=st.integers(-1, 1),
)
def test_a_price_has_fallen_far_enough_exactly_at_the_share(
    share: int, seen: int, parts: int, by: int
) -> None:
    # At the boundary, beside it, and anywhere.
    price = max(0, seen * (10_000 - share if parts > 10_000 else parts) // 10_000 + by)
    shop = Partition(PriceDrop(drop_share=share / 10_000))
    said = shop.facts(
        ProductWishlisted(
            event_id="w", occurred_at=AT, customer_id="ann", product_id="tea", price_cents=seen,
            currency="EUR",
        ),
        PriceChanged("tea", min(price, 10**12), "EUR", event_id="p", occurred_at=AT + 1),
    )  # fmt: skip
    has_fallen = price > 0 and (seen - price) * 10_000 >= seen * share
    assert bool(said) == has_fallen


def test_a_timeline_of_wishes_that_arrive_in_the_wrong_order() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 09:10  ann   product_wishlisted product=tea:1x5000 occurred_at=2026-01-20T08:50
        2026-01-20 09:20  shop  price_changed product=tea:1x950
        """,
        DROPS,
    )


def test_a_timeline_of_an_old_wish_that_is_no_occasion_to_tell_what_was_refused() -> None:
    check(
        """
        2026-01-20 09:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 09:00  ann   product_wishlisted product=pot:1x1000
        2026-01-21 09:00  shop  price_changed product=pot:1x500  -> price_drop products=pot
        2026-01-21 10:00  shop  price_changed product=tea:1x800  -> suppressed price_drop reason=paused
        2026-01-23 09:00  ann   product_wishlisted product=tea:1x800
        2026-01-23 09:10  ann   product_wishlisted product=tea:1x1000 occurred_at=2026-01-23T08:50
        2026-01-24 09:00  shop  price_changed product=tea:1x790
        """,
        PriceDrop(),
    )


def test_a_timeline_of_an_older_wish_while_a_drop_waits_to_be_told() -> None:
    check(
        """
        2026-01-20 09:00:00  ann   product_wishlisted product=tea:1x1000
        2026-01-20 09:00:00  ann   product_wishlisted product=pot:1x1000
        2026-01-20 09:01:00  shop  price_changed product=pot:1x500  -> price_drop products=pot
        2026-01-20 09:02:00  shop  price_changed product=tea:1x800 \
            -> suppressed price_drop reason=paused
        2026-01-20 09:20:00  ann   product_wishlisted product=tea:1x1000 \
            occurred_at=2026-01-20T08:59   (the pause is over, and this is no news)
        2026-01-20 09:30:00  shop  price_changed product=tea:1x790  -> price_drop products=tea
        """,
        PriceDrop(pause_hours=0.1),
    )
