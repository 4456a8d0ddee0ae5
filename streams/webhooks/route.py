"""How do a target's triggers come out of Kafka, and when are they done with?

Each target has a consumer group of its own: one that is down keeps no other from its triggers, and
its lag can be seen by itself. One thread asks librdkafka, all else is asyncio. An offset is
committed only when everything before it is finished, and what is finished beyond it goes along: a
crash repeats about the last second, under the same webhook-id, and leaves nothing out.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from config.settings import Settings
from schemas.instant import to_text
from streams.connection import brokers_of
from streams.producer import Producer
from streams.webhooks.intake import Intake, Room
from streams.webhooks.parcel import Place, Source, source_of
from streams.webhooks.post import Poster
from streams.webhooks.reports import send_for_good
from streams.webhooks.standing import Standing
from streams.webhooks.targets import Addressed
from streams.webhooks.watermark import Position, finished_ahead

T = TypeVar("T")

log = structlog.get_logger()

_POLL_S = 0.1
_TAKE_MAX = 100
_COMMIT_EVERY_S = 1.0
_ANSWER_S = 10.0
_LOOK_S = 1.0
# Who is stopped in the middle of a join ends it first, for no longer than this. It takes 3 s on the
# embedded broker, and 12 s where it has to find out first that another process was killed.
_JOIN_S = 15.0
# What is under way has its timeout, and then a report to write.
_REPORT_S = 5.0


def consumer_config(settings: Settings, target: str) -> dict[str, Any]:
    """How a target's group reads."""
    return brokers_of(settings).config() | {
        "group.id": f"{settings.group}-webhooks-{target}",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # `latest` is no promise: what came before the first commit would be lost in a crash. What
        # is old by then is not sent anyway.
        "auto.offset.reset": "earliest",
        "session.timeout.ms": round(settings.session_timeout_s * 1000),
        "heartbeat.interval.ms": round(settings.heartbeat_s * 1000),
        "fetch.wait.max.ms": settings.fetch_wait_ms,
        # What librdkafka reads ahead, beside what we hold ourselves.
        "queued.min.messages": 1_000,
        "queued.max.messages.kbytes": 16 * 1024,
    }


class ConsumerError(Exception):
    """A consumer is broken for good: only another one can go on."""


