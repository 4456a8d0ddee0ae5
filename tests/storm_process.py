"""What is a simulated worker? The shipping work of a worker, under a group and a fetch loop in memory.

``streams.member.Member`` and all that it consists of is the real thing. What Faust, aiokafka and
the broker's group coordinator do is here, as they do it: sessions that time out, a rebalance that
gives up on members that do not answer, batches that are dropped on their way, offsets committed
late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

from faust.types import TP
from storm_lines import Life, Line, StormMarks, StormProducer, StormTable, StormTransactions
from storm_servers import Kafka

from agents.engine.engine import Engine
from config.settings import Settings
from streams.fetches import Fetched
from streams.learning.settings import ModelSettings
from streams.learning.trainer import Trainer
from streams.member import Member
from streams.publisher import PlainPublisher, Publisher
from streams.tasks import end
from streams.topics import JOURNAL

SESSION_S = 3.0
REBALANCE_S = 3.0
HEARTBEAT_S = 0.7
FETCH_WAIT_S = 0.4
#: A day of a storm has two seconds.
TRAINING = ModelSettings(every_hours=2 / 3_600, look_seconds=0.5)


class Group:
    """Who is a member, and who has which partitions. generation: of the last assignment."""

    def __init__(self, kafka: Kafka, partitions: list[TP]) -> None:
        self.generation = 0
        self.rebalances = 0
        self._kafka = kafka
        self._partitions = partitions
        self._heard: dict[Process, float] = {}
        self._changed = asyncio.Event()

    def join(self, process: "Process") -> None:
        """A member more."""
        self._heard[process] = asyncio.get_running_loop().time()
        self._changed.set()

    def leave(self, process: "Process") -> None:
        """A member less."""
        if self._heard.pop(process, None) is not None:
            self._changed.set()

    def hear(self, process: "Process") -> bool:
        """A heartbeat; whether it still is a member."""
        if process not in self._heard:
            return False
        self._heard[process] = asyncio.get_running_loop().time()
        return True

    def commit(self, process: "Process", generation: int, offsets: dict[TP, int]) -> None:
        """Note how far raw partitions are done; refused from a generation that has passed."""
        if generation == self.generation and process in self._heard and not self._kafka.down:
            self._kafka.committed |= offsets

    async def expire(self) -> None:
        """Do without members that are not heard of, for ever."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now = asyncio.get_running_loop().time()
            for process, heard in list(self._heard.items()):
                if now - heard > SESSION_S:
                    self.leave(process)

    async def rebalance(self) -> None:
        """Share the partitions out anew whenever the members change, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            asked = {it: asyncio.create_task(it.let_go()) for it in self._heard}
            if asked:
                await asyncio.wait(asked.values(), timeout=REBALANCE_S)
            for process, task in asked.items():
                if not task.done():
                    self._heard.pop(process, None)
            self.generation += 1
            self.rebalances += 1
            members = list(self._heard)
            for number, process in enumerate(members):
                share = self._partitions[number :: len(members)]
                process.take(share, self.generation, leads=number == 0)


class Process:
    """One worker process. ``start`` it in the loop."""

    def __init__(
        self, number: int, settings: Settings, engine: Engine, group: Group, line: Line,
        crashed: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self.number = number
        self.life: Life = line.life
        self._settings = settings
        self._group = group
        self._line = line
        self._crashed = crashed
        self._positions: dict[TP, int] = {}
        self._acked: dict[TP, int] = {}
        self._ours: set[TP] = set()
        self._generation = -1
        self._leads = False
        self.retired = False
        self._taking: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._producer = StormProducer(line)
        table = StormTable(line)
        self.member = Member(
            settings, engine, table, self._producer, self._publisher, self,  # type: ignore[arg-type]
            line.kafka.topics,
        )  # fmt: skip
        self.trainer = Trainer(engine.agents.values(), self.member.leader, table, TRAINING)

    def start(self) -> None:
        """Join the group and work."""
        self._group.join(self)
        clock = self.member.clock
        works: list[Callable[[], Awaitable[None]]] = [
            self._fetch,
            self._beat,
            self._commit,
            clock.note,
            self.member.watch,
        ]
        if self._settings.clock == "wall":
            works += [clock.tick, self.trainer.run, self.member.sharer.run]
        self._tasks = [asyncio.ensure_future(work()) for work in works]

    async def stop(self) -> None:
        """Leave in order."""
        await self.let_go()
        await self._line.step()
        self._group.leave(self)
        await end(self._tasks)
        await self.member.close()
        self.life.kill()

    # What the group does to us.

    async def let_go(self) -> None:
        """A rebalance begins."""
        await self._line.step()
        if self.life.rng.random() < 0.5:
            self._group.commit(self, self._generation, self._acked)
        await end([self._taking])
        revoked = self._ours | self._positions.keys()
        self._positions, self._ours = {}, set()
        await self.member.revoked(revoked)

    def take(self, partitions: list[TP], generation: int, *, leads: bool) -> None:
        """A rebalance ends: these are ours."""
        self._taking = asyncio.create_task(self._take(partitions, generation, leads))

    async def _take(self, partitions: list[TP], generation: int, leads: bool) -> None:
        await self._line.step()
        self._ours, self._leads, self._generation = set(partitions), leads, generation
        self._acked = {}
        await self.member.assigned(self._ours)
        committed = {tp: self._line.kafka.committed.get(tp, 0) for tp in partitions}
        self._positions = dict(committed)
        self._positions |= self.member.begin_at(committed)

    # What the member asks of the group (streams.member.Group).

    def ours(self) -> set[TP]:
        return self._ours

    def is_leader(self) -> bool:
        return self._leads and not self.retired

    async def seek(self, tp: TP, offset: int) -> None:
        await self._line.step()
        if self._line.draw("seek"):
            raise RuntimeError("a rebalance is under way")  # As aiokafka may.
        if tp in self._positions:
            self._positions[tp] = offset

    async def crash(self, error: BaseException) -> None:
        self._crashed(error)

    def _publisher(self, partition: int) -> Publisher:
        if self._settings.transactions:
            return StormTransactions(partition, self._line)
        return PlainPublisher(partition, self._producer, StormMarks(self._line))  # type: ignore[arg-type]

    # What runs all the time.

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._line.step()
            if not self._group.hear(self):
                await self.let_go()
                self._group.join(self)

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(0.1 + 2.5 * self.life.rng.random() ** 3)
            await self._line.step()
            self._group.commit(self, self._generation, self._acked)

    async def _fetch(self) -> None:
        kafka, rng = self._line.kafka, self.life.rng
        while True:
            await self._line.step()
            began_at = asyncio.get_running_loop().now()  # type: ignore[attr-defined]
            generation, found = self._generation, self._read()
            if not any(found.values()):
                await kafka.wait(FETCH_WAIT_S)
                found = self._read()
            await self._line.step()
            for (tp, began), records in found.items():
                if generation != self._generation:
                    break
                if self._positions.get(tp) != began:
                    continue  # Sought elsewhere, or gone.
                if not records:
                    self.member.came_back_empty(tp, began, began_at)
                    continue
                self._positions[tp] = records.ends_at
                if self._line.draw("dropped"):
                    continue  # As Faust drops what it holds when a rebalance comes.
                records.begins_at = began if rng.random() < 0.98 else None
                self.member.handed(tp, kafka.end(tp))
                self._put(tp, records)

    def _read(self) -> dict[tuple[TP, int], Fetched]:
        kafka, most = self._line.kafka, self._settings.batch_records_max
        if kafka.down:
            return {}
        return {
            (tp, at): Fetched(kafka.logs[tp][at : at + most])
            for tp, at in self._positions.items()
            if tp not in kafka.stalled and not self.member.lanes_of(tp.topic).is_full(tp)
        }

    def _put(self, tp: TP, records: Fetched) -> None:
        ends_at, acked = records.ends_at, self._acked

        def ack() -> None:
            if tp.topic != JOURNAL:
                acked[tp] = ends_at

        event = SimpleNamespace(message=SimpleNamespace(tp=tp), value=records, ack=ack)
        self.member.lanes_of(tp.topic).put(event)
