"""What do all the policies cost? The engine alone on W, with the first five agents and with all.

W is applied in memory, in batches as a worker has them, rows decoded and encoded, with a tick each
minute of event time, because much of what policies do they do when a timer fires. Both take the
shipped settings, with everybody agreeing to everything. A worker does more than the engine, and
that part is the same with all policies: of its CPU the ratio is smaller than the one that is told.
"""

from statistics import median
from typing import Any

import msgspec
from msgspec.structs import replace
from rich.table import Table

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.roster import hire
from bench import alone
from bench.figures import spread
from bench.place import Options, doing
from config.settings import DEFAULT_CONFIG, load_engine_file
from schemas.instant import MINUTE

#: The agents that there were before the others came, and that the others are held against.
SPINE = (
    "abandoned_cart", "churn_alert", "product_recommendation", "service_recovery",
    "win_back_coupon",
)  # fmt: skip
_EVENTS_MAX = 300_000
_AGREED = ("marketing", "personalisation", "service")


def measure(options: Options) -> dict[str, Any]:
    """Both in turn, several rounds."""
    events = min(options.events, _EVENTS_MAX)
    records = list(alone.with_ticks(alone.records(events, options.customers), MINUTE))
    found: dict[str, list[float]] = {"spine": [], "all": []}
    said: dict[str, int] = {}
    for number in range(1, options.rounds + 1):
        for name, kept in found.items():
            with doing(f"round {number}/{options.rounds}: {name}"):
                cpu_s, said[name] = alone.run(_engine(SPINE if name == "spine" else ()), records)
                kept.append(cpu_s / events * 1e6)
    ratios = [one / other for one, other in zip(found["all"], found["spine"], strict=True)]
    return {
        "events": events, "decisions": said, "agents": len(load_engine_file(_CONFIG).agents),
        "spine_us": spread(found["spine"]), "all_us": spread(found["all"]),
        "ratio": round(median(ratios), 3),
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("policies")
    for name in ("agents", "events", "decisions", "µs CPU", "least", "most", "ratio"):
        table.add_column(name, justify="right")
    for name, agents in (("spine", len(SPINE)), ("all", found["agents"])):
        it = found[f"{name}_us"]
        table.add_row(
            name, str(agents), f"{found['events']:,}", f"{found['decisions'][name]:,}",
            f"{it['median']:.2f}", f"{it['min']:.2f}", f"{it['max']:.2f}",
            f"{found['ratio']:.2f}" if name == "all" else "",
        )  # fmt: skip
    return table


_CONFIG = str(DEFAULT_CONFIG)


def _engine(names: tuple[str, ...]) -> Engine:
    file = load_engine_file(_CONFIG)
    sections = {name: it for name, it in file.agents.items() if not names or name in names}
    gate = replace(msgspec.convert(file.gate, Gate), assume_consent=_AGREED)
    return Engine(hire(sections), gate, msgspec.convert(file.engine, EngineSettings))
