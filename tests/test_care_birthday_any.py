"""Any birthday, in any zone, corrected at any time: once a year, and at the hour."""

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from partition import Partition, journal

from agents.care_birthday import CareBirthday
from schemas.decisions import Decision
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.profiles import ProfileUpdated

BIRTHDAY = CareBirthday(hour=9)
ZONES = ("Pacific/Kiritimati", "Asia/Tokyo", "UTC", "America/New_York", "Etc/GMT+12")
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 900), st.sampled_from(ZONES), st.dates(date(1980, 1, 1), date(2000, 12, 31))
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(CHANGES)
def test_nobody_is_greeted_twice_in_a_year_whatever_they_change(
    changes: list[tuple[int, str, date]],
) -> None:
    said = decided(sorted(changes))
    days = [it.decided_at // DAY for it in said if it.outcome == "sent"]
    assert all(later - sooner >= 170 for sooner, later in pairwise(days))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(ZONES), st.dates(date(1980, 1, 1), date(2000, 12, 31)))
def test_whoever_changes_nothing_is_greeted_each_year_at_the_hour(zone: str, born: date) -> None:
    assume((born.month, born.day) > (1, 2))  # What is told on the day itself is another test's.
    said = decided([(0, zone, born)])
    here = [datetime.fromtimestamp(it.decided_at / 1000, ZoneInfo(zone)) for it in said]
    assert [it.hour for it in here] == [9] * len(here)
    assert len(here) >= 2
    assert len({it.year for it in here}) == len(here)


def decided(changes: list[tuple[int, str, date]]) -> list[Decision]:
    """What is decided in 900 days that begin on 2026-01-01, with a tick each hour."""
    start = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    facts: list[ProfileUpdated | Tick] = []
    for number, (hours, zone, born) in enumerate(changes):
        at = start + hours * 9 * HOUR + number
        update = ProfileUpdated(
            event_id=f"p{number}", customer_id="ann", occurred_at=at, time_zone=zone, birthday=born
        )
        facts.append(update)
    facts += [Tick(start + hour * HOUR) for hour in range(900 * 24)]
    facts.sort(key=lambda it: it.at if isinstance(it, Tick) else it.occurred_at)
    return Partition(BIRTHDAY).feed(journal(facts))
