"""What do lift, reliability, recall and uplift look like? Pictures from build/score.json alone.

Run by ``make score ARGS=--plot`` in the environment that has matplotlib. One picture a kind, with a
panel for each task that has such a curve; blue is ours.
"""

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.picture import EBBTIDE, FAINT, FONT, INK, PEER, panels, save, title
from bench.score.tasks import TITLES

PANEL_INCHES, COLUMNS = 2.5, 2
_DASHES = ("-", "--", ":", "-.")


def curves(found: dict[str, Any], kind: str) -> list[tuple[str, dict[str, Any], set[str]]]:
    """Of each task its curves of a kind: the question, the curve, and whose line is ours."""
    return [
        (TITLES[name], curve, {it["ours"] for it in task["figures"]})
        for name, task in found["tasks"].items()
        for curve in task["curves"]
        if curve["kind"] == kind
    ]


def picture(drawn: list[tuple[str, dict[str, Any], set[str]]], path: Path) -> None:
    """All curves of a kind, side by side."""
    for axes, (question, curve, ours) in zip(
        panels(len(drawn), PANEL_INCHES, COLUMNS), drawn, strict=True
    ):
        title(axes, question.replace(" (", "\n("))
        _lines(axes, curve, ours)
        axes.set_xlabel(curve["x"], fontsize=FONT - 1)
        axes.set_ylabel(curve["y"], fontsize=FONT - 1)
        axes.tick_params(labelsize=FONT - 1)
        axes.grid(color=FAINT, alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize=FONT - 1.5, labelcolor=INK, handlelength=1.6)
        axes.figure.tight_layout()
    save(path)


def _lines(axes: Axes, curve: dict[str, Any], ours: set[str]) -> None:
    dashes = 0
    otherwise = tuple(f"{it}," for it in ours)
    # Ours last: above the others.
    for name in sorted(curve["lines"], key=lambda it: it in ours):
        x, y = zip(*curve["lines"][name], strict=True)
        if name in ours:
            axes.plot(x, y, color=EBBTIDE, linewidth=1.8, label=name, zorder=3)
        elif name.startswith(otherwise):
            axes.plot(x, y, color=EBBTIDE, linewidth=0.8, label=name, zorder=2)
        else:
            dash = _DASHES[dashes % len(_DASHES)]
            axes.plot(x, y, dash, color=PEER, linewidth=1.1, label=name)
            dashes += 1
    if curve["kind"] == "recall":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # No better than chance; said and came the same.
    if curve["kind"] == "lift":
        axes.axhline(1, color=FAINT, linewidth=0.6)
    if curve["kind"] == "reliability":
        most = max(max(point) for line in curve["lines"].values() for point in line)
        axes.plot([0, most], [0, most], color=FAINT, linewidth=0.6)


def main() -> None:
    """Run with the path of the figures and a folder."""
    found = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    kinds = [curve["kind"] for task in found["tasks"].values() for curve in task["curves"]]
    for kind in dict.fromkeys(kinds):
        picture(curves(found, kind), Path(sys.argv[2]) / f"score-{kind}.svg")


if __name__ == "__main__":
    main()
