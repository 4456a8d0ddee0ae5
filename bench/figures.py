"""How are the runs told? Medians and their spread, and each contender beside Ebbtide."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from msgspec import Struct

from bench.meter import Measured

Rounds = Mapping[str, Sequence[Measured]]


class Beside(Struct, frozen=True):
    """Whom a contender is compared with, by name: Ebbtide's two ways, and the bound for Python."""

    engage: str
    end_to_end: str
    bound: str = ""


def figures(rounds: Rounds, beside: Mapping[str, Beside]) -> dict[str, dict[str, Any]]:
    """Each contender's medians, lowest and highest. Ratios are medians of those within a round."""
    found = {}
    for name, runs in rounds.items():
        rate = [it.events / it.seconds for it in runs]
        cpu = [it.cpu_s / it.events * 1e6 for it in runs]
        others = beside[name]
        found[name] = {
            "events": runs[0].events,
            "triggers": runs[0].triggers,
            "events_per_s": spread(rate),
            "cpu_us_per_event": spread(cpu),
            "rss_mb": round(max(it.rss_mb for it in runs)),
            "engage_is_faster_by": _ratio(rounds, name, others.engage, _rate),
            "end_to_end_is_faster_by": _ratio(rounds, name, others.end_to_end, _rate),
            "cpu_against_the_bound": _ratio(rounds, others.bound, name, _cpu),
        }
    return found


def _rate(run: Measured) -> float:
    return run.events / run.seconds


def _cpu(run: Measured) -> float:
    return run.cpu_s / run.events


def _ratio(rounds: Rounds, below: str, above: str, of: Any) -> float | None:
    pairs = zip(rounds.get(above, ()), rounds.get(below, ()), strict=False)
    ratios = [of(one) / of(other) for one, other in pairs]
    return round(median(ratios), 2) if ratios else None


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, the lowest and the highest."""
    return {
        "median": round(median(values), 2), "min": round(min(values), 2),
        "max": round(max(values), 2),
    }  # fmt: skip
