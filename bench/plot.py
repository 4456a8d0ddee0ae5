"""What do the figures look like? Two pictures for the README, from build/bench.json alone."""

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from bench.picture import EBBTIDE, FAINT, FONT, INK, PEER, bare_axes, save, title

ROW_INCHES = 0.28
# Percentiles of one run: the usual one, one in a hundred, one in a thousand.
_MARKS = (("p50_ms", "o", 30), ("p99_ms", "|", 70), ("p999_ms", ".", 20))
_TICKS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def throughput(found: dict[str, Any], path: Path) -> None:
    """Bars of events in a second, the fastest above; the thin line is the spread of the rounds."""
    contenders = found["contenders"]
    names = sorted(contenders, key=lambda it: contenders[it]["events_per_s"]["median"])
    axes = bare_axes(len(names) * ROW_INCHES + 0.35)
    most = max(contenders[it]["events_per_s"]["max"] for it in names)
    for row, name in enumerate(names):
        rate = contenders[name]["events_per_s"]
        axes.barh(row, rate["median"], height=0.6, color=_colour(name))
        if found["rounds"] > 1:
            axes.plot([rate["min"], rate["max"]], [row, row], color=INK, linewidth=0.8)
        axes.text(
            max(rate["median"], rate["max"]) + most * 0.012, row, f"{rate['median']:,.0f}",
            va="center", color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, most * 1.12)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    title(axes, "events in a second, one worker process")
    save(path)


def latency(found: dict[str, Any], path: Path) -> None:
    """From event to trigger: a line from the median to one in a thousand for each load."""
    contenders = found["contenders"]
    rows = [
        (name, percent, run) for name, loads in contenders.items()
        for percent, run in [("", None), *loads.items()]
    ]  # fmt: skip
    axes = bare_axes(len(rows) * ROW_INCHES * 0.85 + 0.6)
    least_ms = _scale_ms(axes, contenders)
    for row, (name, _, run) in enumerate(rows):
        if run is None:
            axes.text(least_ms, row, name, va="center", color=_colour(name))
        elif run["p50_ms"] is None:
            axes.text(least_ms, row, f" {run['fault']}", va="center", color=INK)
        else:
            values = [run[figure]["median"] for figure, _, _ in _MARKS]
            axes.plot([values[0], values[-1]], [row, row], color=_colour(name), linewidth=1.6)
            for value, (_, marker, size) in zip(values, _MARKS, strict=True):
                axes.scatter([value], [row], marker=marker, s=size, color=_colour(name), zorder=3)
            axes.text(
                values[-1] * 1.09, row, " / ".join(f"{it:.0f}" for it in values),
                va="center", color=INK, fontsize=FONT - 1,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [f"{it} %" if it else "" for _, it, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    title(axes, "milliseconds from event to trigger, by load: ● median, | 1 in 100, · 1 in 1,000")
    save(path)


def _scale_ms(axes: Axes, contenders: dict[str, Any]) -> float:
    """A scale of powers; returns where it begins."""
    runs = [it for loads in contenders.values() for it in loads.values() if it["p50_ms"]]
    least = float(min(it["p50_ms"]["median"] for it in runs)) / 1.5
    most = float(max(it["p999_ms"]["median"] for it in runs)) * 2
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    axes.minorticks_off()
    ticks = [it for it in _TICKS_MS if least <= it <= most]
    axes.set_xticks(ticks, [f"{it:,}" for it in ticks])
    axes.grid(axis="x", color=FAINT, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    return least


def _colour(name: str) -> str:
    return EBBTIDE if name.startswith("ebbtide") else PEER


PICTURES = {"throughput": throughput, "latency": latency}


def main() -> None:
    """Run by ``python -m bench --plot``, with the path of the figures and a folder."""
    found = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for name, draw in PICTURES.items():
        if name in found:
            draw(found[name], Path(sys.argv[2]) / f"{name}.svg")


if __name__ == "__main__":
    main()
