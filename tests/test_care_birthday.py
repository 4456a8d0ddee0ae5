"""Birthdays: once a year, at the hour, in the customer's own zone."""

from datetime import date

import pytest
from partition import Partition
from test_import import past
from timeline import check

from agents.care_birthday import CareBirthday
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from schemas.instant import DAY
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ProfileUpdated
from streams.simulated.story import moment

BIRTHDAY = CareBirthday(hour=9)


def told(**fields: object) -> ProfileUpdated:
    return ProfileUpdated(event_id="told", customer_id="ann", **fields)  # type: ignore[arg-type]


def test_a_timeline_of_two_years_has_two_greetings_each_at_nine_in_tokyo() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10 time_zone=Asia/Tokyo
        2026-05-10 00:00  ann  -> care_birthday reason=birthday day=2026-05-10 time_zone=Asia/Tokyo \
            expires_at=2026-05-10T15:00:00Z
        2027-05-10 00:00  ann  -> care_birthday day=2027-05-10
        2027-06-01 00:00  ann
        """,
        BIRTHDAY,
    )


def test_a_timeline_at_the_very_second_of_the_hour_and_at_the_last_of_the_day() -> None:
    check(
        """
        2026-05-10 08:59:59.999  ann  profile_updated birthday=1990-05-10 time_zone=UTC
        2026-05-10 09:00  ann  -> care_birthday
        2026-05-10 23:59:59.998  bob  profile_updated birthday=1990-05-10 time_zone=UTC
        2026-05-10 23:59:59.999  bob  -> care_birthday expires_at=2026-05-11T00:00:00Z
        2026-05-11 00:00  cem  profile_updated birthday=1990-05-10 time_zone=UTC
        2026-05-12 00:00  cem
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_who_is_told_of_after_the_hour_or_is_born_on_that_day() -> None:
    check(
        """
        2026-05-10 15:00  ann  profile_updated birthday=1990-05-10
        2026-05-10 16:00  ann  -> care_birthday
        2026-05-10 17:00  ann  profile_updated birthday=1990-05-10  (told again)
        2026-05-10 17:00  new  profile_updated birthday=2026-05-10  (born, or a form's default)
        2026-05-10 17:00  odd  profile_updated birthday=2055-05-10  (a mistake)
        2027-05-10 09:00  ann  -> care_birthday
        2027-05-10 09:00  new  -> care_birthday
        2027-05-11 00:00  odd
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_a_profile_that_arrives_late_and_of_one_that_is_too_late() -> None:
    check(
        """
        2026-05-10 15:00  bob  page_viewed
        2026-05-10 15:00  ann  profile_updated birthday=1990-05-10 occurred_at=2026-05-09T20:00
        2026-05-10 16:00  ann  -> care_birthday
        2026-05-11 00:00  bob  profile_updated birthday=1990-05-10 occurred_at=2026-05-09T20:00
        2026-05-12 00:00  bob
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_a_late_update_that_does_not_undo_a_newer_one() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-02 08:00  ann  profile_updated birthday=1990-05-08 occurred_at=2026-04-01
        2026-05-10 09:00  ann  -> care_birthday day=2026-05-10
        2026-05-11 09:00  ann
        """,
        BIRTHDAY,
    )


@pytest.mark.parametrize(("leap_day", "kept"), [("02-28", "2027-02-28"), ("03-01", "2027-03-01")])
def test_a_timeline_of_29_february_in_common_years_and_in_leap_years(
    leap_day: str, kept: str
) -> None:
    check(
        f"""
        2026-03-02 08:00  ann  profile_updated birthday=2000-02-29
        {kept} 09:00  ann  -> care_birthday day={kept}
        2028-02-29 09:00  ann  -> care_birthday day=2028-02-29
        2028-03-02 00:00  ann
        """,
        CareBirthday(leap_day=leap_day),  # type: ignore[arg-type]
    )


def test_a_timeline_of_a_customer_who_travels_on_the_day_and_is_greeted_once() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10 time_zone=Asia/Tokyo
        2026-05-10 00:00  ann  -> care_birthday
        2026-05-10 01:00  ann  profile_updated time_zone=America/Los_Angeles  (the 9th, and then the 10th)
        2026-05-12 00:00  ann
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_a_zone_in_which_the_hour_or_the_day_is_past_already() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10 time_zone=America/Los_Angeles
        2026-05-01 08:00  bob  profile_updated birthday=1990-05-10 time_zone=America/Los_Angeles
        2026-05-10 05:00  ann  profile_updated time_zone=Asia/Tokyo  (14:00 on the 10th)
        2026-05-10 06:00  ann  -> care_birthday
        2026-05-10 11:00  bob  profile_updated time_zone=Pacific/Kiritimati \
            -> care_birthday day=2026-05-10 expires_at=2026-05-11T10:00:00Z  (01:00 on the 11th)
        2026-05-12 00:00  bob
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_birthdays_that_are_corrected_near_the_day() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-01 08:00  bob  profile_updated birthday=1990-05-10
        2026-05-09 20:00  bob  profile_updated birthday=1990-05-08 -> care_birthday day=2026-05-08
        2026-05-10 09:00  ann  -> care_birthday
        2026-05-10 10:00  ann  profile_updated birthday=1990-05-11  (greeted for this year)
        2026-05-12 00:00  ann
        2027-05-08 09:00  bob  -> care_birthday
        2027-05-11 09:00  ann  -> care_birthday
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_a_correction_over_the_turn_of_the_year_does_not_greet_twice() -> None:
    check(
        """
        2026-12-01 08:00  ann  profile_updated birthday=1990-12-31
        2026-12-31 09:00  ann  -> care_birthday day=2026-12-31
        2027-01-01 09:00  ann  profile_updated birthday=1990-01-02
        2027-02-01 09:00  ann
        2028-01-02 09:00  ann  -> care_birthday day=2028-01-02
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_a_correction_by_more_than_half_a_year_waits_for_the_next_year() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-10 09:00  ann  -> care_birthday
        2026-06-01 08:00  ann  profile_updated birthday=1990-12-01
        2027-12-01 09:00  ann  -> care_birthday day=2027-12-01
        2027-12-02 09:00  ann
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_an_hour_that_the_clocks_skip_and_of_one_that_comes_twice() -> None:
    check(
        """
        2026-03-01 08:00  ann  profile_updated birthday=1990-03-29 time_zone=Europe/Berlin
        2026-03-01 08:00  bob  profile_updated birthday=1990-10-25 time_zone=Europe/Berlin
        2026-03-29 01:00  ann  -> care_birthday  (03:00 there: it follows upon 01:59)
        2026-10-25 00:00  bob  -> care_birthday  (02:00 there, and an hour later once more)
        2026-10-26 00:00  bob
        """,
        CareBirthday(hour=2),
    )


def test_a_timeline_of_an_outage_within_the_day_and_of_one_that_is_longer() -> None:
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-01 08:00  bob  profile_updated birthday=1990-05-12
        2026-05-10 08:00  clock  stops
        2026-05-10 20:00  clock  goes_on
        2026-05-10 20:00  ann  -> care_birthday
        2026-05-12 08:00  clock  stops
        2026-05-13 00:00  clock  goes_on
        2026-05-13 00:00  bob  -> noted care_birthday reason=day_missed day=2026-05-12
        2027-05-10 09:00  ann  -> care_birthday
        2027-05-12 09:00  bob  -> care_birthday
        """,
        BIRTHDAY,
    )


def test_a_timeline_of_customers_without_a_zone_who_have_the_shop_s_or_hear_nothing() -> None:
    table = """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-10 03:30  ann  {}
        2026-05-11 00:00  ann
        """
    check(table.format("-> care_birthday"), CareBirthday(time_zone="Asia/Kolkata"))
    check(table.format(""), CareBirthday(time_zone=""))


def test_a_timeline_in_which_what_waits_for_the_morning_is_dropped_if_it_was_a_mistake() -> None:
    quiet = Gate(
        assume_consent=("marketing",),
        quiet_hours=QuietHours(begin="21:00", end="08:00", time_zone="UTC"),
    )
    check(
        """
        2026-05-01 08:00  ann  profile_updated birthday=1990-05-10
        2026-05-01 08:00  bob  profile_updated birthday=1990-05-10
        2026-05-10 06:00  ann  -> deferred care_birthday reason=quiet_hours
        2026-05-10 06:00  bob  -> deferred care_birthday reason=quiet_hours
        2026-05-10 07:00  bob  profile_updated birthday=1990-05-20
        2026-05-10 09:00  ann  -> care_birthday
        2026-05-10 09:00  bob  -> suppressed care_birthday reason=reason_gone
        """,
        CareBirthday(hour=6),
        gate=quiet,
    )


def test_history_is_silent_and_the_next_order_brings_the_timer_that_was_past() -> None:
    it = Partition(BIRTHDAY)
    now = moment("2026-05-10 12:00")
    it.feed([Tick(now)])
    old = told(birthday=date(1990, 5, 10), time_zone="UTC", occurred_at=now - 900 * DAY)

    assert it.feed(past(old, at=now + 1)) == []

    row = it.row("ann")
    assert row is not None
    assert "care_birthday" not in row.timers
    order = OrderPlaced(
        event_id="o", customer_id="ann", occurred_at=now, order_id="o", products=(Item("tea"),),
        currency="EUR",
    )  # fmt: skip
    it.facts(order)
    row = it.row("ann")
    assert row is not None
    assert row.timers["care_birthday"] == now + 1  # It is the day, and the hour has struck.


def test_a_zone_that_there_is_not_stops_the_start() -> None:
    with pytest.raises(ValueError, match="'Europe/Berln' is not an IANA time zone"):
        CareBirthday(time_zone="Europe/Berln")
