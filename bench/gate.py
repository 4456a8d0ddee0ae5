"""What does the gate cost? The engine alone on W, with all of its rules and with none, in turn.

W is applied in memory, in batches as a worker has them, rows decoded and encoded. With the gate,
every trigger is for sale (`gate.toml`): it meets consent, exclusions, caps, quiet hours and the
holdout, and what customers do afterwards is counted. Without, the same agents speak to the shop's
own people, and nothing is asked but the pause. A worker does more than the engine: of its CPU the
gate is a smaller part than the one that is told.
"""

from pathlib import Path
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

_AGENTS = str(Path(__file__).with_name("gate.toml"))
_EVENTS_MAX = 300_000
#: Everybody agrees, so that nothing ends at the first rule.
_AGREED = ("marketing", "personalisation", "service")


def measure(options: Options) -> dict[str, Any]:
    """Both in turn, several rounds."""
    events = min(options.events, _EVENTS_MAX)
    records = alone.records(events, options.customers)
    without: list[float] = []
    with_gate: list[float] = []
    said = 0
    for number in range(1, options.rounds + 1):
        for kept, gated in ((without, False), (with_gate, True)):
            with doing(f"round {number}/{options.rounds}: {'all rules' if gated else 'no rules'}"):
                cpu_s, decisions = alone.run(_engine(gated=gated), records)
                kept.append(cpu_s / events * 1e6)
                said = decisions if gated else said
    added = [one - other for one, other in zip(with_gate, without, strict=True)]
    return {
        "events": events, "decisions": said,
        "without_us": spread(without), "with_us": spread(with_gate), "added_us": spread(added),
        "of_the_engine": round(median(added) / median(without), 3),
    }  # fmt: skip


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("gate")
    for name in ("events", "decisions", "µs CPU", "least", "most", "of the engine"):
        table.add_column(name, justify="right")
    for name in ("without", "with", "added"):
        it = found[f"{name}_us"]
        is_last = name == "added"
        table.add_row(
            name, f"{found['events']:,}", f"{found['decisions']:,}" if name == "with" else "",
            f"{it['median']:.2f}", f"{it['min']:.2f}", f"{it['max']:.2f}",
            f"{found['of_the_engine']:.1%}" if is_last else "",
        )  # fmt: skip
    return table


def _engine(*, gated: bool) -> Engine:
    file = load_engine_file(_AGENTS)
    sections = file.agents
    if not gated:
        sections = {name: it | {"purpose": "internal"} for name, it in sections.items()}
    gate = Gate()
    if gated:
        shipped = msgspec.convert(load_engine_file(str(DEFAULT_CONFIG)).gate, Gate)
        gate = replace(shipped, assume_consent=_AGREED)
    return Engine(hire(sections), gate, msgspec.convert(file.engine, EngineSettings))
