"""Are class, stage and RFM right? On real orders, customer by customer, beside a plain count.

    python -m bench.verify_state [--data FOLDER] [--json] [--only NAME]

Online Retail is read from ``--data``, or the folder that VERIFY_DATA names, or ``../shared/data``
beside the checkout; the Complete Journey from its package. What is missing is left out, and said.
Each history runs through the shipping engine in memory, with a tick each hour; at some moments of
it, and after it, every row is compared with ``recount.py``. Exit code 1: something differs.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from agents.agent import Agent
from agents.customer_class import CustomerClass
from agents.engine import Engine
from agents.gate.gate import Gate
from agents.intake import EngineSettings
from agents.lifecycle import Lifecycle
from agents.rfm import Rfm, Scored
from bench import recount, retail
from bench.place import ROOT
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from state.customer import Customer, decode_customer
from streams.demo import journey
from streams.replay import Replay

#: When to compare: at parts of the history, and so many days after it.
SHARES, DAYS_AFTER = (0.25, 0.5, 0.75, 1.0), (30, 120, 420)
Floats = np.ndarray[Any, np.dtype[np.float64]]


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_data())
    parser.add_argument("--only", action="append", choices=("retail", "journey"))
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    args = parser.parse_args()
    sets: dict[str, Callable[[], Sequence[Event]]] = {
        "retail": lambda: list(retail.events(args.data)),
        "journey": lambda: list(journey.orders()),
    }
    found: dict[str, Any] = {}
    for name in args.only or sets:
        try:
            events = sets[name]()
        except (OSError, journey.JourneyError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        found[name] = asyncio.run(verify(events))
    if args.json:
        print(json.dumps(found))
    else:
        for name, figures in found.items():
            Console().print(*_tables(name, figures), sep="\n\n")
    return int(any(it["differing"] for figures in found.values() for it in figures["compared"]))


def _data() -> Path:
    return Path(os.environ.get("VERIFY_DATA") or ROOT.parent / "shared" / "data")


async def verify(events: Sequence[Event]) -> dict[str, Any]:
    """Run a history, and compare on the way."""
    standing, lifecycle, rfm = CustomerClass(), Lifecycle(), Rfm()
    # RFM runs alone: which of a customer's timers come first in a tick depends on all there are.
    runs = [Replay(_engine(standing, lifecycle), 1), Replay(_engine(rfm), 1)]
    histories = recount.Histories()
    scored = recount.Sorted(rfm.rescore_days, rfm.customers_min)
    compared: list[dict[str, Any]] = []
    clusters: list[dict[str, Any]] = []
    begin, ticked_at = 0, events[0].occurred_at
    for name, end in _moments(events):
        stop = next((it for it, e in enumerate(events) if e.occurred_at >= end), len(events))
        part = events[begin:stop]
        for run in runs:
            await run.run(_feed(part, ticked_at, end))
        histories.add(part)
        scored.add(part, end)
        begin, ticked_at = stop, end
        rows, scored_rows = (_rows(run) for run in runs)
        by_what = {
            "class": _classes(rows, histories, end, standing),
            "stage": _stages(rows, histories, end, lifecycle),
            "rfm": _rfm(scored_rows, scored),
        }
        compared += [{"at": name, "what": what, **it} for what, it in by_what.items()]
        members = {who: row for who, row in scored_rows.items() if "cluster" in row.portrait}
        if members:
            clusters.append({"at": name, **_clusters(members)})
    return {"events": len(events), "compared": compared, "clusters": clusters}


def _engine(*agents: Agent) -> Engine:
    return Engine(agents, Gate(), EngineSettings())


def _moments(events: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Full hours at which to compare, each with a name."""
    first, last = events[0].occurred_at, events[-1].occurred_at
    for share in SHARES:
        yield f"{share:.0%}", (first + round(share * (last - first))) // HOUR * HOUR + HOUR
    for days in DAYS_AFTER:
        yield f"+{days} days", (last + days * DAY) // HOUR * HOUR


