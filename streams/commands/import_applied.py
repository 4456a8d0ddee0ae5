"""What did workers make of an import? Their counters, before it and when all of it is applied."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from config.settings import Settings
from state.redis_table import RedisTable
from streams.commands import kafka
from streams.commands.progress import bar
from streams.connection import brokers_of, redis_url_of
from streams.topics import JOURNAL

_LOOK_EVERY_S = 0.5
_FATES = ("imported", "duplicate")


class Applied(Struct):
    """How many events workers have counted meanwhile. duplicate: those of live events as well."""

    imported: int = 0
    duplicate: int = 0


async def counted(settings: Settings, partitions: int) -> dict[str, int]:
    """How many events have met which fate so far. Raises StoreError."""
    found = dict.fromkeys(_FATES, 0)
    async with RedisTable(redis_url_of(settings)) as table:
        for partition in range(partitions):
            for name, count in (await table.counters(partition)).items():
                kind, _, fate = name.rpartition("/")
                if kind.startswith("records/") and fate in found:
                    found[fate] += count
    return found


async def applied_since(settings: Settings, partitions: int, before: Mapping[str, int]) -> Applied:
    """Wait until workers have applied all that is in the journal by now, and count again."""
    with kafka.Reader(brokers_of(settings)) as reader:
        ends = {partition: it.end for (_, partition), it in reader.bounds([JOURNAL]).items()}
    async with RedisTable(redis_url_of(settings)) as table:
        with bar("applied", sum(ends.values())) as step:
            shown = 0
            while True:
                offsets = {it: (await table.position(it)).offset for it in ends}
                reached = sum(min(offsets[it], end) for it, end in ends.items())
                step(reached - shown)
                shown = reached
                if shown == sum(ends.values()):
                    break
                await asyncio.sleep(_LOOK_EVERY_S)
    after = await counted(settings, partitions)
    return Applied(**{fate: after[fate] - before[fate] for fate in _FATES})
