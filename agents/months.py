"""Which month is it, and when does a day begin? By the calendar of one place.

A month is an integer, so that months can be counted with: 12 times the year, and 0 for January.
Days begin at midnight on the wall, so a stretch of days is an hour longer or shorter where the
clocks are changed in it.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.instant import SECOND
from schemas.profiles import time_zones


def check_time_zone(name: str) -> None:
    """Raises ValueError for a zone that there is not."""
    if name not in time_zones():
        raise ValueError(f"time_zone {name!r} is not an IANA time zone, such as Europe/Berlin")


def month_of(at: int, time_zone: str) -> int:
    """The month that a moment lies in.

    >>> divmod(month_of(1768896000000, "UTC"), 12)  # 2026-01-20
    (2026, 0)
    """
    here = datetime.fromtimestamp(at // SECOND, ZoneInfo(time_zone))
    return here.year * 12 + here.month - 1


@lru_cache(maxsize=4096)
def midnight(month: int, time_zone: str, days: int = 0) -> int:
    """The moment at which the day begins that is so many days after the first of a month.

    >>> from schemas.instant import to_text
    >>> to_text(midnight(2028 * 12 + 1, "UTC", 28)), to_text(midnight(2028 * 12, "Asia/Tokyo", -1))
    ('2028-02-29T00:00:00.000Z', '2027-12-30T15:00:00.000Z')
    """
    first = datetime(month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(time_zone))
    return round((first + timedelta(days=days)).timestamp()) * SECOND
