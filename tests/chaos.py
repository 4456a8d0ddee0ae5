"""Do crashes show? Real workers, a real broker, a real Redis, and a storm of accidents.

`make chaos` runs it on the embedded servers, `make chaos-kafka` on Apache Kafka and Debian's Redis.
"""

import argparse
import asyncio
import json
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from chaos_check import Verdict, check
from chaos_shop import PARTITIONS, ChaosShop, Load, open_apache, open_embedded, show_json
from chaos_storms import Storm, deck, in_turn
from live_shop import now, until
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.codec import RAW_TOPICS
from state.redis_table import RedisTable
from state.shop import clock_of
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.topics import JOURNAL

BUILD = Path(__file__).parent.parent / "build"
DRAINED_WITHIN_S = 180.0
# With these a killed worker's partitions are served again within five seconds: see docs/operate.md.
SESSIONS = {
    "embedded": {"session_timeout_s": 2.0, "heartbeat_s": 0.3, "rebalance_timeout_s": 2.0},
    "apache": {"session_timeout_s": 3.0, "heartbeat_s": 0.5, "rebalance_timeout_s": 3.0},
}

_err = Console(stderr=True)


def run(
    kind: str, folder: Path, *, kills: int, seed: int, rate: float, customers: int
) -> dict[str, Any]:
    """One storm on one kind of servers; what came of it."""
    opened = open_apache if kind == "apache" else open_embedded
    started = time.monotonic()
    with opened(folder, **SESSIONS[kind]) as shop, _told(shop):
        for _ in range(3):
            shop.start_worker()
        rng = Random(seed)
        storm = Storm(shop, rng)
        storm.wait_until_served()
        with shop.load(seed=seed, rate=rate, customers=customers) as load:
            _strike(storm, load, deck(rng, kills, apache=kind == "apache"))
        _drain(shop)
        verdict = check(shop)
        return _result(kind, shop, storm, verdict, seed, time.monotonic() - started)


def _strike(storm: Storm, load: Load, cards: list[str]) -> None:
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=_err) as progress:
        task = progress.add_task("calm", total=len(cards))
        for card in in_turn(storm, cards):
            progress.update(task, description=card)
            progress.advance(task)
            assert load.is_on(), f"the load has ended: {load.last_words()}"
    storm.wait_until_served()


@contextmanager
def _told(shop: ChaosShop) -> Iterator[None]:
    """Where it goes wrong: write down how things stand, before the servers end."""
    try:
        yield
    except BaseException:
        for worker in shop.workers:
            worker.send(signal.SIGUSR2)  # Its stacks, into its log.
        time.sleep(2)
        with Reader(Brokers(shop.settings.broker)) as reader:
            bounds = reader.bounds([JOURNAL, *RAW_TOPICS])
        ends = {f"{topic}/{number}": it.end for (topic, number), it in sorted(bounds.items())}
        rows = {number: str(it) for number, it in shop.offsets().items()}
        show_json(shop.folder / "stood.json", {"ends": ends, "rows": rows})
        raise


def _drain(shop: ChaosShop) -> None:
    """Wait until all that was published is applied and all decisions are out; stop the workers.

    By the law of ticks, a partition whose clock is past the last raw record has all of them.
    """
    ended_at = now()
    until(lambda: asyncio.run(_clocks(shop)) > ended_at, "all is applied", DRAINED_WITHIN_S)
    until(lambda: _waiting(shop) < 50, "the outboxes are all but empty", DRAINED_WITHIN_S)
    for worker in list(shop.workers):
        code = shop.end_worker(worker)
        assert code == 0, f"worker {worker.number} ended with {code}"


async def _clocks(shop: ChaosShop) -> int:
    async with RedisTable(f"redis://127.0.0.1:{shop.servers.redis_port}/0") as table:
        rows = [await table.shop(partition) for partition in range(PARTITIONS)]
    return min(clock_of(row) for row in rows)


def _waiting(shop: ChaosShop) -> int:
    return sum(
        int(shop.redis.llen(f"ebb:{{p{partition}}}:outbox")) for partition in range(PARTITIONS)
    )


def _result(
    kind: str, shop: ChaosShop, storm: Storm, verdict: Verdict, seed: int, seconds: float
) -> dict[str, Any]:
    return {
        "servers": kind,
        "seed": seed,
        "seconds": round(seconds, 1),
        "kills": dict(sorted(storm.done.items())),
        **{
            name: getattr(verdict, name)
            for name in verdict.__struct_fields__
            if name != "differences"
        },
        "recovery_s": _spread(storm.recoveries_s),
        "handover_s": _spread(storm.handovers_s),
        "settings": {
            name: getattr(shop.settings, name)
            for name in (*SESSIONS[kind], "tick_seconds", "transactions")
        },
        "differences": verdict.differences,
        "clean": verdict.is_clean and (kind != "apache" or not verdict.published_twice),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [0.0]
    return {
        "p50": round(statistics.median(ordered), 2),
        "p90": round(ordered[int(len(ordered) * 0.9)], 2),
        "max": round(ordered[-1], 2),
    }


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", choices=["embedded", "apache"], default="embedded")
    parser.add_argument(
        "--kills", type=int, default=50, help="killed workers; the rest in proportion"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=120.0, help="events a second")
    parser.add_argument("--customers", type=int, default=150)
    parser.add_argument("--json", action="store_true", help="the result on stdout")
    args = parser.parse_args()
    # A shell's background job begins with Ctrl-C ignored, and hands that on to what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    name = "chaos" if args.servers == "embedded" else "chaos-kafka"
    folder = BUILD / f"{name}-run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result = run(
        args.servers, folder, kills=args.kills, seed=args.seed, rate=args.rate,
        customers=args.customers,
    )  # fmt: skip
    show_json(BUILD / f"{name}.json", result)
    if args.json:
        print(json.dumps(result))
    else:
        Console().print_json(json.dumps(result))
    if not result["clean"]:
        _err.print(f"Crashes show. The logs are in {folder}", style="red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
