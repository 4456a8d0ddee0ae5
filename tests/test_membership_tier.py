"""Membership tiers: reached at once, valid to the end of the next period, and told of before it."""

import doctest
from typing import Any

import pytest
from loyalty import trait_of
from partition import Partition
from timeline import check

from agents.loyalty import qualifying
from agents.membership_tier import MembershipTier
from streams.simulated.story import parse

YEARS = MembershipTier(tiers=(("silver", 30_000), ("gold", 100_000)))
ROLLING = MembershipTier(
    tiers=(("silver", 30_000), ("gold", 100_000)), period="rolling", window_months=12
)


# Up -----------------------------------------------------------------------------------------------


def test_a_timeline_reaches_a_tier_at_the_threshold_to_the_cent_and_once() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed total_cents=29999
        2026-01-21 08:00  ann  order_placed total_cents=1 event_id=last \
            -> tier_up reason=threshold_reached tier=silver previous= valid_until=2028-01-01 \
               next_tier=gold next_missing=70000 measure=spend currency=EUR counted=30000 \
               events=last
        2026-01-22 08:00  ann  order_placed total_cents=69999
        2026-01-23 08:00  ann  order_placed total_cents=1 \
            -> tier_up tier=gold previous=silver next_tier= next_missing=0 counted=100000
        2026-01-24 08:00  ann  order_placed total_cents=900000
        """
    check(table, YEARS)
    assert trait_of(table, YEARS) == "gold"


def test_a_timeline_that_jumps_over_a_tier_is_told_of_the_highest_alone() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=100000 -> tier_up tier=gold previous=
        2026-01-21 08:00  ann  order_placed total_cents=100
        """,
        YEARS,
    )


def test_a_timeline_counts_points_for_whole_units_where_points_are_the_measure() -> None:
    agent = MembershipTier(
        tiers=(("silver", 300),), measure="points", points_per_unit=3, unit_cents_of={"JPY": 10_000}
    )
    check(
        """
        2026-01-20 08:00  ann  order_placed total_cents=9999
        2026-01-21 08:00  ann  order_placed total_cents=99
        2026-01-22 08:00  ann  order_placed total_cents=100 -> tier_up tier=silver counted=300 currency=
        2026-01-22 08:00  bob  order_placed total_cents=10000 currency=JPY
        2026-01-23 08:00  bob  order_placed total_cents=990000 currency=JPY -> tier_up tier=silver
        """,
        agent,
    )


def test_a_timeline_in_another_currency_counts_where_none_is_named() -> None:
    table = """
        2026-01-20 08:00  ann  order_placed order_id=o1 total_cents=20000
        2026-01-21 08:00  ann  order_placed order_id=o2 total_cents=20000 currency=USD
        2026-01-22 08:00  ann  order_refunded order_id=o2 refund_cents=5000
        """
    assert trait_of(table, YEARS) == "silver"
    in_euros = MembershipTier(tiers=YEARS.tiers, currency="EUR")
    assert trait_of(table, in_euros) is None
    table += "2026-01-23 08:00  ann  order_placed order_id=o3 total_cents=10000\n"
    assert trait_of(table, in_euros) == "silver"


def test_a_visitor_is_not_a_member_timeline() -> None:
    check("2026-01-20 08:00  anon:x  order_placed total_cents=500000", YEARS)


# Over the turn of a year --------------------------------------------------------------------------


def test_a_timeline_over_two_years_warns_once_and_falls_at_the_end_of_the_next_year() -> None:
    check(
        """
        2026-12-31 23:59:59.999  ann  order_placed total_cents=30000 \
            -> tier_up tier=silver valid_until=2028-01-01
        2027-06-01 08:00  ann  order_placed total_cents=29999
        2027-11-02 00:00  ann  -> tier_at_risk reason=not_requalified tier=silver falls_to= \
            missing=1 ends_at=2028-01-01 expires_at=2028-01-01 left_days=60 counted=29999
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down tier= previous=silver
        2028-03-01 00:00  ann
        """,
        YEARS,
    )


def test_a_timeline_that_orders_what_was_missing_keeps_the_tier_for_a_year_more() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed total_cents=30000 -> tier_up tier=silver
        2027-11-02 00:00  ann  -> tier_at_risk missing=30000
        2027-12-31 23:59:59.999  ann  order_placed total_cents=30000
        2028-11-02 00:00  ann  -> tier_at_risk missing=30000 ends_at=2029-01-01
        2029-01-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        YEARS,
    )


def test_a_timeline_that_orders_it_a_moment_too_late_falls_and_rises_again() -> None:
    check(
        """
        2026-05-01 08:00  ann  order_placed total_cents=30000 -> tier_up tier=silver
        2027-11-02 00:00  ann  -> tier_at_risk missing=30000
        2027-12-31 20:00  clock  stops
        2028-01-01 00:00  ann  order_placed total_cents=30000 event_id=late \
            -> noted membership_tier reason=tier_down tier= previous=silver ; \
               tier_up tier=silver previous= valid_until=2030-01-01 events=late
        """,
        YEARS,
    )


