"""How are files of events read? Line by line, each checked as ingest would check it."""

import gzip
import time
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from config.settings import Settings
from schemas.codec import DAMAGE
from schemas.dead_letter import Refusal, refusal_of
from schemas.instant import SECOND, to_text
from schemas.journal import AnyFact
from streams.commands import terminal

# About a thousand events, and so one batch.
CHUNK_BYTES = 256 * 1024
# A person reads the first ones; the summary counts them all, by reason.
REPORTS_MAX = 100

_decode = msgspec.json.Decoder[AnyFact](AnyFact).decode


class Report(Struct, frozen=True):
    """A line that was not sent."""

    file: str
    line: int
    reason: str
    detail: str
    hint: str


class Checker:
    """Checks lines by the settings that ingest goes by."""

    def __init__(self, settings: Settings) -> None:
        self._bytes_max = settings.event_bytes_max
        self._tolerance_ms = round(settings.future_tolerance_seconds * SECOND)

    def check(self, line: bytes) -> AnyFact | Refusal:
        """The event of a line, or why ingest would not accept it."""
        if len(line) > self._bytes_max:
            return Refusal("too_large", f"{len(line)} bytes; {self._bytes_max} are allowed")
        try:
            event: AnyFact = _decode(line)
        except DAMAGE as error:
            return refusal_of(error)
        latest = time.time_ns() // 1_000_000 + self._tolerance_ms
        if event.occurred_at > latest:
            return Refusal(
                "from_the_future",
                f"occurred_at {to_text(event.occurred_at)} is later than {to_text(latest)},"
                " our clock and the tolerance - at `$.occurred_at`",
            )
        return event


def show(report: Report, count: int) -> None:
    """Say what is wrong with a line, the ``count``-th that is; the first ones only."""
    if count > REPORTS_MAX:
        return
    place = f"{report.file}:{report.line}"
    text = f"{place}: {report.reason}: {report.detail}. {report.hint}"
    terminal.err.print(text, style="red", soft_wrap=True)
    if count == REPORTS_MAX:
        terminal.err.print("Further ones are counted, and not shown.", style="red")


def exist(files: Sequence[str]) -> None:
    """Raise CommandError for a file that is not there, before anything of the others is sent."""
    for file in files:
        # Opening would be a better question, and would spoil a pipe such as <(zcat history.gz).
        if file != "-" and not Path(file).exists():
            raise terminal.CommandError(f"{file}: there is no such file")


def read(file: str) -> Iterator[list[bytes]]:
    """The lines of a file, as many at a time as there are: a pipe's must not wait for more."""
    try:
        with _open(file) as opened:
            unfinished: list[bytes] = []
            while data := opened.read1(CHUNK_BYTES):
                first, *lines = data.split(b"\n")
                unfinished.append(first)
                if lines:
                    yield [b"".join(unfinished), *lines[:-1]]
                    unfinished = [lines[-1]]
            if last := b"".join(unfinished):
                yield [last]
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise terminal.CommandError(f"{file}: cannot be read: {why}") from error


def numbered(file: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, by their numbers."""
    for number, line in enumerate(chain.from_iterable(read(file)), start=1):
        if line.strip():
            yield number, line


def _open(file: str) -> BufferedReader:
    """A file of lines, stdin, or a file that gzip has packed."""
    if file == "-":
        return open(0, "rb", closefd=False)
    if file.endswith(".gz"):
        return cast("BufferedReader", gzip.open(file, "rb"))
    return Path(file).open("rb")
