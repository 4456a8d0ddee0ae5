"""Which month is it, and when does a day begin? By the calendar of one place.

A month is an integer, so that months can be counted with: 12 times the year, and 0 for January.
Days begin at midnight on the wall, so a stretch of days is an hour longer or shorter where the
clocks are changed in it.
"""

from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from agents.calendar.wall_clock import day_at, strikes_at
from schemas.instant import MINUTE

# Since 1990, whenever events may be of, all clocks have been apart by whole quarters of an hour.
QUARTER = 15 * MINUTE


def month_of(at: int, time_zone: str) -> int:
    """The month that a moment lies in.

    >>> divmod(month_of(1768896000000, "UTC"), 12)  # 2026-01-20
    (2026, 0)
    """
    return _month_of(at // QUARTER, time_zone)


@lru_cache(maxsize=4096)
def _month_of(quarter: int, time_zone: str) -> int:
    day = day_at(quarter * QUARTER, ZoneInfo(time_zone))
    return day.year * 12 + day.month - 1


@lru_cache(maxsize=4096)
def midnight(month: int, time_zone: str, days: int = 0) -> int:
    """The moment at which the day begins that is so many days after the first of a month.

    >>> from schemas.instant import to_text
    >>> to_text(midnight(2028 * 12 + 1, "UTC", 28)), to_text(midnight(2028 * 12, "Asia/Tokyo", -1))
    ('2028-02-29T00:00:00.000Z', '2027-12-30T15:00:00.000Z')
    """
    day = date(month // 12, month % 12 + 1, 1) + timedelta(days=days)
    return strikes_at(day, 0, ZoneInfo(time_zone))
