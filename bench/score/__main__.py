"""`make score`: are the decisions good? Each task through the shipping path, beside plain rules.

    python -m bench.score [--only TASK]... [--data PATH] [--json] [--plot] [--list]

A task publishes real events in the order of time through the shipping engine, and takes scores as
the engine gives them then; plain baselines are computed beside them. What is found is kept in
``build/score.json``, task by task, and what an earlier run has found of others stays there.
``--plot`` measures nothing: it draws docs/score-*.svg and fills the tables of README.md and
docs/score.md from that file. Exit code 1: a task failed. A goal that is not reached is a
measurement, and no failure.
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import histories
from bench.histories import MissingError
from bench.place import draw
from bench.score import found as kept
from bench.score import pages, table, tasks
from bench.score.found import Found
from bench.score.scored import Task

_err = Console(stderr=True)


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(
        prog="make score", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    there = tasks.tasks()
    parser.add_argument("--only", action="append", choices=there, help="this task alone")
    parser.add_argument("--data", type=Path, default=histories.DATA, help="the folder of data sets")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--plot", action="store_true", help="draw and write what was measured")
    parser.add_argument("--list", action="store_true", help="the tasks")
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{name:18}{tasks.TITLES[name]}" for name in there))
        return 0
    if args.plot:
        return _write_pages()
    # In the order in which they are told, and each once, whatever was asked for.
    wanted = [it for it in there if it in (args.only or there)]
    found = measure(wanted, args.data)
    if args.json:
        print(json.dumps(kept.told(found)))
    else:
        _show(found, wanted)
    return int(any(it in found.failed for it in wanted))


def measure(names: list[str], data: Path) -> Found:
    """Run these tasks, in turn; after each, what is known by then is written down."""
    found = kept.read(kept.PATH)
    for number, name in enumerate(names, 1):
        found.forget(name)
        try:
            with _running(f"{number}/{len(names)} {name}"):
                found.tasks[name] = _scored(name, data)
        except MissingError as error:
            found.left_out[name] = str(error)
            _say(f"{name} is left out: {error}", "yellow")
        except Exception as error:  # noqa: BLE001 The others shall run, whatever this one did.
            found.failed[name] = f"{type(error).__name__}: {error}"
            _say(traceback.format_exc(), "dim")
            _say(f"{name} failed: {found.failed[name]}", "red")
        else:
            _say(f"{name}: {found.tasks[name].cpu_s:,.0f} s of CPU", "green")
        kept.write(found.in_order(tasks.tasks()), kept.PATH)
    return found.in_order(tasks.tasks())


def _scored(name: str, data: Path) -> Task:
    began = process_time()
    task: Task = tasks.load(name).score(data)
    task.cpu_s = round(process_time() - began, 1)
    kept.check(task)
    return task


def _write_pages() -> int:
    found = kept.read(kept.PATH).in_order(tasks.tasks())
    if not found.tasks:
        _say(f"Nothing was measured yet: there is no {os.path.relpath(kept.PATH)}.", "red")
        return 1
    for path in pages.write(found):
        print(path)
    return draw("bench.score.plot", kept.PATH)


# What is seen -------------------------------------------------------------------------------------


@contextmanager
def _running(what: str) -> Iterator[None]:
    """Say which task runs, and for how long it has; where nobody looks, only that it began."""
    if not _err.is_terminal:
        _say(what, "dim")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as it:
        it.add_task(what, total=None)
        yield


def _say(what: str, style: str) -> None:
    _err.print(what, style=style, markup=False, highlight=False)


def _show(found: Found, names: list[str]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    scored = [it for it in names if it in found.tasks]
    if scored:
        console.print(table.for_terminal(found, scored))
    for name in scored:
        task = found.tasks[name]
        for text in (f"{tasks.TITLES[name]} {task.about}", *task.notes):
            console.print(f"{name}: {text}", markup=False, highlight=False)
    for part, style in ((found.left_out, "yellow"), (found.failed, "red")):
        for name in (it for it in names if it in part):
            console.print(f"{name}: {part[name]}", style=style, markup=False, highlight=False)
    goals = [it.reached for name in scored for it in found.tasks[name].figures]
    judged = [it for it in goals if it is not None]
    cpu_s = sum(found.tasks[it].cpu_s for it in scored)
    console.print(
        f"{sum(judged)} of {len(judged)} goals are reached; {cpu_s:,.0f} s of CPU. All of it is in"
        f" {os.path.relpath(kept.PATH)}."
    )


if __name__ == "__main__":
    sys.exit(main())
