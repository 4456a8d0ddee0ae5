"""How does the demo look? A live picture in a terminal, a line every few seconds without one."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.instant import to_text
from streams.demo.progress import Progress, Summary

_LINE_EVERY_S = 5.0
_PICTURE_EVERY_S = 0.25


async def show(progress: Progress, total: int, console: Console) -> None:
    """Show the progress until cancelled."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            await _for_ever(_PICTURE_EVERY_S, lambda: live.update(_picture(progress, total)))
    else:
        line = lambda: console.print(_line(progress, total), soft_wrap=True)  # noqa: E731
        await _for_ever(_LINE_EVERY_S, line)


async def _for_ever(every_s: float, draw: Callable[[], None]) -> None:
    while True:
        draw()
        await asyncio.sleep(every_s)


def _line(progress: Progress, total: int) -> str:
    sent = "  ".join(f"{kind} {count:,}" for kind, count in sorted(progress.sent.items()))
    return (
        f"{progress.applied:>9,} of {total:,} orders  {_rate(progress):>7,.0f}/s"
        f"  clock {_day(progress.clock_at)}  {sent}"
    )


def _picture(progress: Progress, total: int) -> Panel:
    rate = _rate(progress)
    left = (total - progress.applied) / rate if rate else 0
    head = Text(
        f"{progress.applied:,} of {total:,} orders   {rate:,.0f}/s   {left:,.0f} s left   "
        f"the shop's clock: {_day(progress.clock_at)}"
    )
    kinds = Table(box=None, padding=(0, 3, 0, 0))
    kinds.add_column("trigger")
    kinds.add_column("sent", justify="right")
    for kind, count in sorted(progress.sent.items()):
        kinds.add_row(kind, f"{count:,}")
    last = Table(box=None, padding=(0, 3, 0, 0))
    for column in ("the last few", "", "household", "because"):
        last.add_column(column)
    for decision in reversed(progress.last):
        last.add_row(
            _day(decision.decided_at), decision.kind, decision.customer_id, decision.reason
        )
    bar = ProgressBar(total=total, completed=progress.applied)
    return Panel(Group(head, bar, Text(), kinds, Text(), last), title="ebbtide demo")


def report(summary: Summary, file: Path) -> Group:
    """What came of it, for people, and where to look next."""
    table = Table(box=None, padding=(0, 3, 0, 0), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("orders", f"{summary.events:,}")
    table.add_row("households", f"{summary.customers:,}")
    table.add_row("seconds", f"{summary.seconds:,.1f}")
    table.add_row("orders a second", f"{summary.events_per_s:,.0f}")
    for kind, count in summary.triggers.items():
        table.add_row(f"sent: {kind}", f"{count:,}")
    for outcome, count in summary.decisions.items():
        if outcome != "sent":
            table.add_row(f"decisions {outcome}", f"{count:,}")
    table.add_row("dead letters", f"{summary.dead_letters:,}")
    table.add_row("triggers published twice", f"{summary.duplicate_trigger_ids:,}")
    table.add_row("bytes in a row (median)", f"{summary.row_bytes_median:,.0f}")
    if summary.latency_ms["p50"] is not None:
        latency = f"{summary.latency_ms['p50']:,.0f} / {summary.latency_ms['p99']:,.0f} ms"
        table.add_row("order to trigger at this speed (p50 / p99)", latency)
    return Group(table, Text(), Text(_churn(summary)), Text(), Text(_next(file)))


def _churn(summary: Summary) -> str:
    churn = summary.churn
    if churn.quiet_share is None or churn.base_share is None or churn.lift is None:
        return "No churn alert came early enough to be judged."
    return (
        f"Of {churn.scored:,} churn alerts that can be judged, {churn.quiet_share:.1%}"
        f" were followed by 28 days\nwithout an order; of all households at those same moments,"
        f" {churn.base_share:.1%} ({churn.lift:.1f} times)."
    )


def _next(file: Path) -> str:
    return (
        f"Written to {file}. What to look at next:\n"
        "  ebbtide up                     Kafka, Redis and a worker of your own, until Ctrl-C\n"
        "  docs/triggers/churn_alert.md   what such an alert holds, and what to do with it\n"
        "  config/engine.toml             what is decided, and when"
    )


def _rate(progress: Progress) -> float:
    return progress.applied / max(progress.seconds, 0.001)


def _day(at: int) -> str:
    return to_text(at)[:10] if at else "----------"
