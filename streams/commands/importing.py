"""How is history put in order and into the journal? Checked and spooled, then written by time.

An import is one source, named by what is in its files, and an event's place in time order is its
offset there. So engage knows what it has had of it, whenever and however often it is written.
"""

import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
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
from streams.commands.import_applied import Applied, applied_since, counted
from streams.commands.lines import Checker, Report, exist, numbered, show
from streams.commands.progress import bar
from streams.commands.rejects import Rejects, default_path, mended
from streams.connection import brokers_of
from streams.privacy.privacy import cipher_of, open_privacy
from streams.privacy.sealer import Sealer
from streams.producer import Outbound
from streams.reviews.door import TextReader, has_text, open_reader, with_readings
from streams.topics import JOURNAL

_BATCH = 1_000

_decode = msgspec.json.Decoder[AnyFact](AnyFact).decode


class Done(Struct):
    """What was imported. source: how the journal calls it. first, last: the times it spans.

    repeated: events of which another line has told already, the same customer's with the same id.
    rejects: the file with the invalid lines.
    """

    imported: int = 0
    repeated: int = 0
    invalid: int = 0
    source: str = ""
    first: str = ""
    last: str = ""
    rejects: str = ""
    by_type: Counter[str] = msgspec.field(default_factory=Counter)
    by_reason: Counter[str] = msgspec.field(default_factory=Counter)
    applied: Applied | None = None


class _Spool:
    """Valid lines in a file of our own, and where each begins and when it happened."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = blake2b(digest_size=8)
        self.times = array("q")
        self._facts = array("Q")
        self._begins = array("q", [0])
        self._left_out: set[int] = set()

    def add(self, line: bytes, event: AnyFact) -> None:
        """Keep a line."""
        self._file.write(line)
        self._digest.update(line + b"\n")
        self.times.append(event.occurred_at)
        self._facts.append(int.from_bytes(blake2b(_fact(event), digest_size=8).digest(), "big"))
        self._begins.append(self._begins[-1] + len(line))

    @property
    def source(self) -> str:
        """The name of what is in here, whether it is left out or not."""
        return f"import:{self._digest.hexdigest()}"

    def leave_out_repeated(self) -> Iterator[AnyFact]:
        """Take out what a line before has told; yields each event that is out."""
        self._file.flush()
        facts = self._facts
        order = sorted(range(len(facts)), key=facts.__getitem__)
        for _, its in groupby(order, key=facts.__getitem__):
            known: set[bytes] = set()
            first, *others = its
            # Two facts may have the same eight bytes; they are looked at where that is so.
            for it in (first, *others) if others else ():
                event = _decode(self._line(it))
                if (fact := _fact(event)) in known:
                    self._left_out.add(it)
                    yield event
                known.add(fact)

    def in_order(self) -> Iterator[tuple[int, bytes]]:
        """The lines by time, with their places; those of one time as they were added."""
        self._file.flush()
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        for place, it in enumerate(order):
            if it not in self._left_out:
                yield place, self._line(it)

    def _line(self, it: int) -> bytes:
        begin, end = self._begins[it], self._begins[it + 1]
        self._file.seek(begin)
        return self._file.read(end - begin)


async def run(
    settings: Settings, files: Sequence[str], *, skip_invalid: bool, dry_run: bool,
    rejects: Path | None = None, wait: bool = False,
) -> Done:  # fmt: skip
    """Import files. Raises CommandError, TopicError, DeliveryError and StoreError."""
    exist(files)
    partitions = kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]
    done = Done()
    with TemporaryFile() as file, Rejects(rejects or default_path([*files])) as rejected:
        spool = _Spool(file)
        _gather(settings, files, spool, rejected, done)
        rejected.save()
        done.rejects = str(rejected.path) if rejected.count else ""
        for event in spool.leave_out_repeated():
            done.repeated += 1
            done.by_type[_type(event)] -= 1
        done.source = spool.source
        if spool.times:
            done.first, done.last = to_text(min(spool.times)), to_text(max(spool.times))
        if dry_run or (done.invalid and not skip_invalid):
            return done
        before = await counted(settings, partitions) if wait else {}
        await _write(settings, spool, done, partitions)
        if wait:
            done.applied = await applied_since(settings, partitions, before)
    return done


def _gather(
    settings: Settings, files: Sequence[str], spool: _Spool, rejects: Rejects, done: Done
) -> None:
    checker = Checker(settings)
    for file in files:
        for number, line in numbered(file):
            place, text = (file, number), line.strip()
            checked = checker.check(line)
            if isinstance(checked, Refusal) and (again := mended(line)) is not None:
                # A line of a file of rejects: what counts is the text in it.
                place, text = (again.file, again.line), again.content
                checked = checker.check(text)
            if isinstance(checked, Refusal):
                done.invalid += 1
                done.by_reason[checked.reason] += 1
                report = Report(*place, checked.reason, checked.detail, checked.hint)
                show(report, done.invalid)
                rejects.add(report, text)
            else:
                done.by_type[_type(checked)] += 1
                spool.add(text, checked)


async def _write(settings: Settings, spool: _Spool, done: Done, partitions: int) -> None:
    imported_at = time.time_ns() // 1_000_000
    total = len(spool.times) - done.repeated
    brokers, cipher, reader = brokers_of(settings), cipher_of(settings), open_reader(settings)
    async with AsyncExitStack() as stack:
        step = stack.enter_context(bar("events", total))
        sender = await stack.enter_async_context(kafka.Sender(brokers))
        sealer = None
        if cipher is not None:
            its = open_privacy(settings, sender, partitions)
            sealer = (await stack.enter_async_context(its)).sealer
        batch: list[Entry | ShopEntry] = []
        for place, line in spool.in_order():
            batch.append(_entry(_decode(line), Source(done.source, 0, place, 0), imported_at))
            if len(batch) >= _BATCH:
                await _send(sender, sealer, _read(reader, batch), partitions)
                done.imported += len(batch)
                step(len(batch))
                batch = []
        await _send(sender, sealer, _read(reader, batch), partitions)
        done.imported += len(batch)


def _read(reader: TextReader | None, batch: list[Entry | ShopEntry]) -> list[Entry | ShopEntry]:
    """Put beside each text what the model reads in it, as ingest does."""
    if reader is None:
        return batch
    told = [it for it in batch if isinstance(it, Entry) and has_text(it)]
    read = dict(zip(map(id, told), with_readings(reader, told), strict=True))
    return [read.get(id(it), it) for it in batch]


async def _send(
    sender: kafka.Sender, sealer: Sealer | None, batch: list[Entry | ShopEntry], partitions: int
) -> None:
    if sealer is not None:
        asked = [it for it in batch if isinstance(it, Entry) and sealer.concerns(it.event)]
        sealed = dict(zip(map(id, asked), await sealer.seal(asked), strict=True))
        batch = [sealed.get(id(it), it) for it in batch]
    await sender.send([record for it in batch for record in _records(it, partitions)])


def _entry(event: AnyFact, source: Source, imported_at: int) -> Entry | ShopEntry:
    if isinstance(event, ShopEvent):
        return ShopEntry(event, source, imported_at)
    return Entry(event, source, imported_at)


def _records(entry: Entry | ShopEntry, partitions: int) -> list[Outbound]:
    """One for the customer's partition; or one for each, of what happened to no one customer."""
    key, value = entry.event.subject.encode(), encode_json(entry)
    if isinstance(entry, Entry):
        return [Outbound(JOURNAL, value, key)]
    return [Outbound(JOURNAL, value, key, None, partition) for partition in range(partitions)]


