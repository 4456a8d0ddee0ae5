"""How long does a worker take to answer while it has other things to do? Steady events, timed.

Bad reviews are published at a steady rate, whatever comes back, and each calls for a
service_recovery. Its latency is counted from the moment at which the event *should* have been
published to the arrival of the trigger, so a stall counts for all whom it kept waiting.
"""

import threading
import time
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from bench.servers import PARTITIONS
from schemas.cloud_event import trigger_topic
from schemas.codec import encode_json
from schemas.reviews import ReviewPosted
from streams.connection import Brokers
from streams.partitioner import partition_of
from streams.producer import producer_config

#: Events a second; all of them cause a trigger.
RATE = 100

_CUSTOMERS = 2_000
_LOOK_S = 0.1
_WAIT_S = 10.0
_ID = "live-"


class Live:
    """Publishes and listens for the length of the ``with``. besides: no event is of this partition.

    ``scheduled`` and ``arrived`` are moments of ``time.perf_counter``, by the number of the event.
    """

    def __init__(self, broker: str, besides: int) -> None:
        names = (f"live-{it:05}" for it in range(_CUSTOMERS))
        self._names = [it for it in names if partition_of(it, PARTITIONS) != besides]
        self._producer = Producer(producer_config(Brokers(broker)) | {"linger.ms": 0})
        # The embedded broker looks again after half of the wait; ten or less would make it spin.
        self._consumer = Consumer(
            Brokers(broker).config()
            | {"group.id": "bench-live", "fetch.wait.max.ms": 15, "enable.auto.commit": False}
        )
        topic = trigger_topic("service_recovery")
        self._consumer.assign(
            [TopicPartition(topic, it, OFFSET_BEGINNING) for it in range(PARTITIONS)]
        )
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=it) for it in (self._publish, self._listen)]
        self.scheduled: list[float] = []
        self.arrived: dict[int, float] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.end()

    def end(self) -> None:
        """Publish no more, and wait a while for what is under way."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def latencies(self, begin: float, end: float) -> list[float]:
        """In seconds, in order, of the events that were to be published in this time.

        What has not arrived has waited for ever.
        """
        return sorted(
            self.arrived.get(number, float("inf")) - at
            for number, at in enumerate(self.scheduled)
            if begin <= at < end
        )

    def _publish(self) -> None:
        began, number = time.perf_counter(), 0
        while not self._ended.is_set():
            at = began + number / RATE
            time.sleep(max(0.0, at - time.perf_counter()))
            name = self._names[number % len(self._names)]
            review = ReviewPosted(
                event_id=f"{_ID}{number}", occurred_at=time.time_ns() // 1_000_000,
                customer_id=name, review_id=f"r{number}", product_id="product-0001", rating=1,
                text="It came late and does not do what it should.",
            )  # fmt: skip
            self.scheduled.append(at)
            self._producer.produce("reviews", encode_json(review), name.encode())
            self._producer.poll(0)
            number += 1
        self._producer.flush()

    def _listen(self) -> None:
        deadline = float("inf")
        while len(self.arrived) < len(self.scheduled) or not self._ended.is_set():
            record = self._consumer.poll(_LOOK_S)
            now = time.perf_counter()
            if self._ended.is_set():
                deadline = min(deadline, now + _WAIT_S)
            if now > deadline:
                break
            if record is not None and record.error() is None:
                headers: dict[str, Any] = dict(record.headers() or ())
                cause: str = headers["ce_causationid"].decode()
                self.arrived.setdefault(int(cause.removeprefix(_ID)), now)
        self._consumer.close()
