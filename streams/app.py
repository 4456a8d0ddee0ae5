"""What runs in a worker? One Faust app: ingest and engage as processors, a clock, a web port.

Faust gives life cycle, consumer group, rebalance, leader and web server. It keeps no state for us:
no Faust tables, no Faust transactions.
"""

import asyncio
import gc
import logging
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from config.settings import Settings
from schemas.codec import RAW_TOPICS
from state.customer import RowError
from state.redis_table import RedisTable
from state.table import StoreError
from streams.bootstrap import load_policy
from streams.clock import Carried, Clock
from streams.engage import Engage, JournalError
from streams.ingest import Ingest
from streams.lanes import Lanes
from streams.producer import Producer, producer_config
from streams.publisher import Marks, PlainPublisher, Publisher, TransactionalPublisher
from streams.relay import Relays
from streams.topics import JOURNAL, Topics, wanted_topics
from streams.transport import Hooks, batch_topic, install
from streams.web import add_pages

log = structlog.get_logger()

# How much longer than a rebalance may take an answer of the broker is waited for. A member that
# dies in the middle of one can leave the others waiting for an answer that never comes.
_ANSWER_S = 3.0

# An idle fetch is answered after the fetch wait, at most a second or two.
_KAFKA_SILENT_S = 10.0

# A worker whose Kafka is away does not get through Faust's shutdown. It need not: whatever it has
# not committed will be read again, so after this it just goes.
_STOP_WITHIN_S = 20.0

# Faust takes all handlers away at its start, and is given those back that the command has set up.
_LOGGING = {"version": 1, "disable_existing_loggers": False}


class _FaustWorker(faust.Worker):
    """Faust's worker, which ends within a set time."""

    async def stop(self) -> None:
        """Stop in order, or at once when that takes too long."""
        limit = threading.Timer(_STOP_WITHIN_S, self._give_up)
        limit.daemon = True
        limit.start()
        await super().stop()

    def _give_up(self) -> None:
        log.error("stopped_without_order", after_s=_STOP_WITHIN_S)
        os._exit(1)


