"""How are files published? Line by line checked, batch by batch acknowledged, with a bar meanwhile.

The law: a line is sent, or reported with file, line, reason and what to do. Nothing is passed over
but blank lines.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

import msgspec
from msgspec import Struct
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from config.settings import Settings
from schemas.codec import RAW_TOPICS, RAW_UNIONS
from schemas.dead_letter import Refusal
from schemas.journal import AnyFact, Tick
from streams.amounts import plural
from streams.commands import kafka, terminal
from streams.commands.lines import REPORTS_MAX, Checker, Report, exist, read, show
from streams.connection import brokers_of
from streams.producer import Outbound


def _members(union: object) -> tuple[object, ...]:
    return get_args(union) if get_origin(union) in (Union, UnionType) else (union,)


#: Where each type of event belongs.
TOPIC_OF = {
    member: topic
    for topic, union in RAW_UNIONS.items()
    for member in _members(union)
    if member is not Tick
}


def outbound(event: AnyFact, value: bytes) -> Outbound:
    """An event as a record: its bytes, keyed by whom or what it is about, on its type's topic."""
    return Outbound(TOPIC_OF[type(event)], value, event.subject.encode())


class Summary(Struct):
    """What became of the lines. refused: the first of them; by_reason counts all."""

    sent: int = 0
    invalid: int = 0
    seconds: float = 0.0
    by_topic: Counter[str] = msgspec.field(default_factory=Counter)
    by_reason: Counter[str] = msgspec.field(default_factory=Counter)
    refused: list[Report] = msgspec.field(default_factory=list)


class Publication:
    """Publishes files. to_topic: send every line there as it is, without a look at it."""

    def __init__(self, settings: Settings, *, to_topic: str | None, as_json: bool) -> None:
        self._settings = settings
        self._to_topic = to_topic
        self._as_json = as_json
        self._checker = Checker(settings)
        self._summary = Summary()

    async def run(self, files: Sequence[str]) -> int:
        """Publish them all; 1 if any line was not sent."""
        exist(files)
        topics = kafka.reach(brokers_of(self._settings))
        topics.require(RAW_TOPICS if self._to_topic is None else [self._to_topic])
        started = time.monotonic()
        async with kafka.Sender(brokers_of(self._settings)) as sender:
            with _bar(files) as advance:
                for batch, read_bytes in self._batches(files):
                    await sender.send(batch)
                    self._summary.sent += len(batch)
                    self._summary.by_topic.update(record.topic for record in batch)
                    advance(read_bytes, self._summary)
        self._summary.seconds = round(time.monotonic() - started, 3)
        if self._as_json:
            terminal.say_json(self._summary)
        else:
            self._print_summary()
        return 1 if self._summary.invalid else 0

    def _batches(self, files: Sequence[str]) -> Iterator[tuple[list[Outbound], int]]:
        """Records to send, with the bytes that have been read for them."""
        for file in files:
            number = 0
            for lines in read(file):
                batch = []
                read_bytes = 0
                for line in lines:
                    number += 1
                    read_bytes += len(line) + 1
                    record = self._record(file, number, line.removesuffix(b"\r"))
                    if record is not None:
                        batch.append(record)
                yield batch, read_bytes

    def _record(self, file: str, number: int, line: bytes) -> Outbound | None:
        if self._to_topic is not None:
            return Outbound(self._to_topic, line)
        if not line.strip():
            return None
        checked = self._checker.check(line)
        if not isinstance(checked, Refusal):
            return outbound(checked, line)
        self._refuse(Report(file, number, checked.reason, checked.detail, checked.hint))
        return None

    def _refuse(self, report: Report) -> None:
        summary = self._summary
        summary.invalid += 1
        summary.by_reason[report.reason] += 1
        if summary.invalid <= REPORTS_MAX:
            summary.refused.append(report)
        show(report, summary.invalid)

    def _print_summary(self) -> None:
        summary = self._summary
        rate = summary.sent / max(summary.seconds, 0.001)
        where = ", ".join(f"{topic} {count:,}" for topic, count in summary.by_topic.items())
        terminal.out.print(
            f"{plural(summary.sent, 'event')} sent in {summary.seconds:.1f} s"
            f" ({rate:,.0f} a second){': ' + where if where else ''}",
            style="green",
        )
        if summary.invalid:
            reasons = ", ".join(f"{why} {count:,}" for why, count in summary.by_reason.items())
            lines = plural(summary.invalid, "line")
            terminal.out.print(f"{lines} not sent: {reasons}", style="red")


@contextmanager
def _bar(files: Sequence[str]) -> Iterator[Callable[[int, Summary], None]]:
    """Show progress on a terminal: in bytes, because only they are known beforehand."""
    known = all(Path(file).is_file() for file in files)
    total = sum(Path(file).stat().st_size for file in files) if known else None
    columns = (
        [BarColumn(), TimeRemainingColumn(compact=True), TextColumn("left")]
        if known
        else [SpinnerColumn()]
    )
    counts = TextColumn("{task.fields[sent]:,} sent  {task.fields[rate]:,.0f} a second")
    progress = Progress(
        *columns, counts, console=terminal.err, transient=True,
        disable=not terminal.err.is_terminal,
    )  # fmt: skip
    started = time.monotonic()

    with progress:
        bar = progress.add_task("publish", total=total, sent=0, rate=0.0)

        def advance(read_bytes: int, summary: Summary) -> None:
            rate = summary.sent / max(time.monotonic() - started, 0.001)
            progress.update(bar, advance=read_bytes, sent=summary.sent, rate=rate)

        yield advance
