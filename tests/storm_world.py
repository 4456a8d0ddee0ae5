"""One simulated storm: servers, workers, a shop that publishes, accidents, and calm in the end."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from faust.types import TP
from msgspec import Struct
from storm_feed import Published
from storm_lines import Faults, Life, Line
from storm_loop import START, VirtualLoop
from storm_process import Group, Process
from storm_servers import Kafka, Redis

from agents.engine.engine import Engine
from config.settings import Settings
from schemas.cloud_event import trigger_topic
from schemas.codec import RAW_TOPICS
from state.shop import decode_shop
from streams.producer import Outbound
from streams.topics import JOURNAL

STORM_S = 16.0
DRAINED_WITHIN_S = 200.0
WORKERS_MAX = 3
COUPONS = trigger_topic("win_back_coupon")

#: Accidents and how often each is drawn.
ACCIDENTS = {
    "kill": 5, "kill_at_a_step": 5, "freeze": 3, "join": 1, "leave": 1, "redis_away": 2,
    "redis_back_a_second": 2, "redis_lost_all": 1, "kafka_away": 1, "source_stalled": 2,
    "all_killed_in_a_fan_out": 3,
}  # fmt: skip


class Plan(Struct, frozen=True):
    """What a seed means. accidents: (seconds, kind)."""

    seed: int
    settings: Settings
    engine: Engine
    topics: dict[str, int]
    feed: Sequence[Published]
    accidents: Sequence[tuple[float, str]] = ()
    fault_chance: float = 0.0
    in_turn: bool = False


class World:
    """Everything that a plan sets going."""

    def __init__(self, plan: Plan, loop: VirtualLoop) -> None:
        self.plan = plan
        self.loop = loop
        self.rng = Random(plan.seed)
        self.kafka = Kafka(loop, plan.topics)
        self.redis = Redis()
        self.faults = Faults()
        self.done: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.raw = [TP(topic, it) for topic in RAW_TOPICS for it in range(plan.topics[topic])]
        self.journal = [TP(JOURNAL, it) for it in range(plan.topics[JOURNAL])]
        self.group = Group(self.kafka, [*self.raw, *self.journal])
        self.processes: list[Process] = []
        self._ever: list[
            Process
        ] = []  # A dead one's tasks wait for ever, and somebody must hold them.
        self.started = 0

    async def run(self) -> str:
        """All of it; returns what did not come to an end, or nothing."""
        works = [asyncio.ensure_future(it()) for it in (self.group.rebalance, self.group.expire)]
        for _ in range(2):
            self._start()
        self.faults.chance = self.plan.fault_chance
        publishing = asyncio.ensure_future(self._publish())
        accidents = [asyncio.ensure_future(self._accident(*it)) for it in self.plan.accidents]
        try:
            for it in accidents:
                await it
            self.faults.chance = 0.0
            await asyncio.wait_for(publishing, DRAINED_WITHIN_S)
            await self._drain()
        except TimeoutError:
            return self._standing()
        finally:
            for work in (*works, publishing):
                work.cancel()
        return ""

    def _start(self) -> None:
        self.started += 1
        life = Life(self.rng)
        line = Line(life, self.kafka, self.redis, self.faults)
        process = Process(
            self.started, self.plan.settings, self.plan.engine, self.group, line,
            lambda error: self.crashes.append(f"{type(error).__name__}: {error}"),
        )  # fmt: skip
        self.processes.append(process)
        self._ever.append(process)
        process.start()

    async def _publish(self) -> None:
        before: TP | None = None
        for it in self.plan.feed:
            await asyncio.sleep(max(0.0, it.at - self.loop.time()))
            record = Outbound(it.topic, self._redeeming(it), it.key.encode())
            tp = self.kafka.place_of(record)
            if self.plan.in_turn and before not in (None, tp):
                await self._carried(before)
            # Where each waits for the one before, its time must not tell how long that took.
            self.kafka.append([record], START + int(it.at * 1_000) if self.plan.in_turn else None)
            before = tp

    def _redeeming(self, it: Published) -> bytes:
        """An order with the last coupon that the customer was sent, if there is one.

        Where calm and storm must publish the same, it cannot depend on what has been sent.
        """
        sent = [record.value for tp, log in self.kafka.logs.items() if tp.topic == COUPONS
                for record in log if record.key == it.key.encode()]  # fmt: skip
        if self.plan.in_turn or not sent or not it.value.startswith(b'{"type":"order_placed"'):
            return it.value
        coupon = msgspec.json.decode(sent[-1] or b"")["payload"]["code"]
        return msgspec.json.encode(msgspec.json.decode(it.value) | {"coupons": [coupon]})

    async def _carried(self, tp: TP | None) -> None:
        """Wait until all of a raw partition is committed as done."""
        assert tp is not None
        while self.kafka.committed.get(tp, 0) < self.kafka.end(tp):
            await asyncio.sleep(0.1)

    # Accidents

    async def _accident(self, at: float, kind: str) -> None:
        await asyncio.sleep(at)
        self.done[kind] += 1
        await getattr(self, f"_{kind}")()

    def _victim(self) -> Process | None:
        alive = [it for it in self.processes if it.life.running.is_set()]
        return self.rng.choice(alive) if alive else None

    async def _kill(self) -> None:
        if victim := self._victim():
            victim.life.kill()
            await self._replace(victim)

    async def _kill_at_a_step(self) -> None:
        if victim := self._victim():
            victim.life.steps_left = self.rng.randint(1, 80)
            await asyncio.sleep(2.0)
            victim.life.kill()
            await self._replace(victim)

    async def _all_killed_in_a_fan_out(self) -> None:
        """Where one begins within some seconds; a kill at any moment hardly ever meets one."""
        for _ in range(400):
            if any(it.shop and decode_shop(it.shop).cursor for it in self._parts()):
                victims = [it for it in self.processes if it.life.running.is_set()]
                for victim in victims:
                    victim.life.kill()
                for victim in victims:
                    await self._replace(victim)
                return
            await asyncio.sleep(0.01)

    def _parts(self) -> list[Any]:
        return [self.redis.table._of(tp.partition) for tp in self.journal]

    async def _replace(self, victim: Process) -> None:
        await asyncio.sleep(self.rng.choice([0.0, 0.5, 4.0]))
        if victim in self.processes:
            self.processes.remove(victim)
        self._start()

    async def _freeze(self) -> None:
        if victim := self._victim():
            victim.life.freeze()
            await asyncio.sleep(self.rng.choice([0.5, 4.0, 8.0]))
            victim.life.wake()

    async def _join(self) -> None:
        if len(self.processes) < WORKERS_MAX:
            self._start()

    async def _leave(self) -> None:
        victim = self._victim()
        if victim and len(self.processes) > 1:
            self.processes.remove(victim)
            stopping = asyncio.ensure_future(victim.stop())
            while not stopping.done() and not victim.life.dead:
                await asyncio.sleep(0.1)

    async def _redis_away(self) -> None:
        self.redis.down = True
        await asyncio.sleep(self.rng.choice([0.1, 1.0, 4.0]))
        self.redis.down = False

    async def _redis_back_a_second(self) -> None:
        snapshot = self.redis.snapshot()
        await asyncio.sleep(self.rng.choice([0.3, 1.0]))
        self.redis.restore(snapshot)

    async def _redis_lost_all(self) -> None:
        self.redis.flush()

    async def _kafka_away(self) -> None:
        self.kafka.down = True
        await asyncio.sleep(self.rng.choice([0.1, 1.0, 3.0]))
        self.kafka.down = False

    async def _source_stalled(self) -> None:
        tp = self.rng.choice(self.raw)
        self.kafka.stalled.add(tp)
        await asyncio.sleep(self.rng.choice([1.0, 4.0]))
        self.kafka.stalled.discard(tp)

    # The end

    async def _drain(self) -> None:
        """Until all raw records are carried over and nothing in the journal is left to do.

        By the law of ticks, a journal with a tick from after the last raw record has all of them.
        """
        async with asyncio.timeout(DRAINED_WITHIN_S):
            for tp in self.raw:
                await self._carried(tp)
            ended_at = self.loop.now()
            while self.plan.settings.clock == "wall" and self._last_tick() <= ended_at:
                await asyncio.sleep(0.3)
            for process in self.processes:
                process.retired = True
            while not self._all_done():
                await asyncio.sleep(0.3)
            await asyncio.sleep(3.0)

    def _last_tick(self) -> int:
        rows = [decode_shop(it) for tp in self.journal
                if (it := self.redis.table._of(tp.partition).shop)]  # fmt: skip
        return (
            min((row.clock_at for row in rows), default=0) if len(rows) == len(self.journal) else 0
        )

    def _all_done(self) -> bool:
        return all(
            (here := self.redis.table._of(tp.partition)).position.offset == self.kafka.end(tp)
            and not here.outbox
            for tp in self.journal
        )

    def _standing(self) -> str:
        table = {
            tp.partition: str(self.redis.table._of(tp.partition).position) for tp in self.journal
        }
        ends = {tp.partition: self.kafka.end(tp) for tp in self.journal}
        return f"not at rest after {self.loop.time():.0f} s: table {table}, journal {ends}"
