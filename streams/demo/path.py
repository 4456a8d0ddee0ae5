"""What happens when a year of orders goes through Ebbtide? Fed through the real path, and watched.

The feeder publishes orders and ticks to one raw partition, so that their order is given; a worker
carries them over, engages and relays; a watcher reads what comes out. Nothing is taken from inside
but the table's own counts, which say when all is done.
"""

import asyncio
from collections.abc import Iterable

import msgspec
from confluent_kafka import Consumer, Message
from msgspec import Struct

from agents.engine.engine import Engine
from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import decode_decision, encode_json
from schemas.dead_letter import TOPIC as DEAD_LETTERS
from schemas.event import Event
from schemas.journal import Tick
from state.redis_table import RedisTable
from state.shop import clock_of
from streams.bootstrap import Policy
from streams.connection import Brokers
from streams.demo.progress import Progress, Summary
from streams.learning.lessons import Lessons, Meetings
from streams.learning.trainer import appended
from streams.producer import Outbound, Producer
from streams.replay import Replay
from streams.tasks import end
from streams.topics import JOURNAL

PARTITIONS = 4
RAW_TOPIC = "orders"
# Orders that may be under way. Fewer would starve the batches, more would only queue, and be
# counted as latency.
UNDER_WAY_MAX = 2_000
SEND_AT_ONCE = 250


# A day of the data is fed in a quarter of a second, and to wait for all of it to be applied takes
# nearly as long.
FIT_EVERY_HOURS = 168.0
MEET_EVERY_S = FIT_EVERY_HOURS * 3_600


class Feeder:
    """Publishes a history, never too far ahead of what has been applied; and what it teaches."""

    def __init__(
        self, producer: Producer, progress: Progress, table: RedisTable, lessons: Lessons,
        meetings: Meetings,
    ) -> None:  # fmt: skip
        self._producer = producer
        self._progress = progress
        self._table = table
        self._lessons = lessons
        self._meetings = meetings
        self.last_tick = 0
        self.finished = False

    async def run(self, history: Iterable[Event | Tick]) -> None:
        """Publish all of it."""
        waiting: list[Outbound] = []
        for fact in history:
            self._progress.fact(fact)
            self._meetings.saw(fact)
            if isinstance(fact, Tick):
                self.last_tick = fact.at
                waiting.append(Outbound(RAW_TOPIC, encode_json(fact), partition=0))
                fits, meet = self._lessons.begins(fact.at), self._meetings.begins(fact.at)
                if fits or meet:
                    await self._producer.send(waiting)
                    waiting = []
                    await self._learn(fact.at, fits=fits, meet=meet)
            else:
                waiting.append(
                    Outbound(RAW_TOPIC, encode_json(fact), fact.subject.encode(), None, 0)
                )
            if len(waiting) >= SEND_AT_ONCE:
                await self._producer.send(waiting)
                waiting = []
                while self._progress.fed - self._progress.applied > UNDER_WAY_MAX:
                    await asyncio.sleep(0.01)
        await self._producer.send(waiting)
        self.finished = True

    async def _learn(self, at: int, *, fits: bool, meet: bool) -> None:
        """Append what was learned of what was fed up to a tick, when it has been applied."""
        while min(await clocks(self._table)) < at:
            await asyncio.sleep(0.01)
        for entry in await self._lessons.models(self._table.load, PARTITIONS, at) if fits else ():
            await self._producer.send(appended(entry, PARTITIONS))
        for partition, value in await self._meetings.records(self._table.load) if meet else ():
            await self._producer.send([Outbound(JOURNAL, value, partition=partition)])


class Watcher:
    """Reads triggers, decisions and dead letters, as marketing automation would."""

    def __init__(self, broker: str, kinds: list[str], progress: Progress) -> None:
        self._progress = progress
        self._kinds = {trigger_topic(kind): kind for kind in kinds}
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": "demo-watcher",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "session.timeout.ms": 6_000,
            }
        )
        self._consumer.subscribe([*self._kinds, DECISIONS, DEAD_LETTERS, RAW_TOPIC])
        # When each order was appended, by its event id: the beginning of its triggers' latency.
        self._appended_at: dict[str, int] = {}

    def read(self, wait_s: float = 0.1) -> int:
        """Take in what there is; returns how many records that was."""
        records = self._consumer.consume(1_000, wait_s)
        for record in records:
            if record.error() is None:
                self._take(record)
        return len(records)

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _take(self, record: Message) -> None:
        progress, topic, value = self._progress, record.topic() or "", record.value() or b""
        if topic == RAW_TOPIC:
            if record.key():
                event_id = _decode_id(value).event_id
                self._appended_at[event_id] = record.timestamp()[1]
        elif topic == DECISIONS:
            progress.decided(decode_decision(value))
        elif topic == DEAD_LETTERS:
            progress.dead_letters += 1
        else:
            headers = headers_of(record)
            progress.triggered(self._kinds[topic], headers["ce_id"])
            began_at = self._appended_at.get(headers["ce_causationid"])
            if began_at is not None:
                progress.latencies_ms.append(record.timestamp()[1] - began_at)


