"""Which topics are there, and how are they made?"""

import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from msgspec import Struct

from schemas import dead_letter
from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import RAW_TOPICS
from schemas.instant import DAY, HOUR
from schemas.ops import KINDS, ops_topic
from streams.connection import Brokers
from streams.producer import RECORD_BYTES_MAX

JOURNAL = "journal"
MARKS = "outbox-marks"
CUSTOMER_KEYS = "customer-keys"
_TIMEOUT_S = 10.0
# After so long what librdkafka has heard meanwhile is looked at.
_LOOK_S = 1.0
_REFUSALS = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001 - their only names
_EXISTS = 36  # TOPIC_ALREADY_EXISTS in the Kafka protocol.


class TopicError(Exception):
    """A topic is missing, or Kafka does not answer. The message says what to do."""


class Topic(Struct, frozen=True):
    """A topic as it should be. config: broker-side settings."""

    name: str
    partitions: int
    config: dict[str, str] = {}


def leader_topic(group: str) -> str:
    """The topic whose only partition makes its owner the leader (Faust's convention)."""
    return f"{group}-__assignor-__leader"


def wanted_topics(
    kinds: Iterable[str], group: str, *, journal_partitions: int, raw_partitions: int
) -> list[Topic]:
    """Every topic that Ebbtide reads or writes, for agents that say these kinds."""
    # The journal is the truth: rows are rebuilt from it, so it is kept for ever unless an operator
    # decides otherwise. Dead letters may be larger than any event that a broker lets through.
    # Raw records carry the broker's time, not their publisher's: the clock goes by it.
    raw = {"message.timestamp.type": "LogAppendTime"}
    keep = {"retention.ms": "-1"}
    month = {"retention.ms": str(30 * DAY)}
    # Of marks only the last one counts. Small segments, because the newest is never compacted.
    last = {"cleanup.policy": "compact", "segment.bytes": str(16 * 1024 * 1024)}
    # A key that is destroyed has to be gone from the disk soon: the newest segment is never
    # compacted, so it ends after an hour, and what was said over is removed within six.
    destroyed = {
        "cleanup.policy": "compact", "segment.ms": str(HOUR),
        "max.compaction.lag.ms": str(6 * HOUR), "min.cleanable.dirty.ratio": "0.01",
    }  # fmt: skip
    return [
        *(Topic(name, raw_partitions, raw) for name in RAW_TOPICS),
        Topic(JOURNAL, journal_partitions, keep),
        Topic(MARKS, journal_partitions, last),
        Topic(CUSTOMER_KEYS, journal_partitions, destroyed),
        *(Topic(trigger_topic(kind), journal_partitions) for kind in sorted(kinds)),
        # Few, and in the order in which they are said. There whatever is on: none costs anything.
        *(Topic(ops_topic(kind), 1, month) for kind in KINDS),
        Topic(DECISIONS, journal_partitions, month),
        Topic(dead_letter.TOPIC, 1, month | {"max.message.bytes": str(RECORD_BYTES_MAX)}),
        Topic(leader_topic(group), 1),
    ]


class Topics:
    """Asks Kafka about topics, and makes them."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._refusal = ""
        self._admin = AdminClient(
            brokers.config()
            # Of each vain attempt a line would be logged; why all were vain, we say in one.
            | {"socket.timeout.ms": 10_000, "error_cb": self._heard, "log_level": 0}
        )

    def create(self, wanted: Iterable[Topic], replication: int = 1) -> list[str]:
        """Make the topics that are not there; returns their names. Raises TopicError."""
        there = self.partitions()
        missing = [topic for topic in wanted if topic.name not in there]
        if not missing:
            return []
        specs = [NewTopic(it.name, it.partitions, replication, config=it.config) for it in missing]
        created = []
        for name, future in self._admin.create_topics(specs).items():
            try:
                future.result(_TIMEOUT_S)
                created.append(name)
            except KafkaException as error:
                if error.args[0].code() != _EXISTS:
                    raise TopicError(
                        f"topic {name} was not created: {error.args[0].str()}"
                    ) from error
            except TimeoutError as error:
                raise TopicError(f"topic {name} was not created: {self._silent()}") from error
        return created

    def partitions(self) -> dict[str, int]:
        """The partition count of every topic there is. Raises TopicError where Kafka is silent."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                listed = self._admin.list_topics(timeout=_LOOK_S).topics
                return {name: len(topic.partitions) for name, topic in listed.items()}
            except KafkaException as error:
                # librdkafka goes on trying, whatever the brokers say; it tells why by a callback.
                self._admin.poll(0)
                if self._refusal:
                    raise TopicError(
                        f"Kafka at {self._brokers} does not let us in ({self._refusal}): look at"
                        " the settings EBBTIDE_KAFKA_…"
                    ) from error
                if time.monotonic() > deadline:
                    security = self._brokers.config().get("security.protocol", "plaintext")
                    raise TopicError(
                        f"Kafka at {self._brokers} does not answer ({error.args[0].str()}): start"
                        " it, or set EBBTIDE_BROKER. If it runs there: does it expect"
                        f" EBBTIDE_KAFKA_SECURITY={security}?"
                    ) from error

    def _heard(self, error: KafkaError) -> None:
        if error.code() in _REFUSALS:
            self._refusal = error.str()

    def id_of(self, topic: str) -> str:
        """The id that Kafka gave a topic when it was made: another one when it is made anew."""
        names = TopicCollection([topic])
        try:
            described = self._admin.describe_topics(names, request_timeout=_TIMEOUT_S)[topic]
            return str(described.result(_TIMEOUT_S).topic_id)
        except KafkaException as error:
            raise TopicError(f"topic {topic}: {error.args[0].str()}") from error
        except TimeoutError as error:
            # It has gone away since it was asked last.
            raise TopicError(f"topic {topic}: {self._silent()}") from error

    def _silent(self) -> str:
        return f"Kafka at {self._brokers} has not answered for {_TIMEOUT_S:.0f} s"

    def require(self, wanted: Iterable[str]) -> dict[str, int]:
        """Partition counts; raises TopicError naming the topics that are missing."""
        there = self.partitions()
        missing = [name for name in wanted if name not in there]
        if missing:
            raise TopicError(
                f"missing topics: {', '.join(missing)}. Make them with `ebbtide topics create`"
            )
        return there
