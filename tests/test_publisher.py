"""Publishing: records and their mark together or not at all, and an owner that was overtaken is told.

On Apache Kafka, because the embedded broker does not keep what transactions promise.
"""

import asyncio
from collections.abc import Iterator

import pytest
from apache_kafka import NEEDED
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from bench.apache_kafka import ApacheKafka
from schemas.decisions import Mark
from streams.connection import Brokers
from streams.producer import DeliveryError, Outbound, Producer, producer_config
from streams.publisher import Fenced, Marks, PlainPublisher, TransactionalPublisher
from streams.topics import MARKS, Topic, Topics

pytestmark = NEEDED

END = b"the end"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka.broker


@pytest.fixture
def topic(broker: str, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own; the marks are those of one partition for each test."""
    name = str(request.node.name)[:100]
    Topics(Brokers(broker)).create([Topic(name, 1), Topic(MARKS, 16)])
    return name


@pytest.fixture
def marks(broker: str) -> Marks:
    return Marks(Brokers(broker), "this journal")


def owner(broker: str, partition: int, marks: Marks) -> TransactionalPublisher:
    config = producer_config(Brokers(broker))
    return TransactionalPublisher(partition, config, f"relay-{partition}", marks)


def read(broker: str, topic: str) -> list[bytes | None]:
    """What a reader of committed records finds.

    The broker answers a commit before its marker stands in the topic, and until then a reader comes
    to an end before it. So there is an end of our own, which nobody reads before all is decided.
    """

    async def end_it() -> None:
        producer = Producer(Brokers(broker))
        await producer.send([Outbound(topic, END)])
        await asyncio.to_thread(producer.close)

    asyncio.run(end_it())
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": topic, "isolation.level": "read_committed",
         "enable.auto.commit": False}
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    found: list[bytes | None] = []
    try:
        while (record := consumer.poll(30)) is not None:
            assert record.error() is None
            if record.value() == END:
                return found
            found.append(record.value())
        raise AssertionError("no end was reached")
    finally:
        consumer.close()


def test_a_successor_finds_the_mark_of_what_was_committed(
    broker: str, topic: str, marks: Marks
) -> None:
    async def story() -> None:
        first = owner(broker, 0, marks)
        assert await first.begin() == Mark()
        await first.publish([Outbound(topic, b"1"), Outbound(topic, b"2")], Mark(7, 2))
        await first.publish([Outbound(topic, b"3")], Mark(9, 3))
        assert await owner(broker, 0, marks).begin() == Mark(9, 3)

    asyncio.run(story())
    assert read(broker, topic) == [b"1", b"2", b"3"]


def test_an_owner_that_was_overtaken_publishes_nothing_any_more(
    broker: str, topic: str, marks: Marks
) -> None:
    async def story() -> None:
        zombie, successor = owner(broker, 1, marks), owner(broker, 1, marks)
        await zombie.begin()
        await zombie.publish([Outbound(topic, b"1")], Mark(1, 1))
        assert await successor.begin() == Mark(1, 1)
        await successor.publish([Outbound(topic, b"2")], Mark(2, 2))
        with pytest.raises(Fenced):
            await zombie.publish([Outbound(topic, b"2")], Mark(2, 2))
        # It may come back when the partition is its own again.
        assert await zombie.begin() == Mark(2, 2)
        await zombie.publish([Outbound(topic, b"3")], Mark(3, 3))

    asyncio.run(story())
    assert read(broker, topic) == [b"1", b"2", b"3"]


def test_what_was_under_way_when_an_owner_died_is_not_seen(
    broker: str, topic: str, marks: Marks
) -> None:
    async def story() -> None:
        dead = owner(broker, 2, marks)
        await dead.begin()
        producer = dead._librdkafka
        assert producer is not None
        producer.begin_transaction()
        producer.produce(topic, b"1")
        producer.produce(MARKS, marks.record(2, Mark(1, 1)).value, partition=2)
        producer.flush(10)
        successor = owner(broker, 2, marks)
        # It does not wait for the dead one's transaction to time out.
        assert await asyncio.wait_for(successor.begin(), 15) == Mark()
        await successor.publish([Outbound(topic, b"1 again")], Mark(1, 1))

    asyncio.run(story())
    assert read(broker, topic) == [b"1 again"]


def test_a_publication_that_fails_is_no_publication(broker: str, topic: str, marks: Marks) -> None:
    async def story() -> None:
        publisher = owner(broker, 3, marks)
        await publisher.begin()
        refused = Outbound(topic, b"too large " * 1_000_000)
        with pytest.raises(DeliveryError):
            await publisher.publish([Outbound(topic, b"1"), refused], Mark(1, 2))
        with pytest.raises(DeliveryError):
            await publisher.publish([Outbound(topic, b"1")], Mark(1, 1))
        assert await publisher.begin() == Mark()
        await publisher.publish([Outbound(topic, b"1")], Mark(1, 1))

    asyncio.run(story())
    assert read(broker, topic) == [b"1"]


def test_a_mark_is_found_behind_many_and_the_furthest_one_counts(
    broker: str, topic: str, marks: Marks
) -> None:
    async def story() -> None:
        producer = Producer(Brokers(broker))
        publisher = PlainPublisher(4, producer, marks)
        assert await publisher.begin() == Mark()
        await producer.send([marks.record(4, Mark(it, it)) for it in range(1, 501)])
        await publisher.publish([Outbound(topic, b"1")], Mark(501, 502))
        # One that was overtaken writes late, and another journal's marks speak of other offsets.
        late = marks.record(4, Mark(400, 400))
        other = Marks(Brokers(broker), "another journal").record(4, Mark(9_000, 9_000))
        await producer.send([late, other, *([other] * 100)])
        assert await publisher.begin() == Mark(501, 502)
        producer.close()

    asyncio.run(story())
