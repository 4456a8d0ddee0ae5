"""How are rows made anew? The journal goes through the shipping engine, into a stage or memory."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from confluent_kafka import TopicPartition
from msgspec import Struct, field

from config.settings import Settings
from schemas.codec import decode_outgoing
from schemas.dead_letter import Refusal
from schemas.decisions import Mark
from schemas.journal import Record
from state.memory_table import MemoryTable
from state.redis_stage import Stage
from state.redis_table import RedisTable
from state.table import Position, Table
from streams.apply import apply
from streams.bootstrap import Policy, load_policy
from streams.commands import kafka, terminal
from streams.commands.progress import bar
from streams.connection import brokers_of, redis_url_of
from streams.engage import NOTHING, decode_journal
from streams.privacy.opener import Opener
from streams.privacy.privacy import reading_privacy
from streams.publisher import Marks
from streams.topics import JOURNAL

_BATCH = 2_000
_EXAMPLES_MAX = 20
# Later than any decision about a record before the same offset.
_LAST = 2**62
# What is no state: what has been published, and what has been destroyed, is not there any more.
_IN_PASSING = ("outbox", "destroying")
# What depends on everything that was ever decided.
_COUNTED = ("position", "counters", "shop", "ledgers")


class Done(Struct):
    """What was made or compared. examples: the first things that differ.

    unopened: events whose sealed fields nobody can read any more. Where there are some, a partition
    counts otherwise than it did, and that is no difference.
    """

    partitions: list[int] = field(default_factory=list)
    records: int = 0
    customers: int = 0
    differences: int = 0
    unopened: int = 0
    examples: list[str] = field(default_factory=list)


class _Journal:
    """The journal's partitions, from their beginning. count: how many there are in all.

    Raises CommandError where the beginning is gone.
    """

    def __init__(self, settings: Settings, wanted: Sequence[int]) -> None:
        self._brokers = brokers_of(settings)
        topics = kafka.reach(self._brokers)
        self.count = count = topics.require([JOURNAL])[JOURNAL]
        if wrong := [it for it in wanted if not 0 <= it < count]:
            raise terminal.UsageError(f"--partition {wrong[0]}: the journal has 0 to {count - 1}")
        self.partitions = sorted(set(wanted)) or list(range(count))
        self.topic_id = topics.id_of(JOURNAL)
        with kafka.Reader(self._brokers) as reader:
            self.bounds = reader.bounds([JOURNAL])
        for partition in self.partitions:
            if first := self.bounds[JOURNAL, partition].first:
                raise terminal.CommandError(
                    f"{JOURNAL}/{partition} begins at {first}: what stood before is gone, and rows"
                    " cannot be made from the rest. Restore a backup instead"
                )

    def batches(self, partition: int, end: int) -> Iterator[tuple[list[int], list[Record]]]:
        """Offsets and records of a partition before an offset."""
        offsets: list[int] = []
        records: list[Record] = []
        with kafka.Reader(self._brokers) as reader:
            for it in reader.to_the_end([JOURNAL], [TopicPartition(JOURNAL, partition, 0)]):
                offset: int = it.offset() or 0
                if offset >= end:
                    break
                fact = decode_journal(f"{JOURNAL}/{partition}/{offset}", _bytes(it.value()))
                offsets.append(offset)
                records.append(NOTHING if isinstance(fact, Refusal) else fact)
                if len(records) >= _BATCH:
                    yield offsets, records
                    offsets, records = [], []
        if records:
            yield offsets, records


async def rebuild(settings: Settings, wanted: Sequence[int]) -> Done:
    """Put what the journal makes in the place of what Redis holds."""
    journal, policy, done = _Journal(settings, wanted), load_policy(settings), Done()
    marks = Marks(brokers_of(settings), journal.topic_id)
    async with (
        Stage(redis_url_of(settings), "next") as stage,
        RedisTable(redis_url_of(settings)) as live,
        reading_privacy(settings, journal.count) as opener,
    ):
        with bar("records", _total(journal)) as step:
            for partition in journal.partitions:
                await stage.clear(partition)
                out = await _out(live, partition, await marks.last(partition))
                end = journal.bounds[JOURNAL, partition].end
                work = Work(journal, policy, stage, partition, end, out, opener)
                async for count in _applied(work):
                    done.records += count
                    step(count)
                done.unopened += work.unopened
                done.customers += await stage.customer_count(partition)
                await stage.promote(partition, back=True)
                done.partitions.append(partition)
    return done


async def audit(settings: Settings, wanted: Sequence[int]) -> Done:
    """Compare what Redis holds with what the journal makes, up to where Redis stands."""
    journal, policy, done = _Journal(settings, wanted), load_policy(settings), Done()
    async with (
        Stage(redis_url_of(settings), "audit") as stage,
        reading_privacy(settings, journal.count) as opener,
    ):
        with bar("records", _total(journal)) as step:
            for partition in journal.partitions:
                await stage.copy(partition)
                try:
                    position = await stage.position(partition)
                    memory, end = MemoryTable(), position.offset
                    work = Work(journal, policy, memory, partition, end, Mark(), opener)
                    async for count in _applied(work):
                        done.records += count
                        step(count)
                    done.unopened += work.unopened
                    await _compare(stage, memory, work, done)
                finally:
                    await stage.clear(partition)
                done.partitions.append(partition)
    return done


class Work(Struct):
    """A partition that is made anew, up to an offset.

    out: how far decisions are published. They are not kept for publication. unopened: events, so
    far, whose sealed fields nobody can read.
    """

    journal: _Journal
    policy: Policy
    table: Table
    partition: int
    end: int
    out: Mark
    opener: Opener
    unopened: int = 0


async def _applied(work: Work) -> AsyncIterator[int]:
    """Apply a partition; yields how many records were applied, again and again."""
    engine, table, partition = work.policy.engine(work.journal.count), work.table, work.partition
    published, before = 0, work.opener.unopened
    for offsets, records in work.journal.batches(partition, work.end):
        position = await table.position(partition)
        opened = await work.opener.open(partition, offsets, records, work.end)
        steps = apply(engine, table, partition, position, offsets, opened, published=published)
        async for applied in steps:
            for it in applied.batch.outgoing:
                if it.mark <= work.out:
                    published = it.sequence
        work.unopened = work.opener.unopened - before
        yield len(records)
    await table.published(partition, published)


async def _out(live: RedisTable, partition: int, mark: Mark) -> Mark:
    """How far decisions are published. Where Kafka has no mark, the live outbox says it."""
    if mark != Mark():
        return mark
    if waiting := await live.outbox(partition, 1):
        first = decode_outgoing(waiting[0])
        return Mark(first.offset, first.sequence - 1)
    position: Position = await live.position(partition)
    return Mark(position.offset - 1, _LAST)


async def _compare(stage: Stage, memory: MemoryTable, work: Work, done: Done) -> None:
    partition = work.partition
    expected = memory.contents(partition, (await stage.position(partition)).epoch)
    # What was said before an erasure hung on what nobody can read any more.
    free = _COUNTED if work.unopened else ()
    expected = {key: value for key, value in expected.items() if key[0] not in free}
    async for piece in stage.pieces(partition):
        if piece.name in _IN_PASSING or piece.name in free:
            continue
        pairs = piece.pairs or [(b"", it) for it in piece.values]
        for name, value in pairs:
            done.customers += piece.name == "customers"
            if expected.pop((piece.name, name.decode()), None) != value:
                _tell(done, f"{JOURNAL}/{partition}: {piece.name} {name.decode()}")
    for key, missing in expected:
        _tell(done, f"{JOURNAL}/{partition}: {key} {missing} is missing")


def _tell(done: Done, what: str) -> None:
    done.differences += 1
    if len(done.examples) < _EXAMPLES_MAX:
        done.examples.append(what)


def _total(journal: _Journal) -> int:
    return sum(journal.bounds[JOURNAL, it].end for it in journal.partitions)


def _bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()
