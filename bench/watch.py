"""What did a worker do, and what did it take? From its first commit to its last."""

import time
from collections.abc import Sequence
from typing import Any

import psutil
import redis

from bench import servers
from bench.meter import Measured
from bench.place import LIMIT_S, Wrong
from bench.servers import Servers
from bench.worker import cpu_s, progress
from schemas.cloud_event import trigger_topic
from streams.commands.kafka import Reader
from streams.connection import Brokers

_LOOK_EVERY_S = 0.05


def watch(
    processes: Sequence[psutil.Process], there: Servers, kinds: list[str], events: int
) -> Measured:
    """Workers, until they have applied so many events between them. Raises Wrong.

    Their processor time is taken together; the memory is that of the largest, at its peak.
    """
    rows: Any = redis.Redis.from_url(there.redis_url)
    deadline = time.monotonic() + LIMIT_S
    began: tuple[float, float, int] | None = None
    ended: tuple[float, float] | None = None
    rss = 0.0
    while True:
        here = progress(rows, servers.PARTITIONS)
        now, cpu = time.perf_counter(), sum(map(cpu_s, processes))
        rss = max(rss, *(it.memory_info().rss / 2**20 for it in processes))
        if began is None and here.applied:
            began = now, cpu, here.applied
        if ended is None and here.applied == events:
            ended = now, cpu
        if ended is not None and not here.waiting:
            break  # An idle worker tells the table after a second that all is published.
        if time.monotonic() > deadline:
            raise Wrong(f"the worker has applied {here.applied} of {events} in {LIMIT_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    if began is None:
        raise Wrong("the worker was done before it was looked at: give it more events")
    wall, before, first = began
    now, cpu = ended
    published = count_records(there.broker, [trigger_topic(it) for it in kinds])
    if published != here.sent:
        raise Wrong(f"{here.sent} triggers were decided, and {published} published")
    part = (events - first) / events
    # What was applied at the first look is left out, and the rest is counted as if it were all.
    return Measured(
        events, here.sent, (now - wall) / part, (cpu - before) / part, rss, here.applied
    )


def count_records(broker: str, topics: list[str]) -> int:
    """How many records stand on these topics."""
    with Reader(Brokers(broker)) as reader:
        return sum(1 for _ in reader.to_the_end(topics))