def _feed(events: Sequence[Event], begin: int, end: int) -> Iterator[Event | Tick]:
    """A part of a history, with its ticks up to the one at ``end``."""
    due = (begin // HOUR + 1) * HOUR
    for event in events:
        for at in range(due, event.occurred_at + 1, HOUR):
            yield Tick(at)
        due = max(due, (event.occurred_at // HOUR + 1) * HOUR)
        yield event
    yield from (Tick(at) for at in range(due, end + 1, HOUR))


def _rows(run: Replay) -> dict[str, Customer]:
    return {who: decode_customer(who, row) for who, row in run.table.rows(0).items()}


def _trait(row: Customer, name: str) -> str:
    trait = row.portrait.get(name)
    return trait.value if trait else ""


def _counts(pairs: Sequence[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    """How many agree. pairs: what the row says, and what may be right; one value where it is known.

    within: those where the bound leaves more than one answer, and the row has one of them.
    """
    equal = sum(len(right) == 1 and said == right[0] for said, right in pairs)
    within = sum(len(right) > 1 and said in right for said, right in pairs)
    kinds = Counter(said for said, _ in pairs)
    return {
        "customers": len(pairs), "equal": equal, "within": within,
        "differing": len(pairs) - equal - within,
        "values": dict(kinds.most_common(6)),
    }  # fmt: skip


def _classes(
    rows: dict[str, Customer], told: recount.Histories, end: int, by: CustomerClass
) -> dict[str, Any]:
    return _counts([
        (_trait(rows[it], "class"), [recount.class_of(paid, told.refunds[it], end, by)])
        for it, paid in told.orders.items()
    ])  # fmt: skip


def _stages(
    rows: dict[str, Customer], told: recount.Histories, end: int, by: Lifecycle
) -> dict[str, Any]:
    return _counts([
        (_trait(rows[it], "stage"), [recount.stage_of(paid, end, by.at_risk_days, by.lapsed_days)])
        for it, paid in told.orders.items()
    ])  # fmt: skip


def _rfm(rows: dict[str, Customer], scored: recount.Sorted) -> dict[str, Any]:
    return _counts([
        (_trait(rows[who], "rfm"), [
            f"{r}-{f}-{m}" for r in _between(recency) for f in _between(frequency)
            for m in _between(money)
        ]) for who, (recency, frequency, money) in scored.scores.items()
    ])  # fmt: skip


def _between(scores: recount.Range) -> range:
    return range(scores[0], scores[1] + 1)


def _clusters(rows: dict[str, Customer]) -> dict[str, Any]:
    """How tight the clusters are, beside Lloyd's k-means over all customers at once.

    tightness: the mean squared distance of a customer to the mean of their cluster, in units of the
    standard deviations; batch: the best of ten runs from seeds that are drawn.
    """
    kept = {
        who: msgspec.msgpack.decode(row.memory["rfm"], type=Scored) for who, row in rows.items()
    }
    points = np.array([it.point for it in kept.values()], dtype=np.float64)
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    labels = np.array([it.cluster for it in kept.values()])
    count = int(labels.max()) + 1
    drawn = np.random.default_rng(1)
    batch = min(_lloyd(points, points[drawn.choice(len(points), count)]) for _ in range(10))
    sizes = Counter(_trait(rows[it], "cluster") for it in kept)
    tightness = _tightness(points, labels, count)
    return {
        "customers": len(kept), "sizes": dict(sizes.most_common()),
        "tightness": round(tightness, 4), "batch": round(batch, 4),
        "ratio": round(tightness / batch, 3),
    }  # fmt: skip


def _lloyd(points: Floats, means: Floats) -> float:
    labels = np.zeros(len(points), dtype=np.int64)
    for _ in range(100):
        labels = ((points[:, None, :] - means[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
        of = [points[labels == it] for it in range(len(means))]
        means = np.array([
            members.mean(axis=0) if len(members) else mean
            for members, mean in zip(of, means, strict=True)
        ])  # fmt: skip
    return _tightness(points, labels, len(means))


def _tightness(points: Floats, labels: Any, count: int) -> float:
    of = (points[labels == it] for it in range(count))
    squares = sum(((it - it.mean(axis=0)) ** 2).sum() for it in of if len(it))
    return float(squares / len(points))


def _tables(name: str, figures: dict[str, Any]) -> Iterator[Table]:
    table = Table(title=f"{name}, {figures['events']:,} events", box=None)
    for column in ("at", "what", "customers", "equal", "within", "differing", "values"):
        table.add_column(column, justify="left" if column in {"at", "what", "values"} else "right")
    for it in figures["compared"]:
        values = ", ".join(f"{value or 'none'} {count:,}" for value, count in it["values"].items())
        numbers = (f"{it[of]:,}" for of in ("customers", "equal", "within", "differing"))
        table.add_row(it["at"], it["what"], *numbers, values)
    yield table
    table = Table(title="How tight the clusters are, beside k-means of all at once", box=None)
    for column in ("at", "customers", "tightness", "batch", "ratio", "sizes"):
        table.add_column(column, justify="left" if column in {"at", "sizes"} else "right")
    for it in figures["clusters"]:
        sizes = ", ".join(f"{cluster} {count:,}" for cluster, count in it["sizes"].items())
        numbers = (f"{it[of]:,}" for of in ("customers", "tightness", "batch", "ratio"))
        table.add_row(it["at"], *numbers, sizes)
    yield table


if __name__ == "__main__":
    sys.exit(main())
