"""First purchase: who looks around and has never bought gets one offer, with a coupon or without."""

import re
from typing import Any

import msgspec
import pytest
from folded import at, event, folded
from msgspec import Raw
from msgspec.structs import replace
from timeline import check

from agents.agent import View
from agents.first_purchase_offer import FirstPurchaseOffer
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import ProductViewed
from schemas.decisions import Decision
from state.customer import Said
from state.shop import Shop

PLAIN = FirstPurchaseOffer(views_min=3)
COUPON = FirstPurchaseOffer(views_min=3, value_cents=500, code_key="secret")

#: Three looks at two products; the wait ends a day after the last one.
LOOKS = """
    2026-01-20 08:00  ann  product_viewed product=kettle
    2026-01-21 08:00  ann  product_viewed product=mug
    2026-01-21 08:10  ann  product_viewed product=mug event_id=third
"""
TOLD = "2026-01-22 08:10  ann  -> first_purchase_offer products=mug,kettle views=3\n"


def offered(history: str, agent: FirstPurchaseOffer = COUPON, **more: Any) -> list[Decision]:
    return check(LOOKS + history, agent, **more)


def code_of(decisions: list[Decision]) -> str:
    coupon = msgspec.json.decode(decisions[0].payload)["coupon"]
    assert re.fullmatch(r"EBB(-[A-Z2-7]{4}){3}", coupon["code"])
    return str(coupon["code"])


CODE = code_of(offered(TOLD))


def test_timeline_looks_and_a_quiet_day_bring_one_offer() -> None:
    (said,) = offered(
        """
        2026-01-22 08:09:59  ann
        2026-01-22 08:10  ann  -> first_purchase_offer reason=looked_and_never_bought \
            products=mug,kettle views=3 quiet_hours=24 events=third coupon=none \
            expires_at=2026-02-05T08:10
        2026-02-20 08:00  ann
        """,
        PLAIN,
    )
    assert said.evidence.thresholds == {"views_min": 3, "window_days": 14.0, "after_hours": 24.0}
    assert msgspec.json.decode(said.payload) == {"products": ["mug", "kettle"], "coupon": None}


def test_timeline_pages_and_searches_are_no_looks_at_products() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=kettle
        2026-01-20 08:01  ann  page_viewed
        2026-01-20 08:02  ann  page_viewed
        2026-01-20 08:03  ann  products_searched query=mug
        2026-01-20 08:04  ann  product_viewed product=kettle
        2026-01-22 08:00  ann
        """,
        PLAIN,
    )


def test_timeline_looks_from_before_the_window_are_let_go() -> None:
    check(
        """
        2026-01-01 08:00  ann  product_viewed product=kettle
        2026-01-01 08:01  ann  product_viewed product=kettle
        2026-01-16 08:00  ann  product_viewed product=mug
        2026-01-18 08:00  ann
        2026-01-18 08:01  ann  product_viewed product=mug
        2026-01-18 08:02  ann  product_viewed product=mug
        2026-01-19 08:02  ann  -> first_purchase_offer products=mug,kettle views=3
        """,
        PLAIN,
    )


def test_timeline_looks_that_leave_the_window_in_the_wait_are_let_go() -> None:
    offered(
        """
        2026-01-22 07:00  ann  page_viewed
        2026-01-25 07:00  ann
        """,
        replace(PLAIN, window_days=1.5),
    )


def test_timeline_whatever_happens_in_the_shop_puts_it_off() -> None:
    offered(
        """
        2026-01-22 07:00  ann  page_viewed
        2026-01-23 07:00  ann  -> first_purchase_offer quiet_hours=24
        """,
        PLAIN,
    )


def test_timeline_an_order_ends_it_for_good() -> None:
    offered(
        """
        2026-01-22 08:00  ann  order_placed order_id=o1 products=jam
        2026-01-22 09:00  ann  order_cancelled order_id=o1
        2026-01-23 08:00  ann  product_viewed product=kettle
        2026-01-23 08:01  ann  product_viewed product=kettle
        2026-01-23 08:02  ann  product_viewed product=kettle
        2026-01-29 08:00  ann
        """
    )


def test_timeline_an_order_from_before_the_looks_that_is_heard_of_late_ends_it_too() -> None:
    offered("2026-01-22 08:00  ann  order_placed occurred_at=2026-01-02\n2026-01-29 08:00  ann")


def test_timeline_it_is_offered_once_in_a_pause() -> None:
    offered(
        TOLD
        + """
        2026-01-25 08:00  ann  product_viewed product=kettle
        2026-01-25 08:01  ann  product_viewed product=kettle
        2026-02-21 08:09  ann  product_viewed product=kettle
        2026-02-21 08:10  ann  product_viewed product=kettle
        2026-02-22 08:10  ann  -> first_purchase_offer
        """,
        PLAIN,
    )


def test_timeline_looks_that_are_heard_of_days_later_are_not_told_as_news() -> None:
    check(
        """
        2026-01-25 08:00  bob  page_viewed
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-20T08:00
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-20T08:01
        2026-01-25 08:00  ann  product_viewed product=kettle occurred_at=2026-01-20T08:02
        2026-01-25 09:00  ann  -> suppressed first_purchase_offer reason=late
        """,
        PLAIN,
    )


@pytest.mark.parametrize(
    ("happens", "then"),
    [
        ("message_opened", "first_purchase_offer products=mug,kettle"),
        ("order_placed products=jam", "suppressed first_purchase_offer reason=reason_gone"),
        ("product_viewed product=mug", "suppressed first_purchase_offer reason=reason_gone"),
    ],
)
def test_timeline_what_was_held_back_is_looked_at_once_more(happens: str, then: str) -> None:
    quiet = QuietHours(begin="08:00", end="10:00", time_zone="UTC")
    offered(
        f"""
        2026-01-22 08:10  ann  -> deferred first_purchase_offer reason=quiet_hours
        2026-01-22 09:00  ann  {happens}
        2026-01-22 10:00:01  ann  -> {then}
        """,
        gate=Gate(
            assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), quiet_hours=quiet
        ),
    )


def test_a_look_that_starts_no_wait_reads_no_memory() -> None:
    looks: list[Any] = [
        event(ProductViewed, f"{it} 08:00", product_id="tea") for it in (20, 21, 22)
    ]

    def answer(count: int, **more: Any) -> Any:
        row = replace(folded(*looks[:count]), memory={PLAIN.name: Raw(b"damaged")}, **more)
        view = View("ann", at("22 08:00"), row, Shop(), {}, agent=PLAIN.name)
        return PLAIN.on_event(looks[count - 1], view)

    assert answer(2) == ()
    assert answer(3, timers={PLAIN.name: at("22 12:00")}) == ()
    assert answer(3, said={PLAIN.name: Said(sent_at=at("22 07:00"))}) == ()
    assert answer(3, order_count=1) == ()
    with pytest.raises(Exception, match="Expected"):
        answer(3)
