"""What do simulated workers talk to? A Kafka and a Redis in memory, which can be hurt."""

import asyncio
import copy
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from faust.types import TP
from msgspec import Struct
from storm_loop import VirtualLoop

from state.memory_table import MemoryTable
from state.redis_models import MadeModel
from streams.partitioner import partition_of
from streams.producer import Outbound


class Stored(Struct):
    """A record as it stands in a partition, with the broker's time."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Kafka:
    """Logs, committed offsets, and who holds which transactional id.

    stalled: partitions that nobody can read for a while. down: nothing can be reached.
    """

    def __init__(self, loop: VirtualLoop, topics: dict[str, int]) -> None:
        self.topics = topics
        self.committed: dict[TP, int] = {}
        self.stalled: set[TP] = set()
        self.down = False
        self.epochs: defaultdict[str, int] = defaultdict(int)
        self.logs: defaultdict[TP, list[Stored]] = defaultdict(list)
        self._loop = loop
        self._arrived = asyncio.Event()

    def place_of(self, record: Outbound) -> TP:
        """The partition that a record belongs to."""
        partition = record.partition
        if partition is None:
            partition = partition_of((record.key or b"").decode(), self.topics[record.topic])
        return TP(record.topic, partition)

    def append(self, records: Sequence[Outbound], at: int | None = None) -> None:
        """Write records. at: their time, where it is not the broker's."""
        for record in records:
            log = self.logs[self.place_of(record)]
            headers = record.headers or []
            log.append(Stored(len(log), at or self._loop.now(), record.key, record.value, headers))
        self._arrived.set()
        self._arrived.clear()

    async def wait(self, seconds: float) -> None:
        """Until something arrives, or for so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)

    def end(self, tp: TP) -> int:
        """The offset of the next record."""
        return len(self.logs[tp])


class Redis:
    """A table, and the notes of how far raw partitions are carried over. down: it is away.

    fitted: up to when models were tried, by agent. models: by agent, what was made.
    """

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.notes: dict[str, int] = {}
        self.fitted: dict[str, int] = {}
        self.models: list[MadeModel] = []
        self.down = False

    def flush(self) -> None:
        """Lose all."""
        self.restore(Redis())

    def snapshot(self) -> "Redis":
        """What a file would hold."""
        return copy.deepcopy(self)

    def restore(self, snapshot: "Redis") -> None:
        """Begin again with what a file held."""
        self.table, self.notes = snapshot.table, snapshot.notes
        self.fitted, self.models = snapshot.fitted, snapshot.models
