"""How does a command talk to Kafka? It finds out at once whether it is there, reads, and sends.

Commands join no consumer group: a reader that only looks would wait for a rebalance, and leave a
group behind. And they don't ask where a topic ends, because the embedded broker answers that too
low (never too high); what a fetch brings along says it right.
"""

import asyncio
import socket
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record
from msgspec import Struct

from streams.connection import Brokers
from streams.producer import DeliveryError, Outbound, Producer
from streams.topics import TopicError, Topics

_CONNECT_S = 3.0
_ANSWER_S = 10.0
# The producer's own limit for a record is five minutes, which at a terminal is a hang.
_ACKNOWLEDGE_S = 10.0
_POLL_S = 0.1


def reach(brokers: Brokers) -> Topics:
    """The topics of a Kafka that listens. Raises TopicError at once where nothing does.

    librdkafka goes on trying, which suits a worker; a person wants to know.
    """
    if refusal := refused(brokers):
        raise TopicError(
            f"Kafka at {brokers} cannot be reached ({refusal}): start it (`ebbtide up` starts one"
            " on this machine), or name another with --broker or EBBTIDE_BROKER"
        )
    return Topics(brokers)


def refused(brokers: Brokers) -> str | None:
    """Why none of the servers can be connected to; None where one can."""
    refusal = ""
    for server in brokers.servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
                return None
        except (OSError, ValueError) as error:
            refusal = getattr(error, "strerror", None) or str(error)
    return refusal


class Bounds(Struct, frozen=True):
    """The first offset that a partition still has, and the one after its last record."""

    first: int
    end: int


class Reader:
    """Reads partitions from chosen places. Raises TopicError where Kafka does not answer."""

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers
        self._consumer = Consumer(
            brokers.config()
            | {
                # librdkafka wants one; it is never joined.
                "group.id": "ebbtide-command",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                # Where the place that was asked for is gone: begin with what is there.
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                # Silent by itself, and not by way of a Python logger: a Ctrl-C that came while
                # that was called would be lost, and poll would fail with a SystemError.
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._consumer.close()

    def beginning(self, topics: Sequence[str]) -> list[TopicPartition]:
        """All partitions of the topics, each at its first record."""
        return self._partitions(topics)

    def near_the_end(self, topics: Sequence[str]) -> list[TopicPartition]:
        """All partitions of the topics, each at its end or (on the embedded broker) before it."""
        return [
            TopicPartition(it.topic, it.partition, self._watermarks(it)[1])
            for it in self._partitions(topics)
        ]

    def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        """Where each partition of the topics begins and truly ends."""
        found: dict[tuple[str, int], Bounds] = {}
        unheard: dict[tuple[str | None, int | None], Bounds] = {}
        places = self._partitions(topics)
        for it in places:
            first, it.offset = self._watermarks(it)
            unheard[it.topic, it.partition] = Bounds(first, it.offset)
        self._consumer.assign(places)
        while unheard:
            record = self._next()
            _is_end(record)
            reported = unheard.pop((record.topic(), record.partition()), None)
            if reported is not None:
                end = self._end_by_fetch(record)
                place = record.topic() or "", record.partition() or 0
                found[place] = Bounds(reported.first, reported.end if end is None else end)
        return found

    def to_the_end(
        self, topics: Sequence[str], start: Sequence[TopicPartition] = ()
    ) -> Iterator[Record]:
        """Every record from the start up to the end as it is when reading begins, then no more.

        start: other places than the beginning of each partition.
        """
        places = list(start) or self.beginning(topics)
        return (record for record in self._from(places) if record.error() is None)

    def live(self, start: Sequence[TopicPartition]) -> Iterator[Record | None]:
        """Every record from there on, for ever; None where there is none at the moment."""
        self._consumer.assign(list(start))
        while True:
            record = self._consumer.poll(_POLL_S)
            if record is None or not _is_end(record):
                yield record

    def _from(self, places: list[TopicPartition]) -> Iterator[Record]:
        """Records and ends of partitions, until every partition has come to its end."""
        unread: dict[tuple[str | None, int | None], int | None]
        unread = {(it.topic, it.partition): None for it in places}
        self._consumer.assign(places)
        while unread:
            record = self._next()
            place = (record.topic(), record.partition())
            if place not in unread:
                continue  # Came in after its partition had been read to the end.
            if unread[place] is None:
                unread[place] = self._end_by_fetch(record)
            end, offset = unread[place], record.offset()
            if _is_end(record) or (end is not None and offset is not None and offset + 1 >= end):
                del unread[place]
            if _is_end(record) or end is None or offset is None or offset < end:
                yield record

    def _next(self) -> Record:
        """The next record or end of a partition. Raises TopicError where neither comes."""
        record = self._consumer.poll(_ANSWER_S)
        if record is None:
            raise TopicError(f"Kafka at {self.brokers} has stopped answering")
        return record

    def _end_by_fetch(self, record: Record) -> int | None:
        here = TopicPartition(record.topic() or "", record.partition() or 0)
        known = self._consumer.get_watermark_offsets(here, cached=True)
        return known[1] if known[1] >= 0 else None

    def _watermarks(self, place: TopicPartition) -> tuple[int, int]:
        try:
            marks: tuple[int, int] = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_S)
        except KafkaException as error:
            raise TopicError(f"{place.topic}/{place.partition}: {error.args[0].str()}") from error
        return marks

    def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        try:
            listed = self._consumer.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as error:
            raise TopicError(f"Kafka at {self.brokers}: {error.args[0].str()}") from error
        if missing := [name for name in topics if name not in listed]:
            raise TopicError(
                f"missing topics: {', '.join(missing)}. Make them with `ebbtide topics create`"
            )
        return [
            TopicPartition(name, partition, OFFSET_BEGINNING)
            for name in topics
            for partition in sorted(listed[name].partitions)
        ]


def _is_end(record: Record) -> bool:
    """Whether this says that a partition ends here. Raises TopicError for any other error."""
    error = record.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - it has no other name
        return True
    raise TopicError(f"{record.topic()}/{record.partition()}: {error.str()}")


class Sender:
    """Sends records as the worker does. Raises DeliveryError soon where Kafka stops answering."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._producer = Producer(brokers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._producer.close)

    async def send(self, records: Iterable[Outbound]) -> None:
        """Write records; returns when all are acknowledged."""
        try:
            await asyncio.wait_for(self._producer.send(list(records)), _ACKNOWLEDGE_S)
        except TimeoutError as error:
            raise DeliveryError(
                f"Kafka at {self._brokers} has not acknowledged for {_ACKNOWLEDGE_S:.0f} s; what"
                " was under way may or may not stand in the log"
            ) from error
