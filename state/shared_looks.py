"""What has a partition to tell the others, and how much of theirs has it learned? A ledger of it.

The law: a look stays until the partition's journal says that those of all others have it, or until
newer ones want its place; and of another partition's looks each is learned once, for they come in
the order of its journal, and what comes again is known by its offset there. So whoever carries them
over may do so twice. There is nothing in it of customers.
"""

from collections.abc import Iterator

from msgspec import Struct

from schemas.codec import encode_json
from schemas.journal import Look, LooksEntry
from state.ledger import Ledger

#: The ledger of the partition, after which no agent may be called.
SHARED_LOOKS = "shared_looks"
#: A look has some 75 bytes, so there is room for those of ten seconds at 130 a second. The ledger is
#: read and written with each batch that has a look.
BYTES_MAX = 100_000


class Taken(Struct, frozen=True, gc=False):
    """An entry: a record of other partitions' looks has been learned from."""

    entry: LooksEntry


class SharedLooks(Ledger):
    """looks: the partition's own, as JSON, by offset. bytes: of these. noted: how many there were.

    known: up to which offset the looks of another partition are known, by its number.
    """

    looks: dict[int, bytes] = {}
    bytes: int = 0
    noted: int = 0
    known: dict[int, int] = {}

    @property
    def is_kept(self) -> bool:
        """Whether it is a ledger of a partition, and not a blank one."""
        return self.noted > 0 or bool(self.known)

    def enter(self, entry: Look | Taken) -> None:
        """Keep a look of the partition's own; or learn how far it has come with those of others."""
        if isinstance(entry, Taken):
            self._take(entry.entry)
            return
        body = encode_json(entry)
        self.looks[entry.offset] = body
        self.bytes += len(body)
        self.noted += 1
        while self.bytes > BYTES_MAX:
            self._let_go(next(iter(self.looks)))

    def unknown(self, entry: LooksEntry) -> Iterator[Look]:
        """The looks of a record that are new here."""
        known = dict(self.known)
        for it in entry.of:
            until = known.get(it.partition, -1)
            for look in it.looks:
                if look.offset > until:
                    yield look
                    until = look.offset
            known[it.partition] = until

    def _take(self, entry: LooksEntry) -> None:
        for it in entry.of:
            if it.looks:
                until = max(look.offset for look in it.looks)
                self.known[it.partition] = max(until, self.known.get(it.partition, -1))
        for offset in [it for it in self.looks if it <= entry.own_until]:
            self._let_go(offset)

    def _let_go(self, offset: int) -> None:
        self.bytes -= len(self.looks.pop(offset))
