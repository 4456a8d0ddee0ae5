"""Recommendations: what others bought with it, never what one has, and once a week at most."""

import pytest
from partition import NOBODY, Partition, journal
from timeline import check

from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.product_recommendation import ProductRecommendation
from schemas.clickstream import ProductViewed
from schemas.orders import Item, OrderPlaced
from state.product import LINES_MAX
from streams.simulated.story import moment

RECOMMENDATION = ProductRecommendation(quiet_hours=168, together_min=3)

#: Three breakfasts: enough for four products to be known to go together.
BREAKFASTS = """
    2026-01-05 08:00  bob  order_placed products=milk,tea,bread,jam
    2026-01-05 09:00  cem  order_placed products=milk,tea,bread,jam
    2026-01-05 10:00  dee  order_placed products=milk,tea,bread,jam
"""


def test_a_look_at_a_product_brings_what_others_bought_with_it_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  ann  product_viewed product=milk event_id=look \
            -> product_recommendation reason=bought_together because_of=milk \
               products=bread,jam,tea events=look best_score=1
        """,
        RECOMMENDATION,
    )


def test_so_do_a_product_in_the_cart_and_an_order_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  ann  product_added product=tea \
            -> product_recommendation because_of=tea products=bread,jam,milk
        2026-01-06 08:00  eve  order_placed products=jam \
            -> product_recommendation because_of=jam products=bread:0.75,milk:0.75,tea:0.75
        """,
        RECOMMENDATION,
    )


def test_what_goes_with_it_most_often_comes_first_and_five_at_most_timeline() -> None:
    check(
        """
        2026-01-05 08:00  bob  order_placed products=milk,tea,bread,jam,figs,oats,rye
        2026-01-05 09:00  cem  order_placed products=milk,tea,bread,jam,figs,oats,rye
        2026-01-05 10:00  dee  order_placed products=milk,tea,bread,jam,figs,oats,rye
        2026-01-05 11:00  fay  order_placed products=milk,tea,rye \
            -> product_recommendation products=bread:2.25,figs:2.25,jam:2.25,oats:2.25
        2026-01-05 12:00  gus  order_placed products=milk,rye \
            -> product_recommendation products=tea:1.6,bread:1.2,figs:1.2,jam:1.2,oats:1.2
        2026-01-06 08:00  ann  product_viewed product=milk \
            -> product_recommendation products=rye:1.0,tea:0.8,bread:0.6,figs:0.6,jam:0.6
        """,
        RECOMMENDATION,
    )


def test_two_orders_are_no_evidence_yet_timeline() -> None:
    check(
        """
        2026-01-05 08:00  bob  order_placed products=milk,tea,bread,jam
        2026-01-05 09:00  cem  order_placed products=milk,tea,bread,jam
        2026-01-06 08:00  ann  product_viewed product=milk
        """,
        RECOMMENDATION,
    )


def test_with_fewer_than_three_products_to_name_nothing_is_said_timeline() -> None:
    check(
        """
        2026-01-05 08:00  bob  order_placed products=milk,tea,bread
        2026-01-05 09:00  cem  order_placed products=milk,tea,bread
        2026-01-05 10:00  dee  order_placed products=milk,tea,bread
        2026-01-06 08:00  ann  product_viewed product=milk
        """,
        RECOMMENDATION,
    )


