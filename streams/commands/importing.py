"""How is history put in order and into the journal? Checked and spooled, then written by time.

An import is one source, named by what is in its files, and an event's place in time order is its
offset there. So engage knows what it has had of it, whenever and however often it is written.
"""

import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

import msgspec
from msgspec import Struct

from config.settings import Settings
from schemas.codec import encode_json
from schemas.dead_letter import Refusal
from schemas.instant import to_text
from schemas.journal import AnyFact, Entry, ShopEntry, Source
from schemas.shop_events import ShopEvent
from streams.amounts import plural
from streams.commands import kafka, terminal
from streams.commands.lines import Checker, Report, exist, numbered, show
from streams.commands.progress import bar
from streams.connection import brokers_of
from streams.producer import Outbound
from streams.topics import JOURNAL

_BATCH = 1_000

_decode = msgspec.json.Decoder[AnyFact](AnyFact).decode


class Done(Struct):
    """What was imported. source: how the journal calls it. first, last: the times it spans."""

    imported: int = 0
    invalid: int = 0
    source: str = ""
    first: str = ""
    last: str = ""
    by_type: Counter[str] = msgspec.field(default_factory=Counter)
    by_reason: Counter[str] = msgspec.field(default_factory=Counter)


class _Spool:
    """Valid lines in a file of our own, and where each begins and when it happened."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = blake2b(digest_size=8)
        self.times = array("q")
        self._begins = array("q", [0])

    def add(self, line: bytes, occurred_at: int) -> None:
        """Keep a line."""
        self._file.write(line)
        self._digest.update(line + b"\n")
        self.times.append(occurred_at)
        self._begins.append(self._begins[-1] + len(line))

    @property
    def source(self) -> str:
        """The name of what is in here."""
        return f"import:{self._digest.hexdigest()}"

    def in_order(self) -> Iterator[bytes]:
        """The lines by time; those of one time in the order in which they were added."""
        self._file.flush()
        for it in sorted(range(len(self.times)), key=self.times.__getitem__):
            begin, end = self._begins[it], self._begins[it + 1]
            self._file.seek(begin)
            yield self._file.read(end - begin)


async def run(
    settings: Settings, files: Sequence[str], *, skip_invalid: bool, dry_run: bool
) -> Done:
    """Import files. Raises CommandError, TopicError and DeliveryError."""
    exist(files)
    partitions = kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]
    done = Done()
    with TemporaryFile() as file:
        spool = _Spool(file)
        _gather(settings, files, spool, done)
        done.source = spool.source
        if spool.times:
            done.first, done.last = to_text(min(spool.times)), to_text(max(spool.times))
        if dry_run or (done.invalid and not skip_invalid):
            return done
        await _write(settings, spool, done, partitions)
    return done


def _gather(settings: Settings, files: Sequence[str], spool: _Spool, done: Done) -> None:
    checker = Checker(settings)
    for file in files:
        for number, line in numbered(file):
            checked = checker.check(line)
            if isinstance(checked, Refusal):
                done.invalid += 1
                done.by_reason[checked.reason] += 1
                report = Report(file, number, checked.reason, checked.detail, checked.hint)
                show(report, done.invalid)
            else:
                done.by_type[_type(checked)] += 1
                spool.add(line.strip(), checked.occurred_at)


async def _write(settings: Settings, spool: _Spool, done: Done, partitions: int) -> None:
    imported_at = time.time_ns() // 1_000_000
    batch: list[list[Outbound]] = []
    with bar("events", len(spool.times)) as step:
        async with kafka.Sender(brokers_of(settings)) as sender:
            for place, line in enumerate(spool.in_order()):
                source = Source(done.source, 0, place, 0)
                batch.append(_records(_decode(line), source, imported_at, partitions))
                if len(batch) >= _BATCH:
                    await sender.send(list(chain.from_iterable(batch)))
                    done.imported += len(batch)
                    step(len(batch))
                    batch = []
            await sender.send(list(chain.from_iterable(batch)))
            done.imported += len(batch)


def _records(event: AnyFact, source: Source, imported_at: int, partitions: int) -> list[Outbound]:
    """One for the customer's partition; or one for each, of what happened to no one customer."""
    key = event.subject.encode()
    if not isinstance(event, ShopEvent):
        return [Outbound(JOURNAL, encode_json(Entry(event, source, imported_at)), key)]
    value = encode_json(ShopEntry(event, source, imported_at))
    return [Outbound(JOURNAL, value, key, None, partition) for partition in range(partitions)]


def tell(done: Done, *, dry_run: bool) -> None:
    """Print what was done."""
    types = ", ".join(f"{kind} {count:,}" for kind, count in done.by_type.most_common())
    events = plural(sum(done.by_type.values()), "event")
    span = f" from {done.first[:10]} to {done.last[:10]}" if done.first else ""
    if done.imported:
        terminal.out.print(f"{events} imported{span}: {types}", style="green")
    else:
        terminal.out.print(f"{events} could be imported{span}: {types}")
    if done.invalid:
        reasons = ", ".join(f"{why} {count:,}" for why, count in done.by_reason.items())
        lines = plural(done.invalid, "line")
        terminal.out.print(f"{lines} invalid: {reasons}", style="red")
        if not done.imported and not dry_run:
            terminal.out.print(
                "Nothing was imported. Mend them and import again, or leave them out with"
                " --skip-invalid.",
                style="red",
            )
        elif done.imported:
            terminal.out.print(
                "Mend them in a file of their own, and import that. This file with other lines in"
                " it is another file: what is imported already would count twice.",
                style="red",
            )


def _type(event: AnyFact) -> str:
    return str(event.__struct_config__.tag)
