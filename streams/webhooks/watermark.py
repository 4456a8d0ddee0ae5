"""Up to where is a partition finished? What may be committed, though deliveries end in any order.

The law: an offset is committed only when everything before it is finished. So a crash can repeat
what was finished out of order, and can never lose what was not. What is finished beyond that offset
goes along with the commit, as its metadata, so that whoever goes on from there can leave it out.
"""

import binascii
from base64 import b64decode, b64encode
from collections import deque

from msgspec import Struct

from streams.webhooks.parcel import Place

# A commit's metadata may have 4,096 characters (Kafka's offset.metadata.max.bytes), and base64
# makes four of three bytes.
_AHEAD_BYTES_MAX = 3_000
#: So far may a partition go on beyond a record that is not finished.
AHEAD_MAX = _AHEAD_BYTES_MAX * 8


class Position(Struct, frozen=True):
    """Where a partition is to be read from. ahead: what is finished from there on, as text."""

    offset: int
    ahead: str


class _Pending:
    """The records of one partition from the oldest one on that is not finished."""

    def __init__(self) -> None:
        self.taken: deque[tuple[int, int]] = deque()
        self.finished: set[int] = set()
        self.end = 0

    def position(self) -> Position:
        offset = self.taken[0][0] if self.taken else self.end
        return Position(offset, _written(offset, self.finished))


class Watermark:
    """What was taken from each partition and is not finished yet."""

    def __init__(self) -> None:
        self._partitions: dict[Place, _Pending] = {}

    def take(self, place: Place, offset: int, at: int) -> None:
        """Note a record; in the order of offsets. at: its time stamp, epoch milliseconds."""
        pending = self._partitions.setdefault(place, _Pending())
        pending.taken.append((offset, at))
        pending.end = offset + 1

    def finish(self, place: Place, offset: int) -> None:
        """A record is dealt with. One that was forgotten does not count."""
        pending = self._partitions.get(place)
        if pending is None:
            return
        pending.finished.add(offset)
        while pending.taken and pending.taken[0][0] in pending.finished:
            pending.finished.discard(pending.taken.popleft()[0])

    def positions(self) -> dict[Place, Position]:
        """Where each partition is to be read from after a crash."""
        return {place: it.position() for place, it in self._partitions.items()}

    def ahead(self) -> int:
        """How many records a partition holds on to behind one that is not finished, at most."""
        return max((len(it.taken) for it in self._partitions.values()), default=0)

    def oldest(self) -> int | None:
        """The time stamp of the oldest record that is not finished; None where all are."""
        return min((it.taken[0][1] for it in self._partitions.values() if it.taken), default=None)

    def forget(self) -> None:
        """Begin anew: the partitions are another's now."""
        self._partitions.clear()


def finished_ahead(offset: int, ahead: str) -> set[int]:
    """The offsets that a position says are finished.

    What cannot be read says nothing: then all is delivered again.

    >>> finished_ahead(7, _written(7, {8, 20}))
    {8, 20}
    """
    try:
        bits = b64decode(ahead, validate=True)
    except (binascii.Error, ValueError):
        return set()
    return {
        offset + number for number in range(len(bits) * 8) if bits[number // 8] >> (number % 8) & 1
    }


def _written(offset: int, finished: set[int]) -> str:
    """A bit for each offset from there on, up to the last one that is finished."""
    numbers = [it - offset for it in finished if it - offset < AHEAD_MAX]
    bits = bytearray(max(numbers, default=-8) // 8 + 1)
    for number in numbers:
        bits[number // 8] |= 1 << number % 8
    return b64encode(bits).decode()
