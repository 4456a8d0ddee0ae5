"""Producing: what cannot arrive is told, and the producer goes on, also when one broke."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from apache_kafka import NEEDED

from bench.apache_kafka import ApacheKafka
from streams.connection import Brokers
from streams.producer import DeliveryError, Outbound, Producer
from streams.topics import Topic, Topics

pytestmark = NEEDED


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as kafka:
        small = {"max.message.bytes": "50000"}
        Topics(Brokers(kafka.broker)).create([Topic("small", 2, small), Topic("other", 1)])
        yield kafka.broker


def test_a_refused_record_fails_its_batch_and_the_next_ones_arrive(broker: str) -> None:
    too_large = Outbound("small", os.urandom(100_000), partition=0)
    after = Outbound("small", b"after it", partition=0)

    async def send() -> int:
        producer = Producer(Brokers(broker))
        await producer.send([Outbound("small", b"before", partition=0)])
        arrived = 0
        for _ in range(3):
            with pytest.raises(DeliveryError):
                await producer.send([too_large, after])
            while True:
                # The broken one may not be replaced yet.
                with suppress(DeliveryError):
                    await producer.send([Outbound("other", b"next")])
                    break
                await asyncio.sleep(0.05)
            arrived += 1
        await asyncio.to_thread(producer.close)
        return arrived

    assert asyncio.run(asyncio.wait_for(send(), 60)) == 3


def test_whoever_is_under_way_when_the_producer_breaks_hears_of_it(broker: str) -> None:
    async def send() -> list[str]:
        producer = Producer(Brokers(broker))
        many = [Outbound("other", b"%d" % it) for it in range(2_000)]
        too_large = [Outbound("small", os.urandom(100_000), partition=1)]
        sends = [producer.send(many), producer.send(too_large), producer.send(many)]
        ends = await asyncio.gather(*sends, return_exceptions=True)
        await asyncio.to_thread(producer.close)
        return [type(it).__name__ for it in ends]

    ends = asyncio.run(asyncio.wait_for(send(), 60))
    assert ends[1] == "DeliveryError"
    assert set(ends) <= {"DeliveryError", "NoneType"}
