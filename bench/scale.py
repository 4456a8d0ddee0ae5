"""Does it stay as cheap when there is more? Customers, timers, workers, beside their goals."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from rich.table import Table

from bench import scale_customers, scale_timers, scale_workers
from bench.place import Options

_PARTS: dict[str, Any] = {
    "customers": scale_customers, "timers": scale_timers, "workers": scale_workers,
}  # fmt: skip


class Line(Struct, frozen=True):
    """One figure beside its goal. met: None where there is no goal."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None


def measure(options: Options) -> dict[str, Any]:
    """Those of the three that are wanted. Raises Wrong."""
    return {name: part.measure(options) for name, part in _PARTS.items() if options.wants(name)} | {
        "rounds": options.rounds
    }


def show(found: dict[str, Any]) -> Table:
    """The figures as a table, for people."""
    table = Table(box=None, header_style="bold")
    table.add_column("what")
    for name in ("measured", "goal", ""):
        table.add_column(name, justify="right")
    tell = {"customers": _customers, "timers": _timers, "workers": _workers}
    for name, lines in tell.items():
        for it in lines(found[name]) if name in found else ():
            verdict = "" if it.met is None else "yes" if it.met else "no"
            table.add_row(it.what, it.measured, it.goal, verdict)
    return table


def _customers(found: dict[str, Any]) -> Iterator[Line]:
    by_count = found["customers"]
    for customers in (found["few"], found["many"]):
        cpu, named = by_count[str(customers)]["cpu_us_per_event"], found["rows_in_a_batch"]
        yield Line(
            f"µs CPU an event, {customers:,} customers ({named[str(customers)]:,.0f} in a batch)",
            f"{cpu['median']:.1f}",
        )
    ratio, limit = found["cpu_ratio"]["median"], scale_customers.CPU_RATIO
    yield Line("the latter against the former", f"{ratio:.2f} x", f"{limit} x", ratio <= limit)
    most = by_count[str(found["many"])]
    rss, limit = most["rss_mb"], scale_customers.WORKER_MB
    yield Line(f"worker, {found['many']:,} customers", f"{rss} MB", f"{limit} MB", rss <= limit)
    size, limit = most["redis_bytes_per_customer"], scale_customers.REDIS_BYTES
    yield Line(
        f"Redis for one of {found['many']:,} customers", f"{size} B", f"{limit:,} B", size <= limit
    )


def _timers(found: dict[str, Any]) -> Iterator[Line]:
    for outcome in scale_timers.OUTCOMES:
        it = found[outcome]
        what = f"{found['timers']:,} timers at one tick, alerts {outcome}"
        rate, limit = it["fired_per_s"], scale_timers.PER_SECOND
        yield Line(f"{what}: fired", f"{rate:,}/s", f"{limit:,}/s", rate >= limit)
        yield Line(f"{what}: published", f"{it['told_per_s']:,}/s")
        late, limit = it["telling"]["p99_ms"], scale_timers.LATENCY_MS
        calm = it["calm"]["p99_ms"]
        yield Line(
            f"p99 of other partitions meanwhile (before: {calm:.0f} ms)",
            f"{late:.0f} ms", f"{limit} ms", late <= limit,
        )  # fmt: skip


def _workers(found: dict[str, Any]) -> Iterator[Line]:
    for workers, it in found["workers"].items():
        yield Line(
            f"µs CPU an event, {workers} of the workers", f"{it['cpu_us_per_event']['median']:.1f}"
        )
    ratio, limit = found["cpu_ratio"]["median"], scale_workers.CPU_RATIO
    yield Line("two workers against one", f"{ratio:.2f} x", f"{limit} x", ratio <= limit)
