"""When is a trigger there? As soon as a reader at the tail of its topic has it in its hands.

A process of its own, in the environment of the peers. What it takes to fetch a trigger is part of
every latency, the same for all contenders. The histogram is Gil Tene's HdrHistogram: three
significant digits from a microsecond to a minute, and no samples to keep.
"""

import signal
import time
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition
from hdrh.histogram import HdrHistogram

from bench.schedule import Seen, arguments, number_of, read

_US = 1_000_000
LONGEST_S = 60
# The embedded broker looks for new records after half of a fetch's wait (and not below 10 ms).
FETCH_WAIT_MS = 20
_POLL_S = 0.05
_AT_ONCE = 1_000


def seen_by(histogram: HdrHistogram, seen: int) -> Seen:
    """The figures of a histogram of microseconds."""
    p50, p99, p999 = (histogram.get_value_at_percentile(it) / 1000 for it in (50, 99, 99.9))
    return Seen(seen, histogram.get_total_count(), p50, p99, p999, histogram.get_max_value() / 1000)


def main() -> None:
    """Run by bench/open_loop.py; ends, with its result, when it is asked to (SIGTERM)."""
    parser = arguments()
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parsed = parser.parse_args()
    schedule = read(parsed)
    histogram = HdrHistogram(1, LONGEST_S * _US, 3)
    consumer = Consumer(
        {"bootstrap.servers": parsed.broker, "group.id": "observer", "enable.auto.commit": False,
         "auto.offset.reset": "earliest", "fetch.wait.max.ms": FETCH_WAIT_MS,
         "isolation.level": "read_committed"}
    )  # fmt: skip
    consumer.assign([TopicPartition(parsed.topic, it, 0) for it in range(parsed.partitions)])
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    seen = 0
    while not ended:
        # The first alone: librdkafka's ``consume`` would wait until all that were asked for came.
        first = consumer.poll(_POLL_S)
        if first is None:
            continue
        now = time.time()
        for record in [first, *consumer.consume(_AT_ONCE, 0)]:
            headers: dict[str, Any] = dict(record.headers() or ())  # None where it is an error.
            number = number_of(headers.get("ce_causationid", b"").decode())
            if number is None:
                continue
            seen += 1
            if schedule.counts(number):
                latency_us = int((now - schedule.due_at(number)) * _US)
                histogram.record_value(min(max(latency_us, 1), LONGEST_S * _US))
    parsed.result.write_bytes(msgspec.json.encode(seen_by(histogram, seen)))


if __name__ == "__main__":
    main()
