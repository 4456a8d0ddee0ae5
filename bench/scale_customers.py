"""What do a million customers cost against fifty thousand? CPU per event, memory, and Redis.

All customers have a row before the first event comes. Then the same number of events, drawn by the
same law (Zipf, exponent 1.05) over few customers and over many: in turn, several rounds. Over many
customers a batch names more distinct rows, which is part of what is asked.
"""

import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import redis
from msgspec import Struct

from bench import rows, servers, workload
from bench.figures import spread
from bench.meter import Measured
from bench.place import LIMIT_S, Options, Wrong, doing, empty_folder
from bench.watch import watch
from bench.worker import worker
from config.settings import Settings
from state.redis_table import key_of
from streams.partitioner import partition_of

CPU_RATIO = 1.2
WORKER_MB = 400
REDIS_BYTES = 1_000

_EVENTS_MIN = 100_000
_BATCH = Settings().batch_records_max
_LOOK_EVERY_S = 0.1


class Seen(Struct, frozen=True):
    """One run. redis_bytes: what a customer takes in Redis after the last event, all in all."""

    worker: Measured
    redis_bytes: float


def measure(options: Options) -> dict[str, Any]:
    """Few and many in turn, several rounds. Raises Wrong."""
    few, many = options.customers, options.customers * (2 if options.quick else 20)
    events = max(_EVENTS_MIN, options.events // 2)
    with doing("rows as a history leaves them"):
        made = rows.made(rows.history())
    homes, paths = {}, {}
    for customers in (few, many):
        homes[customers] = rows.by_partition(customers)
        paths[customers] = workload.on_disk(events, customers)
    found: dict[int, list[Seen]] = {few: [], many: []}
    for number in range(1, options.rounds + 1):
        for customers, seen in found.items():
            with doing(f"round {number}/{options.rounds}: {customers:,} customers"):
                seen.append(_run(made, homes[customers], paths[customers], events))
    ratios = [
        more.worker.cpu_s / less.worker.cpu_s
        for less, more in zip(found[few], found[many], strict=True)
    ]
    return {
        "events": events, "few": few, "many": many, "row_bytes_median": made.median_bytes,
        "rows_in_a_batch": {str(it): _rows_in_a_batch(path) for it, path in paths.items()},
        "customers": {str(it): _figures(seen) for it, seen in found.items()},
        "cpu_ratio": spread(ratios),
    }  # fmt: skip


def _figures(seen: Sequence[Seen]) -> dict[str, Any]:
    return {
        "cpu_us_per_event": spread([it.worker.cpu_s / it.worker.events * 1e6 for it in seen]),
        "events_per_s": spread([it.worker.events / it.worker.seconds for it in seen]),
        "rss_mb": round(max(it.worker.rss_mb for it in seen)),
        "redis_bytes_per_customer": round(median(it.redis_bytes for it in seen)),
    }


def _run(made: rows.Made, homes: dict[int, list[str]], path: Path, events: int) -> Seen:
    folder, kinds = empty_folder(), servers.kinds()
    with servers.servers(folder / "servers", kinds) as there:
        client: Any = redis.Redis.from_url(there.redis_url)
        empty = client.info("memory")["used_memory"]
        rows.put(there.redis_url, made, homes)
        _settle(client)
        servers.fill(there.broker, servers.as_journal(path, events))
        with worker(
            there.broker, there.redis_url, there.web_port, folder / "log",
            clock="feed", transactions="0",
        ) as process:  # fmt: skip
            measured = watch([process], there, kinds, events)
        full = client.info("memory")["used_memory"]
        _check(client, homes)
    return Seen(measured, (full - empty) / sum(map(len, homes.values())))


def _settle(client: Any) -> None:
    """Wait until Redis does not write its file anew any more. Raises Wrong."""
    deadline = time.monotonic() + LIMIT_S
    while client.info("persistence")["aof_rewrite_in_progress"]:
        if time.monotonic() > deadline:
            raise Wrong("Redis does not come to the end of writing its file anew")
        time.sleep(_LOOK_EVERY_S)


def _check(client: Any, homes: dict[int, list[str]]) -> None:
    """Everybody still has a row, and nobody has two: the ids were those of W. Raises Wrong."""
    for partition, ids in homes.items():
        found = client.hlen(key_of(partition, "customers"))
        if found != len(ids):
            raise Wrong(f"partition {partition} had {len(ids)} customers, and has {found}")


def _rows_in_a_batch(path: Path) -> float:
    """How many distinct customers a full batch of one partition names, about."""
    events = islice(workload.read(path), servers.PARTITIONS * _BATCH * 10)
    seen: dict[int, list[bytes]] = {it: [] for it in range(servers.PARTITIONS)}
    for it in events:
        seen[partition_of(it.key.decode(), servers.PARTITIONS)].append(it.key)
    batches = (keys[:_BATCH] for keys in seen.values())
    return round(mean(len(set(keys)) for keys in batches))
