"""How is a moment written down? As RFC 3339 with a zone, or as epoch milliseconds.

Inside Ebbtide a moment is always an integer: milliseconds since 1970-01-01 UTC. Whoever publishes
may write either form; the struct that holds the field turns it into the integer as it is decoded.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Anything before 1990 is epoch *seconds* (or a zero) in a field that wants milliseconds: 2026 in
# seconds reads as 20 January 1970. No web shop was open then.
EARLIEST = 631_152_000_000
LATEST = 4_102_444_800_000  # 2100-01-01

if TYPE_CHECKING:
    Instant = int
else:
    Instant = int | Annotated[datetime, Meta(tz=True)]


def to_millis(moment: int | datetime) -> int:
    """Turn either written form into epoch milliseconds.

    Raises ValueError where the moment is not plausible, and says what the mistake probably is.

    >>> to_millis(datetime(2026, 1, 20, 8, tzinfo=UTC))
    1768896000000
    """
    millis = moment if isinstance(moment, int) else round(moment.timestamp() * 1000)
    if EARLIEST <= millis < LATEST:
        return millis
    if EARLIEST <= millis * 1000 < LATEST:
        raise ValueError(f"{millis} looks like epoch seconds; milliseconds are wanted")
    raise ValueError(f"{millis} is not a moment between 1990 and 2100 in epoch milliseconds")


def to_text(millis: int) -> str:
    """Write epoch milliseconds as RFC 3339 in UTC, to the millisecond.

    >>> to_text(1768896000000)
    '2026-01-20T08:00:00.000Z'
    """
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_text_if_ever(millis: int) -> str | None:
    """Write a moment of a row, in which 0 is never: None."""
    return to_text(millis) if millis else None
