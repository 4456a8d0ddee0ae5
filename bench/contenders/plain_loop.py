"""The bound for Python: librdkafka, Redis and Ebbtide's own engine in one loop, and nothing else.

The same batches, scripts and agents as a worker's, without Faust, groups, lanes or a relay: load
the rows of what was fetched of a partition, decide, publish, commit; one partition after the other.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.engine.batch import Batch
from bench.contenders import arguments
from bench.contenders.arguments import Arguments
from bench.meter import Meter
from config.settings import load_settings
from schemas.cloud_event import messages
from schemas.codec import decode_record
from schemas.journal import Entry, Record
from state.redis_table import (
    KEYS,
    READ,
    commit_arguments,
    key_of,
    load_arguments,
    loaded,
    script,
)
from state.table import Commit, Loaded, Needs, Position
from streams.bootstrap import load_policy
from streams.connection import Brokers
from streams.producer import producer_config

FETCH_MAX, FETCH_S, PARTITIONS = 10_000, 0.2, 4


class Rows:
    """The table's two scripts, called without ``await``."""

    def __init__(self, url: str) -> None:
        self.client: Any = redis.Redis.from_url(url)
        self._load = self.client.register_script(script("load.lua"))
        self._commit = self.client.register_script(script("commit.lua"))

    def load(self, partition: int, needs: Needs) -> Loaded:
        """What RedisTable.load does."""
        return loaded(needs, self._load(_keys(partition)[: len(READ)], load_arguments(needs)))

    def commit(self, partition: int, commit: Commit) -> bool:
        """What RedisTable.commit does."""
        return bool(self._commit(_keys(partition), commit_arguments(commit)))

    def total(self) -> int:
        """The events in all rows."""
        count = 0
        for partition in range(PARTITIONS):
            found = self.client.hgetall(key_of(partition, "counters"))
            count += sum(int(by) for name, by in found.items() if name.endswith(b"/applied"))
        return count


def _keys(partition: int) -> list[str]:
    return [key_of(partition, it) for it in KEYS]


class Loop:
    """One process, one thread, one partition after the other."""

    def __init__(self, wanted: Arguments) -> None:
        self._meter = Meter(wanted.events, wanted.result)
        self._engine = load_policy(load_settings()).engine(PARTITIONS)
        self._rows = Rows(wanted.redis)
        self._producer = Producer(producer_config(Brokers(wanted.broker)))
        self._positions = [Position() for _ in range(PARTITIONS)]
        self._consumer = Consumer(
            {"bootstrap.servers": wanted.broker, "group.id": wanted.group,
             "auto.offset.reset": "earliest", "enable.auto.commit": False,
             "fetch.wait.max.ms": 50}
        )  # fmt: skip
        self._consumer.assign([TopicPartition(wanted.topic, it, 0) for it in range(PARTITIONS)])

    def run(self) -> None:
        """Until all events are done."""
        while True:
            fetched: dict[int, list[Any]] = defaultdict(list)
            for record in self._fetch():
                if record.error() is None:
                    fetched[record.partition() or 0].append(record)
            if fetched:
                self._meter.begin()
            for partition, records in fetched.items():
                facts = [decode_record(it.value()) for it in records]
                self._apply(partition, [it.offset() for it in records], facts)

    def _fetch(self) -> list[Any]:
        """What there is; ``consume`` with a time would wait for the last of ``FETCH_MAX``."""
        first = self._consumer.poll(FETCH_S)
        return [] if first is None else [first, *self._consumer.consume(FETCH_MAX - 1, 0)]

    def _apply(self, partition: int, offsets: Sequence[int], facts: Sequence[Record]) -> None:
        """Load, decide, publish, commit; again where a tick has too many timers for one commit."""
        while facts:
            needs = self._engine.needs(facts)
            batch = self._engine.open(self._rows.load(partition, needs), needs)
            if more := self._engine.more(batch, offsets[0], facts):
                batch.take(self._rows.load(partition, more))
            done = self._engine.run(batch, offsets, facts)
            offset = offsets[-1] + 1 if done == len(facts) else offsets[done]
            published = self._positions[partition].sequence
            commit = batch.close(offset, published=published)
            self._publish(batch)
            if not self._rows.commit(partition, commit):
                raise RuntimeError("somebody else writes these rows")
            self._positions[partition] = commit.position
            events = sum(isinstance(it, Entry) for it in facts[:done])
            sent = sum(it.decision.outcome == "sent" for it in batch.outgoing)
            facts, offsets = facts[done:], offsets[done:]
            if self._meter.count(events, sent):
                self._meter.finish(self._rows.total())

    def _publish(self, batch: Batch) -> None:
        for outgoing in batch.outgoing:
            for it in messages(outgoing.decision):
                headers: Any = it.headers
                self._producer.produce(it.topic, it.value, it.key, headers=headers)
        self._producer.flush()


if __name__ == "__main__":
    loop = Loop(arguments.read())
    arguments.tune_collector()
    loop.run()
