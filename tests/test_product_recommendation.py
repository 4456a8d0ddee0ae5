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


VISITORS = ((8, "bob"), (9, "cem"), (10, "dee"), (11, "eve"), (12, "fay"))


def trips(*told: str) -> str:
    """Five visits: enough for what is looked at beside a tent to be known. told: who hears of it."""
    return "\n".join(
        f"""
        2026-01-05 {hour:02}:00  {who}  product_viewed product=tent category=camping
        2026-01-05 {hour:02}:01  {who}  product_viewed product=mat category=camping \
            {"-> product_recommendation products=stove,lamp" if who in told else ""}
        2026-01-05 {hour:02}:02  {who}  product_viewed product=stove category=camping
        2026-01-05 {hour:02}:03  {who}  product_viewed product=lamp category=camping
        """
        for hour, who in VISITORS
    )


TRIPS = trips()
#: It is quiet about what is popular, which another test is about.
BY_VISIT = ProductRecommendation(looks_min=6, popular_min=1_000)


def test_a_look_is_answered_by_what_others_look_at_next_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-06 08:00  ann  product_viewed product=tent event_id=look \
            -> product_recommendation reason=looked_at_together because_of=tent \
               products=mat,stove,lamp events=look
        """,
        BY_VISIT,
    )


def test_a_visit_is_answered_as_a_whole_and_what_it_has_held_is_left_out_timeline() -> None:
    check(
        f"""
        {trips("dee", "eve", "fay")}
        2026-01-06 08:00  ann  product_viewed product=soap
        2026-01-06 08:01  ann  product_viewed product=mat \
            -> product_recommendation because_of=mat,soap products=stove,tent,lamp
        2026-01-06 08:01  gus  product_viewed product=soap
        2026-01-06 08:02  gus  product_added product=tent \
            -> product_recommendation because_of=tent,soap products=mat,stove,lamp
        """,
        ProductRecommendation(looks_min=6, popular_min=1_000, products_min=2),
    )


def test_a_visit_of_another_day_is_not_the_one_under_way_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-06 08:00  ann  product_viewed product=soap
        2026-01-07 08:05  ann  product_viewed product=tent \
            -> product_recommendation because_of=tent products=mat,stove,lamp
        """,
        BY_VISIT,
    )


def test_what_is_sold_out_is_left_out_until_it_can_be_had_again_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-06 07:00  shop  stock_changed product=lamp available=0
        2026-01-06 08:00  ann  product_viewed product=tent
        2026-01-06 09:00  shop  stock_changed product=lamp available=4
        2026-01-06 10:00  ann  product_viewed product=tent \
            -> product_recommendation products=mat,stove,lamp
        """,
        BY_VISIT,
    )


def test_what_is_sold_out_in_the_night_is_not_named_in_the_morning_timeline() -> None:
    check(
        f"""
        {trips("dee", "eve", "fay")}
        2026-01-06 22:00     ann   product_viewed product=tent \
            -> deferred product_recommendation products=mat,stove,lamp
        2026-01-06 23:00     shop  stock_changed product=lamp available=0
        2026-01-07 08:00:01  ann   -> product_recommendation products=mat,stove
        """,
        ProductRecommendation(looks_min=6, popular_min=1_000, products_min=2),
        gate=Gate(
            assume_consent=("personalisation",),
            holdout=NOBODY,
            quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
        ),
    )


def test_with_few_looks_at_what_a_visit_holds_nothing_is_said_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-06 08:00  ann  product_viewed product=tent
        """,
        ProductRecommendation(looks_min=50, popular_min=1_000),
    )


def test_a_new_product_brings_what_is_popular_in_its_category_and_then_in_all_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-05 13:00  gus  order_placed products=soap,soap
        2026-01-05 13:01  gus  order_placed products=soap
        2026-01-06 08:00  ann  product_viewed product=bag category=camping \
            -> product_recommendation reason=popular because_of=bag products=lamp,mat,stove,tent,soap
        2026-01-06 08:00  hal  product_viewed product=book category=reading \
            -> product_recommendation reason=popular products=soap,lamp,mat,stove,tent
        2026-01-06 08:05  ann  product_viewed product=mat
        """,
        ProductRecommendation(looks_min=1_000, popular_min=5),
    )


def test_a_product_of_which_something_is_known_waits_for_more_timeline() -> None:
    check(
        f"""
        {TRIPS}
        2026-01-06 08:00  ann  product_viewed product=tent category=camping
        """,
        ProductRecommendation(looks_min=1_000, popular_min=5),
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
