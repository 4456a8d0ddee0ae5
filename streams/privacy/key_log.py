"""Where are keys safe from a Redis that loses something? In a compacted topic.

A record is one key: ``customer_id/key_id``, and the key as it is kept, in base64. A record without
a value says that the key is destroyed; compaction then removes the key itself. Keys of journal
partition p stand in partition p.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from schemas.journal import KEY_ID_LENGTH, each_of
from state.redis_keys import WRAPPED_LENGTH, Kept
from streams.connection import Brokers
from streams.producer import DeliveryError, Outbound
from streams.topics import CUSTOMER_KEYS

log = structlog.get_logger()

_ANSWER_S = 10.0


class Said(Struct, frozen=True):
    """What the topic says of one key last. wrapped None: it is destroyed."""

    customer_id: str
    key_id: str
    wrapped: bytes | None


class Told(Struct, frozen=True):
    """What the topic says from an offset on. offset: where whoever reads on begins."""

    offset: int
    keys: list[tuple[str, Kept]]
    destroyed: dict[str, str]


class KeyLog(Protocol):
    """The topic of keys, for whoever reads it."""

    async def read(self, partition: int, offset: int) -> Told:
        """All that stands there from an offset up to the end. Raises DeliveryError."""
        ...


def record_of(partition: int, customer_id: str, kept: Kept) -> Outbound:
    """The record that says a key."""
    value = b64encode(kept.wrapped)
    return Outbound(CUSTOMER_KEYS, value, _name(customer_id, kept.id), None, partition)


def tombstones(partition: int, key_ids: Mapping[str, str]) -> list[Outbound]:
    """The records that say that keys are destroyed."""
    return [
        Outbound(CUSTOMER_KEYS, None, _name(customer_id, key_id), None, partition)
        for customer_id, its in key_ids.items()
        for key_id in each_of(its)
    ]


def said(name: bytes | None, value: bytes | None) -> Said | None:
    """What a record says; None where it is none of ours."""
    try:
        customer_id, slash, key_id = (name or b"").decode().rpartition("/")
        wrapped = None if value is None else b64decode(value, validate=True)
    except (UnicodeDecodeError, NoBase64, ValueError):
        return None
    fits = slash and len(key_id) == KEY_ID_LENGTH
    if not fits or (wrapped is not None and len(wrapped) != WRAPPED_LENGTH):
        return None
    return Said(customer_id, key_id, wrapped)


def told(offset: int, records: Iterable[Said]) -> Told:
    """What counts of records, in their order: the last that each key is said."""
    last: dict[tuple[str, str], bytes | None] = {}
    for it in records:
        last[it.customer_id, it.key_id] = it.wrapped
    keys: list[tuple[str, Kept]] = []
    destroyed: dict[str, str] = {}
    for (customer_id, key_id), wrapped in last.items():
        if wrapped is None:
            destroyed[customer_id] = destroyed.get(customer_id, "") + key_id
        else:
            keys.append((customer_id, Kept(key_id, wrapped)))
    return Told(offset, keys, destroyed)


class TopicOfKeys:
    """Reads the topic, on a thread of its own: librdkafka's calls block."""

    def __init__(self, brokers: Brokers) -> None:
        self._config = brokers.config() | {
            "group.id": "ebbtide-keys",  # librdkafka wants one; it is never joined.
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            # Where a place is gone, the topic is another one: begin with what is there.
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._consumer: Consumer | None = None

    async def read(self, partition: int, offset: int) -> Told:
        """All that stands there from an offset up to the end. Raises DeliveryError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._read, partition, offset)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False)

    def _read(self, partition: int, offset: int) -> Told:
        try:
            if self._consumer is None:
                self._consumer = Consumer(self._config, logger=logging.getLogger("librdkafka"))
            self._consumer.assign([TopicPartition(CUSTOMER_KEYS, partition, offset)])
            try:
                end, records = self._until_the_end(self._consumer, partition)
            finally:
                self._consumer.unassign()
        except KafkaException as error:
            raise DeliveryError(f"{CUSTOMER_KEYS}/{partition} was not read: {error}") from error
        return told(end, records)

    def _until_the_end(self, consumer: Consumer, partition: int) -> tuple[int, Sequence[Said]]:
        found: list[Said] = []
        while True:
            record = consumer.poll(_ANSWER_S)
            if record is None:
                raise DeliveryError(f"{CUSTOMER_KEYS}/{partition} was not read: no answer")
            error = record.error()
            if error is None:
                name, value = record.key(), record.value()
                it = said(_bytes(name), _bytes(value))
                if it is None:
                    log.warning("key_not_readable", partition=partition, offset=record.offset())
                else:
                    found.append(it)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                return record.offset() or 0, found
            else:
                raise KafkaException(error)


def _name(customer_id: str, key_id: str) -> bytes:
    return f"{customer_id}/{key_id}".encode()


def _bytes(content: Any) -> bytes | None:
    return content if content is None or isinstance(content, bytes) else str(content).encode()
