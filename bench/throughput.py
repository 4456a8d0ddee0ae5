"""How many events in a second, and at what cost? Each contender alone, on servers of its own.

What a contender did is checked before its time counts.
"""

import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from bench import program, roster, servers, workload
from bench.figures import figures
from bench.meter import Measured
from bench.place import LIMIT_S, Options, Wrong, doing, empty_folder
from bench.roster import Contender
from bench.servers import Servers
from bench.watch import count_records, watch
from bench.worker import worker

_EVENTS_MIN = 1_000


def measure(options: Options) -> dict[str, Any]:
    """All contenders in turn, several rounds. Raises Wrong."""
    taking_part = roster.chosen(options)
    path = workload.on_disk(options.events, options.customers)
    measured: dict[str, list[Measured]] = defaultdict(list)
    for number in range(1, options.rounds + 1):
        for contender in taking_part:
            events = max(_EVENTS_MIN, round(options.events * contender.share))
            with doing(f"round {number}/{options.rounds}: {contender.name}"):
                measured[contender.name].append(run(contender, path, events))
    return {
        "events": options.events, "customers": options.customers, "rounds": options.rounds,
        "contenders": figures(measured, {it.name: it.beside for it in taking_part}),
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("contender")
    for name in ("events", "triggers", "events/s", "least", "most", "µs CPU", "of the bound",
                 "engage is faster", "end to end is", "MB"):  # fmt: skip
        table.add_column(name, justify="right")
    for name, it in found["contenders"].items():
        rate, cpu = it["events_per_s"], it["cpu_us_per_event"]
        ratios = [it["cpu_against_the_bound"], it["engage_is_faster_by"],
                  it["end_to_end_is_faster_by"]]  # fmt: skip
        table.add_row(
            name, f"{it['events']:,}", f"{it['triggers']:,}", f"{rate['median']:,.0f}",
            f"{rate['min']:,.0f}", f"{rate['max']:,.0f}", f"{cpu['median']:.1f}",
            *("" if ratio is None else f"{ratio:.2f} x" for ratio in ratios), str(it["rss_mb"]),
        )  # fmt: skip
    return table


def run(contender: Contender, path: Path, events: int) -> Measured:
    """Run it once. Raises Wrong."""
    folder, kinds = empty_folder(), servers.kinds()
    with servers.servers(folder / "servers", kinds, apache=contender.apache) as there:
        servers.fill(there.broker, contender.fill(path, events))
        if contender.command is not None:
            return _program(contender, contender.command(), there, events, folder)
        with worker(
            there.broker, there.redis_url, there.web_port, folder / "log",
            clock="feed", transactions=str(int(contender.apache)),
        ) as process:  # fmt: skip
            return watch([process], there, kinds, events)


def _program(
    contender: Contender, command: list[str], there: Servers, events: int, folder: Path
) -> Measured:
    result = folder / "result.json"
    words = program.told(there, contender.topic, events, result)
    log = folder / "log"
    process = program.start(command, words, log)
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
    if contender.apache:
        _check_published(measured.triggers, there, [servers.SINK])
    return measured


def _check_published(decided: int, there: Servers, topics: list[str]) -> None:
    """Raise Wrong unless so many records are on the topics, committed where there are commits."""
    published = count_records(there.broker, topics)
    if published != decided:
        raise Wrong(f"{decided} triggers were decided, and {published} published")
