"""How do records get to Kafka? By librdkafka, idempotently, and known to have arrived.

``send`` returns when the broker has acknowledged every record of the call, in order per partition.
One thread serves librdkafka's callbacks; it sleeps in C, without the interpreter's lock.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as Librdkafka
from msgspec import Struct

from streams.connection import Brokers
from streams.partitioner import LIBRDKAFKA_PARTITIONER

log = structlog.get_logger()

_POLL_S = 0.1
_QUEUE_FULL_WAIT_S = 0.005
_BROKER_WAIT_MS = 10_000
RECORD_BYTES_MAX = 4 * 1024 * 1024
# A `send` hands over at once all that it has, so nothing else is worth waiting for. With 1 ms, 60
# records take four requests to four partitions in 2 ms, as many as with librdkafka's 5 ms in 6 ms;
# with none they take as many in 1 ms, but 2,000 take 23 instead of 8.
LINGER_MS = 1


def producer_config(brokers: Brokers) -> dict[str, Any]:
    """What all our producers have in common."""
    return brokers.config() | {
        "enable.idempotence": True,
        # A record that the broker refuses must take those after it along. Otherwise they would
        # arrive, the batch would be sent again, and its readers would take the late one for a
        # repetition. For the same reason none expires: see `Producer`.
        "enable.gapless.guarantee": True,
        "partitioner": LIBRDKAFKA_PARTITIONER,
        "compression.type": "lz4",
        "message.max.bytes": RECORD_BYTES_MAX,
        "queue.buffering.max.messages": 200_000,
        # A broker that freezes keeps its connections: by default it would be waited for a minute.
        "request.timeout.ms": _BROKER_WAIT_MS,
        "socket.timeout.ms": _BROKER_WAIT_MS,
    }


class DeliveryError(Exception):
    """Kafka did not take a record. It may or may not stand in the log; send it again."""


class Outbound(Struct, frozen=True, gc=False):
    """One record to be written. partition None: where its key belongs."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: list[tuple[str, bytes]] | None = None
    partition: int | None = None


class Sender(Protocol):
    """What a producer is to most: a way for records."""

    async def send(self, records: Sequence[Outbound]) -> None:
        """Write records; returns when all are acknowledged. Raises DeliveryError."""
        ...


class _Flight:
    """The records of one ``send`` that are under way; lands when all are acknowledged."""

    def __init__(self, pending: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending = pending
        self._error: KafkaError | None = None
        self.landed: asyncio.Future[None] = self._loop.create_future()

    def deliver(self, error: KafkaError | None, _: Any) -> None:
        """librdkafka's callback, on the poll thread; that thread alone counts."""
        self._error = self._error or error
        self._pending -= 1
        if not self._pending:
            self._loop.call_soon_threadsafe(self._land)

    def has_failed(self) -> bool:
        """Whether one of the records will not arrive."""
        return self._error is not None

    def _land(self) -> None:
        if self.landed.done():
            return  # Whoever waited was cancelled.
        if self._error is None:
            self.landed.set_result(None)
        else:
            self.landed.set_exception(DeliveryError(str(self._error)))


class Producer:
    """A librdkafka producer for asyncio. Records larger than ``RECORD_BYTES_MAX`` are refused.

    What a record is refused for without a hope breaks a librdkafka producer (its order could not be
    kept). Everything that it holds then fails, and another takes its place.
    """

    def __init__(self, brokers: Brokers, linger_ms: int = LINGER_MS) -> None:
        # A record that expired would leave a gap, which `enable.gapless.guarantee` does not see.
        lasting = {"linger.ms": linger_ms, "message.timeout.ms": 0}
        self._settings = producer_config(brokers) | lasting
        self._librdkafka = self._build()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="producer", daemon=True)
        self._thread.start()

    async def send(self, records: Sequence[Outbound]) -> None:
        """Write records; returns when all are acknowledged. Raises DeliveryError otherwise."""
        if not records:
            return
        flight, librdkafka = _Flight(len(records)), self._librdkafka
        for record in records:
            while not _produce(librdkafka, record, flight):
                await asyncio.sleep(_QUEUE_FULL_WAIT_S)
                # Those that follow must not arrive without those before.
                if flight.has_failed() or librdkafka is not self._librdkafka:
                    raise DeliveryError(f"{record.topic}: records before this one did not arrive")
        await flight.landed

    def close(self, timeout_s: float = 5.0) -> None:
        """Let what is under way arrive, and stop."""
        self._librdkafka.flush(timeout_s)
        self._closing.set()
        self._thread.join(timeout_s)

    def _build(self) -> Librdkafka:
        return Librdkafka(self._settings, logger=logging.getLogger("librdkafka"))

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                self._librdkafka.poll(_POLL_S)
            except KafkaException as broken:  # Only what breaks a producer is raised here.
                self._replace(broken)

    def _replace(self, why: KafkaException) -> None:
        """Begin anew; whoever waits for what the broken one holds must hear that it failed."""
        log.error("producer_replaced", error=str(why))
        broken, self._librdkafka = self._librdkafka, self._build()
        broken.purge()
        while len(broken):
            with suppress(KafkaException):
                broken.poll(_POLL_S)


def hand_over(librdkafka: Librdkafka, record: Outbound, **options: Any) -> None:
    """Give librdkafka a record. Raises what its ``produce`` does; options are those of it."""
    if record.partition is not None:
        options["partition"] = record.partition
    if record.headers:
        options["headers"] = record.headers
    librdkafka.produce(record.topic, record.value, record.key, **options)


def _produce(librdkafka: Librdkafka, record: Outbound, flight: _Flight) -> bool:
    """Hand a record over; False where there is no room. Raises DeliveryError."""
    try:
        hand_over(librdkafka, record, on_delivery=flight.deliver)
    except BufferError:
        return False
    except KafkaException as error:
        raise DeliveryError(f"{record.topic}: {error.args[0]}") from error
    return True
