"""Points: earned for whole units, reversed with refunds to the point, redeemed, owed and paid off."""

import doctest
from typing import Any

import pytest
from loyalty import book_in, book_of
from partition import Partition

from agents.calendar import months
from agents.loyalty import kept_orders, points_book
from agents.loyalty.kept_orders import ORDERS_MAX
from agents.loyalty.points_book import Book, Lot
from agents.points import Points
from schemas.event import Event
from schemas.instant import DAY
from streams.simulated.story import moment, parse

POINTS = Points()


# Earned and reversed ------------------------------------------------------------------------------


def test_a_timeline_earns_for_whole_units_and_nothing_for_the_rest() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed total_cents=1999
        2026-01-21 08:00  ann  order_placed total_cents=99
        2026-01-22 08:00  ann  order_placed total_cents=100
        """
    assert book_of(table, POINTS).earned == 20
    assert book_of(table, Points(points_per_unit=3)).earned == 60
    assert book_of(table, Points(unit_cents=50)).earned == 39 + 1 + 2
    assert book_of(table, Points(unit_cents_of={"EUR": 1_000})).earned == 1


def test_a_timeline_of_refunds_in_parts_reverses_what_was_earned_and_no_more() -> None:
    # 19.99 earns 19. Left: 19.98 is 19, 10.00 is 10, 9.99 is 9, nothing is 0.
    parts = [(1, 0), (998, 9), (1, 10), (999, 19), (500, 19)]
    table = "2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=1999\n"
    for day, (cents, reversed_so_far) in enumerate(parts, 21):
        table += f"2026-01-{day} 08:00  ann  order_refunded order_id=o1 refund_cents={cents}\n"
        book = book_of(table, POINTS)
        assert (book.reversed, book.available) == (reversed_so_far, 19 - reversed_so_far)
    table += "2026-01-29 08:00  ann  order_cancelled order_id=o1\n"
    assert book_of(table, POINTS).reversed == 19


def test_a_timeline_that_refunds_a_part_and_then_cancels_reverses_the_rest() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-01-21 08:00  ann  order_placed order_id=o2 total_cents=700
        2026-01-22 08:00  ann  order_refunded order_id=o1 refund_cents=1250
        2026-01-23 08:00  ann  order_cancelled order_id=o1
        2026-01-24 08:00  ann  order_cancelled order_id=o1
        2026-01-25 08:00  ann  order_refunded order_id=o1
        """
    book = book_of(table, POINTS)
    assert (book.earned, book.reversed, book.available, book.owed) == (57, 50, 7, 0)


@pytest.mark.parametrize("returned", ["order_refunded refund_cents=1250", "order_cancelled"])
def test_a_timeline_in_which_the_refund_is_seen_before_its_order_ends_the_same(
    returned: str,
) -> None:
    kind, *more = returned.split()
    refund = f"{kind} order_id=o1 {' '.join(more)}"
    after = f"""
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-01-20 08:01  ann  {refund}
        """
    before = f"""
        2026-01-20 08:01  ann  {refund}
        2026-01-20 08:02  ann  order_placed order_id=o1 total_cents=5000 occurred_at=2026-01-20T08:00
        """
    assert book_of(before, POINTS) == book_of(after, POINTS)
    assert book_of(after, POINTS).reversed in (13, 50)


def test_a_timeline_with_a_refund_after_weeks_and_many_orders_still_knows_the_order() -> None:
    table = "2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000\n"
    for day in range(1, 9):
        table += f"2026-02-0{day} 08:00  ann  order_placed total_cents=1000\n"
    assert moment("2026-01-20") + 100 * DAY == moment("2026-04-30")
    in_time = table + "2026-04-30 23:59  ann  order_refunded order_id=o1 refund_cents=4001\n"
    too_late = table + "2026-05-01 00:00  ann  order_refunded order_id=o1 refund_cents=4001\n"
    assert book_of(in_time, POINTS).reversed == 41
    assert book_of(too_late, POINTS).reversed == 0


def test_of_more_orders_than_are_kept_the_oldest_is_let_go() -> None:
    table = "".join(
        f"2026-01-{day:02} {hour:02}:00  ann  order_placed order_id=o{day}-{hour} total_cents=1000\n"
        for day in range(1, 12) for hour in (8, 9, 10)
    )  # fmt: skip
    assert ORDERS_MAX == 32  # And there are 33.
    for order_id, reversed_points in (("o1-8", 0), ("o1-9", 10)):
        cancelled = f"2026-02-01 08:00  ann  order_cancelled order_id={order_id}\n"
        assert book_of(table + cancelled, POINTS).reversed == reversed_points
    assert len(book_of(table, POINTS).orders) == ORDERS_MAX


