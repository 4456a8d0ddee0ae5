"""Browse abandonment: what is looked at again and again, and not bought, is told of after a silence."""

from typing import Any

import msgspec
import pytest
from folded import at, event, folded
from msgspec import Raw
from msgspec.structs import replace
from timeline import check

from agents.agent import View
from agents.browse_abandonment import BrowseAbandonment
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import ProductViewed
from state.customer import Said
from state.shop import Shop

AGENT = BrowseAbandonment()

#: Two looks on one evening and one in the next morning; the wait ends at 12:00.
LOOKS = """
    2026-01-20 20:00  ann  product_viewed product=kettle
    2026-01-20 20:05  ann  product_viewed product=kettle
    2026-01-21 08:00  ann  product_viewed product=kettle event_id=third
"""
TOLD = "browse_abandonment products=kettle looks=3 visits=2"


def test_timeline_three_looks_on_two_visits_are_told_after_four_quiet_hours() -> None:
    (said,) = check(
        LOOKS
        + f"""
        2026-01-21 11:59:59  ann
        2026-01-21 12:00  ann  -> {TOLD} reason=looked_again_and_again events=third \
            quiet_hours=4 expires_at=2026-01-24T12:00
        2026-02-21 12:00  ann
        """,
        AGENT,
    )
    assert said.evidence.thresholds == {"looks_min": 3, "visits_min": 2, "after_hours": 4.0}
    assert msgspec.json.decode(said.payload) == {
        "products": [{"product_id": "kettle", "looks": 3, "visits": 2}]
    }


def test_timeline_many_looks_on_one_visit_are_no_hesitation_yet() -> None:
    check(
        """
        2026-01-20 20:00  ann  product_viewed product=kettle
        2026-01-20 20:05  ann  product_viewed product=kettle
        2026-01-20 20:10  ann  product_viewed product=kettle
        2026-01-21 03:59  ann  product_viewed product=kettle (less than eight hours by the clock)
        2026-01-22 08:00  ann
        """,
        AGENT,
    )


def test_timeline_looks_at_different_products_are_no_hesitation() -> None:
    check(
        """
        2026-01-20 20:00  ann  product_viewed product=kettle
        2026-01-21 20:00  ann  product_viewed product=kettle
        2026-01-22 20:00  ann  product_viewed product=mug
        2026-01-23 20:00  ann  product_viewed product=pot
        2026-01-25 08:00  ann
        """,
        AGENT,
    )


def test_timeline_whatever_happens_in_the_shop_puts_it_off() -> None:
    check(
        LOOKS
        + f"""
        2026-01-21 11:00  ann  page_viewed
        2026-01-21 14:30  ann  product_viewed product=mug
        2026-01-21 18:30  ann  -> {TOLD} quiet_hours=4
        """,
        AGENT,
    )


@pytest.mark.parametrize(
    "happens",
    [
        "product_added product=kettle",
        "order_placed products=kettle:1x4900",
        "order_placed products=mug:1x900",  # It answers the looks before it as well.
    ],
)
def test_timeline_a_cart_or_an_order_ends_it(happens: str) -> None:
    check(LOOKS + f"2026-01-21 09:00  ann  {happens}\n2026-01-23 09:00  ann", AGENT)


def test_timeline_an_order_that_is_heard_of_late_ends_it_too() -> None:
    check(
        LOOKS
        + """
        2026-01-21 11:50  ann  order_placed products=kettle occurred_at=2026-01-21T08:10
        2026-01-23 09:00  ann
        """,
        AGENT,
    )


def test_timeline_an_order_from_before_the_looks_does_not() -> None:
    check(
        LOOKS
        + f"""
        2026-01-21 11:50  ann  order_placed products=mug occurred_at=2026-01-10
        2026-01-21 12:00  ann  -> {TOLD}
        """,
        AGENT,
    )


# The row knows the last products of an order, and the trail the first ones.
@pytest.mark.parametrize("products", ["kettle", "kettle,a,b,c,d,e", "a,b,c,d,e,kettle"])
def test_timeline_what_they_have_bought_once_they_may_look_up(products: str) -> None:
    check(
        f"2026-01-02 08:00  ann  order_placed products={products}\n"
        + LOOKS
        + "2026-01-23 09:00  ann",
        AGENT,
    )


