"""Are class, stage, tier, points, scores and clusters right? Each customer beside plain lists.

    python -m bench.verify_state [--data PATH] [--customers N] [--only SET] [--json]

The Complete Journey is read from its package, Online Retail from ``--data`` (its folder, or the
file), or the folder that VERIFY_DATA names, or ``../shared/data`` beside the checkout; what is not
there is left out, and said. A third history is invented. Each runs through the shipping engine in
memory (``told.py``), and is counted again from lists of all events (``recount/``); at some moments
of it and after it, both are compared (``compared.py``). What is found is also in
``build/verify_state.json``. Exit code 1: something is farther off than its bound says.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench import histories
from bench.compared import Row, Verified, steps, verify
from bench.histories import HISTORIES, History, MissingError
from bench.place import ROOT

FOUND = ROOT / "build" / "verify_state.json"

_err = Console(stderr=True)


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(prog="make verify-state", description=__doc__)
    parser.add_argument("--data", type=Path, default=_data(), help="where Online Retail is")
    parser.add_argument("--customers", type=int, default=0, help="the first so many alone")
    parser.add_argument("--only", action="append", choices=HISTORIES, help="this set alone")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    args = parser.parse_args()
    began, found = process_time(), dict[str, Verified]()
    skipped: dict[str, str] = {}
    for name in args.only or HISTORIES:
        try:
            history = HISTORIES[name](args.data).slice(args.customers)
        except MissingError as error:
            skipped[name] = str(error)
            _err.print(f"{name} is left out: {error}", style="yellow")
            continue
        found[name] = _verify(name, history)
    cpu_s = round(process_time() - began, 1)
    told = {
        "cpu_s": cpu_s, "left_out": skipped,
        "sets": {name: _told(it) for name, it in found.items()},
    }  # fmt: skip
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.write_text(json.dumps(told, indent=2) + "\n")
    if args.json:
        print(json.dumps(told))
    else:
        _show(found, cpu_s)
    return int(any(it.beyond for it in found.values()))


def _data() -> Path:
    return Path(os.environ.get("VERIFY_DATA") or histories.DATA)


def _verify(name: str, history: History) -> Verified:
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task(name, total=steps(history))
        return verify(history, lambda by: progress.advance(task, by))


def _told(it: Verified) -> dict[str, Any]:
    rows = [msgspec.to_builtins(row) | {"differing": row.differing} for row in it.rows]
    return {**msgspec.to_builtins(it), "beyond": it.beyond, "rows": rows}


def _show(found: dict[str, Verified], cpu_s: float) -> None:
    console = Console(width=None if sys.stdout.isatty() else 130)
    table = Table(box=None, header_style="bold")
    for column in ("data set", "what"):
        table.add_column(column)
    for column in ("customers", "values", "equal", "differing", "by one", "beyond"):
        table.add_column(column, justify="right")
    table.add_column("bound")
    for name, it in found.items():
        for number, row in enumerate(it.rows):
            table.add_row("" if number else name, *_cells(row, it.customers))
        table.add_section()
    console.print(table)
    for name, it in found.items():
        notes = "; ".join(f"{count:,} {what}" for what, count in it.notes.items())
        console.print(f"{name}: {it.events:,} events, {it.partitions} partitions. {notes}")
        for row in it.rows:
            for example in row.examples:
                console.print(f"{name}, {row.what}: {example}", style="red")
    beyond = sum(it.beyond for it in found.values())
    console.print(
        f"{beyond:,} values are beyond their bounds; {cpu_s:.0f} s of CPU. All of it is in"
        f" {os.path.relpath(FOUND)}.",
        style="red" if beyond else "green",
    )


def _cells(row: Row, customers: int) -> list[str]:
    beyond = "" if row.beyond is None else f"{row.beyond:,}"
    by_one = f"{row.by_one:,}" if row.what.startswith("rfm") and row.by_one else ""
    colour = "red" if row.beyond else "dim" if row.beyond is None else ""
    cells = [
        row.what, f"{customers:,}", f"{row.compared:,}", f"{row.equal:,}", f"{row.differing:,}",
        by_one, beyond, row.bound or "for information",
    ]  # fmt: skip
    return [f"[{colour}]{it}[/]" if colour and it else it for it in cells]


if __name__ == "__main__":
    sys.exit(main())