def test_a_timeline_in_which_an_order_is_told_again_earns_once() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-02-20 08:00  ann  order_placed order_id=o2 total_cents=100
        2026-02-21 08:00  ann  order_placed order_id=o1 total_cents=5000 event_id=again
        """
    assert book_of(table, POINTS).earned == 51


def test_a_visitor_has_no_account_and_neither_has_who_only_looks() -> None:
    table = """
        2026-01-20 08:00  anon:x  order_placed total_cents=5000
        2026-01-20 08:00  ann     product_viewed
        """
    assert book_of(table, POINTS, customer_id="anon:x") == Book() == book_of(table, POINTS)


# Redeemed and owed --------------------------------------------------------------------------------


def test_a_timeline_redeems_the_oldest_points_first() -> None:
    table = """
        2026-01-31 08:00  ann  order_placed total_cents=3000
        2026-02-01 08:00  ann  order_placed total_cents=2000
        2026-02-02 08:00  ann  order_placed total_cents=1000
        2026-02-03 08:00  ann  points_redeemed points=35
        """
    january, february = 2026 * 12, 2026 * 12 + 1
    book = book_of(table, POINTS)
    assert book.lots == [Lot(february, 25)]
    assert book_of(table.replace("=35", "=29"), POINTS).lots == [Lot(january, 1), Lot(february, 30)]


def test_a_timeline_in_which_redeemed_points_go_back_owes_them_and_pays_them_first() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-01-21 08:00  ann  points_redeemed points=40
        2026-01-22 08:00  ann  order_refunded order_id=o1 refund_cents=3000 event_id=back \
            -> noted points reason=points_owed points=20 owed=20 events=back
        2026-01-23 08:00  ann  order_placed order_id=o2 total_cents=1500
        """
    owing = book_of(table, POINTS)
    assert (owing.owed, owing.available) == (5, 0)
    table += "2026-01-24 08:00  ann  order_placed order_id=o3 total_cents=1500\n"
    paid = book_of(table, POINTS)
    assert (paid.owed, paid.available) == (0, 10)
    assert (paid.earned, paid.redeemed, paid.reversed) == (80, 40, 30)


def test_a_timeline_takes_what_its_own_lot_lacks_from_the_oldest_one_then() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-02-01 08:00  ann  order_placed total_cents=1000
        2026-03-01 08:00  ann  order_placed total_cents=4000
        2026-03-02 08:00  ann  points_redeemed points=45
        2026-03-03 08:00  ann  order_cancelled order_id=o1
        """
    # Of its 50 there are 5 left; 10 of February's and 35 of March's are taken for the others.
    book = book_of(table, POINTS)
    assert book.lots == [Lot(2026 * 12 + 2, 5)]
    assert book.owed == 0


def test_a_timeline_in_which_points_are_redeemed_before_they_are_earned_comes_out_even() -> None:
    table = """
        2026-01-20 08:05  ann  points_redeemed points=30 event_id=spent \
            -> noted points reason=points_owed points=30 owed=30 events=spent
        2026-01-20 08:06  ann  order_placed total_cents=5000 occurred_at=2026-01-20T08:00
        """
    book = book_of(table, POINTS)
    assert (book.available, book.owed, book.redeemed) == (20, 0, 30)


# Settings -----------------------------------------------------------------------------------------


def test_under_other_settings_an_order_gives_back_what_it_earned_under_the_old_ones() -> None:
    partition = Partition(POINTS)
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=5000
        2026-01-21 08:00  ann  order_refunded order_id=o1 refund_cents=1000
        2026-01-22 08:00  ann  order_cancelled order_id=o1
        """
    placed, in_part, cancelled = (it.event for it in parse(table) if isinstance(it.event, Event))
    partition.facts(placed)
    partition.engine = Partition(Points(points_per_unit=3)).engine
    for event, reversed_points in ((in_part, 0), (cancelled, 50)):
        partition.facts(event, begin=reversed_points + 1)
        row = partition.row("ann")
        assert row is not None
        assert (book_in(row).earned, book_in(row).reversed) == (50, reversed_points)


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"expiry_days": 200}, "expiry_months is 12 and expiry_days is 200"),
        ({"expiry_months": 3}, "expiry_months is 3, which may be 89 days, and refund_days is 100"),
        ({"expiry_months": 0, "expiry_days": 101}, "expiry_days is 101, which may be 101 days"),
        ({"time_zone": "Berlin"}, "'Berlin' is not an IANA time zone"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        Points(**settings)


def test_the_examples_in_the_docstrings_are_so() -> None:
    results = [doctest.testmod(it) for it in (kept_orders, months, points_book)]
    assert [it.failed for it in results] == [0] * 3
    assert all(it.attempted for it in results)
