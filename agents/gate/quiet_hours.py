"""When may a customer be disturbed again? Quiet hours by the clock on the customer's own wall.

The law: it is quiet while the wall shows a time from ``begin`` up to, and not including, ``end``,
and at no other moment. So a night is an hour shorter or longer when the clocks are changed. Where
they are put forward past ``end`` it is over at that very moment, and where they are put back to
before ``end`` it is quiet a second time.
"""

import re
from bisect import bisect_left
from datetime import datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.instant import SECOND
from schemas.profiles import Channel, Purpose, time_zones

_DAY_SECONDS = 86_400
# One round to the end of the night, one more where the clocks are changed in it, and one to see
# that it is over: since 1990 no zone has changed its offset twice in six days (tz database 2025b).
_ROUNDS_MAX = 3
_WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class QuietHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Between which wall times nothing is sent, and what is held until then.

    begin, end: wall times such as ``21:00``, where the customer is; they may lie on both sides of
    midnight. time_zone: IANA name, for customers whose own is not known. purposes: what is held;
    all else may go out at night. channels: only these are quiet; empty for all.

    Raises ValueError where it would never be quiet, or names a time or a zone that there is not.
    """

    begin: str
    end: str
    time_zone: str
    purposes: tuple[Purpose, ...] = ("marketing", "personalisation")
    channels: tuple[Channel, ...] = ()

    def __post_init__(self) -> None:
        for name, wall in (("begin", self.begin), ("end", self.end)):
            if not _WALL_TIME.fullmatch(wall):
                raise ValueError(f"{name} is {wall!r}: a wall time from 00:00 to 23:59 is wanted")
        if self.begin == self.end:
            raise ValueError(
                f"begin and end are both {self.begin}, so it would never be quiet:"
                " for no quiet hours leave the section out"
            )
        if self.time_zone not in time_zones():
            raise ValueError(
                f"time_zone {self.time_zone!r} is not an IANA time zone, such as Europe/Berlin"
            )

    def is_quiet(self, at: int, time_zone: str) -> bool:
        """Whether it is quiet where the customer is.

        at: epoch milliseconds. time_zone: the customer's. Without one, or with one that this
        machine does not know, it is the time zone of the settings.

        >>> nights = QuietHours(begin="21:00", end="08:00", time_zone="Europe/Berlin")
        >>> [nights.is_quiet(1768896000000, it) for it in ("", "America/New_York")]  # 08:00 UTC
        [False, True]
        """
        zone = _zone(time_zone, self.time_zone)
        return self._is_quiet(datetime.fromtimestamp(at // SECOND, zone))

    def next_allowed(self, at: int, time_zone: str) -> int:
        """The first moment from ``at`` on when it is not quiet: ``at`` itself, or a full second.

        at, time_zone: as for ``is_quiet``. Takes 3 µs at night, and 16 where clocks are changed.
        """
        zone = _zone(time_zone, self.time_zone)
        second = at // SECOND
        for _ in range(_ROUNDS_MAX):
            here = datetime.fromtimestamp(second, zone)
            if not self._is_quiet(here):
                break
            second = self._quiet_until(second, here, zone)
        return max(at, second * SECOND)

    def release_at(self, held_at: int, time_zone: str) -> int:
        """When to let go what is held at a moment: within the first second that is not quiet.

        Whoever was held first goes first. The quiet stretch, as long as the wall says, is laid out
        over the milliseconds of that second and ends with it: in a night of 12 hours, what was held
        within the same 43 seconds goes at the same millisecond. Where clocks are put back and the
        stretch is longer, what was held before that goes at the first millisecond.

        What comes when it is not quiet goes at once.
        """
        allowed_at = self.next_allowed(held_at, time_zone)
        if allowed_at == held_at:
            return held_at
        length = (_second_of_day(self.end) - _second_of_day(self.begin)) % _DAY_SECONDS * SECOND
        waits = min(allowed_at - held_at, length)
        return allowed_at + SECOND * (length - waits) // length

    def _is_quiet(self, here: datetime) -> bool:
        begin, end = _second_of_day(self.begin), _second_of_day(self.end)
        second = here.hour * 3600 + here.minute * 60 + here.second
        return begin <= second < end if begin < end else second >= begin or second < end

    def _quiet_until(self, second: int, here: datetime, zone: ZoneInfo) -> int:
        """The second in which quiet ends by the clocks as they go, or in which they are changed."""
        passed = here.hour * 3600 + here.minute * 60 + here.second
        until = second + (_second_of_day(self.end) - passed) % _DAY_SECONDS
        offset = here.utcoffset()

        def is_changed(then: int) -> bool:
            return datetime.fromtimestamp(then, zone).utcoffset() != offset

        if not is_changed(until):
            return until
        return second + bisect_left(range(second, until), True, key=is_changed)


@cache
def _second_of_day(wall: str) -> int:
    return int(wall[:2]) * 3600 + int(wall[3:]) * 60


# The tz database has some 600 names; a row may have another, from a machine with a newer one.
@lru_cache(maxsize=1024)
def _zone(name: str, otherwise: str) -> ZoneInfo:
    return ZoneInfo(name if name in time_zones() else otherwise)
