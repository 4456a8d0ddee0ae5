"""What has a partition to tell the others, and how much of theirs has it learned? A ledger of it.

The law: a look stays until the partition's journal says that those of all others have it, or until
newer ones want its place; and of another partition's looks each is learned once, for they come in
their order, and what comes again is known by its number. So whoever carries them over may do so
twice. There is nothing in it of customers.

Numbers follow the partition's clock, so they do not depend on what else the journal holds, nor much
on which looks count: whoever makes rows anew under other settings goes on where the others are.
"""

from collections.abc import Iterator

from msgspec import Struct

from schemas.codec import encode_json
from schemas.journal import Look, LooksEntry
from state.ledger import Ledger

#: The ledger of the partition, after which no agent may be called.
SHARED_LOOKS = "shared_looks"
#: A look has some 75 bytes, so this is room for those of ten seconds at 65 a second. The ledger is
#: read and written with each batch that has a look; and so it is bounded, too, what others learn.
BYTES_MAX = 50_000


class Taken(Struct, frozen=True, gc=False):
    """An entry: a record of other partitions' looks has been learned from."""

    entry: LooksEntry


class SharedLooks(Ledger):
    """looks: the partition's own, as JSON, by number. held_bytes: of these. noted: how many in all.

    last: the number of the newest. known: up to which number the looks of others are known, by
    partition.
    """

    looks: dict[int, bytes] = {}
    held_bytes: int = 0
    noted: int = 0
    last: int = -1
    known: dict[int, int] = {}

    def number_at(self, clock_at: int) -> int:
        """The number of another look, while the partition's clock shows this.

        In microseconds, so that an import does not run ahead of it: that takes a million a second.
        """
        return max(self.last + 1, clock_at * 1_000)

    def enter(self, entry: Look | Taken) -> None:
        """Keep a look of the partition's own; or learn how far it has come with those of others."""
        if isinstance(entry, Taken):
            self._take(entry.entry)
            return
        body = encode_json(entry)
        self.looks[entry.number] = body
        self.held_bytes += len(body)
        self.noted += 1
        self.last = entry.number
        if self.held_bytes > BYTES_MAX:
            self._make_room()

    def unknown(self, entry: LooksEntry) -> Iterator[Look]:
        """The looks of a record that are new here."""
        known = dict(self.known)
        for it in entry.of:
            until = known.get(it.partition, -1)
            for look in it.looks:
                if look.number > until:
                    yield look
                    until = look.number
            known[it.partition] = until

    def _take(self, entry: LooksEntry) -> None:
        for it in entry.of:
            if it.looks:
                until = max(look.number for look in it.looks)
                self.known[it.partition] = max(until, self.known.get(it.partition, -1))
        for number in [it for it in self.looks if it <= entry.own_until]:
            self._let_go(number)

    def _make_room(self) -> None:
        """Let go of the oldest tenth: the first one is found the slower, the more have gone."""
        left = BYTES_MAX - BYTES_MAX // 10
        for number in list(self.looks):
            if self.held_bytes <= left:
                break
            self._let_go(number)

    def _let_go(self, number: int) -> None:
        self.held_bytes -= len(self.looks.pop(number))