def test_timeline_what_is_taken_out_of_the_cart_again_counts() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=kettle
        2026-01-21 08:00  ann  product_added product=kettle
        2026-01-21 08:01  ann  product_viewed product=kettle
        2026-01-21 08:02  ann  product_viewed product=kettle (in the cart: another agent's affair)
        2026-01-21 08:03  ann  product_removed product=kettle
        2026-01-22 08:00  ann  product_viewed product=kettle
        2026-01-22 12:00  ann  -> browse_abandonment products=kettle looks=4 visits=3
        """,
        AGENT,
    )


def test_timeline_it_is_told_once_in_a_pause_and_again_for_new_looks_after_it() -> None:
    check(
        LOOKS
        + f"""
        2026-01-21 12:00  ann  -> {TOLD}
        2026-01-22 08:00  ann  product_viewed product=kettle
        2026-01-28 11:59  ann  product_viewed product=kettle
        2026-01-28 12:00  ann  product_viewed product=kettle
        2026-01-28 16:00  ann  -> browse_abandonment looks=6 visits=4
        2026-03-28 16:00  ann
        """,
        AGENT,
    )


def test_timeline_several_products_are_told_together_the_most_looked_at_first() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=kettle
        2026-01-20 08:01  ann  product_viewed product=mug
        2026-01-20 08:02  ann  product_viewed product=pot
        2026-01-21 08:00  ann  product_viewed product=kettle
        2026-01-21 08:01  ann  product_viewed product=mug
        2026-01-21 08:02  ann  product_viewed product=mug
        2026-01-21 12:02  ann  -> browse_abandonment products=mug,kettle looks=3
        """,
        BrowseAbandonment(looks_min=2, products_max=2),
    )


def test_timeline_what_was_looked_at_on_one_visit_alone_is_not_told_with_it() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=kettle
        2026-01-21 08:00  ann  product_viewed product=mug
        2026-01-21 08:01  ann  product_viewed product=mug
        2026-01-21 08:02  ann  product_viewed product=mug
        2026-01-21 08:03  ann  product_viewed product=kettle
        2026-01-21 08:04  ann  product_viewed product=kettle
        2026-01-21 12:04  ann  -> browse_abandonment products=kettle
        """,
        AGENT,
    )


def test_timeline_looks_that_are_heard_of_days_later_are_not_told_as_news() -> None:
    check(
        """
        2026-01-25 08:00  bob  page_viewed
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-20T08:00
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-20T20:00
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-21T20:00
        2026-01-25 09:00  ann  -> suppressed browse_abandonment reason=late
        """,
        AGENT,
    )


def test_timeline_a_storefront_that_retries_is_counted_once() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=kettle event_id=a
        2026-01-20 20:00  ann  product_viewed product=kettle event_id=b
        2026-01-20 20:01  ann  product_viewed product=kettle event_id=b
        2026-01-22 08:00  ann
        """,
        AGENT,
    )


def test_timeline_after_a_month_the_looks_begin_anew() -> None:
    check(
        """
        2026-01-01 08:00  ann  product_viewed product=kettle
        2026-01-02 08:00  ann  product_viewed product=kettle
        2026-02-02 08:00  ann  product_viewed product=kettle
        2026-02-04 08:00  ann
        """,
        AGENT,
    )


NIGHT = Gate(
    assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0),
    quiet_hours=QuietHours(begin="11:00", end="15:00", time_zone="UTC"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "then"),
    [
        ("page_viewed", "browse_abandonment products=kettle"),
        ("order_placed products=mug", "suppressed browse_abandonment reason=reason_gone"),
        ("product_added product=kettle", "suppressed browse_abandonment reason=reason_gone"),
    ],
)
def test_timeline_what_was_held_back_is_looked_at_once_more(happens: str, then: str) -> None:
    check(
        LOOKS
        + f"""
        2026-01-21 12:00  ann  -> deferred browse_abandonment reason=quiet_hours
        2026-01-21 13:00  ann  {happens}
        2026-01-21 15:00:01  ann  -> {then}
        """,
        AGENT,
        gate=NIGHT,
    )


def test_a_look_that_starts_no_wait_reads_no_memory() -> None:
    looks: list[Any] = [
        event(ProductViewed, f"{it} 08:00", product_id="tea") for it in (20, 21, 22)
    ]

    def answer(count: int, **more: Any) -> Any:
        row = replace(folded(*looks[:count]), memory={AGENT.name: Raw(b"damaged")}, **more)
        return AGENT.on_event(looks[count - 1], View("ann", at("22 08:00"), row, Shop(), {}))

    assert answer(3) != ()
    assert answer(2) == ()
    assert answer(3, timers={AGENT.name: at("22 12:00")}) == ()
    assert answer(3, said={AGENT.name: Said(sent_at=at("22 07:00"))}) == ()


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="looks_min is 2, less than visits_min, which is 3"):
        BrowseAbandonment(looks_min=2, visits_min=3)
