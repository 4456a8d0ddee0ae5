"""The end of points: by the month, told of once some days before, over a year's turn and an outage."""

from typing import Any

from loyalty import book_of
from partition import Partition
from timeline import check

from agents.loyalty.points_book import NEVER, Book, Lot
from agents.points import Points
from schemas.instant import DAY
from schemas.journal import Entry, Source, Tick
from streams.simulated.story import moment, parse

POINTS = Points()


def test_a_timeline_over_the_turn_of_a_year_tells_of_a_month_s_points_once_and_ends_them() -> None:
    check(
        """
        2026-01-01 00:00  ann  order_placed total_cents=5000
        2026-01-31 23:59  ann  order_placed total_cents=2000
        2026-02-01 00:00  ann  order_placed total_cents=100
        2027-01-02 00:00  ann  -> points_expiring reason=points_unused points=70 available=71 \
            expires_at=2027-02-01 left_days=30
        2027-01-30 00:00  ann  -> points_expiring points=1 available=71 expires_at=2027-03-01
        2027-02-01 00:00  ann  -> noted points reason=points_expired points=70 available=1
        2027-03-01 00:00  ann  -> noted points reason=points_expired points=1 available=0
        2028-06-01 00:00  ann
        """,
        POINTS,
    )


def test_a_timeline_with_a_29_february_ends_on_the_first_of_march_in_any_year() -> None:
    check(
        """
        2028-02-29 23:59  ann  order_placed total_cents=5000
        2028-03-01 00:00  bob  order_placed total_cents=7000
        2029-01-30 00:00  ann  -> points_expiring points=50 expires_at=2029-03-01
        2029-03-01 00:00  ann  -> noted points reason=points_expired points=50
        2029-03-02 00:00  bob  -> points_expiring points=70 expires_at=2029-04-01
        2029-04-01 00:00  bob  -> noted points reason=points_expired points=70
        """,
        POINTS,
    )
    check(
        """
        2027-02-28 23:59  ann  order_placed total_cents=5000
        2028-01-31 00:00  ann  -> points_expiring points=50 expires_at=2028-03-01
        2028-03-01 00:00  ann  -> noted points reason=points_expired points=50
        """,
        POINTS,
    )


def test_a_timeline_by_days_and_in_another_zone_ends_at_midnight_there() -> None:
    # In Berlin the clocks go forward on 2026-03-29, and January had begun at 23:00 UTC.
    agent = Points(
        expiry_months=0, expiry_days=90, refund_days=30, expiring_days=10, time_zone="Europe/Berlin"
    )
    check(
        """
        2025-12-31 22:59  bob  order_placed total_cents=2000
        2025-12-31 23:00  ann  order_placed total_cents=5000
        2026-03-21 23:00  bob  -> points_expiring points=20
        2026-03-31 22:00  bob  -> noted points reason=points_expired points=20
        2026-04-21 22:00  ann  -> points_expiring points=50 expires_at=2026-05-01T22:00
        2026-05-01 22:00  ann  -> noted points reason=points_expired points=50
        """,
        agent,
    )


def test_a_timeline_at_the_very_moment_finds_the_points_ended_tick_or_not() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed total_cents=5000
        clock stops
        2027-01-31 23:59:59.999  ann  points_redeemed points=20
        2027-02-01 00:00  ann  points_redeemed points=10 event_id=late \
            -> noted points reason=points_expired points=30 available=0 events=late ; \
               noted points reason=points_owed points=10 owed=10
        """
    book = book_of(table.replace("clock stops", "2026-01-20 08:00  clock  stops"), POINTS)
    assert (book.redeemed, book.expired, book.owed) == (30, 30, 10)


def test_a_timeline_with_an_outage_over_the_end_tells_of_the_end_alone() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=5000
        2026-02-20 08:00  ann  order_placed total_cents=100
        2026-12-20 08:00  clock  stops
        2027-02-02 08:00  clock  goes_on
        2027-02-02 08:00  ann  -> noted points reason=points_expired points=50 ; \
            points_expiring points=1 available=1 left_days=26.67
        2027-03-01 00:00  ann  -> noted points reason=points_expired points=1
        """,
        POINTS,
    )


