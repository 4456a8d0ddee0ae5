"""How do records become state? Load the rows they name, decide, commit; and again for a long one.

The one procedure, whoever calls it: the worker over Redis, a replay or a test over memory.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import islice
from time import perf_counter
from typing import Protocol

from msgspec.structs import replace

from agents.engine import sharing
from agents.engine.batch import Batch
from agents.engine.engine import Engine
from agents.engine.fan_out import stretch
from schemas.codec import decode_outgoing, encode_json
from schemas.dead_letter import Refusal
from schemas.decisions import Outgoing, blank
from schemas.journal import Entry, Record
from schemas.personal import closed
from state.table import Commit, Loaded, Needs, Position, Table

# To count a row's size takes a microsecond, and some tell as much as all.
_ROWS_MEASURED = 20
_OUTBOX_ALL = 2**31


class Conflict(Exception):
    """The partition is elsewhere: another owner is further, or the store went back.

    Drop what was decided, read the position again and go on from there.
    """


class Stopwatch(Protocol):
    """Is told how long each stage took."""

    def __call__(self, stage: str, seconds: float) -> None:
        """stage: load, decide or commit."""
        ...


#: Makes dead letters of events; returns when they are safe.
Refuse = Callable[[Sequence[tuple[Entry, Refusal]]], Awaitable[None]]


class Applied:
    """What one commit made of a batch. row_bytes: the sizes of some of the rows written.

    counters: what the commit has added to the partition's counters.
    """

    __slots__ = ("batch", "counters", "position", "row_bytes")

    def __init__(
        self, batch: Batch, position: Position, row_bytes: list[int], counters: dict[str, int]
    ) -> None:
        self.batch = batch
        self.position = position
        self.row_bytes = row_bytes
        self.counters = counters


async def apply(
    engine: Engine,
    table: Table,
    partition: int,
    position: Position,
    offsets: Sequence[int],
    records: Sequence[Record],
    *,
    published: int = 0,
    stopwatch: Stopwatch = lambda *_: None,
    refuse: Refuse | None = None,
) -> AsyncIterator[Applied]:
    """Apply records, the first of which stands at ``position``; yields after each commit.

    offsets: the journal offset of each record. published: the outbox sequence that the broker has
    acknowledged. refuse: is told of events of which nothing can be made, before the commit that
    leaves them behind. Raises Conflict, and StoreError when it is not known whether a commit took
    place.
    """
    awaited: set[str] = set()
    while records:
        started = perf_counter()
        part = records[: stretch(records, awaited)]
        part = part[: sharing.stretch(part)]
        batch = await _open(engine, table, partition, position, offsets[0], part)
        stopwatch("load", (now := perf_counter()) - started)

        done = engine.run(batch, offsets, part)
        awaited |= batch.awaited
        offset = offsets[-1] + 1 if done == len(records) else offsets[done]
        if batch.refused and refuse is not None:
            await refuse(batch.refused)
        commit = batch.close(offset, published=published)
        if batch.forgotten:
            commit = replace(commit, blanked=await _blanked(table, partition, batch))
        stopwatch("decide", (decided := perf_counter()) - now)

        if not await table.commit(partition, commit):
            raise Conflict(f"partition {partition} has moved on from {position}")
        stopwatch("commit", perf_counter() - decided)
        position = commit.position
        yield Applied(batch, position, _row_bytes(commit), commit.counters)
        records, offsets = records[done:], offsets[done:]
        if commit.keys_to_destroy:
            records = [_closed(it, commit.keys_to_destroy) for it in records]


def _closed(record: Record, condemned: Mapping[str, str]) -> Record:
    """The record as whoever reads it in another batch would find it."""
    return closed(record, condemned) if isinstance(record, Entry) and record.sealed else record


def blanked(entries: Iterable[Outgoing], forgotten: Mapping[str, int]) -> Iterator[Outgoing]:
    """What is left of decisions of which nothing but their place may be left.

    forgotten: customers, and the last decision about each of whom that is so.
    """
    for it in entries:
        if it.sequence <= forgotten.get(it.decision.customer_id, 0):
            yield blank(it)


async def _blanked(table: Table, partition: int, batch: Batch) -> dict[int, bytes]:
    """The decisions about the forgotten that wait to be published, as they may be published."""
    waiting = [decode_outgoing(entry) for entry in await table.outbox(partition, _OUTBOX_ALL)]
    found = blanked([*waiting, *batch.outgoing], batch.forgotten)
    return {it.sequence: encode_json(it) for it in found}


async def _open(
    engine: Engine, table: Table, partition: int, position: Position, offset: int,
    records: Sequence[Record],
) -> Batch:  # fmt: skip
    """A batch with all rows that the records need.

    Two loads are one, for whoever commits between them moves the position.
    """
    needs = engine.needs(records)
    batch = engine.open(await _load(table, partition, position, needs), needs)
    if (more := engine.more(batch, offset, records)) is not None:
        batch.take(await _load(table, partition, position, more))
    return batch


async def _load(table: Table, partition: int, position: Position, needs: Needs) -> Loaded:
    loaded = await table.load(partition, needs)
    if loaded.position != position:
        raise Conflict(f"partition {partition} is at {loaded.position}, not at {position}")
    return loaded


def _row_bytes(commit: Commit) -> list[int]:
    rows = (row for row in commit.customers.values() if row is not None)
    return [len(row) for row in islice(rows, _ROWS_MEASURED)]
