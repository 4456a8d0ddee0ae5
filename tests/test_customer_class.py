"""Customer class: told when it changes, up or down, and not again at an edge or after a retry."""

import doctest

import pytest
from partition import Partition, journal
from timeline import check

from agents import customer_class
from agents.customer_class import CustomerClass
from schemas.instant import DAY
from schemas.journal import Entry, Tick
from schemas.orders import Item, OrderPlaced, OrderRefunded
from streams.simulated.story import moment

# Ten in whole euros, so that a history can be read.
SHOP = CustomerClass(
    potential_spend_cents=10_000, high_end_order_cents=20_000, high_value_spend_cents=60_000,
    frequent_orders=4,
)  # fmt: skip


def test_a_timeline_of_somebody_who_rises_to_high_value_names_each_class_once() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=tea:1x3000 event_id=first \
            -> class_changed reason=class_rose old=none new=new benefit=discount orders=1 \
               spend_cents=3000 currency=EUR is_new=true events=first
        2026-01-09 08:00  ann  order_placed products=tea:1x3000 \
            -> class_changed reason=class_rose old=new new=potential benefit=discount orders=2
        2026-01-12 08:00  ann  order_placed products=tea:1x3000  (potential again: nothing is said)
        2026-01-15 08:00  ann  order_placed products=tea:1x3000 \
            -> class_changed old=potential new=frequent orders=4 spend_cents=12000
        2026-01-18 08:00  ann  order_placed products=sofa:1x48000 \
            -> class_changed old=frequent new=high_value benefit=vip_service orders=5 \
               spend_cents=60000
        """,
        SHOP,
    )


def test_a_timeline_of_one_order_is_new_until_the_very_second_of_new_days() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=tea:1x3000  -> class_changed new=new
        2026-02-04 07:59:59  ann
        2026-02-04 08:00  ann  -> class_changed reason=class_fell old=new new=low_end benefit=none \
            events= orders=1 spend_cents=3000 is_new=false
        2027-06-01 08:00  ann  (the lowest is not looked at again)
        """,
        SHOP,
    )


def test_a_timeline_of_few_but_large_orders_is_high_end() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=ring:1x20000  -> class_changed new=new
        2026-02-04 08:00  ann  -> class_changed old=new new=high_end benefit=gift orders=1
        2026-02-05 08:00  ann  order_placed products=cap:1x14100  (17050 for an order: in the band)
        2026-02-06 08:00  ann  order_placed products=cap:1x14100 \
            -> class_changed old=high_end new=potential orders=3
        """,
        SHOP,
    )


def test_a_timeline_of_refunds_takes_the_class_back_and_of_small_ones_does_not() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed order_id=o1 products=tea:1x15000 -> class_changed new=new
        2026-01-06 08:00  ann  order_placed order_id=o2 products=tea:1x15000 -> class_changed new=potential
        2026-01-07 08:00  ann  order_placed order_id=o3 products=tea:1x15000
        2026-01-08 08:00  ann  order_placed order_id=o4 products=tea:1x15000 \
            -> class_changed new=high_value spend_cents=60000
        2026-01-09 08:00  ann  order_refunded order_id=o4 refund_cents=9000  (51000: in the band)
        2026-01-10 08:00  ann  order_refunded order_id=o4 refund_cents=100 event_id=r2 \
            -> class_changed reason=class_fell old=high_value new=frequent spend_cents=50900 orders=4 events=r2
        2026-01-10 08:01  ann  order_refunded order_id=o4 refund_cents=100 event_id=r2  (a retry)
        2026-01-11 08:00  ann  order_cancelled order_id=o4  (whole: three orders, in the band)
        2026-01-12 08:00  ann  order_cancelled order_id=o3 \
            -> class_changed old=frequent new=potential orders=2 spend_cents=30000
        """,
        SHOP,
    )


