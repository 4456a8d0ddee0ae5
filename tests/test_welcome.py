"""Welcome: with the first order, once in a lifetime, and never for what is old history."""

import pytest
from partition import AGREED, Partition, journal
from timeline import check

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.welcome import PRODUCTS_MAX, Welcome
from schemas.journal import Entry, Source, Tick
from streams.simulated.story import parse

AGENT = Welcome()


def test_timeline_the_first_order_is_welcomed_and_no_other() -> None:
    check(
        """
        2026-01-10 08:00  ann  product_viewed product=kettle
        2026-01-20 08:00  ann  order_placed order_id=o1 products=kettle:1x4900,mug:2x900 \
            event_id=first -> welcome reason=first_order order_id=o1 products=kettle,mug \
            paid_cents=6700 currency=EUR orders=1 known_days=10 events=first
        2026-01-21 08:00  ann  order_placed
        2026-03-20 08:00  ann  order_placed
        """,
        AGENT,
    )


@pytest.mark.parametrize("back", ["order_cancelled", "order_refunded"])
def test_timeline_an_order_that_goes_back_was_the_first_all_the_same(back: str) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  order_placed order_id=o1  -> welcome
        2026-01-20 09:00  ann  {back} order_id=o1
        2026-01-21 08:00  ann  order_placed order_id=o2
        """,
        AGENT,
    )


def test_timeline_a_storefront_that_retries_is_heard_once() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 event_id=e1  -> welcome
        2026-01-20 08:01  ann  order_placed order_id=o1 event_id=e1
        2026-01-20 08:02  ann  order_placed order_id=o1 event_id=e2
        """,
        AGENT,
    )


def test_timeline_each_customer_is_welcomed_and_an_order_of_many_products_is_cut() -> None:
    products = [f"p{it}" for it in range(9)]
    check(
        f"""
        2026-01-20 08:00  ann  order_placed products={",".join(products)} \
            -> welcome products={",".join(products[:PRODUCTS_MAX])}
        2026-01-20 08:00  bob  order_placed  -> welcome
        """,
        AGENT,
    )


def test_timeline_a_first_order_that_is_heard_of_days_later_is_not_told_as_news() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2026-01-23 08:00  ann  order_placed occurred_at=2026-01-20 \
            -> suppressed welcome reason=late
        2026-01-24 08:00  ann  order_placed
        """,
        AGENT,
    )


def test_timeline_an_older_order_that_comes_second_is_no_first_one() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=second  -> welcome order_id=second
        2026-01-20 08:10  ann  order_placed order_id=first occurred_at=2026-01-20T07:55
        """,
        AGENT,
    )


@pytest.mark.parametrize(
    ("happens", "then"),
    [
        ("page_viewed", "welcome"),
        ("order_cancelled order_id=o1", "suppressed welcome reason=reason_gone"),
        ("order_refunded order_id=o1 refund_cents=100", "welcome"),
    ],
)
def test_timeline_in_the_morning_nobody_is_welcomed_whose_order_went_back(
    happens: str, then: str
) -> None:
    night = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
    check(
        f"""
        2026-01-20 22:00  ann  order_placed order_id=o1  -> deferred welcome reason=quiet_hours
        2026-01-20 23:00  ann  {happens}
        2026-01-21 08:00:01  ann  -> {then}
        """,
        AGENT,
        gate=Gate(
            assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), quiet_hours=night
        ),
    )


def test_old_history_is_silent_and_its_customers_are_not_new() -> None:
    rows = parse(
        """
        2025-01-20 08:00  ann  order_placed
        2026-01-20 08:00  ann  order_placed
        """
    )
    old, new = (row.event for row in rows)
    assert old is not None
    assert new is not None
    partition = Partition(AGENT, gate=AGREED)
    imported = Entry(old, Source("history", 0, 0, 0), imported_at=rows[1].at - 1)  # type: ignore[arg-type]

    assert partition.feed([Tick(rows[1].at - 1), imported, *journal([new])]) == []