def test_a_timeline_falls_to_the_tier_that_was_reached_meanwhile() -> None:
    table = """
        2026-05-01 08:00  ann  order_placed total_cents=100000 -> tier_up tier=gold
        2027-05-01 08:00  ann  order_placed total_cents=40000
        2027-11-02 00:00  ann  -> tier_at_risk tier=gold falls_to=silver missing=60000
        2028-01-01 00:00  ann  -> noted membership_tier reason=tier_down tier=silver previous=gold
        2028-11-02 00:00  ann  -> tier_at_risk tier=silver falls_to= missing=30000 \
            ends_at=2029-01-01
        2029-01-01 00:00  ann  -> noted membership_tier reason=tier_down tier= previous=silver
        """
    check(table, YEARS)
    assert trait_of(table, YEARS) is None


def test_a_timeline_in_another_zone_has_its_year_s_turn_there() -> None:
    check(
        """
        2025-12-31 14:59:59  ann  order_placed total_cents=30000 \
            -> tier_up valid_until=2026-12-31T15:00
        2025-12-31 15:00:00  bob  order_placed total_cents=30000 \
            -> tier_up valid_until=2027-12-31T15:00
        2026-11-01 15:00  ann  -> tier_at_risk ends_at=2026-12-31T15:00
        2026-12-31 15:00  ann  -> noted membership_tier reason=tier_down
        """,
        MembershipTier(time_zone="Asia/Tokyo"),
    )


# Rolling ------------------------------------------------------------------------------------------


def test_a_timeline_with_a_rolling_window_forgets_a_month_that_has_left_it() -> None:
    check(
        """
        2027-02-28 08:00  ann  order_placed total_cents=15000
        2027-02-28 09:00  bob  order_placed total_cents=15000
        2028-01-31 23:59  ann  order_placed total_cents=15000 -> tier_up tier=silver \
            valid_until=2029-02-01
        2028-02-01 00:00  bob  order_placed total_cents=15000
        """,
        ROLLING,
    )


def test_a_timeline_with_a_rolling_window_and_a_29_february_is_valid_for_a_year_more() -> None:
    check(
        """
        2028-02-29 23:59  ann  order_placed total_cents=30000 -> tier_up valid_until=2029-03-01
        2028-12-31 00:00  ann  -> tier_at_risk tier=silver missing=30000 ends_at=2029-03-01
        2029-03-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        ROLLING,
    )


def test_a_timeline_with_a_rolling_window_goes_on_while_it_is_full_enough() -> None:
    # What October reached is valid to the next one's end. In that month its 50.00 are too old.
    check(
        """
        2026-01-10 08:00  ann  order_placed total_cents=20000
        2026-02-10 08:00  ann  order_placed total_cents=10000 -> tier_up valid_until=2027-03-01
        2026-10-10 08:00  ann  order_placed total_cents=5000
        2027-09-02 00:00  ann  -> tier_at_risk ends_at=2027-11-01 missing=30000 counted=0
        2027-09-30 23:59  ann  order_placed total_cents=25000
        2028-08-02 00:00  ann  -> tier_at_risk ends_at=2028-10-01 missing=30000 counted=0
        2028-10-01 00:00  ann  -> noted membership_tier reason=tier_down
        """,
        ROLLING,
    )


# Settings -----------------------------------------------------------------------------------------


def test_other_thresholds_hold_from_the_next_event_on_and_say_one_thing_at_once() -> None:
    partition = Partition(MembershipTier(tiers=(("silver", 90_000), ("gold", 100_000))))
    table = """
        2026-05-01 08:00  ann  order_placed total_cents=80000
        2026-05-02 08:00  ann  order_placed total_cents=19000
        """
    first, second = (it.event for it in parse(table))
    assert first is not None
    assert second is not None
    assert partition.facts(first) == []
    other = Partition(MembershipTier(tiers=(("silver", 80_000), ("gold", 99_000))))
    partition.engine = other.engine
    (said,) = partition.facts(second, begin=1)
    assert (said.kind, bytes(said.payload)[:32]) == ("tier_up", b'{"tier":"gold","previous":"","va')


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"tiers": (("gold", 100), ("silver", 100))}, "'silver' begins at 100"),
        ({"tiers": (("gold", 0),)}, "'gold' begins at 0"),
        ({"tiers": (("", 10),)}, "'' begins at 10"),
        ({"tiers": (("a", 1), ("b", 2), ("a", 3))}, "'a' begins at 3"),
        ({"measure": "points", "currency": "EUR"}, "currency is 'EUR' and measure is 'points'"),
        ({"time_zone": "Berlin"}, "'Berlin' is not an IANA time zone"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        MembershipTier(**settings)


def test_the_examples_in_the_docstrings_are_so() -> None:
    result = doctest.testmod(qualifying)
    assert result.failed == 0
    assert result.attempted
