"""What runs in a worker? One Faust app: ingest and engage as processors, a clock, a web port.

Faust gives life cycle, consumer group, rebalance, leader and web server. It keeps no state for us:
no Faust tables, no Faust transactions.
"""

import asyncio
import gc
import logging
import tempfile
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from config.settings import Settings
from schemas.codec import RAW_TOPICS
from state.redis_table import RedisTable
from state.customer import RowError
from streams.bootstrap import load_policy
from streams.clock import Carried, Clock
from streams.engage import Engage, UnknownRecordError
from streams.ingest import Ingest
from streams.lanes import Lanes
from streams.producer import Producer
from streams.relay import Relays
from streams.topics import JOURNAL, Topics, leader_topic, wanted_topics
from streams.transport import Hooks, batch_topic, install
from streams.web import add_pages

log = structlog.get_logger()

# Faust waits this long for a broker's answer before it gives up; a session may not be longer.
_REQUEST_TIMEOUT_S = 20.0

# Faust takes all handlers away at its start, and is given those back that the command has set up.
_LOGGING = {"version": 1, "disable_existing_loggers": False}


class Worker:
    """The parts of a worker, wired. Raises ConfigError or TopicError where it cannot start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        policy = load_policy(settings)
        wanted = wanted_topics(
            policy.kinds(), settings.group, journal_partitions=1, raw_partitions=1
        )
        there = Topics(settings.broker).require(topic.name for topic in wanted)
        journal_partitions = there[JOURNAL]
        self.app = _faust_app(settings)
        self.table = RedisTable(settings.redis_url)
        self.producer = Producer(settings.broker)
        self.relays = Relays(self.table, self.producer)
        self.carried = Carried()
        self.ingest = Ingest(settings, self.producer, self.carried, journal_partitions)
        self.engage = Engage(policy.engine(), self.table, self.relays, self.producer, self._seek)
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
        install(self.app, self._hooks())
        self._add_processors()
        add_pages(self)

    def run(self) -> int:
        """Run until a signal says stop; returns the exit code."""
        worker = faust.Worker(
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
        return 0

    def _lanes(self, handle: Any) -> Lanes:
        fatal = (RowError, UnknownRecordError)
        return Lanes(handle, self.settings.batch_records_max, self.app.crash, fatal)

    def _hooks(self) -> Hooks:
        return Hooks(
            fetch_wait_ms=self.settings.fetch_wait_ms,
            is_full=lambda tp: self._lanes_of(tp.topic).is_full(tp),
            seek_to=lambda tps: self.engage.seek_to([tp for tp in tps if tp.topic == JOURNAL]),
            handed=self.carried.handed,
            came_back_empty=self.carried.came_back_empty,
        )

    def _lanes_of(self, topic: str) -> Lanes:
        return self.engage_lanes if topic == JOURNAL else self.ingest_lanes

    async def _seek(self, tp: TP, offset: int) -> None:
        """Read a partition on from an offset; what has been fetched of it so far is let go."""
        await self.app.consumer.seek_wait({tp: offset})
        self.engage_lanes.drop(tp)

    def _add_processors(self) -> None:
        app = self.app

        @app.agent(batch_topic(app, *RAW_TOPICS), name="ingest")
        async def ingest(stream: Any) -> None:
            async for event in stream.noack().events():
                self.ingest_lanes.put(event)

        @app.agent(batch_topic(app, JOURNAL), name="engage")
        async def engage(stream: Any) -> None:
            async for event in stream.noack().events():
                self.engage_lanes.put(event)

        @app.on_partitions_revoked.connect
        async def revoked(_: Any, revoked: set[TP], **__: Any) -> None:
            self.assigned = False
            await self.ingest_lanes.close(revoked)
            await self.engage_lanes.close(revoked)
            journal = [tp for tp in revoked if tp.topic == JOURNAL]
            self.engage.revoked(journal)
            await self.relays.stop([tp.partition for tp in journal])

        @app.on_partitions_assigned.connect
        async def assigned(_: Any, assigned: set[TP], **__: Any) -> None:
            raw = {tp for tp in assigned if tp.topic in RAW_TOPICS}
            self.carried.assigned(raw)
            self.ingest_lanes.open(raw)
            self.engage_lanes.open(tp for tp in assigned if tp.topic == JOURNAL)
            self.assigned = True
            log.info("partitions_assigned", count=len(assigned))

        @app.task
        async def note_progress() -> None:
            await self.clock.note()

        if self.settings.clock == "wall":

            @app.task
            async def append_ticks() -> None:
                await self.clock.tick()

        @app.on_before_shutdown.connect
        async def shut_down(*_: Any, **__: Any) -> None:
            await self.relays.stop()
            await asyncio.to_thread(self.producer.close)
            await self.table.__aexit__()


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
        broker_request_timeout=max(_REQUEST_TIMEOUT_S, settings.session_timeout_s),
        web_bind=settings.web_host,
        web_host=settings.web_host,
        web_port=settings.web_port,
        web_in_thread=False,
        loghandlers=logging.getLogger().handlers[:],
    )