class Worker:
    """The parts of a worker, wired. Raises ConfigError or TopicError where it cannot start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        policy = load_policy(settings)
        wanted = wanted_topics(
            policy.kinds(), settings.group, journal_partitions=1, raw_partitions=1
        )
        topics = Topics(settings.broker)
        there = topics.require(topic.name for topic in wanted)
        journal_partitions = there[JOURNAL]
        self.app = _faust_app(settings)
        self.table = RedisTable(settings.redis_url)
        self.producer = Producer(settings.broker)
        self.marks = Marks({"bootstrap.servers": settings.broker}, topics.id_of(JOURNAL))
        self.relays = Relays(self.table, self._publisher)
        self.carried = Carried()
        self.ingest = Ingest(settings, self.producer, self.carried, journal_partitions)
        self.engage = Engage(
            policy.engine(), self.table, self.relays, self.producer,
            self._seek_journal, ticks_by_wall=settings.clock == "wall",
        )  # fmt: skip
        self.clock = Clock(
            self.carried, self.table, self.producer,
            sources=[f"{topic}/{it}" for topic in RAW_TOPICS for it in range(there[topic])],
            journal_partitions=journal_partitions,
            tick_s=settings.tick_seconds,
            is_leader=self.app.is_leader,
        )  # fmt: skip
        self.ingest_lanes = self._lanes(self.ingest.handle)
        self.engage_lanes = self._lanes(self.engage.handle)
        self.assigned = False
        self.kafka_answered_at = time.monotonic()
        install(self.app, self._hooks())
        self._add_processors()
        web: Any = self.app.web
        add_pages(web.web_app.router, self)

    def run(self) -> int:
        """Run until a signal says stop; returns the exit code."""
        worker = _FaustWorker(
            self.app, quiet=True, redirect_stdouts=False, loglevel="INFO", logging_config=_LOGGING
        )
        # What start-up has made stays for the life of the process: the collector need not look at
        # it again. 1.3 times the events per second in the sketch this design rests on.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        try:
            worker.execute_from_commandline()
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 1

    def failing(self) -> list[str]:
        """Partitions whose batch fails again and again."""
        lanes = (*self.ingest_lanes.failing(), *self.engage_lanes.failing())
        return [f"{tp.topic}/{tp.partition}" for tp in lanes]

    async def troubles(self) -> dict[str, str]:
        """What keeps the worker from its work, by what it needs; empty where nothing does."""
        found = {}
        silent_s = time.monotonic() - self.kafka_answered_at
        if not self.assigned:
            found["group"] = "no partitions are assigned yet"
        elif silent_s > _KAFKA_SILENT_S and not self._is_busy():
            found["kafka"] = f"no fetch was answered for {silent_s:.0f} s"
        try:
            await self.table.ping()
        except StoreError as error:
            found["redis"] = str(error)
        return found

    def _is_busy(self) -> bool:
        """Whether all that has been fetched fills the lanes, so that nothing more is asked for."""
        tps = self.app.consumer.assignment()
        return any(self._lanes_of(tp.topic).is_full(tp) for tp in tps)

    def _publisher(self, partition: int) -> Publisher:
        if not self.settings.transactions:
            return PlainPublisher(partition, self.producer, self.marks)
        config = producer_config(self.settings.broker)
        transactional_id = f"{self.settings.group}-relay-{partition}"
        return TransactionalPublisher(partition, config, transactional_id, self.marks)

    def _lanes(self, handle: Any) -> Lanes:
        fatal = (RowError, JournalError)
        return Lanes(handle, self._seek, self.settings.batch_records_max, self.app.crash, fatal)

    def _hooks(self) -> Hooks:
        return Hooks(
            fetch_wait_ms=self.settings.fetch_wait_ms,
            is_full=lambda tp: self._lanes_of(tp.topic).is_full(tp),
            begin_at=self._begin_at,
            handed=self._handed,
            answered=self._answered,
            came_back_empty=self.carried.came_back_empty,
        )

    async def _begin_at(self, committed: dict[TP, int]) -> dict[TP, int]:
        """Where to read from: raw partitions by Kafka's offsets, the journal's by the table.

        Waits for the table. Meanwhile the group may have decided otherwise.
        """
        journal = await self.engage.seek_to(tp for tp in committed if tp.topic == JOURNAL)
        begin = committed | journal
        ours = self.app.consumer.assignment()
        raw = {tp: at for tp, at in begin.items() if tp.topic in RAW_TOPICS and tp in ours}
        self.carried.begin(raw)
        self.ingest_lanes.open(raw)
        self.engage_lanes.open({tp: at for tp, at in journal.items() if tp in ours})
        return {tp: at for tp, at in begin.items() if tp in ours}

    def _handed(self, tp: TP, end: int) -> None:
        if tp.topic == JOURNAL:
            self.engage.handed(tp, end)

    def _answered(self) -> None:
        self.kafka_answered_at = time.monotonic()

    def _lanes_of(self, topic: str) -> Lanes:
        return self.engage_lanes if topic == JOURNAL else self.ingest_lanes

    async def _seek_journal(self, tp: TP, offset: int) -> None:
        await self.engage_lanes.seek(tp, offset)

    async def _seek(self, tp: TP, offset: int) -> None:
        await self.app.consumer.seek_wait({tp: offset})

    def _add_processors(self) -> None:
        app: Any = self.app
        app.agent(batch_topic(app, *RAW_TOPICS), name="ingest")(_into(self.ingest_lanes))
        app.agent(batch_topic(app, JOURNAL), name="engage")(_into(self.engage_lanes))
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        app.on_before_shutdown.connect(self._on_shutdown, weak=False)
        app.task(self.clock.note)
        if self.settings.clock == "wall":
            app.task(self.clock.tick)

    async def _on_revoked(self, _: Any, revoked: set[TP], **__: Any) -> None:
        self.assigned = False
        await self.ingest_lanes.close(revoked)
        await self.engage_lanes.close(revoked)
        journal = [tp for tp in revoked if tp.topic == JOURNAL]
        self.engage.revoked(journal)
        await self.relays.stop([tp.partition for tp in journal])

    async def _on_assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        await self.ingest_lanes.keep(assigned)
        await self.engage_lanes.keep(assigned)
        await self.relays.keep(tp.partition for tp in assigned if tp.topic == JOURNAL)
        self.assigned = True
        log.info("partitions_assigned", count=len(assigned))

    async def _on_shutdown(self, *_: Any, **__: Any) -> None:
        await self.ingest_lanes.close()
        await self.engage_lanes.close()
        await self.relays.stop()
        await asyncio.to_thread(self.producer.close)
        await self.table.__aexit__()


def _into(lanes: Lanes) -> Any:
    """A processor that puts each partition batch into its lane."""

    async def processor(stream: Any) -> None:
        async for event in stream.noack().events():
            lanes.put(event)

    return processor


def _faust_app(settings: Settings) -> faust.App:
    return faust.App(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.broker.split(",")],
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / f"ebbtide-{settings.web_port}",
        # `latest` is no promise: a record that came before the first look would be lost.
        consumer_auto_offset_reset="earliest",
        # Topics are made by `ebbtide topics create`, with the partitions that they should have.
        topic_allow_declare=False,
        topic_partitions=1,
        # In-flight batches need not be waited for at a rebalance: the table's compare-and-set
        # refuses them, or they were in time.
        stream_wait_empty=False,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        broker_request_timeout=_ANSWER_S
        + max(settings.session_timeout_s, settings.rebalance_timeout_s),
        web_bind=settings.web_host,
        web_host=settings.web_host,
        web_port=settings.web_port,
        web_in_thread=False,
        loghandlers=logging.getLogger().handlers[:],
    )
