"""What would Ebbtide have said? The journal's records through the engine, in memory.

The same code as in a worker, without a broker and without Redis: state and decisions depend on the
log and the config only, so the decisions are the same too. What agents learn takes effect here as
it would live: when a tick begins another day, models are fitted from the ledgers as they are then.
"""

from collections.abc import Iterable, Iterator

from agents.engine.engine import Engine
from schemas.codec import decode_record
from schemas.decisions import Decision
from schemas.event import Event
from schemas.journal import Entry, ModelEntry, Record, ShopEntry, Source, Tick
from schemas.shop_events import ShopEvent
from state.memory_table import MemoryTable
from streams.apply import apply
from streams.learning.lessons import Lessons, Meetings
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
    """Partitions in memory, to which records are added. decisions: all so far, by partition.

    learns: whether models are fitted on the way, and partitions hear of each other's looks; a
    journal has that by which it was decided. fit_every_hours, share_seconds: of the feed's time;
    None: as often as live. models: all that were fitted, as they went into the log.
    """

    def __init__(
        self, engine: Engine, partitions: int, batch_records: int = BATCH_RECORDS, *,
        learns: bool = True, fit_every_hours: float = 24.0, share_seconds: float | None = None,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.table = MemoryTable()
        self.decisions: list[list[Decision]] = [[] for _ in range(partitions)]
        self._waiting: list[list[Record]] = [[] for _ in range(partitions)]
        self._batch_records = batch_records
        self.models: list[ModelEntry] = []
        self._lessons = Lessons(engine.agents.values() if learns else (), fit_every_hours)
        self._meetings = Meetings(engine, partitions, share_seconds if learns else 0.0)
        self._fed = 0

    async def run(self, feed: Iterable[Fact]) -> None:
        """Apply a whole feed, after those that have been applied before.

        Raises what ``fit`` of an agent raises.
        """
        for fact in feed:
            for partition, record in journal([fact], len(self._waiting), self._fed):
                waiting = self._waiting[partition]
                waiting.append(record)
                if len(waiting) >= self._batch_records:
                    await self._flush(partition)
            self._fed += 1
            self._meetings.saw(fact)
            if isinstance(fact, Tick):
                await self._learn(fact.at)
        await self._flush_all()

    async def _learn(self, at: int) -> None:
        """Let what the ledgers teach take effect behind a tick, if it is time."""
        fits, meet = self._lessons.begins(at), self._meetings.begins(at)
        if not (fits or meet):
            return
        await self._flush_all()
        for entry in (
            await self._lessons.models(self.table.load, len(self._waiting), at) if fits else ()
        ):
            self.models.append(entry)
            self.take(entry)
        for partition, value in await self._meetings.records(self.table.load) if meet else ():
            self._waiting[partition].append(decode_record(value))

    def take(self, entry: ModelEntry) -> None:
        """Let a model take effect in all partitions, before what is applied next."""
        for waiting in self._waiting:
            waiting.append(entry)

    async def _flush_all(self) -> None:
        for partition in range(len(self._waiting)):
            await self._flush(partition)

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
