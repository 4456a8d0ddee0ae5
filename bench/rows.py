"""What has a shop of very many customers in Redis? Rows as the engine makes them, for everybody.

A few thousand customers live through a history, by the shipping engine. What that leaves of each is
then given to some hundred others, by the shipping commit script: rows of a real size, in a minute.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from bench import workload
from bench.place import CONFIG, Wrong
from bench.servers import PARTITIONS
from config.settings import load_settings
from schemas.codec import raw_decoders
from schemas.instant import DAY
from schemas.journal import AnyEvent, Entry, Source
from state.customer import decode_customer
from state.memory_table import MemoryTable
from state.redis_table import RedisTable
from state.table import Commit, Position
from streams.apply import apply
from streams.bootstrap import load_policy
from streams.partitioner import partition_of

#: How many live through the history, and what they do in it: twenty events each, as in W.
MODELS = 2_500
EVENTS = 20 * MODELS
SPAN = 60 * DAY

_SEED = 11  # Not W's own, which comes after this.
_AT_ONCE = 2_000
_IDS = ("event_id", "order_id", "review_id")


class Made(Struct, frozen=True):
    """What a history leaves. due: when the earliest timer of each row is due."""

    shop: bytes
    rows: list[bytes]
    due: list[int | None]

    @property
    def median_bytes(self) -> int:
        """Half of the rows are no larger."""
        return round(median(map(len, self.rows)))


def history(models: int = MODELS) -> Iterator[AnyEvent]:
    """W of fewer customers, slowly, in the two months before the first event of W."""
    count = EVENTS * models // MODELS
    for number, it in enumerate(workload.events(count, models, _SEED)):
        event: AnyEvent = raw_decoders[it.topic].decode(it.value)
        # Not the ids of W's own events, orders and reviews, which would be taken for repetitions.
        ids = {name: f"h{number:09}" for name in _IDS if hasattr(event, name)}
        yield replace(event, occurred_at=workload.START - SPAN + SPAN * number // count, **ids)


def made(events: Iterable[AnyEvent]) -> Made:
    """Let the engine of the benchmark live through a history."""
    engine = load_policy(load_settings({}, config=str(CONFIG))).engine(1)
    table = MemoryTable()

    async def live() -> None:
        position, offset, coming = Position(), 0, iter(events)
        while batch := list(islice(coming, _AT_ONCE)):
            offsets = range(offset, offset + len(batch))
            facts = [
                Entry(it, Source("w", 0, at, it.occurred_at))
                for at, it in zip(offsets, batch, strict=True)
            ]
            async for applied in apply(engine, table, 0, position, offsets, facts):
                position = applied.position
            offset += len(batch)

    asyncio.run(live())
    shop, rows = table.contents(0)["shop", ""], list(table.rows(0).values())
    return Made(shop, rows, [decode_customer("", row).next_due for row in rows])


def name_of(number: int) -> str:
    """A customer of W."""
    return f"customer-{number:07}"


def by_partition(customers: int) -> dict[int, list[str]]:
    """The customers of W, each where their key belongs."""
    found: dict[int, list[str]] = {it: [] for it in range(PARTITIONS)}
    for name in map(name_of, range(customers)):
        found[partition_of(name, PARTITIONS)].append(name)
    return found


def put(redis_url: str, made: Made, customers: dict[int, list[str]]) -> None:
    """Give each of these customers, by partition, one of the rows. The journal has not begun."""

    async def write() -> None:
        async with RedisTable(redis_url) as table:
            for partition, ids in customers.items():
                for begin in range(0, len(ids), _AT_ONCE):
                    commit = _commit(made, ids, begin)
                    if not await table.commit(partition, commit):
                        raise Wrong(f"partition {partition} is not at its beginning")

    asyncio.run(write())


def _commit(made: Made, ids: list[str], begin: int) -> Commit:
    rows: dict[str, bytes | None] = {}
    due: dict[str, int | None] = {}
    for number in range(begin, min(begin + _AT_ONCE, len(ids))):
        model = number % len(made.rows)
        rows[ids[number]] = made.rows[model]
        due[ids[number]] = made.due[model]
    return Commit(Position(), Position(), made.shop, rows, due, {}, [], {})