def test_a_timeline_in_which_all_went_back_is_low_end() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed order_id=o1 products=tea:1x15000 -> class_changed new=new
        2026-01-06 08:00  ann  order_placed order_id=o2 products=tea:1x15000 -> class_changed new=potential
        2026-01-07 08:00  ann  order_refunded order_id=o1  (one is left, in the band)
        2026-01-08 08:00  ann  order_refunded order_id=o2 -> class_changed new=low_end orders=0 spend_cents=0
        """,
        SHOP,
    )


def test_a_timeline_of_silence_lets_the_class_fall_when_orders_grow_too_old() -> None:
    check(
        """
        2025-01-06 08:30  ann  order_placed products=tea:1x3000  -> class_changed new=new
        2025-01-07 08:30  ann  order_placed products=tea:1x3000  -> class_changed new=potential
        2025-01-20 08:30  ann  order_placed products=tea:1x3000
        2025-01-28 08:30  ann  order_placed products=tea:1x3000  -> class_changed new=frequent
        # The first three left with their days, two within the band; the last one by its hour. Each
        # time it is looked at 8 h 30 min later, which is when in a day the first order was.
        2026-01-08 08:30  ann  -> class_changed reason=class_fell old=frequent new=potential orders=2
        2026-01-28 17:30  ann  -> class_changed old=potential new=low_end orders=0
        2027-06-01 08:00  ann
        """,
        SHOP,
    )


def test_a_timeline_of_what_went_back_leaves_with_its_order() -> None:
    check(
        """
        2025-01-06 08:30  ann  order_placed order_id=o1 products=tea:1x30000  -> class_changed new=new
        2025-01-10 08:30  ann  order_refunded order_id=o1 refund_cents=29000
        2025-02-05 08:30  ann  -> class_changed new=low_end spend_cents=1000
        2025-02-10 08:30  ann  order_placed products=tea:1x9500 -> class_changed new=potential spend_cents=10500
        2025-03-10 08:30  ann  order_placed products=tea:1x9500
        # January has left with what went back of it: 9500 and 9500 are left, and then one of them.
        2026-01-22 08:30  ann
        2026-02-19 08:30  ann
        2026-03-10 17:30  ann  -> class_changed new=low_end orders=0 spend_cents=0
        """,
        SHOP,
    )
    money = CustomerClass(potential_orders=9, frequent_orders=9, potential_spend_cents=18_000)
    check(
        """
        2025-01-06 08:30  ann  order_placed order_id=o1 products=tea:1x30000  -> class_changed new=new
        2025-01-10 08:30  ann  order_refunded order_id=o1 refund_cents=29000
        2025-02-05 08:30  ann  -> class_changed new=low_end spend_cents=1000
        2025-02-10 08:30  ann  order_placed products=tea:1x9500
        2025-03-10 08:30  ann  order_placed products=tea:1x9500 -> class_changed new=potential spend_cents=20000
        2026-01-23 08:30  ann  (19000 are left, and nothing of the refund)
        2026-02-11 08:30  ann  -> class_changed new=low_end orders=1 spend_cents=9500
        """,
        money,
    )


def test_a_timeline_of_what_went_back_leaves_with_its_day_inside_an_older_block() -> None:
    check(
        """
        2025-02-14 08:30  ann  order_placed products=tea:1x1000  -> class_changed new=new
        2025-03-08 08:30  ann  order_placed order_id=o2 products=tea:1x1000  -> class_changed new=potential
        2025-03-19 08:30  ann  order_placed products=tea:1x1000
        2025-03-20 08:30  ann  order_placed products=tea:1x1000  -> class_changed new=frequent orders=4
        2025-03-21 08:30  ann  order_refunded order_id=o2  (3 orders: in the band)
        # The first one is in the block to 13 March by now, and o2 still in its day.
        2026-03-09 08:30  ann  (o2 and its return have left: 3 orders)
        2026-03-13 08:30  ann  -> class_changed old=frequent new=potential orders=2
        2026-03-20 08:30  ann
        2026-03-20 17:30  ann  -> class_changed new=low_end orders=0
        """,
        SHOP,
    )


def test_a_timeline_of_what_went_back_of_an_unknown_order_leaves_365_days_later() -> None:
    check(
        """
        2025-02-14 08:30  ann  order_placed products=tea:1x5000  -> class_changed new=new
        2025-02-20 08:30  ann  order_refunded order_id=long-ago refund_cents=4000
        2025-02-25 08:30  ann  order_placed products=tea:1x5000 -> class_changed new=low_end spend_cents=6000
        2025-03-22 08:30  ann  order_placed products=tea:1x4000 -> class_changed new=potential spend_cents=10000
        # The first order is in the block to 13 March, in which the refund was as well.
        2026-02-26 08:30  ann  (9000 and nothing of the refund: in the band)
        2026-03-13 08:30  ann  -> class_changed new=low_end spend_cents=4000
        """,
        CustomerClass(potential_orders=9, frequent_orders=9),
    )


def test_an_agent_that_is_younger_than_the_row_takes_off_what_went_back_since() -> None:
    at = moment("2026-01-05")
    partition = Partition()
    partition.facts(order(1, at, 50_000), refunded(2, at + DAY, 1, 20_000))
    partition.engine = Partition(SHOP).engine
    (told,) = partition.facts(refunded(3, at + 40 * DAY, 1, 1_000), begin=5)
    assert told.evidence.values["spend_cents"] == 50_000 - 1_000


def test_a_class_that_has_fallen_before_the_import_is_looked_at_a_day_after_it() -> None:
    now = moment("2026-01-20 08:00")
    partition = Partition(SHOP)
    partition.facts(Tick(now))
    orders = [order(it, now - (700 - it) * DAY) for it in range(5)]
    partition.feed(
        [Entry(it.event, it.source, now) for it in journal(orders) if isinstance(it, Entry)]
    )
    row = partition.row("ann")
    assert row
    assert now < row.timers["customer_class"] <= now + DAY
    (told,) = partition.facts(Tick(now + 2 * DAY), begin=10)
    assert (told.reason, told.evidence.values["orders"]) == ("class_fell", 0)


def test_a_timeline_of_late_and_repeated_orders_learns_and_says_nothing_out_of_time() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=tea:1x3000 -> class_changed new=new
        2026-01-20 08:01  ann  order_placed order_id=o1 products=tea:1x3000  (a retry)
        2026-01-25 08:00  ann  order_placed products=tea:1x3000 occurred_at=2026-01-10T08:00 \
            -> suppressed class_changed reason=late old=new new=potential
        2026-01-26 08:00  ann  order_placed products=tea:1x3000  (potential already)
        2026-01-27 08:00  ann  order_placed products=tea:1x3000  -> class_changed old=potential new=frequent
        """,
        SHOP,
    )


