"""Tiers when something goes back or comes late: what was not reached is taken back, to the cent."""

from typing import Any

from loyalty import trait_of
from partition import Partition
from timeline import check

from agents.membership_tier import MembershipTier
from schemas.instant import DAY
from schemas.journal import Entry, Source, Tick
from streams.simulated.story import moment, parse

YEARS = MembershipTier(tiers=(("silver", 30_000), ("gold", 100_000)))


# What goes back -----------------------------------------------------------------------------------


def test_a_timeline_with_refunds_in_parts_and_a_cancellation_falls_at_the_cent() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed order_id=o1 total_cents=100000 -> tier_up tier=gold
        2026-05-02 08:00  ann  order_placed order_id=o2 total_cents=5000
        2026-05-03 08:00  ann  order_refunded order_id=o1 refund_cents=5000
        2026-05-04 08:00  ann  order_refunded order_id=o1 refund_cents=1 event_id=back \
            -> noted membership_tier reason=tier_down tier=silver previous=gold events=back
        2026-05-05 08:00  ann  order_cancelled order_id=o1 \
            -> noted membership_tier reason=tier_down tier= previous=silver
        2026-05-06 08:00  ann  order_cancelled order_id=o1
        2026-05-07 08:00  ann  order_placed total_cents=25000 -> tier_up tier=silver counted=30000
        """,
        YEARS,
    )


def test_a_timeline_with_a_refund_over_the_turn_of_the_year_takes_it_off_the_old_one() -> None:
    check(
        """
        2026-12-20 08:00  ann  order_placed order_id=o1 total_cents=30000 -> tier_up
        2027-01-10 08:00  ann  order_placed order_id=o2 total_cents=29999
        2027-01-15 08:00  ann  order_refunded order_id=o1 refund_cents=1 \
            -> noted membership_tier reason=tier_down
        2027-01-16 08:00  ann  order_placed order_id=o3 total_cents=1 \
            -> tier_up valid_until=2029-01-01
        """,
        YEARS,
    )


def test_a_timeline_in_which_the_return_is_seen_first_says_nothing() -> None:
    check(
        """
        2026-05-01 08:01  ann  order_cancelled order_id=o1
        2026-05-01 08:02  ann  order_placed order_id=o1 total_cents=100000 occurred_at=2026-05-01T08:00
        2026-05-01 08:03  ann  order_placed order_id=o2 total_cents=29999
        """,
        YEARS,
    )


def test_a_timeline_whose_refund_takes_away_this_year_s_tier_warns_of_last_year_s_at_once() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed order_id=o1 total_cents=30000 -> tier_up
        2027-10-01 08:00  ann  order_placed order_id=o2 total_cents=30000
        2027-12-01 08:00  ann  order_refunded order_id=o2 refund_cents=500
        2027-12-01 09:00  ann  -> tier_at_risk missing=500 left_days=30.62
        2027-12-02 08:00  ann  order_refunded order_id=o2 refund_cents=500
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        YEARS,
    )


# Late, and not at all -----------------------------------------------------------------------------


def test_a_timeline_with_an_order_that_comes_late_learns_the_tier_and_says_nothing() -> None:
    table = """
        2026-05-01 08:00  bob  page_viewed
        2026-05-03 08:00  ann  order_placed total_cents=30000 occurred_at=2026-05-01T08:00 \
            -> suppressed tier_up reason=late
        """
    check(table, YEARS)
    assert trait_of(table, YEARS) == "silver"


def test_a_timeline_with_an_order_of_last_year_that_comes_late_counts_there() -> None:
    check(
        """
        2026-12-31 23:50  ann  order_placed total_cents=10000
        2027-01-01 00:10  ann  order_placed total_cents=20000 occurred_at=2026-12-31T23:55 \
            -> tier_up valid_until=2028-01-01 counted=30000 next_missing=100000
        2027-11-02 00:00  ann  -> tier_at_risk missing=30000
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        YEARS,
    )


def test_a_timeline_with_an_order_that_comes_after_the_warning_was_due_warns_at_once() -> None:
    check(
        """
        2026-05-01 08:00  bob  page_viewed
        2027-12-01 08:00  ann  order_placed total_cents=30000 occurred_at=2026-05-01T08:00 \
            -> suppressed tier_up reason=late
        2027-12-01 09:00  ann  -> tier_at_risk missing=30000 left_days=30.62
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        YEARS,
    )


def test_a_timeline_with_an_outage_over_the_end_does_not_warn_of_what_is_past() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed total_cents=30000 -> tier_up
        2027-10-30 08:00  clock  stops
        2028-01-02 08:00  clock  goes_on
        2028-01-02 08:00  ann  -> noted membership_tier reason=tier_down
        """,
        YEARS,
    )


def test_a_timeline_without_warnings_falls_all_the_same() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed total_cents=30000 -> tier_up
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        MembershipTier(at_risk_days=0),
    )


def test_history_is_silent_and_leaves_the_tier_that_is_valid() -> None:
    now = moment("2026-06-01")
    table = """
        2023-01-20 08:00  ann  order_placed total_cents=500000
        2023-05-20 08:00  bob  order_placed total_cents=30000
        2025-05-20 08:00  ann  order_placed total_cents=30000
        """
    partition = Partition(YEARS)
    partition.feed([Tick(now)])
    entries: list[Any] = [
        Entry(row.event, Source("import:1", 0, place, 0), now + 1)  # type: ignore[arg-type]
        for place, row in enumerate(parse(table))
    ]
    assert partition.feed(entries) == []
    ann, bob = partition.row("ann"), partition.row("bob")
    assert ann is not None
    assert bob is not None
    assert ann.portrait["tier"].value == "silver"
    assert "tier" not in bob.portrait
    said = [it for day in range(240) for it in partition.feed([Tick(now + DAY + day * DAY)])]
    assert [(it.customer_id, it.kind, it.reason) for it in said] == [
        ("ann", "tier_at_risk", "not_requalified"),
        ("ann", "membership_tier", "tier_down"),
    ]
