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
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from config.settings import Settings
from schemas.dead_letter import Refusal
from streams.connection import brokers_of
from streams.producer import Producer
from streams.webhooks import metrics
from streams.webhooks.courier import Courier, Outcome
from streams.webhooks.parcel import Parcel, Place, Source, parcel_of, source_of
from streams.webhooks.post import Poster
from streams.webhooks.reports import letter_of, records_of, send_for_good
from streams.webhooks.targets import Addressed
from streams.webhooks.watermark import AHEAD_MAX, Position, Watermark, finished_ahead

T = TypeVar("T")

log = structlog.get_logger()

_POLL_S = 0.1
_TAKE_MAX = 100
_COMMIT_EVERY_S = 1.0
_ANSWER_S = 10.0
# What one target may keep in memory. Beyond that its partitions are paused.
WAITING_MAX = 1_000
_WAITING_BYTES_MAX = 32 * 1024 * 1024
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


class Route:
    """One target: its consumer, and the courier that it feeds. Make it where an event loop runs."""

    def __init__(
        self, settings: Settings, addressed: Addressed, topics: Sequence[str], producer: Producer
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._name = addressed.name
        self._topics = list(topics)
        self._producer = producer
        self._poster = Poster(addressed)
        self._watermark = Watermark()
        self.courier = Courier(
            addressed.name, addressed.target, self._poster, self._conclude, self._done
        )
        self._let_go_s = addressed.target.timeout_s + _REPORT_S
        self._thread = ThreadPoolExecutor(1, f"webhook-{addressed.name}")
        config = consumer_config(settings, addressed.name) | {"error_cb": self._heard}
        self._consumer = Consumer(config, logger=logging.getLogger("librdkafka"))
        self._is_paused = False
        self._finished: dict[Place, set[int]] = {}
        self._committed: dict[Place, Position] = {}
        self._changes = 0
        self._committed_at = 0.0
        self._trouble = "no partitions are assigned yet"

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until it is time to stop; then end what is under way, and leave the group."""
        await self._in_thread(self._subscribe)
        while not stopping.is_set():
            if self.courier.broken.done():
                self.courier.broken.result()
            for source in await self._in_thread(self._take):
                await self._accept(source)
            self._look_after()
            if time.monotonic() - self._committed_at >= _COMMIT_EVERY_S:
                await self._in_thread(self._commit, self._watermark.positions())
        # Closing gives the partitions back, by way of _on_revoke.
        await self._in_thread(self._consumer.close)
        await self._poster.session.close()
        self._thread.shutdown(wait=False)

    def trouble(self) -> str:
        """What keeps this target from its triggers; empty where nothing does."""
        if self._trouble:
            return self._trouble
        match self.courier.breaker.state:
            case "gone":
                return "it answered 410, and nothing is sent there until the next start"
            case "open" | "half_open":
                return "it fails or wants to be left alone; triggers wait"
        return ""

    async def _accept(self, source: Source) -> None:
        self._watermark.take(source.place, source.offset, source.timestamp)
        if source.offset in self._finished.get(source.place, ()):
            self._watermark.finish(source.place, source.offset)
            return
        parcel = parcel_of(source)
        if isinstance(parcel, Refusal):
            where = f"{source.place.topic}/{source.place.partition}/{source.offset}"
            log.warning("trigger_not_readable", record=where, detail=parcel.detail)
            letter = letter_of(source, parcel, [("target", self._name)])
            await send_for_good(self._producer, [letter])
            metrics.TRIGGERS.labels(self._name, "not_readable").inc()
            self._watermark.finish(source.place, source.offset)
        else:
            self.courier.accept(parcel)

    async def _conclude(self, parcel: Parcel, outcome: Outcome) -> None:
        if outcome.failure:
            log.warning(
                "webhook_undelivered", target=self._name, trigger_id=parcel.id, kind=parcel.kind,
                reason=outcome.failure, attempts=outcome.attempts, detail=outcome.detail,
            )  # fmt: skip
        at = time.time_ns() // 1_000_000
        await send_for_good(self._producer, records_of(self._name, parcel, outcome, at))

    def _done(self, parcel: Parcel) -> None:
        self._watermark.finish(parcel.source.place, parcel.source.offset)

    async def _hand_back(self) -> dict[Place, Position]:
        """Let what is under way end, and forget the rest; returns how far it all has come."""
        await self.courier.let_go(self._let_go_s)
        positions = self._watermark.positions()
        self._watermark.forget()
        return positions

    def _look_after(self) -> None:
        """Pause or go on, and show where we are."""
        courier = self.courier
        used = max(
            courier.waiting / WAITING_MAX,
            courier.waiting_bytes / _WAITING_BYTES_MAX,
            self._watermark.ahead() / AHEAD_MAX,
        )
        if used >= 1 and not self._is_paused:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True
        elif used < 0.5 and self._is_paused:
            self._consumer.resume(self._consumer.assignment())
            self._is_paused = False
        oldest = self._watermark.oldest()
        age_s = 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)
        metrics.show(self._name, courier.breaker.state, courier.waiting, age_s)

    async def _in_thread(self, do: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._thread, do, *arguments)

    # In the thread --------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost,
        )  # fmt: skip

    def _take(self) -> list[Source]:
        """Some records, the oldest first: what is there, or the next one that comes."""
        taken: list[Source] = []
        changes = self._changes
        while len(taken) < _TAKE_MAX:
            record = self._consumer.poll(0 if taken else _POLL_S)
            if self._changes != changes:
                # They were of partitions that have been given back since.
                changes = self._changes
                taken.clear()
            if record is None:
                break
            if (error := record.error()) is None:
                taken.append(source_of(record))
            else:
                self._heard(error)
        return taken

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
        self._trouble = ""
        log.info("webhook_partitions", target=self._name, partitions=len(partitions))

    def _on_revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        """Let what is under way end: whoever comes next must not overtake it."""
        self._commit(self._give_up())

    def _on_lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._give_up()

    def _give_up(self) -> dict[Place, Position]:
        self._changes += 1
        self._trouble = "no partitions are assigned at the moment"
        return asyncio.run_coroutine_threadsafe(self._hand_back(), self._loop).result()

    def _heard(self, error: KafkaError) -> None:
        log.warning("webhook_kafka", target=self._name, error=error.str())
