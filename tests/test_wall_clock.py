"""The clock on the wall: every day of every zone has its hour, and ends after it."""

import doctest
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.calendar import wall_clock
from agents.calendar.wall_clock import day_at, occasion_of, strikes_at
from schemas.instant import DAY, HOUR
from schemas.profiles import time_zones


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.dates(date(1991, 1, 1), date(2060, 1, 1)),
    st.integers(0, 23),
    st.sampled_from(sorted(time_zones())),
)
def test_an_hour_strikes_within_its_day_and_the_day_ends_after_it(
    day: date, hour: int, name: str
) -> None:
    zone = ZoneInfo(name)
    it = occasion_of(day, hour, zone)
    assert it.begins_at < it.ends_at <= it.begins_at + DAY + 2 * HOUR
    assert day_at(it.ends_at - 1_000, zone) == day_at(it.begins_at, zone)
    assert day_at(it.ends_at, zone) > day_at(it.begins_at, zone)


def test_the_examples_in_the_docstrings_are_so() -> None:
    result = doctest.testmod(wall_clock)
    assert (result.failed, bool(result.attempted)) == (0, True)


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe", "UTC"])
def test_every_day_has_its_hour_and_ends_after_it(zone: str) -> None:
    for number in range(date(2011, 12, 25).toordinal(), date(2012, 1, 5).toordinal()):
        day = date.fromordinal(number)
        it = occasion_of(day, 23, ZoneInfo(zone))
        assert it.begins_at < it.ends_at <= it.begins_at + DAY
        assert day_at(it.begins_at, ZoneInfo(zone)) >= day
    day = date(2011, 12, 30)  # Which Samoa did not have.
    assert day_at(strikes_at(day, 9, ZoneInfo("Pacific/Apia")), ZoneInfo("Pacific/Apia")) == (
        day + timedelta(days=1)
    )
