"""How do records get to Kafka? By librdkafka, idempotently, and known to have arrived.

``send`` returns when the broker has acknowledged every record of the call, in order per partition.
One thread serves librdkafka's callbacks; it sleeps in C, without the interpreter's lock.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any

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


def producer_config(brokers: Brokers) -> dict[str, Any]:
    """What all our producers have in common."""
    return brokers.config() | {
        "enable.idempotence": True,
        # A record that is given up must take those after it along. Otherwise they would arrive, the
        # batch would be sent again, and its readers would take the late one for a repetition.
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

    def _land(self) -> None:
        if self.landed.done():
            return  # Whoever waited was cancelled.
        if self._error is None:
            self.landed.set_result(None)
        else:
            self.landed.set_exception(DeliveryError(str(self._error)))


class Producer:
    """A librdkafka producer for asyncio. Records larger than ``RECORD_BYTES_MAX`` are refused."""

    def __init__(self, brokers: Brokers, linger_ms: int = 5) -> None:
        self._settings = producer_config(brokers) | {"linger.ms": linger_ms}
        self._librdkafka = self._build()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="producer", daemon=True)
        self._thread.start()

    async def send(self, records: Sequence[Outbound]) -> None:
        """Write records; returns when all are acknowledged. Raises DeliveryError otherwise."""
        if not records:
            return
        flight = _Flight(len(records))
        for record in records:
            while not self._produce(record, flight):
                await asyncio.sleep(_QUEUE_FULL_WAIT_S)
        await flight.landed

    def close(self, timeout_s: float = 5.0) -> None:
        """Let what is under way arrive, and stop."""
        self._librdkafka.flush(timeout_s)
        self._closing.set()
        self._thread.join(timeout_s)

    def _produce(self, record: Outbound, flight: _Flight) -> bool:
        options: dict[str, Any] = {}
        if record.partition is not None:
            options["partition"] = record.partition
        if record.headers:
            options["headers"] = record.headers
        try:
            self._librdkafka.produce(
                record.topic, record.value, record.key, on_delivery=flight.deliver, **options
            )
        except BufferError:
            return False
        except KafkaException as exception:
            error: KafkaError = exception.args[0]
            if error.fatal():
                # An idempotent producer that lost its place cannot go on; a new one can.
                log.error("producer_rebuilt", error=str(error))  # noqa: TRY400 - no traceback helps
                broken, self._librdkafka = self._librdkafka, self._build()
                # Whoever waits for what the broken one held must hear that it did not arrive.
                broken.purge()
                broken.poll(0)
            raise DeliveryError(f"{record.topic}: {error}") from exception
        return True

    def _build(self) -> Librdkafka:
        return Librdkafka(self._settings, logger=logging.getLogger("librdkafka"))

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._librdkafka.poll(_POLL_S)
