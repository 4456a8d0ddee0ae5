"""When does an hour of a day strike where the customer is? By the clock on their own wall.

The law: a day is the customer's own, from midnight to midnight there. An hour that the clocks skip
strikes as much later as they are put forward, one that comes twice strikes the first time. A day
that a zone skips as a whole, as Samoa did, is kept on the one after it.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.instant import SECOND
from schemas.profiles import time_zones

_NEXT_DAY = timedelta(days=1)


class Occasion(Struct, frozen=True, gc=False):
    """A day on which something is said. begins_at: the hour strikes. ends_at: the day is over."""

    day: date
    begins_at: int
    ends_at: int
    name: str = ""

    @property
    def number(self) -> int:
        """The day, counted so that it fits into a memory; 0 is never."""
        return self.day.toordinal()


# The tz database has some 600 names; a row may have another, from a machine with a newer one.
@lru_cache(maxsize=1024)
def zone_of(name: str, otherwise: str) -> ZoneInfo | None:
    """The customer's time zone; if it is not known another one, and None if there is none."""
    known = name if name in time_zones() else otherwise
    return ZoneInfo(known) if known else None


def check_zone(name: str) -> None:
    """Raises ValueError for a setting that names a zone that there is not; empty is allowed."""
    if name and name not in time_zones():
        raise ValueError(f"time_zone {name!r} is not an IANA time zone, such as Europe/Berlin")


def strikes_at(day: date, hour: int, zone: ZoneInfo) -> int:
    """The moment of an hour of a day, in epoch milliseconds.

    >>> strikes_at(date(2026, 3, 29), 2, ZoneInfo("Europe/Berlin"))  # Skipped: it is 03:00 there.
    1774746000000
    """
    here = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return round(here.timestamp()) * SECOND


def day_at(at: int, zone: ZoneInfo) -> date:
    """Which day it is there at a moment."""
    return datetime.fromtimestamp(at // SECOND, zone).date()


def occasion_of(day: date, hour: int, zone: ZoneInfo, name: str = "") -> Occasion:
    """A day with the moments between which something may be said on it."""
    begins_at = strikes_at(day, hour, zone)
    # The day that the clock shows then, which is another one where this one is skipped.
    return Occasion(day, begins_at, end_of_day(begins_at, zone), name)


def end_of_day(at: int, zone: ZoneInfo) -> int:
    """The first moment of the day after the one that it is there."""
    return strikes_at(day_at(at, zone) + _NEXT_DAY, 0, zone)
