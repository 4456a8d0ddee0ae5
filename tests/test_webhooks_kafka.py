"""Webhooks on Apache Kafka: what is handed over in order is not sent again, what was aborted never."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apache_kafka import NEEDED
from confluent_kafka import Producer
from live_shop import now, until
from webhook_parcels import parcel
from webhook_receiver import Receiver
from webhook_sink import FAILS_LONG, check_order, made, publish, put, sink_of

from bench.apache_kafka import ApacheKafka
from config.settings import Settings
from streams.connection import Brokers
from streams.topics import Topics, wanted_topics
from streams.webhooks.parcel import Parcel

pytestmark = NEEDED


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """As much of a shop as there has to be: a broker with its topics."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        settings = Settings(broker=kafka.broker)
        topics = wanted_topics(["churn_alert"], "ebbtide", journal_partitions=4, raw_partitions=1)
        Topics(Brokers(kafka.broker)).create(topics)
        yield SimpleNamespace(settings=settings, servers=SimpleNamespace(broker=kafka.broker))


def in_transaction(shop: Any, parcels: list[Parcel], *, commit: bool) -> None:
    """Publish triggers as the relay does, and mean it or not."""
    producer = Producer(
        {"bootstrap.servers": shop.servers.broker, "transactional.id": "test", "linger.ms": 1}
    )
    producer.init_transactions()
    producer.begin_transaction()
    for it in parcels:
        headers: Any = [(name, text.encode()) for name, text in it.source.headers.items()]
        producer.produce(it.source.place.topic, it.source.value, it.source.key, headers=headers)
    producer.flush()
    if commit:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


def test_what_is_handed_over_and_what_was_stopped_is_not_sent_again(
    shop: Any, receiver: Receiver, tmp_path: Path
) -> None:
    parcels = publish(shop, customers=24, each=3)
    with (
        sink_of(shop, tmp_path / "one", ("shared", receiver), changes=FAILS_LONG) as start_one,
        sink_of(shop, tmp_path / "two", ("shared", receiver), changes=FAILS_LONG) as start_two,
    ):
        one = start_one()
        until(lambda: receiver.has_taken({it.id for it in parcels}), "the first ones are there")
        two = start_two()
        until(lambda: two.ready() and one.ready(), "both have their share")
        more = made(customers=24, each=10, like=parcels)
        receiver.plans = {it.id: ["slow"] for it in more}
        # One customer's first one fails all the while: what comes after it is done with before it.
        receiver.failing = {more[0].id}
        put(shop, more)
        until(lambda: receiver.has_taken({it.id for it in more}, 60), "both are at work")
        one.stop()
        until(lambda: receiver.has_taken({it.id for it in more}, 150), "the second goes on")
        two.stop()
        receiver.failing = set()
        two = start_two()
        parcels += more
        until(lambda: receiver.has_taken({it.id for it in parcels}), "all have arrived")
        two.stop()
    assert Counter(it.id for it in receiver.taken()) == {it.id: 1 for it in parcels}
    check_order(receiver.taken(), parcels, set())
    assert receiver.side_by_side == []


def test_what_was_aborted_is_never_sent_and_what_was_committed_is(
    shop: Any, receiver: Receiver, tmp_path: Path
) -> None:
    who = f"ann-{random.getrandbits(40)}"
    never, said = (
        [parcel(who, random.getrandbits(100), decided_at=now()) for _ in range(5)] for _ in range(2)
    )
    with sink_of(shop, tmp_path, ("transactions", receiver)) as start:
        sink = start()
        until(sink.ready, "it is ready")
        in_transaction(shop, never, commit=False)
        in_transaction(shop, said, commit=True)
        until(lambda: receiver.has_taken({it.id for it in said}), "what was committed is there")
        sink.stop()
        # Markers of transactions stand at the end, and nothing waits for them.
        sink = start()
        last = publish(shop, customers=1, each=1)
        until(lambda: receiver.has_taken({last[0].id}), "and what comes after it")
        sink.stop()
    came = Counter(it.id for it in receiver.taken() if it.customer_id == who)
    assert came == {it.id: 1 for it in said}
