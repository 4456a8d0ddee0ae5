"""What lies between a simulated worker and its servers? Lines on which anything can go wrong.

A call is sent, takes effect and is answered, and the worker may be killed or frozen in between.
Each line keeps what its real counterpart promises and nothing more:

- The producer writes what it is given in order, and of a send that fails each partition gets a
  prefix: ``enable.gapless.guarantee`` and ``enable.idempotence`` promise that.
- A transaction happens whole or not at all, and not after another has taken its id over.
- A write to the table happens whole or not at all, and its answer may get lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

import msgspec
from faust.types import TP
from msgspec import Struct
from storm_servers import Kafka, Redis

from schemas.decisions import Mark
from state.memory_table import MemoryTable
from state.redis_models import MadeModel
from state.table import Commit, Loaded, Needs, Position, StoreError
from streams.producer import DeliveryError, Outbound
from streams.publisher import Fenced, Marks, Written
from streams.topics import MARKS

T = TypeVar("T")

_LATE_S = 6.0


class Life:
    """Whether a process runs, and how long its steps take. steps_left: it dies in so many."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.running = asyncio.Event()
        self.running.set()
        self.dead = False
        self.steps_left: int | None = None

    async def step(self) -> None:
        """Something that takes time, and that a kill or a freeze may come before."""
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left <= 0:
                self.kill()
        await asyncio.sleep(0.001 + 0.1 * self.rng.random() ** 4)
        while not self.running.is_set():
            await self.running.wait()

    def kill(self) -> None:
        """No step comes to its end any more."""
        self.dead = True
        self.running.clear()

    def freeze(self) -> None:
        """No step comes to its end until ``wake``."""
        self.running.clear()

    def wake(self) -> None:
        """Go on, if it is not dead."""
        if not self.dead:
            self.running.set()


class Faults(Struct):
    """How likely it is that a call fails, and how many did."""

    chance: float = 0.0
    count: int = 0

    def draw(self, rng: Random, *kinds: str) -> str:
        """One of the kinds, or nothing."""
        if rng.random() >= self.chance:
            return ""
        self.count += 1
        return rng.choice(kinds)


class Line(Struct):
    """What a process has to do with the outside."""

    life: Life
    kafka: Kafka
    redis: Redis
    faults: Faults

    async def step(self) -> None:
        """Let some time pass."""
        await self.life.step()

    def draw(self, *kinds: str) -> str:
        """Whether something goes wrong, and what."""
        return self.faults.draw(self.life.rng, *kinds)


class StormProducer:
    """``streams.producer.Producer`` over a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def send(self, records: Sequence[Outbound]) -> None:
        """Write records, all or, per partition, the first of them."""
        if not records:
            return
        line, rng = self._line, self._line.life.rng
        await line.step()
        fault = line.draw("part", "late", "unheard")
        if line.kafka.down or fault in ("part", "late"):
            share = 0.0 if line.kafka.down else rng.random()
            first, rest = self._split(records, share)
            line.kafka.append(first)
            if fault == "late":
                loop = asyncio.get_running_loop()
                loop.call_later(rng.random() * _LATE_S, line.kafka.append, rest)
            await line.step()
            raise DeliveryError("not all was acknowledged")
        if len(records) > 1 and rng.random() < 0.3:
            first, records = self._split(records, rng.random())
            line.kafka.append(first)
            await line.step()  # What is killed here has written a part.
        line.kafka.append(records)
        await line.step()
        if fault:
            raise DeliveryError("not acknowledged")

    def _split(
        self, records: Sequence[Outbound], share: float
    ) -> tuple[list[Outbound], list[Outbound]]:
        by_place: dict[TP, list[Outbound]] = {}
        for record in records:
            by_place.setdefault(self._line.kafka.place_of(record), []).append(record)
        first, rest = [], []
        for those in by_place.values():
            cut = round(len(those) * share)
            first += those[:cut]
            rest += those[cut:]
        return first, rest


class StormMarks(Marks):
    """Marks, read over a line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._journal = "journal-1"

    async def last(self, partition: int) -> Mark:
        await self._line.step()
        if self._line.kafka.down:
            raise DeliveryError("marks were not read")
        log = self._line.kafka.logs[TP(MARKS, partition)]
        found = [msgspec.json.decode(it.value or b"", type=Written).mark for it in log]
        await self._line.step()
        return max(found, default=Mark())