def headers_of(record: Message) -> dict[str, str]:
    """A record's headers as text."""
    pairs: list[tuple[str, bytes]] = list(record.headers() or [])  # type: ignore[arg-type]
    return {name: text.decode() for name, text in pairs}


class _EventId(Struct):
    event_id: str


_decode_id = msgspec.json.Decoder(_EventId).decode


async def run_through_kafka(
    history: Iterable[Event | Tick],
    broker: str,
    redis_url: str,
    policy: Policy,
    progress: Progress,
) -> Summary:
    """Feed a history to a running worker, and watch until the last decision is out."""
    producer = Producer(Brokers(broker))
    watcher = Watcher(broker, policy.kinds(), progress)
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            await asyncio.to_thread(watcher.read)

    watching = asyncio.create_task(watch())
    try:
        async with RedisTable(redis_url) as table:
            feeder = Feeder(
                producer, progress, table, Lessons(policy.agents, FIT_EVERY_HOURS),
                Meetings(policy.engine(PARTITIONS), PARTITIONS, MEET_EVERY_S),
            )  # fmt: skip
            feeding = asyncio.create_task(feeder.run(history))
            try:
                while not await _is_finished(table, feeder, progress):
                    await asyncio.sleep(0.05)
                    for task in (feeding, watching):
                        if task.done():
                            task.result()
            finally:
                await end([feeding])
            sizes = [
                it for partition in range(PARTITIONS) for it in await table.row_sizes(partition)
            ]
        return progress.summary(sizes, "kafka")
    finally:
        done.set()
        await asyncio.gather(watching, return_exceptions=True)
        watcher.close()
        producer.close()


async def _is_finished(table: RedisTable, feeder: Feeder, progress: Progress) -> bool:
    """Whether every order is applied, the clock is at its end, and all decisions were seen."""
    applied = decided = waiting = 0
    for partition in range(PARTITIONS):
        counters = await table.counters(partition)
        # Duplicates are not counted: after a crash, ingest carries some orders over again.
        applied += sum(n for name, n in counters.items() if name.endswith(("/applied", "/late")))
        decided += (await table.position(partition)).sequence
        waiting += await table.outbox_depth(partition)
    progress.applied = applied
    progress.clock_at = min(await clocks(table))
    return (
        feeder.finished
        and applied == progress.fed
        and progress.clock_at == feeder.last_tick
        and progress.decisions.total() >= decided
        and waiting == 0
    )


async def clocks(table: RedisTable) -> list[int]:
    """How far each partition has come; 0 where no tick was applied yet."""
    return [clock_of(await table.shop(partition)) for partition in range(PARTITIONS)]


async def run_in_memory(
    history: Iterable[Event | Tick], engine: Engine, progress: Progress
) -> Summary:
    """The same history through the same engine, without a broker and without Redis."""
    replay = Replay(engine, PARTITIONS, fit_every_hours=FIT_EVERY_HOURS, share_seconds=MEET_EVERY_S)

    def fed() -> Iterable[Event | Tick]:
        for fact in history:
            progress.fact(fact)
            progress.applied = progress.fed
            if isinstance(fact, Tick):
                progress.clock_at = fact.at
            yield fact

    # On a thread of its own: a replay in memory never waits, and the view would never be drawn.
    await asyncio.to_thread(asyncio.run, replay.run(fed()))
    for decision in (it for partition in replay.decisions for it in partition):
        progress.decided(decision)
        if decision.outcome == "sent":
            progress.triggered(decision.kind, decision.id)
    rows = [
        len(row) for partition in range(PARTITIONS) for row in replay.table.rows(partition).values()
    ]
    return progress.summary(rows, "memory")
