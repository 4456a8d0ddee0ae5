"""How does load arrive that does not wait for anybody? W once more, each event when it is due.

A process of its own. All records are made before the first is due; then whatever is due is handed
to librdkafka, each millisecond, and nothing is ever waited for.
"""

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer
from msgspec import Struct

from bench import workload
from bench.schedule import Schedule, arguments, event_id, read
from schemas.codec import encode_json, raw_decoders
from schemas.journal import Entry, Source
from streams.partitioner import LIBRDKAFKA_PARTITIONER
from streams.topics import JOURNAL

SLICE_S = 0.001
# As a storefront's publisher would have it: few enough requests for the broker, and soon there.
LINGER_MS = 5
_FLUSH_S = 10.0

Record = tuple[str, bytes, bytes]


class Sent(Struct):
    """What the generator says of itself. lag_ms_p99: how far behind its own schedule it was."""

    sent: int
    failed: int
    lag_ms_p99: float
    cpu_s: float


def published(path: Path, schedule: Schedule) -> Iterator[Record]:
    """W on the raw topics, every event with a new id and the time at which it is due.

    W begins again where it is too short.
    """
    for number, it in zip(range(schedule.events), _again_and_again(path), strict=False):
        old = msgspec.json.decode(it.value, type=_Stamped)
        value = it.value.replace(b"%d" % old.occurred_at, b"%d" % _due_ms(schedule, number))
        # Ids of orders and reviews are those of their events, but for the letter.
        for letter in (b"e", b"o", b"r"):
            was, now = old.event_id[1:].encode(), event_id(number)[1:].encode()
            value = value.replace(b'"%s%s"' % (letter, was), b'"%s%s"' % (letter, now))
        yield it.topic, it.key, value


def journalled(path: Path, schedule: Schedule) -> Iterator[Record]:
    """W in the journal, as ingest would have written it."""
    for number, (topic, key, value) in enumerate(published(path, schedule)):
        source = Source(topic, 0, number, _due_ms(schedule, number))
        yield JOURNAL, key, encode_json(Entry(raw_decoders[topic].decode(value), source))


SHAPES = {"published": published, "journalled": journalled}


class _Stamped(Struct):
    event_id: str
    occurred_at: int


def _again_and_again(path: Path) -> Iterator[workload.Published]:
    while True:
        yield from workload.read(path)


def _due_ms(schedule: Schedule, number: int) -> int:
    return int(schedule.due_at(number) * 1000)


def send(producer: Producer, records: list[Record], schedule: Schedule) -> Sent:
    """Send each when it is due. Raises BufferError where the broker is hopelessly behind."""
    failed: list[object] = []
    lags: list[float] = []
    sent = 0
    while sent < len(records):
        slice_began_at = schedule.due_at(sent)
        due = schedule.due(time.time())
        for topic, key, value in records[sent:due]:
            producer.produce(topic, value, key, on_delivery=lambda error, _: failed.append(error))
        lags += [time.time() - slice_began_at] * (due - sent)
        sent = max(sent, due)
        producer.poll(0)
        time.sleep(SLICE_S)
    unsent = producer.flush(_FLUSH_S)
    lags.sort()
    lag_s = lags[int(0.99 * len(lags))]
    return Sent(sent, len(failed) + unsent, round(lag_s * 1000, 2), time.process_time())


def main() -> int:
    """Run by bench/latency.py."""
    parser = arguments()
    parser.add_argument("--workload", type=Path, required=True)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parsed = parser.parse_args()
    schedule = read(parsed)
    config: dict[str, Any] = {
        "bootstrap.servers": parsed.broker, "linger.ms": LINGER_MS, "compression.type": "lz4",
        "partitioner": LIBRDKAFKA_PARTITIONER, "queue.buffering.max.messages": 1_000_000,
        "delivery.report.only.error": True,
    }  # fmt: skip
    producer = Producer(config)
    records = list(SHAPES[parsed.shape](parsed.workload, schedule))
    producer.list_topics(timeout=10)
    gc.freeze()
    gc.disable()
    if (early := schedule.start_at - time.time()) < 0:
        print(f"the load was ready {-early:.1f} s after its first event was due", file=sys.stderr)
        return 1
    time.sleep(early)
    parsed.result.write_bytes(msgspec.json.encode(send(producer, records, schedule)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
