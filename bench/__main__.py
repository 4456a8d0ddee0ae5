"""`make bench`: all contenders in turn, several rounds, one table."""

import argparse
import json
import shutil
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import workload
from bench.meter import Measured
from bench.runs import CONTENDERS, PEERS, ROOT, Contender, Wrong, make_environment, run
from bench.table import figures

BUILD = ROOT / "build" / "bench"
_err = Console(stderr=True)


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round with a tenth of the events")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument(
        "--only", action="append", default=[], help="contenders whose names have it"
    )
    parser.add_argument("--json", action="store_true", help="the figures on stdout")
    args = parser.parse_args()
    rounds, events = (1, args.events // 10) if args.quick else (args.rounds, args.events)
    chosen = [
        it for it in CONTENDERS if not args.only or any(word in it.name for word in args.only)
    ]
    with _err.status(f"W: {events:,} events of {args.customers:,} customers"):
        path = workload.on_disk(BUILD, events, args.customers)
    if any(it.python == PEERS for it in chosen):
        with _err.status("packages of the peers, once: a minute"):
            make_environment()
    measured: dict[str, list[Measured]] = defaultdict(list)
    for number in range(1, rounds + 1):
        for contender in chosen:
            try:
                measured[contender.name].append(_run(contender, path, events, f"{number}/{rounds}"))
            except Wrong as error:
                _err.print(str(error), style="red")
                return 1
    result = {"events": events, "customers": args.customers, "rounds": rounds}
    found = result | {"contenders": figures(measured)}
    (ROOT / "build" / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    if args.json:
        print(json.dumps(found))
    else:
        Console(width=None if sys.stdout.isatty() else 140).print(_table(found["contenders"]))
    return 0


def _run(contender: Contender, path: Path, events: int, round_: str) -> Measured:
    folder = BUILD / "run"
    shutil.rmtree(folder, ignore_errors=True)
    with _err.status(f"round {round_}: {contender.name}"):
        return run(contender, path, max(1_000, round(events * contender.share)), folder)


def _table(contenders: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("contender")
    for name in ("events", "triggers", "events/s", "least", "most", "µs CPU", "of the bound",
                 "Ebbtide is faster", "MB"):  # fmt: skip
        table.add_column(name, justify="right")
    for name, it in contenders.items():
        rate, cpu = it["events_per_s"], it["cpu_us_per_event"]
        faster, bound = it["ebbtide_is_faster_by"], it["cpu_against_the_bound"]
        table.add_row(
            name, f"{it['events']:,}", f"{it['triggers']:,}", f"{rate['median']:,.0f}",
            f"{rate['min']:,.0f}", f"{rate['max']:,.0f}", f"{cpu['median']:.1f}",
            "" if bound is None else f"{bound:.2f} x", "" if faster is None else f"{faster:.2f} x",
            str(it["rss_mb"]),
        )  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
