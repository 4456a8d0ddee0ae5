"""How do partitions learn from each other's visitors? The leader carries their looks over.

Each partition keeps its own looks in a ledger (``state/shared_looks.py``). Every few seconds the
leader appends those of all others to the journal of each; and when these stand there, it says so in
the next record, by which the ledger lets go of them. Who dies in between leaves looks that some
journals have: the next leader begins with the first look that any partition does not know, and what
comes again is passed over by its number. Two leaders, for a moment, do the same.

While rows are made anew after Redis has lost all, old looks are carried over once more, and passed
over.
"""

from collections.abc import Iterator, Sequence

from msgspec import Raw, Struct

from agents.engine.engine import Engine
from schemas.codec import encode_json
from state.ledger import Ledgers
from state.shared_looks import SHARED_LOOKS, SharedLooks
from state.table import Loaded, Needs
from streams import metrics
from streams.leader import Failures, Leader
from streams.producer import Outbound
from streams.topics import JOURNAL

NEEDS = Needs(ledgers=[SHARED_LOOKS])
#: What is in one record: some 500 looks. Kafka takes a megabyte.
BYTES_MAX = 40_000


class Round(Struct, frozen=True):
    """What is to be appended, by partition in the order of its journal.

    until: when that stands there, the journals of all others have each partition's looks so far.
    noted: how many looks each has had by then. left_out: had to make room and were carried nowhere.
    """

    records: list[tuple[int, bytes]]
    until: list[int]
    noted: list[int]
    left_out: int


class Exchange:
    """How far looks have been carried over. Knows it only of rounds that were ``done``."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._done: Round | None = None

    def round(self, loaded: Sequence[Loaded]) -> Round | None:
        """What partitions have to learn from each other, by their ledgers; None: nothing.

        Raises RowError.
        """
        ledgers = [_ledger(it) for it in loaded]
        done = self._done
        before = [self._begin(it, ledgers) for it in range(self._partitions)]
        new = [
            [(at, body) for at, body in it.looks.items() if at > begin]
            for it, begin in zip(ledgers, before, strict=True)
        ]
        if not any(new):
            return None
        noted = [it.noted for it in ledgers]
        left_out = 0
        if done is not None:
            noted = list(map(max, noted, done.noted))  # Lower ones are of a Redis that went back.
            came = map(int.__sub__, noted, done.noted)
            left_out = sum(max(0, it - len(looks)) for it, looks in zip(came, new, strict=True))
        records = [
            (it, encode_json(_Looks(before[it], of)))
            for it in range(self._partitions)
            for of in _pieces(new, it)
        ]
        until = [looks[-1][0] if looks else it for looks, it in zip(new, before, strict=True)]
        return Round(records, until, noted, left_out)

    def done(self, it: Round) -> None:
        """A round stands in the journals."""
        self._done = it

    def forget(self) -> None:
        """Another one is the leader, and goes on from here."""
        self._done = None

    def _begin(self, partition: int, ledgers: Sequence[SharedLooks]) -> int:
        """Up to which number a partition's looks stand in the journals of all others."""
        if self._done is not None:
            return self._done.until[partition]
        others = [it for other, it in enumerate(ledgers) if other != partition]
        return min((it.known.get(partition, -1) for it in others), default=-1)


class Sharer:
    """Carries looks over, live, as often as the engine's settings say, by the wall's time."""

    def __init__(self, engine: Engine, leader: Leader) -> None:
        self._leader = leader
        self._every_s = engine.settings.share_seconds if engine.shares else 0.0
        self._exchange = Exchange(leader.partitions)

    async def run(self) -> None:
        """Do it again and again, as long as this worker is the leader."""
        if self._every_s:
            failures = Failures("looks_not_shared")
            forget = self._exchange.forget
            await self._leader.keep_looking(self.look, self._every_s, failures, forget)

    async def look(self) -> None:
        """One round. Raises StoreError or DeliveryError, after which it is done again; RowError."""
        found = self._exchange.round(await self._leader.load(NEEDS))
        if found is not None:
            await self._leader.send(appended(found))
            self._exchange.done(found)
            metrics.LOOKS_LEFT_OUT.inc(found.left_out)


def appended(found: Round) -> list[Outbound]:
    """The records of a round."""
    return [Outbound(JOURNAL, value, partition=it) for it, value in found.records]


class _LooksOf(Struct, array_like=True):
    """As in the journal; the looks are put together as they are kept."""

    partition: int
    looks: Raw


class _Looks(Struct, tag_field="type", tag="looks"):
    own_until: int
    of: list[_LooksOf]


def _ledger(loaded: Loaded) -> SharedLooks:
    return Ledgers(loaded.ledgers).read(SHARED_LOOKS, SharedLooks)


def _pieces(new: Sequence[Sequence[tuple[int, bytes]]], partition: int) -> Iterator[list[_LooksOf]]:
    """The looks of all others, cut so that each piece can be a record.

    One at least: with nothing in it, it says how far a partition's own have been carried over.
    """
    piece, size = list[_LooksOf](), 0
    for other, looks in enumerate(new):
        bodies = list[bytes]()
        for _, body in looks if other != partition else ():
            if size + len(body) > BYTES_MAX and size:
                yield [*piece, _of(other, bodies)]
                piece, bodies, size = [], [], 0
            bodies.append(body)
            size += len(body)
        if bodies:
            piece.append(_of(other, bodies))
    yield piece


def _of(partition: int, bodies: Sequence[bytes]) -> _LooksOf:
    return _LooksOf(partition, Raw(b"[" + b",".join(bodies) + b"]"))
