"""What has been found so far? build/score.json: every task's figures, and why one has none."""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.place import ROOT
from bench.score.scored import Interval, Task

PATH = ROOT / "build" / "score.json"
#: What kinds of curves there are, and what a reader sees in each.
KINDS = {
    "lift": "how many times as often as on average, by the share that is scored best",
    "reliability": "what was said, and how often it came",
    "recall": "how much of what was wanted is among the first so many",
    "uplift": "what mailing the best-scored share brings, by the share",
}


class Found(Struct):
    """Tasks by their modules' names: the figures, or why they were left out or failed."""

    tasks: dict[str, Task] = {}
    left_out: dict[str, str] = {}
    failed: dict[str, str] = {}

    def forget(self, name: str) -> None:
        """Nothing of it is known until it has run again."""
        self.tasks.pop(name, None)
        self.left_out.pop(name, None)
        self.failed.pop(name, None)

    def in_order(self, names: list[str]) -> "Found":
        """As they are told, not as they were run. A task that there is no longer is let go."""
        return Found(
            {it: self.tasks[it] for it in names if it in self.tasks},
            {it: self.left_out[it] for it in names if it in self.left_out},
            {it: self.failed[it] for it in names if it in self.failed},
        )


class Unsound(Exception):
    """A task came back with something that is no figure."""


def check(task: Task) -> None:
    """Refuse what could not be told: figures without ours, and what is not a number."""
    if not task.figures:
        raise Unsound("there is not one figure")
    for figure in task.figures:
        if figure.ours not in figure.by:
            raise Unsound(f"{figure.name}: `{figure.ours}` is not among {', '.join(figure.by)}")
        for who, it in (figure.by | figure.ahead).items():
            if not all(map(math.isfinite, (it.value, it.low, it.high))):
                raise Unsound(f"{figure.name}, {who}: {_said(it)}")
    for curve in task.curves:
        if curve.kind not in KINDS:
            raise Unsound(f"`{curve.kind}` is no kind of curve: {', '.join(KINDS)}")
        for who, line in curve.lines.items():
            if not all(math.isfinite(it) for point in line for it in point):
                raise Unsound(f"curve {curve.kind}, {who}: a point of it is not a number")


def _said(it: Interval) -> str:
    return f"{it.value} ({it.low} to {it.high}) is not a number"


def read(path: Path) -> Found:
    """What earlier runs have found; nothing where there were none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Found)
    except FileNotFoundError:
        return Found()


def write(found: Found, path: Path) -> None:
    """Keep it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told(found), indent=2, ensure_ascii=False) + "\n", "utf-8")


def told(found: Found) -> dict[str, Any]:
    """The JSON of it: each figure with whether its goal is reached."""
    made: dict[str, Any] = msgspec.to_builtins(found)
    for name, task in found.tasks.items():
        for figure, made_of in zip(task.figures, made["tasks"][name]["figures"], strict=True):
            made_of["reached"] = figure.reached
    return made
