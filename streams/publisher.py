"""How do decisions get out, once? With a mark of how far they are out, kept in Kafka beside them.

The mark of journal partition p is the last record of partition p of ``outbox-marks``. It does not
lie in Redis, so it survives a Redis that loses everything: what is decided again is not said again.

With transactions the records and the mark arrive together or not at all, under a transactional id
per partition. A successor's ``begin`` fences the one before it and ends what it had under way, and
reads the mark after that; so a ``read_committed`` consumer sees each decision exactly once.

Without them (a broker that does not keep what transactions promise) the mark follows when the
records are acknowledged. Whoever dies, or is overtaken, between the two leaves decisions that will
be published a second time, under the same id.

Source: KIP-98 (exactly once delivery and transactional messaging).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Producer as Librdkafka
from msgspec import Struct

from schemas.codec import DAMAGE, encode_json
from schemas.decisions import Mark
from streams.connection import Brokers
from streams.producer import DeliveryError, Outbound, Producer, hand_over
from streams.topics import MARKS

log = structlog.get_logger()

T = TypeVar("T")

_ANSWER_S = 10.0
# The broker aborts a transaction whose owner has been silent for so long. Until then a reader of
# committed records waits behind it, if nobody takes the partition over.
_TRANSACTION_TIMEOUT_MS = 30_000
# How many offsets before its end a partition of marks is read at first. A mark in a transaction
# takes two, one more for each publication that was aborted.
_TAIL = 64


# What the broker says to a producer whose transactional id has another user by now.
_FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)  # noqa: SLF001


class Fenced(DeliveryError):
    """Another worker publishes this partition now."""


class Written(Struct, frozen=True, gc=False):
    """A mark as it stands in Kafka. journal: the id of the topic whose offsets it speaks of."""

    mark: Mark
    journal: str = ""


class Publisher(Protocol):
    """Publishes the decisions of one journal partition; one call at a time."""

    async def begin(self) -> Mark:
        """Take the partition over; returns the last mark. Raises DeliveryError."""
        ...

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        """Write records and then, or with them, the mark. Raises DeliveryError."""
        ...

    async def close(self) -> None:
        """Let the partition go."""
        ...


class Marks:
    """Reads marks, on a thread of its own: librdkafka's calls block.

    journal: the journal's topic id; a mark that speaks of another journal's offsets says nothing.
    """

    def __init__(self, brokers: Brokers, journal: str = "") -> None:
        self._journal = journal
        self._config = brokers.config() | {
            "group.id": "ebbtide-marks",  # librdkafka wants one; it is never joined.
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="marks")
        self._consumer: Consumer | None = None

    def record(self, partition: int, mark: Mark) -> Outbound:
        """The record that says how far a partition is published."""
        value = encode_json(Written(mark, self._journal))
        return Outbound(MARKS, value, f"p{partition}".encode(), partition=partition)

    async def last(self, partition: int) -> Mark:
        """The furthest of a partition's last marks. Raises DeliveryError.

        The furthest, not the last: without transactions one that was overtaken may come late.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._last, partition)

    def _last(self, partition: int) -> Mark:
        try:
            if self._consumer is None:
                self._consumer = Consumer(self._config, logger=logging.getLogger("librdkafka"))
            place = TopicPartition(MARKS, partition)
            first, end = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S)
            tail = _TAIL
            while True:
                begin = max(first, end - tail)
                found = self._read(self._consumer, TopicPartition(MARKS, partition, begin))
                if found or begin == first:
                    return max(found, default=Mark())
                tail *= 16
        except KafkaException as error:
            raise DeliveryError(f"{MARKS}/{partition} was not read: {error}") from error

    def _read(self, consumer: Consumer, begin: TopicPartition) -> list[Mark]:
        """All marks of this journal from there to the end of the partition."""
        found = []
        consumer.assign([begin])
        try:
            while True:
                record = consumer.poll(_ANSWER_S)
                if record is None:
                    raise DeliveryError(f"{MARKS}/{begin.partition} was not read: no answer")
                if (error := record.error()) is None:
                    written = _decode(record.value() or b"")
                    if written is not None and written.journal == self._journal:
                        found.append(written.mark)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                    return found
                else:
                    raise KafkaException(error)
        finally:
            consumer.unassign()


class PlainPublisher:
    """Records first, and the mark when they are acknowledged."""

    def __init__(self, partition: int, producer: Producer, marks: Marks) -> None:
        self._partition = partition
        self._producer = producer
        self._marks = marks

    async def begin(self) -> Mark:
        return await self._marks.last(self._partition)

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        await self._producer.send(records)
        await self._producer.send([self._marks.record(self._partition, mark)])

    async def close(self) -> None:
        pass


class TransactionalPublisher:
    """Records and mark in one transaction.

    Whatever goes wrong, there is one way on: let the producer go, and ``begin`` with a new one. Its
    first act is to end what the old one left, and the mark tells then which end that was.

    Calls to librdkafka block, so they have a thread of their own. A call that is cancelled goes on
    there to its end, and the next one waits behind it.
    """

    def __init__(
        self, partition: int, config: Mapping[str, Any], transactional_id: str, marks: Marks
    ) -> None:
        self._partition = partition
        self._config = dict(config) | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": _TRANSACTION_TIMEOUT_MS,
            # All of a publication is handed over at once, and then flushed.
            "linger.ms": 0,
        }
        self._marks = marks
        self._librdkafka: Librdkafka | None = None
        self._committed = Mark()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"publisher-{partition}")

    async def begin(self) -> Mark:
        await self._call(self._take_over)
        # Our own last one may have been committed and not be readable yet.
        return max(self._committed, await self._marks.last(self._partition))

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        await self._call(lambda: self._publish(records, mark))

    async def close(self) -> None:
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=False)

    async def _call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _take_over(self) -> None:
        if self._librdkafka is not None:
            return
        self._librdkafka = Librdkafka(self._config, logger=logging.getLogger("librdkafka"))
        try:
            self._librdkafka.init_transactions(_ANSWER_S)
        except KafkaException as error:
            self._let_go()
            raise DeliveryError(f"the partition was not taken over: {error}") from error

    def _publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        producer = self._librdkafka
        if producer is None:
            raise DeliveryError("the partition is to be taken over again")
        try:
            producer.begin_transaction()
            for record in [*records, self._marks.record(self._partition, mark)]:
                hand_over(producer, record)
            producer.commit_transaction(_ANSWER_S)
            self._committed = mark
        except (KafkaException, BufferError) as error:
            self._let_go()
            if isinstance(error, KafkaException) and error.args[0].code() in _FENCED:
                raise Fenced("another worker has taken the partition over") from error
            raise DeliveryError(f"the transaction was not committed: {error}") from error

    def _let_go(self) -> None:
        """Forget the producer and what it has under way; its successor aborts that."""
        producer, self._librdkafka = self._librdkafka, None
        if producer is not None:
            producer.purge()


def _decode(value: bytes) -> Written | None:
    """A mark, or nothing where it is none of ours."""
    try:
        return _written(value)
    except DAMAGE:
        log.warning("mark_not_readable", value=value[:100])
        return None


_written = msgspec.json.Decoder(Written).decode
