"""Up to where is a partition finished? What may be committed, though deliveries end in any order.

The law: an offset is committed only when everything before it is finished. So a crash can repeat
what was finished out of order, and can never lose what was not.
"""

from collections import deque

from streams.webhooks.parcel import Place


class _Pending:
    """The records of one partition that were taken, oldest first."""

    def __init__(self) -> None:
        self.taken: deque[tuple[int, int]] = deque()
        self.finished: set[int] = set()
        self.next_offset: int | None = None


class Watermark:
    """What was taken from each partition and is not finished yet."""

    def __init__(self) -> None:
        self._partitions: dict[Place, _Pending] = {}

    def take(self, place: Place, offset: int, at: int) -> None:
        """Note a record; in the order of offsets. at: its time stamp, epoch milliseconds."""
        self._partitions.setdefault(place, _Pending()).taken.append((offset, at))

    def finish(self, place: Place, offset: int) -> None:
        """A record is dealt with. One that was not taken, or was forgotten, does not count."""
        pending = self._partitions.get(place)
        if pending is None:
            return
        pending.finished.add(offset)
        while pending.taken and pending.taken[0][0] in pending.finished:
            done, _ = pending.taken.popleft()
            pending.finished.discard(done)
            # The next record's offset may be higher: transaction markers take offsets, too.
            pending.next_offset = done + 1

    def positions(self) -> dict[Place, int]:
        """Where each partition is to be read from after a crash, where anything is finished."""
        return {
            place: pending.next_offset
            for place, pending in self._partitions.items()
            if pending.next_offset is not None
        }

    def oldest(self) -> int | None:
        """The time stamp of the oldest record that is not finished; None where all are."""
        return min((it.taken[0][1] for it in self._partitions.values() if it.taken), default=None)

    def forget(self) -> None:
        """Begin anew: the partitions are another's now."""
        self._partitions.clear()
