"""What does the engine cost by itself? W in memory, in batches as a worker has them."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from itertools import islice
from time import process_time

from agents.engine.engine import Engine
from bench import workload
from schemas.codec import raw_decoders
from schemas.journal import Entry, Record, Source, Tick
from state.memory_table import MemoryTable
from state.table import Position
from streams.apply import apply

_AT_ONCE = 2_000


def records(events: int, customers: int) -> list[Record]:
    """W as it stands in one journal partition, without ticks."""
    return [
        Entry(raw_decoders[it.topic].decode(it.value), Source("w", 0, number, it.at))
        for number, it in enumerate(workload.events(events, customers))
    ]


def run(engine: Engine, records: Sequence[Record]) -> tuple[float, int]:
    """CPU seconds, and how many decisions there were."""
    return asyncio.run(_apply(engine, records))


async def _apply(engine: Engine, records: Sequence[Record]) -> tuple[float, int]:
    table, position, decisions = MemoryTable(), Position(), 0
    gc.collect()
    gc.freeze()
    began = process_time()
    coming = iter(records)
    while batch := list(islice(coming, _AT_ONCE)):
        offsets = range(position.offset, position.offset + len(batch))
        steps = apply(engine, table, 0, position, offsets, batch, published=position.sequence)
        async for applied in steps:
            position = applied.position
            decisions += len(applied.batch.outgoing)
    return process_time() - began, decisions


def with_ticks(records: Sequence[Record], every_ms: int) -> Iterator[Record]:
    """The same log with a tick whenever so much time has passed: timers fire on nothing else."""
    next_at = 0
    for record in records:
        if isinstance(record, Entry):
            at = record.event.occurred_at
            if not next_at:
                next_at = at + every_ms
            while at >= next_at:
                yield Tick(next_at)
                next_at += every_ms
        yield record
