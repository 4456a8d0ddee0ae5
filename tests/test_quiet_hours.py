"""Quiet hours: nothing goes out at night, and all that is held goes out when the night is over.

Nights are the customer's own, also when the clocks are changed. The model asks every minute.
"""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.gate.quiet_hours import QuietHours
from schemas.instant import DAY, HOUR, MINUTE, SECOND

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC

# Half and quarter hours, half an hour of summer, midnights and days that there never were, summers
# that end and begin around Ramadan, three hours at once, and places where nothing ever happens.
ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "America/Caracas", "America/Danmarkshavn",
    "America/New_York", "America/Santiago", "America/Scoresbysund", "America/St_Johns",
    "Antarctica/Casey", "Antarctica/Troll", "Asia/Colombo", "Asia/Gaza", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Pyongyang", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Berlin",
    "Europe/Dublin", "Europe/Istanbul", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati",
    "Pacific/Kwajalein", "UTC",
]  # fmt: skip


def instant(text: str) -> int:
    """Epoch milliseconds of a moment in UTC.

    >>> instant("2026-01-20 08:00") == START
    True
    """
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def wall(at: int, zone: str) -> datetime:
    """What calendar and clock show."""
    return datetime.fromtimestamp(at // SECOND, ZoneInfo(zone))


@cache
def changes(zone: str) -> list[int]:
    """When clocks were changed in a zone from 1990 to 2040, to the second; and one other moment."""
    found = [START]
    for week in range(instant("1990-01-08"), instant("2040-01-01"), 7 * DAY):
        before, after = week - 7 * DAY, week
        offset = wall(before, zone).utcoffset()
        if wall(after, zone).utcoffset() == offset:
            continue
        while after - before > SECOND:
            middle = (before + after) // 2 // SECOND * SECOND
            if wall(middle, zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        found.append(after)
    return found


@st.composite
def nights(draw: st.DrawFn) -> tuple[QuietHours, str, int]:
    """Quiet hours, a zone and a moment, often within hours of a change of the clocks."""
    zone = draw(st.sampled_from(ZONES))
    changed_at = draw(st.sampled_from(changes(zone)))
    shown = [
        it.hour * 60 + it.minute for it in (wall(changed_at - 1, zone), wall(changed_at, zone))
    ]
    minutes = st.one_of(
        st.integers(0, 1439),
        st.builds(
            lambda at, away: (at + away) % 1440, st.sampled_from(shown), st.integers(-70, 70)
        ),
    )
    begin, end = draw(minutes), draw(minutes)
    assume(begin != end)
    away = draw(st.one_of(st.integers(-30 * HOUR, 30 * HOUR), st.integers(-90 * MINUTE, 2 * HOUR)))
    quiet = QuietHours(begin=clock(begin), end=clock(end), time_zone=zone)
    return quiet, zone, changed_at + away


def clock(minute: int) -> str:
    """What a clock shows so many minutes after midnight."""
    return f"{minute // 60:02}:{minute % 60:02}"


def is_night(quiet: QuietHours, zone: str, at: int) -> bool:
    """The model: what is quiet, by the text that the clock shows."""
    shown = f"{wall(at, zone):%H:%M}"
    if quiet.begin < quiet.end:
        return quiet.begin <= shown < quiet.end
    return not quiet.end <= shown < quiet.begin


def first_morning(quiet: QuietHours, zone: str, at: int) -> int:
    """The model: ask at each full minute. No offset since 1975 has seconds in it."""
    if not is_night(quiet, zone, at):
        return at
    first = (at // MINUTE + 1) * MINUTE
    return next(
        it for it in range(first, first + 48 * HOUR, MINUTE) if not is_night(quiet, zone, it)
    )


@given(night=nights())
@settings(max_examples=250, deadline=None)
def test_what_is_held_goes_out_in_the_first_minute_that_is_not_quiet(
    night: tuple[QuietHours, str, int],
) -> None:
    quiet, zone, at = night
    assert quiet.is_quiet(at, zone) == is_night(quiet, zone, at)
    assert quiet.next_allowed(at, zone) == first_morning(quiet, zone, at)


@given(night=nights(), waits=st.lists(st.integers(0, 26 * HOUR), max_size=8))
@settings(max_examples=150, deadline=None)
def test_whoever_was_held_first_goes_first_and_within_a_second(
    night: tuple[QuietHours, str, int], waits: list[int]
) -> None:
    quiet, zone, at = night
    held = [it for it in sorted({at, *(at + wait for wait in waits)}) if quiet.is_quiet(it, zone)]
    released = [quiet.release_at(it, zone) for it in held]
    assert released == sorted(released)
    for held_at, released_at in zip(held, released, strict=True):
        assert 0 <= released_at - quiet.next_allowed(held_at, zone) < SECOND
        assert not quiet.is_quiet(released_at, zone)


MORNINGS = """
# zone                 quiet        from                 until (UTC)
Europe/Berlin        21:00-08:00  2026-01-20 19:59:59  2026-01-20 19:59:59
Europe/Berlin        21:00-08:00  2026-01-20 20:00:00  2026-01-21 07:00:00
Europe/Berlin        21:00-08:00  2026-01-21 06:59:59  2026-01-21 07:00:00
Europe/Berlin        21:00-08:00  2026-01-21 07:00:00  2026-01-21 07:00:00
Europe/Berlin        13:00-15:00  2026-01-20 12:30:00  2026-01-20 14:00:00
# 02:00 became 03:00: the night is an hour shorter, ends with the change, or is not at all.
Europe/Berlin        21:00-08:00  2026-03-28 22:00:00  2026-03-29 06:00:00
Europe/Berlin        21:00-02:30  2026-03-28 22:00:00  2026-03-29 01:00:00
Europe/Berlin        02:10-02:50  2026-03-29 00:59:59  2026-03-29 00:59:59
Europe/Berlin        02:10-02:50  2026-03-29 01:00:00  2026-03-29 01:00:00
Europe/Berlin        02:30-02:10  2026-03-29 00:10:00  2026-03-30 00:10:00
# 03:00 became 02:00: the end of the night comes twice, and so does the quiet before it.
Europe/Berlin        21:00-08:00  2026-10-24 22:00:00  2026-10-25 07:00:00
Europe/Berlin        21:00-02:30  2026-10-24 22:00:00  2026-10-25 00:30:00
Europe/Berlin        21:00-02:30  2026-10-25 00:59:59  2026-10-25 00:59:59
Europe/Berlin        21:00-02:30  2026-10-25 01:00:00  2026-10-25 01:30:00
Europe/Berlin        21:00-03:00  2026-10-24 22:00:00  2026-10-25 02:00:00
Asia/Kolkata         21:00-08:00  2026-01-20 16:00:00  2026-01-21 02:30:00
Asia/Kathmandu       21:00-08:00  2026-01-20 16:00:00  2026-01-21 02:15:00
Pacific/Chatham      21:00-08:00  2026-01-20 08:00:00  2026-01-20 18:15:00
Pacific/Kiritimati   21:00-08:00  2026-01-20 08:00:00  2026-01-20 18:00:00
# Half an hour of summer time: 02:00 became 02:30, and 02:00 became 01:30.
Australia/Lord_Howe  21:00-02:15  2025-10-04 14:00:00  2025-10-04 15:30:00
Australia/Lord_Howe  21:00-01:45  2025-04-05 14:00:00  2025-04-05 14:45:00
Australia/Lord_Howe  21:00-01:45  2025-04-05 15:05:00  2025-04-05 15:15:00
# A midnight that never was, and a day that never was: 30 December.
Africa/Cairo         21:00-00:30  2024-04-25 20:00:00  2024-04-25 22:00:00
Pacific/Apia         21:00-08:00  2011-12-30 08:00:00  2011-12-30 18:00:00
Pacific/Apia         21:00-00:00  2011-12-30 08:00:00  2011-12-30 10:00:00
"""


@pytest.mark.parametrize("line", [it for it in MORNINGS.strip().splitlines() if it[0] != "#"])
def test_a_night_ends_by_the_clock_on_the_wall(line: str) -> None:
    zone, hours, *moments = line.split()
    begin, end = hours.split("-")
    at, until = instant(" ".join(moments[:2])), instant(" ".join(moments[2:]))
    quiet = QuietHours(begin=begin, end=end, time_zone="UTC")
    assert quiet.next_allowed(at, zone) == until
    assert quiet.is_quiet(at, zone) == (until > at)


def test_quiet_begins_and_ends_on_the_millisecond() -> None:
    quiet = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
    evening, morning = instant("2026-01-20 21:00"), instant("2026-01-21 08:00")
    seen = [quiet.is_quiet(it, "") for it in (evening - 1, evening, morning - 1, morning)]
    assert seen == [False, True, True, False]
    assert quiet.next_allowed(evening - 1, "") == evening - 1
    assert quiet.next_allowed(morning - 1, "") == morning


def test_the_second_after_a_night_is_the_night_in_small() -> None:
    quiet = QuietHours(begin="22:00", end="08:00", time_zone="UTC")
    evening, morning = instant("2026-01-20 22:00"), instant("2026-01-21 08:00")
    held = (evening, evening + 1, evening + HOUR, evening + 5 * HOUR, morning - 1)
    assert [quiet.release_at(it, "") - morning for it in held] == [0, 0, 100, 500, 999]
    assert quiet.release_at(morning, "") == morning


@pytest.mark.parametrize("zone", ["", "Europe/Atlantis", "America", "../etc/passwd", "a\0b", "ü"])
def test_a_customer_whose_zone_is_not_known_has_the_nights_of_the_shop(zone: str) -> None:
    quiet = QuietHours(begin="21:00", end="08:00", time_zone="Asia/Tokyo")
    noon_in_utc = instant("2026-01-20 12:00")
    assert quiet.next_allowed(noon_in_utc, zone) == instant("2026-01-20 23:00")
    assert not quiet.is_quiet(noon_in_utc, "UTC")


@pytest.mark.parametrize(
    ("begin", "end", "zone", "complaint"),
    [
        ("21:00", "21:00", "UTC", "begin and end are both 21:00, so it would never be quiet"),
        ("9pm", "08:00", "UTC", "begin is '9pm': a wall time from 00:00 to 23:59 is wanted"),
        ("21:00", "24:00", "UTC", "end is '24:00': a wall time"),
        ("21:00", "8:00", "UTC", "end is '8:00': a wall time"),
        ("21:00", "08:00\n", "UTC", "end is '08:00\\n': a wall time"),
        ("21:00", "08:00", "Europe/Atlantis", "'Europe/Atlantis' is not an IANA time zone"),
    ],
)
def test_hours_that_mean_nothing_are_refused_with_the_reason(
    begin: str, end: str, zone: str, complaint: str
) -> None:
    section = {"begin": begin, "end": end, "time_zone": zone}
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(section, QuietHours)
    assert complaint in str(refusal.value)
