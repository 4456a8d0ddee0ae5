"""What does a run find when it begins? A broker of its own, with W in it, and an empty Redis."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from bench import workload
from schemas.codec import encode_json, raw_decoders
from schemas.journal import Entry, Source
from streams.connection import Brokers
from streams.embedded import Embedded
from streams.producer import Outbound, Producer
from streams.topics import JOURNAL, Topic, Topics, wanted_topics

PARTITIONS = 4
SOURCE, SINK = "w", "said"
_AT_ONCE = 20_000


@contextmanager
def servers(folder: Path, kinds: Sequence[str]) -> Iterator[Embedded]:
    """Kafka and Redis, with all topics that anybody needs."""
    with Embedded(folder) as embedded:
        topics = wanted_topics(
            kinds, "ebbtide", journal_partitions=PARTITIONS, raw_partitions=PARTITIONS
        )
        own = [Topic(SOURCE, PARTITIONS), Topic(SINK, PARTITIONS)]
        Topics(Brokers(embedded.broker)).create([*topics, *own])
        yield embedded


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
