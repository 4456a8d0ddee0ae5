"""What do two workers cost against one? CPU per event, with the partitions split between them.

A worker that has its partitions is stopped (SIGSTOP) while the journal is filled, and then goes on:
so each configuration finds a full journal, and no time goes into dividing the partitions.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from bench import servers, workload
from bench.figures import spread
from bench.meter import Measured
from bench.place import LIMIT_S, Options, Wrong, doing, empty_folder
from bench.watch import watch
from bench.worker import ask, is_ready, until_ready, worker

CPU_RATIO = 1.1

_EVENTS_MIN = 200_000
#: The group must not miss the workers while they are stopped; the embedded broker lets nobody in
#: for as long as a session may last.
_SESSION_S = "20"
#: Between the answer that all are ready and the stop.
_SETTLE_S = 2.0


class Shared(Struct, frozen=True):
    """One run: of all workers together, and how many events each has applied."""

    together: Measured
    applied: list[int]


def measure(options: Options) -> dict[str, Any]:
    """One worker and two in turn, several rounds. Raises Wrong."""
    events = max(_EVENTS_MIN, options.events * 2 // 5)
    path = workload.on_disk(events, options.customers)
    found: dict[int, list[Shared]] = {1: [], 2: []}
    for number in range(1, options.rounds + 1):
        for workers, runs in found.items():
            with doing(f"round {number}/{options.rounds}: {workers} workers"):
                runs.append(_run(path, events, workers))
    ratios = [
        two.together.cpu_s / one.together.cpu_s for one, two in zip(found[1], found[2], strict=True)
    ]
    return {
        "events": events, "customers": options.customers, "cpu_ratio": spread(ratios),
        "workers": {str(it): _figures(runs) for it, runs in found.items()},
    }  # fmt: skip


def _figures(runs: Sequence[Shared]) -> dict[str, Any]:
    together = [it.together for it in runs]
    return {
        "cpu_us_per_event": spread([it.cpu_s / it.events * 1e6 for it in together]),
        "events_per_s": spread([it.events / it.seconds for it in together]),
        "rss_mb": round(max(it.rss_mb for it in together)),
        "applied": runs[-1].applied,
    }


def _run(path: Path, events: int, workers: int) -> Shared:
    folder, kinds = empty_folder(), servers.kinds()
    with servers.servers(folder / "servers", kinds) as there, ExitStack() as running:
        ports = [there.web_port + it for it in range(workers)]
        processes = [
            running.enter_context(
                worker(
                    there.broker, there.redis_url, port, folder / f"log-{port}",
                    clock="feed", transactions="0", session_timeout_s=_SESSION_S,
                )
            )
            for port in ports
        ]  # fmt: skip
        _wait_until_ready(ports)
        _fill(processes, there.broker, path, events)
        together = watch(processes, there, kinds, events)
        applied = [_applied(port) for port in ports]
    if sum(applied) != events or not all(applied):
        raise Wrong(f"of {events} events the workers have applied {applied}")
    return Shared(together, applied)


def _wait_until_ready(ports: Sequence[int]) -> None:
    """Until all have their partitions: the first gives some away before the second gets any."""
    until_ready(ports, LIMIT_S)
    time.sleep(_SETTLE_S)
    if not all(map(is_ready, ports)):
        raise Wrong("the workers were ready, and are not any more")


def _fill(processes: Sequence[psutil.Process], broker: str, path: Path, events: int) -> None:
    for process in processes:
        process.suspend()
    try:
        servers.fill(broker, servers.as_journal(path, events))
    finally:
        for process in processes:
            process.resume()


def _applied(port: int) -> int:
    """The events that a worker has applied, by its own metrics."""
    lines = ask(port, "metrics").decode().splitlines()
    found = (line for line in lines if line.startswith("ebbtide_records_total"))
    return round(sum(float(it.rsplit(" ", 1)[1]) for it in found if '"applied"' in it))
