"""How long from an event to its trigger, while events keep coming? Under three loads, in turn.

The loads are parts of what Ebbtide can do at most, as measured by bench/throughput.py; all
contenders with the same kind of load get it at the same rates.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from bench import roster, throughput, workload
from bench.figures import spread
from bench.open_loop import Contender, Latencies, Load, run
from bench.place import FOUND, Options, doing, make_environment

#: Of the capacity, in percent.
LOADS, QUICK_LOADS = (25, 50, 80), (50,)
SECONDS, QUICK_SECONDS = 15.0, 5.0
# Enough for a capacity that has not been measured in this session.
_CAPACITY_EVENTS = 300_000

PLAIN = Contender("plain loop (the bound)", roster.ENGAGE, command=roster.PLAIN.command)
CONTENDERS = (
    Contender("ebbtide, engage alone", roster.ENGAGE),
    PLAIN,
    Contender("ebbtide, end to end", roster.END_TO_END, "published"),
    Contender("ebbtide, end to end, Apache Kafka", roster.END_TO_END_ON_APACHE, "published"),
    Contender(
        "ebbtide, end to end, Apache Kafka, transactions", roster.END_TO_END_ON_APACHE,
        "published", transactions=True,
    ),
)  # fmt: skip

Run = tuple[str, int]


def measure(options: Options) -> dict[str, Any]:
    """All contenders under all loads, in turn, several rounds. Raises Wrong."""
    make_environment()
    chosen = roster.able(CONTENDERS, options)
    loads, seconds = (QUICK_LOADS, QUICK_SECONDS) if options.quick else (LOADS, SECONDS)
    path = workload.on_disk(options.events, options.customers)
    measured_alone = {it.capacity_of.name: it.capacity_of for it in chosen}
    capacity = {name: _capacity(it, path) for name, it in measured_alone.items()}
    measured: dict[Run, list[Latencies]] = defaultdict(list)
    for number in range(1, options.rounds + 1):
        for percent in loads:
            for it in chosen:
                rate = round(capacity[it.capacity_of.name] * percent / 100)
                load = Load(path, rate, it.warm_up_s, seconds)
                what = f"{it.name} at {percent} %, {load.rate:,.0f} events/s"
                with doing(f"round {number}/{options.rounds}: {what}"):
                    measured[it.name, percent].append(run(it, load))
    return {
        "seconds": seconds, "rounds": options.rounds,
        "capacity_events_per_s": capacity, "contenders": figures(measured),
    }  # fmt: skip


def figures(measured: Mapping[Run, Sequence[Latencies]]) -> dict[str, dict[str, Any]]:
    """By contender and load: medians over rounds, and medians of ratios within a round.

    Runs with a fault have no latency: they are counted, and left out.
    """
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for (name, percent), runs in measured.items():
        good = [it for it in runs if not it.fault]
        bound = measured.get((PLAIN.name, percent), ())
        pairs = [
            (one, other) for one, other in zip(runs, bound, strict=False)
            if not one.fault and not other.fault and one.rate == other.rate
        ]  # fmt: skip
        here: dict[str, Any] = {
            "events_per_s": runs[0].rate, "triggers": sum(it.counted for it in good),
            "runs": len(runs), "good": len(good),
            "fault": next((it.fault for it in runs if it.fault), ""),
            "backlog_max": max(it.backlog for it in runs),
            "generator_lag_ms_p99": max(it.generator_lag_ms_p99 for it in runs),
        }  # fmt: skip
        for figure in ("p50_ms", "p99_ms", "p999_ms", "max_ms"):
            of = _of(figure)
            here[figure] = spread([of(it) for it in good]) if good else None
        for figure in ("p50", "p99"):
            of = _of(f"{figure}_ms")
            ratios = [of(one) / of(other) for one, other in pairs]
            here[f"{figure}_against_the_bound"] = round(median(ratios), 2) if ratios else None
        found[name][str(percent)] = here
    return dict(found)


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("contender")
    for name in ("load", "events/s", "triggers", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
                 "p50, of the bound", "p99, of the bound", "generator late, ms"):  # fmt: skip
        table.add_column(name, justify="right")
    for name, loads in found["contenders"].items():
        for percent, it in loads.items():
            row = [name, f"{percent} %", f"{it['events_per_s']:,.0f}"]
            if it["p50_ms"] is None:
                late = f"{it['generator_lag_ms_p99']:.1f}"
                table.add_row(*row, f"[red]{it['fault']}[/]", *[""] * 6, late)
                continue
            latencies = [it[figure] for figure in ("p50_ms", "p99_ms", "p999_ms", "max_ms")]
            bounds = [it["p50_against_the_bound"], it["p99_against_the_bound"]]
            lost = f" ({it['good']} of {it['runs']} runs)" if it["fault"] else ""
            table.add_row(
                *row, f"{it['triggers']:,}{lost}", *(f"{one['median']:.1f}" for one in latencies),
                *("" if one is None else f"{one:.2f} x" for one in bounds),
                f"{it['generator_lag_ms_p99']:.1f}",
            )  # fmt: skip
    return table


def _of(figure: str) -> Callable[[Latencies], float]:
    return lambda it: float(getattr(it, figure))


def _capacity(contender: roster.Contender, path: Path) -> float:
    """Events in a second, as bench.json has it; or measured now."""
    try:
        kept = json.loads(FOUND.read_text())
        known = kept["throughput"]["contenders"][contender.name]
        return float(known["events_per_s"]["median"])
    except (FileNotFoundError, KeyError):
        pass
    with doing(f"capacity of {contender.name}"):
        events = min(_CAPACITY_EVENTS, sum(1 for _ in workload.read(path)))
        it = throughput.run(contender, path, events)
        return round(it.events / it.seconds)