class StormTransactions:
    """``streams.publisher.TransactionalPublisher`` over a line."""

    def __init__(self, partition: int, line: Line) -> None:
        self._partition = partition
        self._line = line
        self._marks = StormMarks(line)
        self._id = f"relay-{partition}"
        self._epoch = 0

    async def begin(self) -> Mark:
        """Take the id over, and read how far the one before came."""
        kafka = self._line.kafka
        if not self._epoch:
            await self._line.step()
            if kafka.down or self._line.draw("not taken over"):
                raise DeliveryError("the partition was not taken over")
            kafka.epochs[self._id] += 1
            epoch = kafka.epochs[self._id]
            await self._line.step()
            self._epoch = epoch
        return await self._marks.last(self._partition)

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        """Write all, or nothing."""
        line, epoch = self._line, self._epoch
        if not epoch:
            raise DeliveryError("the partition is to be taken over again")
        await line.step()
        fault = line.draw("not sent", "unheard")
        if line.kafka.epochs[self._id] != epoch:
            self._epoch = 0
            raise Fenced("another worker has taken the partition over")
        if line.kafka.down or fault == "not sent":
            self._epoch = 0
            raise DeliveryError("the transaction was not committed")
        line.kafka.append([*records, self._marks.record(self._partition, mark)])
        await line.step()
        if fault:
            self._epoch = 0
            raise DeliveryError("the transaction was not committed")

    async def close(self) -> None:
        """Let it go."""
        self._epoch = 0


class StormTable:
    """A table with notes, and a shelf of models, over a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def position(self, partition: int) -> Position:
        return await self._ask(lambda table: table.position(partition))

    async def load(self, partition: int, needs: Needs) -> Loaded:
        return await self._ask(lambda table: table.load(partition, needs))

    async def commit(self, partition: int, commit: Commit) -> bool:
        return await self._ask(lambda table: table.commit(partition, commit))

    async def outbox(self, partition: int, entries_max: int) -> list[bytes]:
        return await self._ask(lambda table: table.outbox(partition, entries_max))

    async def published(self, partition: int, sequence: int) -> None:
        return await self._ask(lambda table: table.published(partition, sequence))

    async def note_carried(self, carried: dict[str, int]) -> None:
        async def note(_: Any) -> None:
            self._line.redis.notes |= carried

        return await self._ask(note)

    async def carried(self) -> dict[str, int]:
        async def read(_: Any) -> dict[str, int]:
            return dict(self._line.redis.notes)

        return await self._ask(read)

    async def keep(self, _: str, made: MadeModel) -> None:
        async def keep(_: Any) -> None:
            self._line.redis.models.append(made)

        return await self._ask(keep)

    async def note_fitted(self, agent: str, at: int) -> None:
        async def note(_: Any) -> None:
            self._line.redis.fitted[agent] = at

        return await self._ask(note)

    async def fitted(self) -> dict[str, int]:
        async def read(_: Any) -> dict[str, int]:
            return dict(self._line.redis.fitted)

        return await self._ask(read)

    async def _ask(self, effect: Callable[[MemoryTable], Awaitable[T]]) -> T:
        await self._line.step()
        fault = self._line.draw("not asked", "unheard")
        if self._line.redis.down or fault == "not asked":
            raise StoreError("Redis is away")
        answer = await effect(self._line.redis.table)
        await self._line.step()
        if fault:
            raise StoreError("Redis was not heard")
        return answer
