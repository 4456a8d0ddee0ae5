"""Holidays: those of the customer's market, each once a year, at the hour, in their own zone."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from timeline import check

from agents.calendar.calendars import days_of
from agents.calendar.wall_clock import Occasion
from agents.care_holiday import GREETS, CareHoliday, Greeted
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ProfileUpdated
from streams.simulated.story import moment

HOLIDAY = CareHoliday()


def test_a_timeline_of_lunar_holidays_in_china_at_nine_on_the_wall() -> None:
    check(
        """
        2026-02-01 08:00  ann  profile_updated country=CN time_zone=Asia/Shanghai
        2026-02-17 01:00  ann  -> care_holiday reason=holiday market=CN day=2026-02-17 \
            holiday="Chinese New Year (Spring Festival)" expires_at=2026-02-17T16:00:00Z
        2026-06-19 01:00  ann  -> care_holiday holiday="Dragon Boat Festival"
        2026-09-25 01:00  ann  -> care_holiday holiday="Mid-Autumn Festival"
        2027-02-06 01:00  ann  -> care_holiday day=2027-02-06
        2027-02-08 08:00  ann
        """,
        HOLIDAY,
    )


def test_a_timeline_of_eid_by_the_calendar_of_each_market() -> None:
    check(
        """
        2026-03-01 08:00  ann  profile_updated country=AE time_zone=Asia/Dubai
        2026-03-01 08:00  bob  profile_updated country=IN time_zone=Asia/Kolkata
        2026-03-04 03:30  bob  -> care_holiday holiday=Holi
        2026-03-20 05:00  ann  -> care_holiday holiday="Eid al-Fitr" day=2026-03-20
        2026-03-21 03:30  bob  -> care_holiday holiday="Eid al-Fitr" day=2026-03-21
        2026-04-01 08:00  bob
        """,
        HOLIDAY,
    )


def test_a_timeline_of_a_market_by_country_or_locale_or_setting_and_of_none() -> None:
    table = """
        2026-12-20 08:00  ann  profile_updated locale=de-DE time_zone=UTC
        2026-12-20 08:00  bob  profile_updated locale=de-DE country=GB time_zone=UTC
        2026-12-20 08:00  cem  profile_updated locale=de country=NO time_zone=UTC
        2026-12-20 08:00  dee  profile_updated locale=en time_zone=UTC
        2026-12-25 09:00  ann  -> care_holiday market=DE
        2026-12-25 09:00  bob  -> care_holiday market=GB
        {}
        2026-12-26 09:00  ann
        """
    check(table.format(""), HOLIDAY)
    usual = "2026-12-25 09:00  dee  -> care_holiday market=US"
    check(table.format(usual), CareHoliday(market="US"))


def test_a_timeline_of_customers_without_a_zone_who_have_the_shop_s_or_hear_nothing() -> None:
    table = """
        2026-12-20 08:00  ann  profile_updated country=IN
        2026-12-25 03:30  ann  {}
        2026-12-26 08:00  ann
        """
    check(table.format("-> care_holiday holiday=Christmas"), CareHoliday(time_zone="Asia/Kolkata"))
    check(table.format(""), CareHoliday(time_zone=""))


def test_a_timeline_of_a_move_to_another_market_sets_the_timer_anew() -> None:
    check(
        """
        2026-06-01 08:00  ann  profile_updated country=DE time_zone=UTC
        2026-07-01 08:00  ann  profile_updated country=US
        2026-07-04 09:00  ann  -> care_holiday holiday="Independence Day"
        2026-07-05 08:00  ann  profile_updated country=NO  (on which the shop does not greet)
        2026-12-31 08:00  ann
        """,
        HOLIDAY,
    )


def test_a_timeline_of_a_move_on_the_day_does_not_greet_twice() -> None:
    check(
        """
        2026-02-01 08:00  ann  profile_updated country=CN time_zone=Asia/Shanghai
        2026-02-17 01:00  ann  -> care_holiday holiday="Chinese New Year (Spring Festival)"
        2026-02-17 02:00  ann  profile_updated country=SG time_zone=Asia/Singapore (another name)
        2026-03-21 01:00  ann  -> care_holiday holiday="Eid al-Fitr"
        2026-03-21 02:00  ann  profile_updated time_zone=America/Los_Angeles  (the same day to come)
        2026-04-01 08:00  ann
        2026-05-01 08:00  bob  profile_updated country=AE time_zone=Asia/Dubai
        2026-05-27 05:00  bob  -> care_holiday holiday="Eid al-Adha"
        """,
        HOLIDAY,
    )


def test_a_timeline_of_one_holiday_on_two_days_by_two_calendars_is_greeted_once() -> None:
    check(
        """
        2026-03-01 08:00  ann  profile_updated country=AE time_zone=Asia/Dubai
        2026-03-20 05:00  ann  -> care_holiday holiday="Eid al-Fitr" day=2026-03-20
        2026-03-20 06:00  ann  profile_updated country=IN time_zone=Asia/Kolkata  (there it is the 21st)
        2026-04-01 08:00  ann
        """,
        HOLIDAY,
    )


def test_a_timeline_of_the_very_second_and_of_a_profile_that_comes_on_the_day() -> None:
    check(
        """
        2026-12-25 08:59:59.999  ann  profile_updated country=DE time_zone=UTC
        2026-12-25 09:00  ann  -> care_holiday
        2026-12-25 15:00  bob  profile_updated country=DE time_zone=UTC occurred_at=2026-12-24
        2026-12-25 16:00  bob  -> care_holiday
        2026-12-25 23:59:59.998  cem  profile_updated country=DE time_zone=UTC
        2026-12-25 23:59:59.999  cem  -> care_holiday
        2026-12-26 00:00  dee  profile_updated country=DE time_zone=UTC
        2026-12-26 12:00  dee
        """,
        HOLIDAY,
    )


def test_a_timeline_of_an_outage_within_the_day_and_of_one_that_is_longer() -> None:
    check(
        """
        2026-12-20 08:00  ann  profile_updated country=DE time_zone=UTC
        2026-12-25 08:00  clock  stops
        2026-12-25 20:00  clock  goes_on
        2026-12-25 20:00  ann  -> care_holiday
        2026-12-31 20:00  clock  stops
        2027-01-02 00:00  clock  goes_on
        2027-01-02 00:00  ann  -> noted care_holiday reason=day_missed holiday="New Year's Day"
        2027-03-29 09:00  ann  -> care_holiday holiday="Easter Monday"
        """,
        HOLIDAY,
    )


def test_a_timeline_in_which_the_first_of_the_names_counts_where_two_fall_on_one_day() -> None:
    both = {"AE": ("Eid al-Fitr",), "US": ("Juneteenth National Independence Day", "Father's Day")}
    check(
        """
        2033-06-01 08:00  ann  profile_updated country=US time_zone=UTC
        2033-06-19 09:00  ann  -> care_holiday holiday="Juneteenth National Independence Day"
        2033-06-20 09:00  ann
        """,
        CareHoliday(greets=both),
    )


def test_a_timeline_of_a_lunar_year_that_has_two_in_one_of_ours() -> None:
    check(
        """
        2032-12-20 08:00  ann  profile_updated country=IN time_zone=UTC
        2033-01-03 09:00  ann  -> care_holiday day=2033-01-03
        2033-12-24 09:00  ann  -> care_holiday day=2033-12-24
        2033-12-26 09:00  ann
        """,
        CareHoliday(greets={"IN": ("Eid al-Fitr",)}),
    )


def test_a_customer_has_one_timer_and_a_small_memory() -> None:
    it = Partition(HOLIDAY)
    start = moment("2026-01-02")
    it.facts(profile(start, "IN", "UTC"), *(Tick(start + n * DAY // 2) for n in range(1, 2 * 730)))
    row = it.row("ann")
    assert row is not None
    assert [it for it in row.timers if it.startswith("care_holiday")] == ["care_holiday"]
    assert len(bytes(row.memory["care_holiday"])) <= 50


def test_a_memory_lets_go_of_what_is_too_old_to_matter() -> None:
    greeted = Greeted()
    for month in range(1, 30):
        day = date(2026 + month // 12, month % 12 + 1, 1)
        greeted = greeted.and_now(Occasion(day, 0, 1, f"holiday {month}"))
    assert len(greeted.by_name) == 10


def test_who_moves_to_where_the_shop_does_not_greet_has_no_timer_any_more() -> None:
    it = Partition(HOLIDAY)
    at = moment("2026-12-01")
    it.facts(profile(at, "DE", "UTC"), profile(at + 1, "NO", "UTC"))
    row = it.row("ann")
    assert row is not None
    assert "care_holiday" not in row.timers


def test_an_order_sets_the_timer_of_who_has_none_and_leaves_the_others_alone() -> None:
    it = Partition(HOLIDAY)
    at = moment("2026-12-01")
    it.facts(ordered(at, "bob"), profile(at, "DE", "UTC"), ordered(at + 1, "ann"))
    ann, bob = it.row("ann"), it.row("bob")
    assert ann is not None
    assert bob is not None
    assert ann.timers["care_holiday"] == moment("2026-12-25 09:00")
    assert "care_holiday" not in bob.timers


def test_the_calendar_is_reckoned_once_for_a_market_and_a_year() -> None:
    days_of.cache_clear()
    it = Partition(HOLIDAY)
    at = moment("2026-12-01")
    it.feed(journal(profile(at + n, "DE", "UTC", f"c{n}") for n in range(50)))
    assert days_of.cache_info().misses == 1
    assert days_of.cache_info().hits == 49


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"greets": {"XX": ()}}, "no calendar of the market 'XX'"),
        ({"greets": {"DE": ("Cristmas Day",)}}, "DE has no holiday 'Cristmas Day'; it has Ascension"),
        ({"market": "NO"}, "market is 'NO', and greets has only AE, CN"),
        ({"time_zone": "Mars"}, "time_zone 'Mars' is not"),
    ],
)  # fmt: skip
def test_a_setting_that_could_never_greet_stops_the_start(
    mistake: dict[str, object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        CareHoliday(**mistake)  # type: ignore[arg-type]


MOVES = st.lists(
    st.tuples(
        st.integers(0, 500),
        st.sampled_from(sorted(GREETS)),
        st.sampled_from(["Pacific/Kiritimati", "UTC", "America/Los_Angeles"]),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(MOVES)
def test_whoever_moves_about_hears_of_each_holiday_once_a_year(
    moves: list[tuple[int, str, str]],
) -> None:
    start = moment("2026-01-02")
    facts: list[Event | Tick] = [
        profile(start + day * DAY + number, country, zone)
        for number, (day, country, zone) in enumerate(moves)
    ]
    facts += [Tick(start + hour * HOUR) for hour in range(500 * 24)]
    facts.sort(key=lambda it: it.at if isinstance(it, Tick) else it.occurred_at)
    said = [it for it in Partition(CareHoliday(pause_hours=0)).feed(journal(facts)) if it.payload]
    by_name: dict[str, list[int]] = {}
    for it in said:
        by_name.setdefault(str(it.evidence.values["holiday"]), []).append(it.decided_at // DAY)
    for days in by_name.values():
        assert all(later - sooner >= 300 for sooner, later in pairwise(days))


def profile(at: int, country: str, zone: str, customer: str = "ann") -> ProfileUpdated:
    return ProfileUpdated(
        event_id=f"p{at}", customer_id=customer, occurred_at=at, country=country, time_zone=zone
    )


def ordered(at: int, customer: str) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"o{at}", customer_id=customer, occurred_at=at, order_id=f"o{at}",
        products=(Item("tea"),), currency="EUR",
    )  # fmt: skip