def test_a_timeline_of_refunds_without_an_order_or_a_visit_says_nothing() -> None:
    check(
        """
        2026-01-20 08:00  ann      order_refunded order_id=gone refund_cents=500
        2026-01-20 08:01  ann      order_cancelled order_id=gone
        2026-01-20 08:02  anon:x   product_viewed
        2026-01-20 08:03  anon:x   order_placed products=tea:1x3000  -> class_changed new=new
        """,
        SHOP,
    )


def test_imported_history_is_learned_and_not_told() -> None:
    began, day = moment("2025-11-01 08:00"), moment("2026-01-20 08:00")
    orders = [order(number, began + number * DAY) for number in range(4)]
    partition = Partition(SHOP)
    partition.facts(Tick(day))
    entries = [
        Entry(it.event, it.source, day) for it in journal(orders) if isinstance(it, Entry)
    ]  # fmt: skip
    assert partition.feed(entries) == []
    row = partition.row("ann")
    assert row
    assert row.portrait["class"].value == "frequent"
    # And what falls afterwards is news of today.
    told = partition.facts(*(Tick(began + days * DAY) for days in range(360, 370)), begin=10)
    assert [(it.reason, it.decided_at) for it in told] == [
        ("class_fell", began + 367 * DAY), ("class_fell", began + 369 * DAY)
    ]  # fmt: skip


def order(number: int, at: int, cents: int = 3_000) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"e{number}", customer_id="ann", occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(Item(product_id="tea", price_cents=cents),),
    )  # fmt: skip


def refunded(number: int, at: int, order_number: int, cents: int) -> OrderRefunded:
    return OrderRefunded(
        event_id=f"e{number}", customer_id="ann", occurred_at=at, order_id=f"o{order_number}",
        refund_cents=cents,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given_settings", "named"),
    [
        ({"orders_band": 2}, "orders_band is 2, and potential_orders is 2"),
        ({"potential_orders": 7}, "potential_orders is 7, more than frequent_orders, which is 6"),
    ],
)
def test_settings_that_contradict_each_other_are_named(
    given_settings: dict[str, int], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        CustomerClass(**given_settings)  # type: ignore[arg-type]


def test_the_examples_in_the_docstring_are_so() -> None:
    found = doctest.testmod(customer_class)
    assert found.attempted
    assert not found.failed
