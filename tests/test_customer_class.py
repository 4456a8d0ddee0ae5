"""Customer class: told when it changes, up or down, and not again at an edge or after a retry."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from timeline import check, moment

from agents import customer_class
from agents.customer_class import RANKS, CustomerClass, classify
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, Tick
from schemas.orders import Item, OrderPlaced

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


SPENDS = st.lists(st.floats(0.851, 1.0), min_size=1, max_size=20)


@given(
    st.sampled_from(["", *RANKS]), st.integers(0, 12), st.integers(0, 200_000), SPENDS
)  # fmt: skip
def test_who_moves_within_the_band_never_falls_after_rising(
    before: str, orders: int, most: int, shares: list[float]
) -> None:
    by = CustomerClass()
    classes = [before]
    for share in shares:
        classes.append(classify(orders, round(most * share), classes[-1], False, by))
    ranks = [RANKS.get(it, -1) for it in classes]
    rose = next((i for i in range(1, len(ranks)) if ranks[i] > ranks[i - 1]), len(ranks))
    assert ranks[rose:] == sorted(ranks[rose:])


@given(st.lists(st.integers(5, 6), min_size=2, max_size=20))
def test_who_has_one_order_more_or_less_keeps_the_class_they_have_got(counts: list[int]) -> None:
    by = CustomerClass(high_end_order_cents=10**9, high_value_spend_cents=10**9)
    found, classes = "frequent", set[str]()
    for orders in counts:
        found = classify(orders, 0, found, False, by)
        classes.add(found)
    assert classes == {"frequent"}


@given(st.integers(0, 20), st.integers(0, 10**6), st.sampled_from(["", *RANKS]))
def test_more_money_is_never_a_lower_class(orders: int, cents: int, before: str) -> None:
    by = CustomerClass()
    less = classify(orders, cents, before, False, by)
    more = classify(orders, cents + 1_000, before, False, by)
    assert RANKS[more] >= RANKS[less]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 90 * 24), st.integers(0, 30_000)), min_size=1, max_size=25),
    st.integers(0, 500),
)
def test_the_class_is_what_a_plain_list_of_all_orders_says(
    steps: list[tuple[int, int]], rest_days: int
) -> None:
    partition, at = Partition(SHOP), moment("2024-01-01")
    placed: list[tuple[int, int]] = []
    facts: list[Event | Tick] = []
    for number, (hours, cents) in enumerate(steps):
        facts += [Tick(it) for it in range(at + HOUR, at + hours * HOUR + 1, HOUR)]
        at += hours * HOUR
        placed.append((at, cents))
        facts.append(order(number, at, cents))
    end = at + rest_days * DAY
    partition.facts(*facts, *(Tick(it) for it in range(at + HOUR, end + 1, HOUR)))
    row = partition.row("ann")
    assert row is not None
    assert row.portrait["class"].value == recounted(placed, end)


def recounted(placed: list[tuple[int, int]], end: int) -> str:
    """The class by the file's docstring, hour by hour, from all orders that ever were."""
    found, first = "", placed[0][0]
    known: list[tuple[int, int]] = []
    coming = dict(placed)
    for at in range(first, end + 1, HOUR):
        if at in coming:
            known.append((at, coming[at]))
        ends = [bucket_end(it, known[-1][0]) for it, _ in known]
        young = [cents for (_, cents), it in zip(known, ends, strict=True) if it > at - 365 * DAY]
        # What has left is looked at later in its day, or when the next order comes.
        left = [it + 365 * DAY + first % DAY for it in ends]
        is_new = len(known) == 1 and at < first + 30 * DAY
        if at in coming or at in left or at == first + 30 * DAY:
            found = classify(len(young), sum(young), found, is_new, SHOP)
    return found


def bucket_end(at: int, newest: int) -> int:
    """When the bucket ends that holds a moment: an hour, a day or 28 days, by how old it was."""
    for width, kept in ((HOUR, DAY), (DAY, 28 * DAY)):
        if at // width > (newest - kept) // width - 1:
            return (at // width + 1) * width
    return (at // (28 * DAY) + 1) * 28 * DAY


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
