"""What is read: triggers on their way are told of, and those that came too late to us are counted."""

import asyncio
from collections.abc import Sequence

from live_shop import now
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from webhook_parcels import AWAY, DELIVERED, PLACE, parcel

from schemas.codec import raw_decoders
from schemas.instant import HOUR
from schemas.profiles import TriggerUndelivered
from streams.producer import Outbound
from streams.webhooks.answers import Answer
from streams.webhooks.intake import WAITING_BYTES_MAX, WAITING_MAX, Intake, Room
from streams.webhooks.parcel import Parcel
from streams.webhooks.targets import Addressed, Target


class Desk:
    """An intake, a target that gives always the same answer, and what was written to Kafka."""

    def __init__(self, name: str, answer: Answer = DELIVERED, age_max_hours: float = 48) -> None:
        target = Target(url="https://x.example", age_max_hours=age_max_hours, backoff_s=0.01)
        self._answer = answer
        self.posted: list[str] = []
        self.written: list[Outbound] = []
        self.name = name
        self.intake = Intake(Addressed(name, target, ()), self._post, self._send)

    async def _post(self, it: Parcel) -> Answer:
        self.posted.append(it.id)
        return self._answer

    async def _send(self, records: Sequence[Outbound]) -> None:
        self.written += records

    async def accept(self, *parcels: Parcel) -> None:
        for it in parcels:
            await self.intake.accept(it.source)

    async def finish(self) -> None:
        while self.intake.courier.waiting:
            await asyncio.sleep(0.01)

    def counted(self, outcome: str) -> float:
        labels = {"target": self.name, "outcome": outcome}
        return REGISTRY.get_sample_value("ebbtide_webhook_triggers_total", labels) or 0.0


def test_what_is_too_old_when_it_is_first_read_is_counted_and_nobody_is_told() -> None:
    async def story() -> Desk:
        desk = Desk("new")
        old = [parcel(f"c{it}", it, decided_at=now() - 49 * HOUR) for it in range(50)]
        # Expired as well, and long ago: that makes it no younger.
        old.append(parcel("c50", 50, decided_at=now() - 49 * HOUR, expires_at=now() - 40 * HOUR))
        young = parcel("ann", 51, decided_at=now())
        await desk.accept(*old, young)
        await desk.finish()
        assert desk.posted == [young.id]
        assert desk.intake.positions()[PLACE].offset == young.source.offset + 1
        return desk

    with capture_logs() as logs:
        desk = asyncio.run(story())
    assert [it.topic for it in desk.written] == ["profiles"]
    assert (desk.counted("skipped"), desk.counted("delivered")) == (51, 1)
    assert [it["event"] for it in logs] == ["webhook_skips_old_triggers"]


def test_what_grows_too_old_while_it_waits_is_told() -> None:
    async def story() -> Desk:
        desk, clock = Desk("slow", AWAY), [now()]
        desk.intake.courier._now_ms = lambda: clock[0]
        await desk.accept(parcel("ann", 1, decided_at=clock[0] - 48 * HOUR + 200))
        clock[0] += 200
        await desk.finish()
        return desk

    desk = asyncio.run(story())
    (report,) = desk.written
    event = raw_decoders["profiles"].decode(report.value or b"")
    assert isinstance(event, TriggerUndelivered)
    assert event.reason == "too_old"
    assert (desk.counted("skipped"), desk.counted("too_old")) == (0, 1)


def test_what_had_expired_when_it_was_read_and_is_not_old_is_told() -> None:
    async def story() -> Desk:
        desk = Desk("stopped")
        await desk.accept(
            parcel("ann", 1, decided_at=now() - 3 * HOUR, expires_at=now() - HOUR),
        )
        await desk.finish()
        return desk

    assert asyncio.run(story()).counted("expired") == 1


def test_what_another_has_done_with_is_left_out() -> None:
    async def story() -> Desk:
        desk = Desk("second")
        it = parcel("ann", 1, decided_at=now())
        await desk.intake.accept(it.source, is_finished=True)
        assert desk.intake.positions()[PLACE].offset == it.source.offset + 1
        return desk

    assert asyncio.run(story()).posted == []


def test_room_shrinks_by_what_waits_with_its_headers_and_grows_again() -> None:
    async def story() -> None:
        desk = Desk("full")
        it = parcel("ann", 1, decided_at=now())
        assert it.source.size > len(it.source.value or b"") + 100
        await desk.accept(it)
        assert desk.intake.room() == Room(WAITING_MAX - 1, WAITING_BYTES_MAX - it.source.size)
        await desk.finish()
        assert desk.intake.room() == Room(WAITING_MAX, WAITING_BYTES_MAX)
        assert desk.intake.used() == 0

    asyncio.run(story())