def test_a_product_that_nobody_has_bought_brings_nothing_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  ann  product_viewed product=sofa
        """,
        RECOMMENDATION,
    )


def test_what_the_customer_just_bought_or_has_in_the_cart_is_left_out_timeline() -> None:
    check(
        """
        2026-01-05 08:00  bob  order_placed products=milk,tea,bread,jam,figs,oats
        2026-01-05 09:00  cem  order_placed products=milk,tea,bread,jam,figs,oats
        2026-01-05 10:00  dee  order_placed products=milk,tea,bread,jam,figs,oats
        2026-01-05 11:00  ann  order_placed products=soap,jam  -> product_recommendation
        2026-01-12 11:00  ann  product_added product=towel
        2026-01-12 11:01  ann  product_added product=tea \
            -> product_recommendation products=bread,figs,milk,oats
        """,
        RECOMMENDATION,
    )


def test_a_customer_hears_of_it_once_a_week_however_much_they_look_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  ann  product_viewed product=milk  -> product_recommendation
        2026-01-06 08:01  ann  product_viewed product=tea
        2026-01-06 08:02  ann  product_added product=milk
        2026-01-13 07:59  ann  product_viewed product=milk
        2026-01-13 08:00  ann  product_viewed product=tea \
            -> product_recommendation products=bread,jam
        """,
        ProductRecommendation(quiet_hours=168, together_min=3, products_min=2),
    )


def test_a_late_look_says_nothing_about_the_past_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-10 08:00  ann  product_viewed product=milk occurred_at=2026-01-06 \
            -> suppressed product_recommendation reason=late
        2026-01-14 08:00  ann  product_viewed product=tea  -> product_recommendation
        """,
        RECOMMENDATION,
    )


def test_without_consent_to_personalisation_nothing_is_said_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  ann  product_viewed product=milk \
            -> suppressed product_recommendation reason=no_consent
        2026-01-14 08:00  ann  product_viewed product=milk
        2026-01-15 08:00  ann  consent_changed purpose=personalisation
        2026-01-22 08:00  ann  product_viewed product=milk \
            -> product_recommendation refused_before=1
        """,
        RECOMMENDATION,
        gate=Gate(),
    )


@pytest.mark.parametrize(
    ("night", "morning"),
    [
        ("page_viewed", "product_recommendation products=bread,figs,jam,tea"),
        ("product_added product=jam", "product_recommendation products=bread,figs,tea"),
        ("order_placed products=jam", "product_recommendation products=bread,figs,tea"),
        ("order_placed products=jam,figs", "suppressed product_recommendation reason=reason_gone"),
    ],
)
def test_what_waits_for_the_morning_leaves_out_what_was_bought_in_the_night_timeline(
    night: str, morning: str
) -> None:
    held = "" if night == "page_viewed" else "-> suppressed product_recommendation"
    check(
        f"""
        {BREAKFASTS.replace("jam", "jam,figs")}
        2026-01-06 22:00     ann  product_viewed product=milk \
            -> deferred product_recommendation products=bread,figs,jam,tea
        2026-01-06 23:00     ann  {night} {held}
        2026-01-07 08:00:01  ann  -> {morning}
        """,
        RECOMMENDATION,
        gate=Gate(
            assume_consent=("personalisation",),
            holdout=NOBODY,
            quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
        ),
    )


def test_a_visitor_without_a_name_is_served_as_well_timeline() -> None:
    check(
        f"""
        {BREAKFASTS}
        2026-01-06 08:00  anon:7f3  product_viewed product=milk  -> product_recommendation
        """,
        RECOMMENDATION,
    )


def test_a_wholesale_order_teaches_by_its_first_lines_only() -> None:
    wholesale = OrderPlaced(
        event_id="e1", occurred_at=moment("2026-01-05"), customer_id="bob", order_id="o1",
        products=tuple(Item(f"p{line:03}") for line in range(500)), currency="EUR",
    )  # fmt: skip
    shop = Partition(RECOMMENDATION)

    shop.feed(journal([wholesale]))

    assert sorted(shop.state()["products"]) == [f"p{line:03}" for line in range(LINES_MAX)]


def test_looking_alone_teaches_nothing() -> None:
    look = ProductViewed(
        event_id="e1", occurred_at=moment("2026-01-05"), customer_id="bob", product_id="milk"
    )
    shop = Partition(RECOMMENDATION)

    shop.feed(journal([look]))

    assert shop.state()["products"] == {}
