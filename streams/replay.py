"""What would Ebbtide have said? The journal's records through the engine, in memory.

The same code as in a worker, without a broker and without Redis: state and decisions depend on the
log and the config only, so the decisions are the same too.
"""

from collections.abc import Iterable, Iterator

from agents.engine import Engine
from schemas.decisions import Decision
from schemas.event import Event
from schemas.journal import Entry, Record, ShopEntry, Source, Tick
from schemas.shop_events import ShopEvent
from state.memory_table import MemoryTable
from streams.apply import apply
from streams.partitioner import partition_of

BATCH_RECORDS = 1_000


Fact = Event | ShopEvent | Tick


def journal(feed: Iterable[Fact], partitions: int, begin: int = 0) -> Iterator[tuple[int, Record]]:
    """Place a feed in the journal's partitions as ingest would: what is no customer's goes to all.

    begin: the raw offset of the first fact. A feed that goes on where another ended has later ones.
    """
    for offset, fact in enumerate(feed, begin):
        if isinstance(fact, Tick):
            yield from ((partition, fact) for partition in range(partitions))
            continue
        source = Source("history", 0, offset, 0)
        if isinstance(fact, ShopEvent):
            entry = ShopEntry(fact, source)  # type: ignore[arg-type]
            yield from ((partition, entry) for partition in range(partitions))
        else:
            yield partition_of(fact.subject, partitions), Entry(fact, source)  # type: ignore[arg-type]


class Replay:
    """Partitions in memory, to which records are added. decisions: all so far, by partition."""

    def __init__(self, engine: Engine, partitions: int, batch_records: int = BATCH_RECORDS) -> None:
        self.engine = engine
        self.table = MemoryTable()
        self.decisions: list[list[Decision]] = [[] for _ in range(partitions)]
        self._waiting: list[list[Record]] = [[] for _ in range(partitions)]
        self._batch_records = batch_records
        self._fed = 0

    async def run(self, feed: Iterable[Fact]) -> None:
        """Apply a whole feed, after those that have been applied before."""
        for partition, record in journal(self._counted(feed), len(self._waiting), self._fed):
            waiting = self._waiting[partition]
            waiting.append(record)
            if len(waiting) >= self._batch_records:
                await self._flush(partition)
        for partition in range(len(self._waiting)):
            await self._flush(partition)

    def _counted(self, feed: Iterable[Fact]) -> Iterator[Fact]:
        for fact in feed:
            self._fed += 1
            yield fact

    async def _flush(self, partition: int) -> None:
        records, self._waiting[partition] = self._waiting[partition], []
        position = await self.table.position(partition)
        offsets = range(position.offset, position.offset + len(records))
        steps = apply(
            self.engine, self.table, partition, position, offsets, records,
            published=position.sequence,
        )  # fmt: skip
        async for applied in steps:
            self.decisions[partition] += [it.decision for it in applied.batch.outgoing]
