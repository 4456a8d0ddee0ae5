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
from functools import partial
from pathlib import Path
from typing import Any

import faust
import structlog
from faust.types import TP

from config.settings import Settings
from schemas.codec import RAW_TOPICS
from state.redis_client import AccessError
from state.redis_keys import RedisKeys
from state.redis_models import RedisModels
from state.redis_table import RedisTable
from state.table import Needs, StoreError
from streams import stacks
from streams.bootstrap import load_policy
from streams.connection import brokers_of, faust_credentials, redis_url_of
from streams.customer import recommended
from streams.customer import view as customer_view
from streams.customer.page import add_customers
from streams.fetches import Hooks
from streams.lanes import Lanes
from streams.learning.trainer import Trainer
from streams.member import Member
from streams.ops.processor import Ops
from streams.privacy.key_log import TopicOfKeys
from streams.privacy.key_ring import KeyRing
from streams.privacy.privacy import cipher_of, privacy
from streams.producer import Producer, producer_config
from streams.publisher import Marks, PlainPublisher, Publisher, TransactionalPublisher
from streams.reviews.door import open_reader
from streams.topics import JOURNAL, Topics, wanted_topics
from streams.transport import batch_topic, install
from streams.web import add_pages

log = structlog.get_logger()

# How much longer than a rebalance may take an answer of the broker is waited for. A member that
# dies in the middle of one can leave the others waiting for an answer that never comes.
_ANSWER_S = 3.0

# An idle fetch is answered after the fetch wait, at most a second or two.
_KAFKA_SILENT_S = 10.0

_REDIS_AGAIN_S = 2.0

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
        self._brokers, url = brokers_of(settings), redis_url_of(settings)
        kinds = policy.kinds()
        wanted = wanted_topics(kinds, settings.group, journal_partitions=1, raw_partitions=1)
        topics = Topics(self._brokers)
        there = topics.require(it.name for it in wanted)
        for key in policy.tight_budgets(there[JOURNAL]):
            what = f"shared out over {there[JOURNAL]} partitions it is less than the largest coupon"
            log.warning("budget_too_small", key=key, what=what)
        self.app = _faust_app(settings)
        asyncio.run(_look(url))
        self.table = RedisTable(url)
        self.producer = Producer(self._brokers)
        self.marks = Marks(self._brokers, topics.id_of(JOURNAL))
        self.keys, self.key_log = RedisKeys(url), TopicOfKeys(self._brokers)
        ring = KeyRing(self.keys, self.key_log, self.producer)
        self.privacy = privacy(ring, cipher_of(settings), there[JOURNAL])
        self.member = Member(
            settings, policy.engine(there[JOURNAL]), self.table, self.producer, self._publisher,
            _Group(self.app), there, self.privacy, open_reader(settings),
        )  # fmt: skip
        leader = self.member.leader
        self.ops = Ops(
            policy.agents, leader, self.table, policy.ops, by_wall=settings.clock == "wall"
        )
        self.models = RedisModels(url)
        self.trainer = Trainer(policy.agents, leader, self.models, policy.models)
        self.assigned = False
        self.kafka_answered_at = time.monotonic()
        install(self.app, self._hooks())
        self._add_processors()
        web: Any = self.app.web
        add_pages(web.web_app.router, self)
        look_up = partial(customer_view.look_up, url, there[JOURNAL])
        recommend = recommended.asked(policy.agents, url, there[JOURNAL])
        add_customers(web.web_app.router, settings.secret_web_token(), look_up, recommend)

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
        return [f"{tp.topic}/{tp.partition}" for tp in self.member.failing()]

    async def troubles(self) -> dict[str, str]:
        """What keeps the worker from its work, by what it needs; empty where nothing does."""
        found = {}
        silent_s = time.monotonic() - self.kafka_answered_at
        if not self.assigned:
            found["group"] = "no partitions are assigned yet"
        elif silent_s > _KAFKA_SILENT_S and self._asks():
            found["kafka"] = f"no fetch was answered for {silent_s:.0f} s"
        try:
            await self.table.ping()
        except StoreError as error:
            found["redis"] = str(error)
        return found

    def _asks(self) -> bool:
        """Whether anything is asked for: not without partitions, nor while a lane is full."""
        ours = self.app.consumer.assignment()
        return bool(ours) and not any(self._is_full(tp) for tp in ours)

    def _is_full(self, tp: TP) -> bool:
        return self.member.lanes_of(tp.topic).is_full(tp)

    def _publisher(self, partition: int) -> Publisher:
        if not self.settings.transactions:
            return PlainPublisher(partition, self.producer, self.marks)
        config = producer_config(self._brokers)
        transactional_id = f"{self.settings.group}-relay-{partition}"
        return TransactionalPublisher(partition, config, transactional_id, self.marks)

    def _hooks(self) -> Hooks:
        return Hooks(
            fetch_wait_ms=self.settings.fetch_wait_ms,
            is_full=self._is_full,
            begin_at=self.member.begin_at,
            handed=self.member.handed,
            answered=self._answered,
            came_back_empty=self.member.came_back_empty,
        )

    def _answered(self) -> None:
        self.kafka_answered_at = time.monotonic()

    def _add_processors(self) -> None:
        app: Any = self.app
        for name, topics in (("ingest", RAW_TOPICS), ("engage", (JOURNAL,))):
            into_lanes = _into(self.member.lanes_of(topics[0]))
            app.agent(batch_topic(app, *topics), name=name)(into_lanes)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        app.on_before_shutdown.connect(self._on_shutdown, weak=False)
        app.task(stacks.listen)
        app.task(self.member.watch)
        app.task(self.member.clock.note)
        app.task(self.ops.run)
        app.task(self.privacy.eraser.run)
        if self.settings.clock == "wall":
            app.task(self.member.clock.tick)
            app.task(self.trainer.run)  # Who feeds a history gives it its models too, and looks.
            app.task(self.member.sharer.run)

    async def _on_revoked(self, _: Any, revoked: set[TP], **__: Any) -> None:
        self.assigned = False
        await self.member.revoked(revoked)

    async def _on_assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        await self.member.assigned(assigned)
        self.assigned = True

    async def _on_shutdown(self, *_: Any, **__: Any) -> None:
        await self.member.close()
        await self.privacy.eraser.close()
        await asyncio.to_thread(self.producer.close)
        self.key_log.close()
        for it in (self.keys, self.models, self.table):
            await it.close()


class _Group:
    """The group as Faust sees it."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    def ours(self) -> set[TP]:
        ours: set[TP] = self._app.consumer.assignment()
        return ours

    def is_leader(self) -> bool:
        return self._app.is_leader()

    async def seek(self, tp: TP, offset: int) -> None:
        await self._app.consumer.seek_wait({tp: offset})

    async def crash(self, error: BaseException) -> None:
        await self._app.crash(error)


async def _look(url: str) -> None:
    """Return when Redis answers. Raises AccessError where it will never let us work.

    Who joined the group without it would take partitions from others that have it.
    """
    async with RedisTable(url) as table:
        while True:
            try:
                await table.ping()
                await table.load(0, Needs())
            except AccessError:
                raise
            except StoreError as error:
                what = "waiting before the group is joined; is it up, and is TLS (rediss://) right?"
                log.warning("redis_away", error=str(error), what=what)
                await asyncio.sleep(_REDIS_AGAIN_S)
            else:
                return


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
        broker_credentials=faust_credentials(settings),
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
