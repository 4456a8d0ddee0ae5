"""How many events in a second, and at what cost? Each contender alone, on servers of its own.

What a contender did is checked before its time counts.
"""

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.table import Table

from bench import servers, workload
from bench.figures import figures
from bench.meter import Measured
from bench.place import BUILD, CONFIG, LIMIT_S, PEERS, ROOT, Options, Wrong, doing, make_environment
from bench.watch import watch
from bench.worker import worker
from config.settings import load_settings
from streams.bootstrap import load_policy
from streams.embedded import Embedded
from streams.producer import Outbound
from streams.topics import JOURNAL

_EVENTS_MIN = 1_000


class Contender(Struct, frozen=True):
    """Who takes part. share: of W's events it is given, because some would take hours.

    program: a module of ``bench.contenders``, run by ``python``; Ebbtide's worker without one.
    """

    name: str
    share: float
    fill: Callable[[Path, int], Iterator[Outbound]]
    program: str = ""
    topic: str = servers.SOURCE
    python: str = sys.executable


EBBTIDE = Contender("ebbtide, engage alone", 1.0, servers.as_journal)
END_TO_END = Contender("ebbtide, end to end", 1.0, servers.as_published)
PLAIN = Contender("plain loop (the bound)", 1.0, servers.as_journal, "plain_loop", JOURNAL)
CONTENDERS = (
    EBBTIDE,
    END_TO_END,
    PLAIN,
    Contender("stock Faust, Redis per event", 0.02, servers.as_one_topic, "faust_per_event"),
    Contender("stock Faust, take + pipeline", 0.1, servers.as_one_topic, "faust_take"),
    Contender("Quix Streams", 0.5, servers.as_one_topic, "quix", python=PEERS),
    Contender("Bytewax", 0.5, servers.as_one_topic, "bytewax_flow", python=PEERS),
)


def measure(options: Options) -> dict[str, Any]:
    """All contenders in turn, several rounds. Raises Wrong."""
    chosen = [it for it in CONTENDERS if options.wants(it.name)]
    with doing(f"W: {options.events:,} events of {options.customers:,} customers"):
        path = workload.on_disk(BUILD, options.events, options.customers)
    if any(it.python == PEERS for it in chosen):
        make_environment()
    measured: dict[str, list[Measured]] = defaultdict(list)
    for number in range(1, options.rounds + 1):
        for contender in chosen:
            events = max(_EVENTS_MIN, round(options.events * contender.share))
            with doing(f"round {number}/{options.rounds}: {contender.name}"):
                measured[contender.name].append(run(contender, path, events, BUILD / "run"))
    return {
        "events": options.events, "customers": options.customers, "rounds": options.rounds,
        "contenders": figures(measured, ebbtide=EBBTIDE.name, bound=PLAIN.name),
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("contender")
    for name in ("events", "triggers", "events/s", "least", "most", "µs CPU", "of the bound",
                 "Ebbtide is faster", "MB"):  # fmt: skip
        table.add_column(name, justify="right")
    for name, it in found["contenders"].items():
        rate, cpu = it["events_per_s"], it["cpu_us_per_event"]
        faster, bound = it["ebbtide_is_faster_by"], it["cpu_against_the_bound"]
        table.add_row(
            name, f"{it['events']:,}", f"{it['triggers']:,}", f"{rate['median']:,.0f}",
            f"{rate['min']:,.0f}", f"{rate['max']:,.0f}", f"{cpu['median']:.1f}",
            "" if bound is None else f"{bound:.2f} x", "" if faster is None else f"{faster:.2f} x",
            str(it["rss_mb"]),
        )  # fmt: skip
    return table


def run(contender: Contender, path: Path, events: int, folder: Path) -> Measured:
    """Run it once, in an empty folder. Raises Wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kinds = load_policy(load_settings({}, config=str(CONFIG))).kinds()
    with servers.servers(folder / "servers", kinds) as embedded:
        servers.fill(embedded.broker, contender.fill(path, events))
        if contender.program:
            return _program(contender, embedded, events, folder)
        with worker(
            embedded.broker, embedded.redis_url, embedded.kafka_port + 1, folder / "log",
            clock="feed", transactions="0",
        ) as process:  # fmt: skip
            return watch([process], embedded, kinds, events)


def _program(contender: Contender, embedded: Embedded, events: int, folder: Path) -> Measured:
    result = folder / "result.json"
    words = {
        "broker": embedded.broker, "redis": embedded.redis_url, "topic": contender.topic,
        "out": servers.SINK, "group": "bench", "events": events, "result": result, "folder": folder,
    }  # fmt: skip
    command = [contender.python, "-m", f"bench.contenders.{contender.program}"]
    command += [f"--{name}={value}" for name, value in words.items()]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "EBBTIDE_CONFIG": str(CONFIG)},
        )  # fmt: skip
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Wrong(
            f"{contender.name} was not done in {LIMIT_S:.0f} s; its log is {log}"
        ) from error
    finally:
        process.kill()
    if not result.exists():
        raise Wrong(f"{contender.name} ended with {process.returncode}; its log is {log}")
    measured = msgspec.json.decode(result.read_bytes(), type=Measured)
    if measured.events != events or measured.total not in (0, events):
        raise Wrong(f"{contender.name} counts {measured.events} of {events}, {measured.total} kept")
    return measured
