"""A route and its consumer: what is read fits into memory, and a broken consumer is not kept quiet."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError
from live_shop import now
from webhook_parcels import PLACE, parcel

from config.settings import Settings
from streams.webhooks import route
from streams.webhooks.intake import WAITING_BYTES_MAX, Room
from streams.webhooks.parcel import Source
from streams.webhooks.route import ConsumerError, Route
from streams.webhooks.targets import Addressed, Target

BROKEN = KafkaError(KafkaError._FATAL, "the group has fenced us off", True)


class Record:
    """A record as confluent-kafka has it."""

    def __init__(self, source: Source | None, error: KafkaError | None = None) -> None:
        self._source, self._error = source, error

    def __getattr__(self, name: str) -> Any:
        source = self._source or parcel().source
        return lambda: {
            "error": self._error, "topic": PLACE.topic, "partition": PLACE.partition,
            "offset": source.offset, "timestamp": (1, source.timestamp), "key": source.key,
            "value": source.value,
            "headers": [(key, text.encode()) for key, text in source.headers.items()],
        }[name]  # fmt: skip


class Consumer:
    """Gives what it is told to. Shared by all that are made."""

    records: Iterator[Record] = iter(())
    closed = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def poll(self, timeout: float) -> Record | None:
        return next(Consumer.records, None)

    def subscribe(self, *_: Any, **how: Any) -> None:
        self._revoke = how["on_revoke"]
        how["on_assign"](self, [])

    def list_topics(self, *_: Any, **__: Any) -> None:
        pass

    def committed(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def commit(self, **_: Any) -> None:
        pass

    def close(self) -> None:
        Consumer.closed += 1
        self._revoke(self, [])


@pytest.fixture(autouse=True)
def kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "Consumer", Consumer)
    Consumer.records, Consumer.closed = iter(()), 0


def made() -> Route:
    target = Target(url="http://127.0.0.1:9/")
    return Route(Settings(), Addressed("x", target, (b"k" * 24,)), ["triggers.a"], Any)  # type: ignore[arg-type]


def test_a_consumer_that_is_broken_for_good_ends_the_route_and_leaves_the_group() -> None:
    async def story() -> str:
        Consumer.records = iter([Record(None, BROKEN)])
        it = made()
        with pytest.raises(ConsumerError, match="the group has fenced us off"):
            await it.run(asyncio.Event())
        return it.trouble()

    assert asyncio.run(story())
    assert Consumer.closed == 1


def test_an_error_that_passes_is_none_of_those() -> None:
    async def story() -> None:
        passing = KafkaError(KafkaError.REQUEST_TIMED_OUT)
        Consumer.records = iter([Record(None, passing)])
        stopping = asyncio.Event()
        task = asyncio.create_task(made().run(stopping))
        await asyncio.sleep(0.05)
        assert not task.done()
        stopping.set()
        await task

    asyncio.run(story())
    assert Consumer.closed == 1


@pytest.mark.parametrize(
    ("room", "taken"),
    [
        (Room(1_000, 1_000_000_000), 100),
        (Room(1_000, WAITING_BYTES_MAX), 34),
        (Room(7, WAITING_BYTES_MAX), 7),
        # Three fit; the fourth fills it up.
        (Room(1_000, 3_500_000), 4),
        # Paused partitions give none; a new one may, before it is paused too.
        (Room(0, -5), 1),
    ],
)
def test_no_more_is_read_than_there_is_room_for(room: Room, taken: int) -> None:
    async def story() -> int:
        source = parcel("ann", 1, decided_at=now()).source
        whole = source.size - len(source.value or b"")
        large = Source(
            source.place, 1, 1, source.key, b"x" * (1_000_000 - whole), source.headers
        )  # fmt: skip
        Consumer.records = iter([Record(large)] * 200)
        it = made()
        found = len(it._take(room))
        await it._poster.session.close()
        return found

    assert asyncio.run(story()) == taken
