"""What does a partition know of the shop as a whole? The clock, what was carried over, the rhythm.

One row per journal partition, committed with everything else. It is learned from the partition's
own customers, so a replay of the partition learns the same.
"""

from functools import cache

import msgspec
from msgspec import Struct, field

from schemas.instant import DAY
from schemas.journal import Source


class Carried(Struct, array_like=True, gc=False):
    """The last raw record of one raw partition that reached this journal partition."""

    offset: int
    appended_at: int


class Rhythm(Struct, array_like=True, gc=False):
    """The gaps between purchases of all customers: how many, their sum and their sum of squares.

    In days, because squares of milliseconds do not fit.
    """

    count: int = 0
    days: float = 0.0
    days_squared: float = 0.0

    def add(self, gap: int) -> None:
        """Count one gap, in milliseconds."""
        days = gap / DAY
        self.count += 1
        self.days += days
        self.days_squared += days * days


class Spent(Struct, array_like=True, gc=False):
    """What a campaign has handed out since a period began, in minor units by currency."""

    since: int = -1
    cents: dict[str, int] = field(default_factory=dict)


class Shop(Struct, array_like=True, gc=False):
    """The partition's own row.

    clock_at, previous_at: the last tick, and the one before. carried: per raw partition, what has
    been seen. budgets: what each campaign has handed out in the period under way. cursor: of an
    event of a product for which very many wait, up to which of these customers it has been told.
    """

    clock_at: int = 0
    carried: dict[str, Carried] = {}
    rhythm: Rhythm = field(default_factory=Rhythm)
    previous_at: int = 0
    budgets: dict[str, Spent] = field(default_factory=dict)
    cursor: str = ""

    def has_seen(self, source: Source) -> bool:
        """Whether ingest carried this raw record over before; remembers it if not.

        Ingest carries each raw partition over in order, and after a crash begins again at or
        before the first record that is not known to have arrived. So what has been seen is all up
        to one offset. A lower offset with a later time stamp than any before is not a repetition
        but a raw topic that was deleted and made anew.
        """
        name = _name_of(source.topic, source.partition)
        offset, appended_at = source.offset, source.appended_at
        last = self.carried.get(name)
        if last is None:
            self.carried[name] = Carried(offset, appended_at)
            return False
        if appended_at > last.appended_at:
            last.appended_at = appended_at
        elif offset <= last.offset:
            return True
        last.offset = offset
        return False


#: Reads the partition's own row; what cannot be read raises as ``codec.DAMAGE`` says.
decode_shop = msgspec.msgpack.Decoder(Shop).decode


def clock_of(row: bytes | None) -> int:
    """How far a partition has come, by its own row; 0 where no tick was applied yet."""
    return 0 if row is None else decode_shop(row).clock_at


@cache
def _name_of(topic: str, partition: int) -> str:
    return f"{topic}/{partition}"
