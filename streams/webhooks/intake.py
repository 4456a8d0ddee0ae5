"""What becomes of a record that is read? It is handed to the courier, or done with on the spot.

The law: we tell only of what we took on. A trigger that is too old when it is first read was never
ours to deliver: a new target reads its topics from the beginning, and a history that is replayed
comes again. So it is counted, and nobody is told; what grows too old while it waits is reported.
"""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from msgspec import Struct

from schemas.dead_letter import Refusal
from streams.producer import Outbound
from streams.webhooks import metrics
from streams.webhooks.answers import Answer
from streams.webhooks.courier import Courier, Outcome
from streams.webhooks.parcel import Parcel, Place, Source, parcel_of
from streams.webhooks.reports import letter_of, records_of
from streams.webhooks.targets import Addressed
from streams.webhooks.watermark import AHEAD_MAX, Position, Watermark

log = structlog.get_logger()

# What one target may keep in memory. Beyond that its partitions are paused.
WAITING_MAX = 1_000
WAITING_BYTES_MAX = 32 * 1024 * 1024


class Room(Struct, frozen=True):
    """How much more may be read. The record that fills it up is still taken."""

    triggers: int
    size: int


class Intake:
    """One target's triggers from being read to being done with. Make it where a loop runs.

    post: makes one request. send: writes records to Kafka, and returns when they are safe.
    """

    def __init__(
        self,
        addressed: Addressed,
        post: Callable[[Parcel], Awaitable[Answer]],
        send: Callable[[Sequence[Outbound]], Awaitable[None]],
    ) -> None:
        self._name, self._send = addressed.name, send
        self._watermark = Watermark()
        self._has_skipped = False
        self.courier = Courier(addressed.name, addressed.target, post, self._conclude, self._done)

    async def accept(self, source: Source, *, is_finished: bool = False) -> None:
        """Take a record, in the order of offsets. is_finished: another has done with it."""
        self._watermark.take(source.place, source.offset, source.timestamp)
        if is_finished:
            self._finish(source)
            return
        parcel = parcel_of(source)
        if isinstance(parcel, Refusal):
            await self._refuse(source, parcel)
        elif self.courier.is_too_old(parcel):
            self._skip(parcel)
        else:
            self.courier.accept(parcel)

    async def hand_back(self, within_s: float) -> dict[Place, Position]:
        """Let what is under way end, and forget the rest; returns how far it all has come."""
        await self.courier.let_go(within_s)
        positions = self._watermark.positions()
        self._watermark.forget()
        return positions

    def positions(self) -> dict[Place, Position]:
        """Where each partition is to be read from after a crash."""
        return self._watermark.positions()

    def room(self) -> Room:
        """What may be read now."""
        courier = self.courier
        return Room(WAITING_MAX - courier.waiting, WAITING_BYTES_MAX - courier.waiting_bytes)

    def used(self) -> float:
        """Which part of what we may keep is taken; from 1 on there is no room."""
        courier = self.courier
        return max(
            courier.waiting / WAITING_MAX,
            courier.waiting_bytes / WAITING_BYTES_MAX,
            self._watermark.ahead() / AHEAD_MAX,
        )

    def show(self) -> None:
        """Show in the metrics where this target is."""
        oldest = self._watermark.oldest()
        age_s = 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)
        metrics.show(self._name, self.courier.breaker.state, self.courier.waiting, age_s)

    async def _refuse(self, source: Source, refusal: Refusal) -> None:
        where = f"{source.place.topic}/{source.place.partition}/{source.offset}"
        log.warning("trigger_not_readable", record=where, detail=refusal.detail)
        await self._send([letter_of(source, refusal, [("target", self._name)])])
        metrics.TRIGGERS.labels(self._name, "not_readable").inc()
        self._finish(source)

    def _skip(self, parcel: Parcel) -> None:
        if not self._has_skipped:
            self._has_skipped = True
            log.info(
                "webhook_skips_old_triggers", target=self._name, trigger_id=parcel.id,
                what="it was too old when it was read, and so may be more: see the metrics",
            )  # fmt: skip
        metrics.TRIGGERS.labels(self._name, "skipped").inc()
        self._finish(parcel.source)

    async def _conclude(self, parcel: Parcel, outcome: Outcome) -> None:
        if outcome.failure:
            log.warning(
                "webhook_undelivered", target=self._name, trigger_id=parcel.id, kind=parcel.kind,
                reason=outcome.failure, attempts=outcome.attempts, detail=outcome.detail,
            )  # fmt: skip
        at = time.time_ns() // 1_000_000
        await self._send(records_of(self._name, parcel, outcome, at))

    def _done(self, parcel: Parcel) -> None:
        self._finish(parcel.source)

    def _finish(self, source: Source) -> None:
        self._watermark.finish(source.place, source.offset)