def _fact(event: AnyFact) -> bytes:
    """What makes two lines tell the same: whose it is, and its id."""
    kind = _type(event) if isinstance(event, ShopEvent) else ""
    return encode_json([kind, event.subject, event.event_id])


def tell(done: Done, *, dry_run: bool) -> None:
    """Print what was done."""
    types = ", ".join(f"{kind} {count:,}" for kind, count in done.by_type.most_common())
    events = plural(sum(done.by_type.values()), "event")
    span = f" from {done.first[:10]} to {done.last[:10]}" if done.first else ""
    if done.imported:
        terminal.out.print(f"{events} imported{span}: {types}", style="green")
    else:
        terminal.out.print(f"{events} could be imported{span}: {types}")
    if done.repeated:
        twice = plural(done.repeated, "line")
        terminal.out.print(
            f"{twice} left out: the same customer's event with the same id came before."
        )
    if done.applied is not None:
        terminal.out.print(
            f"Workers have applied it: {done.applied.imported:,} counted as history,"
            f" {done.applied.duplicate:,} were known before."
        )
    if done.invalid:
        reasons = ", ".join(f"{why} {count:,}" for why, count in done.by_reason.items())
        lines = plural(done.invalid, "line")
        terminal.out.print(f"{lines} invalid: {reasons}", style="red")
        terminal.out.print(f"They stand in {done.rejects}, with what to do.", style="red")
        if not done.imported and not dry_run:
            terminal.out.print(
                "Nothing was imported. Mend them in the files and import again; or leave them out"
                " with --skip-invalid.",
                style="red",
            )
        elif done.imported:
            terminal.out.print(
                f"Mend each `text` in it and run `ebbtide import {done.rejects}`. Don't import"
                " the mended original: with other lines in it, it is another file, and what is"
                " imported already would count twice.",
                style="red",
            )


def _type(event: AnyFact) -> str:
    return str(event.__struct_config__.tag)