class Route:
    """One target: its consumer, and the courier that it feeds. Make it where an event loop runs."""

    def __init__(
        self, settings: Settings, addressed: Addressed, topics: Sequence[str], producer: Producer
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._name = addressed.name
        self._topics = list(topics)
        self._standing = Standing(addressed.name, self._kafka_answers)
        config = consumer_config(settings, addressed.name) | {"error_cb": self._standing.hear}
        self._consumer = Consumer(config, logger=logging.getLogger("librdkafka"))
        self._poster = Poster(addressed)
        self._intake = Intake(addressed, self._poster, partial(send_for_good, producer))
        self._let_go_s = addressed.target.timeout_s + _REPORT_S
        self._thread = ThreadPoolExecutor(1, f"webhook-{addressed.name}")
        self._is_paused = False
        self._finished: dict[Place, set[int]] = {}
        self._committed: dict[Place, Position] = {}
        self._changes = 0
        self._committed_at = 0.0

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until it is time to stop; then end what is under way, and leave the group.

        Raises what nobody has thought of, and ConsumerError; also then it leaves the group, so that
        another route may go on.
        """
        try:
            await self._in_thread(self._subscribe)
            while not stopping.is_set():
                await self._go_on()
            await self._in_thread(self._end_join)
        finally:
            await self._close()

    def trouble(self) -> str:
        """What keeps this target from its triggers; empty where nothing does."""
        if trouble := self._standing.trouble():
            return trouble
        breaker = self._intake.courier.breaker
        match breaker.state:
            case "gone":
                return "it answered 410, and nothing is sent there until the next start"
            case "open":
                until = to_text(round((time.time() + breaker.rest_s) * 1000))
                return f"it fails or wants to be left alone; triggers wait until {until}"
            case "half_open":
                return "it failed; the next request shows whether it works again"
        return ""

    async def _go_on(self) -> None:
        """Take what is there, and look after the rest."""
        courier = self._intake.courier
        if courier.broken.done():
            courier.broken.result()
        for source in await self._in_thread(self._take, self._intake.room()):
            is_finished = source.offset in self._finished.get(source.place, ())
            await self._intake.accept(source, is_finished=is_finished)
        if self._standing.fatal:
            raise ConsumerError(f"{self._name}: {self._standing.fatal}")
        self._pause_or_resume()
        self._intake.show()
        if time.monotonic() - self._committed_at >= _COMMIT_EVERY_S:
            await self._in_thread(self._commit, self._intake.positions())

    async def _close(self) -> None:
        try:
            await self._in_thread(self._leave)
        finally:
            await self._poster.session.close()
            self._thread.shutdown(wait=False)

    def _pause_or_resume(self) -> None:
        used = self._intake.used()
        if used >= 1 and not self._is_paused:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True
        elif used < 0.5 and self._is_paused:
            self._consumer.resume(self._consumer.assignment())
            self._is_paused = False

    async def _in_thread(self, do: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._thread, do, *arguments)

    # In the thread --------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost,
        )  # fmt: skip

    def _take(self, room: Room) -> list[Source]:
        """Some records, the oldest first: what is there, or the next one that comes.

        Never more than fit, but for the one that fills the room. It asks also where there is none:
        that is how librdkafka tells of partitions that come and go.
        """
        self._standing.look()
        taken: list[Source] = []
        size = 0
        changes = self._changes
        while not taken or (len(taken) < min(room.triggers, _TAKE_MAX) and size < room.size):
            record = self._consumer.poll(0 if taken else _POLL_S)
            if self._changes != changes:
                # They were of partitions that have been given back since.
                changes = self._changes
                taken.clear()
                size = 0
            if record is None:
                break
            if (error := record.error()) is None:
                taken.append(source_of(record))
                size += taken[-1].size
            else:
                self._standing.hear(error)
        return taken

    def _end_join(self) -> None:
        """Wait until the group has taken us in. What is read here is dropped, and not committed."""
        until = time.monotonic() + _JOIN_S
        while self._standing.is_joining() and time.monotonic() < until:
            self._consumer.poll(_POLL_S)
            self._standing.look()

    def _leave(self) -> None:
        """Leave the group, or be silent until it takes us for dead.

        The embedded broker has no answer any more for a group that is left in the middle of a join.
        """
        if self._standing.is_assigned or self._standing.fatal:
            # Closing gives the partitions back, by way of _on_revoke.
            self._consumer.close()
            return
        log.warning("webhook_group_not_left", target=self._name, what=self._standing.trouble())
        del self._consumer

    def _kafka_answers(self) -> bool:
        try:
            self._consumer.list_topics(self._topics[0], timeout=_LOOK_S)
        except KafkaException:
            return False
        return True

    def _commit(self, positions: dict[Place, Position]) -> None:
        self._committed_at = time.monotonic()
        offsets = [
            TopicPartition(place.topic, place.partition, it.offset, it.ahead)
            for place, it in positions.items()
            if it != self._committed.get(place)
        ]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # The next commit covers it, or the partition's next owner begins before it.
            log.warning("not_committed", target=self._name, error=error.args[0].str())
        else:
            self._committed |= positions

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._is_paused = False
        self._committed = {}
        self._finished = {}
        try:
            known = consumer.committed(partitions, timeout=_ANSWER_S)
        except KafkaException as error:
            # Then what is finished beyond the offsets is delivered again.
            log.warning("positions_not_read", target=self._name, error=error.args[0].str())
            known = []
        for it in known:
            if it.offset >= 0 and it.metadata:
                done = finished_ahead(it.offset, it.metadata)
                self._finished[Place(it.topic, it.partition)] = done
        self._standing.has(len(partitions))

    def _on_revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        """Let what is under way end: whoever comes next must not overtake it."""
        self._commit(self._give_up())

    def _on_lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._give_up()

    def _give_up(self) -> dict[Place, Position]:
        self._changes += 1
        self._standing.has_none()
        handing_back = self._intake.hand_back(self._let_go_s)
        return asyncio.run_coroutine_threadsafe(handing_back, self._loop).result()
