"""What does memory make of a journal? Rows and decisions; and what was met on the way.

A storm proves nothing of what it has not met, so what each batch did is noted by name.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from agents.engine.batch import Batch
from agents.engine.engine import Engine
from schemas.decisions import Outgoing
from schemas.journal import Record
from state.memory_table import MemoryTable
from streams.apply import apply

# Records in one load: few, so that what a batch begins another one ends.
_BATCH = 10


class Replay(Struct):
    """What came of it. refused: the events of which nothing was made, each once."""

    table: MemoryTable = field(default_factory=MemoryTable)
    decided: list[Outgoing] = field(default_factory=list)
    refused: set[tuple[str, int, int]] = field(default_factory=set)
    met: Counter[str] = field(default_factory=Counter)


def replay(engine: Engine, partition: int, records: Sequence[Record]) -> Replay:
    """Apply all records of a partition."""
    done = Replay()
    with asyncio.Runner() as runner:
        runner.run(_replay(engine, partition, records, done))
    return done


async def _replay(engine: Engine, partition: int, records: Sequence[Record], done: Replay) -> None:
    for begin in range(0, len(records), _BATCH):
        position = await done.table.position(partition)
        batch = records[begin : begin + _BATCH]
        offsets = range(begin, begin + len(batch))
        steps = apply(
            engine, done.table, partition, position, offsets, batch, published=position.sequence
        )
        async for applied in steps:
            done.decided.extend(applied.batch.outgoing)
            for entry, _ in applied.batch.refused:
                source = entry.source
                done.refused.add((source.topic, source.partition, source.offset))
            done.met.update(_met(applied.batch))


def _met(batch: Batch) -> Iterator[str]:
    """What a batch has done, by names that ``storm_outcome.MECHANISMS`` lists."""
    yield from (f"sent {it.decision.kind}" for it in batch.outgoing
                if it.decision.outcome == "sent")  # fmt: skip
    yield from (f"ledger {name}" for name in batch.ledgers.changed())
    for name, row in batch.customers.items():
        if row is not None and name in batch._changed:
            yield from (f"trait {it}" for it in row.portrait)
            if any(it.original for it in row.recent_orders.values()):
                yield "order exchanged"
    yield from (
        "waiting begun" if waits else "waiting ended" for waits in batch._waiting().values()
    )
    if batch.waiters:
        yield "told of a product"
        if batch.begun:
            yield "told of a product in parts"
    if batch.refused:
        yield "rate missing"
    yield from (name for name in batch.counts if name.startswith("models/"))
    if batch.counts["shared_looks/learned"]:
        yield "looks elsewhere"
    if batch.forgotten:
        yield "erased"
    if any(batch._awaited_before.get(it) for it in batch.forgotten):
        yield "erased while waiting"