def test_a_timeline_with_an_outage_over_two_notices_tells_of_each_lot_by_itself() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=5000
        2026-02-20 08:00  ann  order_placed total_cents=100
        2026-12-20 08:00  clock  stops
        2027-01-31 08:00  clock  goes_on
        2027-01-31 08:00  ann  -> points_expiring points=50 expires_at=2027-02-01
        2027-01-31 09:00  ann  -> points_expiring points=1 expires_at=2027-03-01
        2027-02-01 00:00  ann  -> noted points reason=points_expired points=50
        2027-03-01 00:00  ann  -> noted points reason=points_expired points=1
        """,
        POINTS,
    )


def test_a_timeline_in_which_all_was_redeemed_or_reversed_says_nothing() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=5000 order_id=o1
        2026-01-20 09:00  bob  order_placed total_cents=5000 order_id=o2
        2026-01-25 08:00  ann  points_redeemed points=50
        2026-03-25 08:00  bob  order_refunded order_id=o2
        2027-06-01 00:00  ann
        """,
        POINTS,
    )


def test_a_timeline_with_fewer_points_than_are_worth_a_message_is_silent_until_they_end() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=4900
        2026-02-20 08:00  ann  order_placed total_cents=5000
        2027-01-30 00:00  ann  -> points_expiring points=50
        2027-02-01 00:00  ann  -> noted points reason=points_expired points=49
        2027-03-01 00:00  ann  -> noted points reason=points_expired points=50
        """,
        Points(points_min=50),
    )


def test_a_timeline_in_which_points_never_end_is_silent() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed total_cents=4900
        2026-02-20 08:00  ann  order_placed total_cents=5000 order_id=o2
        2026-02-20 09:00  ann  order_refunded order_id=o2 refund_cents=100
        2028-02-20 08:00  ann
        """
    assert book_of(table, Points(expiry_months=0)).lots == [Lot(NEVER, 98)]
    # They don't under settings by which other points do, and are redeemed after those.
    before = Book().earn(NEVER, 10).earn(2026 * 12, 10).redeem(15)
    assert before.lots == [Lot(NEVER, 5)]
    assert before.ended(moment("2090-01-01"), POINTS._end_of) == before


def test_a_timeline_with_an_order_that_comes_when_its_points_have_ended_ends_them() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2027-03-01 08:00  ann  order_placed total_cents=5000 occurred_at=2026-01-20T08:00
        2027-03-01 09:00  ann  -> noted points reason=points_expired points=50 available=0
        """,
        POINTS,
    )


def test_a_timeline_with_an_order_that_comes_after_its_notice_was_due_is_told_of_at_once() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed
        2027-01-10 08:00  ann  order_placed total_cents=5000 occurred_at=2026-01-20T08:00
        2027-01-10 09:00  ann  -> points_expiring points=50 left_days=21.62
        2027-02-01 00:00  ann  -> noted points reason=points_expired points=50
        """,
        POINTS,
    )


def test_history_is_silent_and_what_is_still_to_come_is_not() -> None:
    imported = moment("2026-06-01")
    table = """
        2024-01-20 08:00  ann  order_placed total_cents=5000
        2024-02-20 08:00  ann  points_redeemed points=20
        2025-05-20 08:00  ann  order_placed total_cents=700
        2025-09-20 08:00  ann  order_placed total_cents=900
        """
    partition = Partition(POINTS)
    partition.feed([Tick(imported)])
    entries: list[Any] = [
        Entry(row.event, Source("import:1", 0, place, 0), imported + 1)  # type: ignore[arg-type]
        for place, row in enumerate(parse(table))
    ]
    assert partition.feed(entries) == []
    said = [
        it
        for day in range(500)
        for it in partition.feed([Tick(imported + DAY + day * DAY)])
    ]  # fmt: skip
    # May's points had ended before; that is put on record with what comes next.
    assert [(it.kind, it.reason, bytes(it.payload)) for it in said] == [
        ("points", "points_expired", b'{"points":7,"available":9}'),
        ("points_expiring", "points_unused",
         b'{"points":9,"expires_at":"2026-10-01T00:00:00.000Z","available":9}'),
        ("points", "points_expired", b'{"points":9,"available":0}'),
    ]  # fmt: skip
