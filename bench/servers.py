"""What does a run find when it begins? A broker of its own, with W in it, and an empty Redis."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

from msgspec import Struct

from bench import workload
from bench.apache_kafka import ApacheKafka
from bench.place import CONFIG
from config.settings import load_settings
from schemas.codec import encode_json, raw_decoders
from schemas.journal import Entry, Source
from streams.bootstrap import load_policy
from streams.connection import Brokers
from streams.embedded import Embedded
from streams.producer import Outbound, Producer
from streams.topics import JOURNAL, Topic, Topics, wanted_topics

PARTITIONS = 4
SOURCE, SINK = "w", "said"
_AT_ONCE = 20_000


class Servers(Struct, frozen=True):
    """Where a run finds what it needs. web_port: a free one, for a worker."""

    broker: str
    redis_url: str
    web_port: int


def kinds(config: Path = CONFIG) -> list[str]:
    """What is said under an engine.toml: the kinds of trigger."""
    return load_policy(load_settings({}, config=str(config))).kinds()


@contextmanager
def servers(folder: Path, said: Sequence[str], *, apache: bool = False) -> Iterator[Servers]:
    """Kafka and Redis, with all topics that anybody needs. apache: it is Apache Kafka."""
    with ExitStack() as stack:
        embedded = stack.enter_context(Embedded(folder))
        broker = embedded.broker
        if apache:
            embedded.stop_kafka()
            broker = stack.enter_context(ApacheKafka(folder / "apache")).broker
        topics = wanted_topics(
            said, "ebbtide", journal_partitions=PARTITIONS, raw_partitions=PARTITIONS
        )
        own = [Topic(SOURCE, PARTITIONS), Topic(SINK, PARTITIONS)]
        Topics(Brokers(broker)).create([*topics, *own])
        yield Servers(broker, embedded.redis_url, embedded.kafka_port + 1)


def as_published(path: Path, events: int) -> Iterator[Outbound]:
    """W on the raw topics, as storefronts publish it."""
    for it in islice(workload.read(path), events):
        yield Outbound(it.topic, it.value, it.key)


def as_one_topic(path: Path, events: int) -> Iterator[Outbound]:
    """W on one topic, for whoever knows nothing of ours."""
    for it in islice(workload.read(path), events):
        yield Outbound(SOURCE, it.value, it.key)


def as_journal(path: Path, events: int) -> Iterator[Outbound]:
    """W in the journal, as ingest would have written it."""
    for number, it in enumerate(islice(workload.read(path), events)):
        event = raw_decoders[it.topic].decode(it.value)
        entry = Entry(event, Source(it.topic, 0, number, it.at))
        yield Outbound(JOURNAL, encode_json(entry), it.key)


def fill(broker: str, records: Iterator[Outbound]) -> None:
    """Write them all."""

    async def write() -> None:
        producer = Producer(Brokers(broker), linger_ms=20)
        while batch := list(islice(records, _AT_ONCE)):
            await producer.send(batch)
        await asyncio.to_thread(producer.close)

    asyncio.run(write())
