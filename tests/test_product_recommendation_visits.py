"""Recommendations by the visit: what others look at next, never what is gone, and what is popular."""

from partition import NOBODY
from timeline import check

from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.product_recommendation import ProductRecommendation

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
