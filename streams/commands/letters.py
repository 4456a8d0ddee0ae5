"""How are dead letters read, and sent again? From the topic's start to its end as it is now.

A letter that arrives meanwhile is left for the next time: what is sent again may come back at once,
and would be sent again for ever.
"""

from base64 import b64encode
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from confluent_kafka import Message as Record
from msgspec import Struct

from schemas.codec import RAW_TOPICS
from schemas.dead_letter import REQUEUED_FOR, TOPIC
from schemas.instant import to_text
from streams.commands import kafka, terminal
from streams.connection import Brokers
from streams.producer import Outbound
from streams.webhooks.parcel import TYPE_PREFIX

BATCH_RECORDS = 500
_BYTES_SHOWN = 60


class Letter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter. value: the original bytes as text, or value_base64 where they are no text.

    Neither is there where the record had no value. Of a trigger that no webhook took there are its
    target, id, kind and customer.
    """

    at: str
    offset: int
    reason: str
    detail: str
    hint: str
    source_topic: str
    source_partition: int
    source_offset: int
    key: str | None
    value: str | None = None
    value_base64: str | None = None
    target: str = ""
    trigger_id: str = ""
    kind: str = ""
    customer_id: str = ""

    def begins(self) -> str:
        """A trigger by what it is, because all of them begin alike; all else by its content."""
        if self.trigger_id:
            return f"{self.kind} for {self.customer_id}, trigger {self.trigger_id}"
        content = self.value or (f"base64 {self.value_base64}" if self.value_base64 else "nothing")
        return content[:_BYTES_SHOWN]


class Requeued(Struct):
    """What was sent again, or would have been. alike: not sent, because one like it was.

    not_raw: from no raw topic. invalid: repaired in a file, and still wrong. last_offset: of the
    last letter that was looked at; -1 for none.
    """

    sent: int = 0
    alike: int = 0
    not_raw: int = 0
    invalid: int = 0
    last_offset: int = -1
    by_topic: Counter[str] = msgspec.field(default_factory=Counter)
    by_reason: Counter[str] = msgspec.field(default_factory=Counter)


def show(brokers: Brokers, reasons: Sequence[str], *, limit: int, as_json: bool) -> None:
    """Print the newest letters. limit 0: all."""
    count = 0
    by_reason: Counter[str] = Counter()
    hints: dict[str, str] = {}
    newest: deque[Letter] = deque(maxlen=limit or None)
    for record in _read(brokers, reasons, -1, Requeued()):
        letter = _letter(record)
        count += 1
        by_reason[letter.reason] += 1
        hints[letter.reason] = letter.hint
        newest.append(letter)
    if as_json:
        for letter in newest:
            terminal.say_json(letter)
        return
    if not count:
        terminal.out.print("No dead letters.", style="green")
        return
    shown = terminal.table("at", "reason", "detail", "from", "what")
    for it in newest:
        source = f"{it.source_topic}/{it.source_partition}/{it.source_offset}"
        shown.add_row(f"{it.at[:19]}Z", it.reason, it.detail, source, it.begins())
    terminal.out.print(shown)
    terminal.out.print(f"\n{len(newest):,} of {count:,} shown. What to do:")
    todo = terminal.table("reason", "letters", "hint", right=("letters",))
    for reason, number in by_reason.most_common():
        todo.add_row(reason, f"{number:,}", hints[reason])
    terminal.out.print(todo)


class Again(Struct, frozen=True):
    """What could be sent again. came_from: the letter's place in the topic of dead letters."""

    topic: str
    key: bytes | None
    value: bytes | None
    reason: str
    came_from: str


async def requeue(
    brokers: Brokers, reasons: Sequence[str], *, after: int, dry_run: bool
) -> Requeued:
    """Send letters back to where they came from as they were, each kind of content once.

    after: only those behind this offset.
    """
    done = Requeued()
    found = (
        Again(
            _text(headers := _headers(it), "source_topic"), _key(it), it.value(),
            _text(headers, "reason"), f"{TOPIC}/{it.partition()}/{it.offset()}",
        )
        for it in _read(brokers, reasons, after, done)
    )  # fmt: skip
    return await send(brokers, found, done, dry_run=dry_run)


async def send(
    brokers: Brokers, found: Iterable[Again], done: Requeued, *, dry_run: bool
) -> Requeued:
    """Send what did not come from a raw topic, and is not alike; counts it all in ``done``."""
    known: set[bytes] = set()
    batch: list[Outbound] = []
    async with kafka.Sender(brokers) as sender:
        for it in found:
            if it.topic not in RAW_TOPICS:
                done.not_raw += 1
                continue
            if (digest := _digest(it)) in known:
                done.alike += 1
                continue
            known.add(digest)
            done.sent += 1
            done.by_topic[it.topic] += 1
            done.by_reason[it.reason] += 1
            headers = [
                ("requeued_from", it.came_from.encode()),
                (REQUEUED_FOR, it.reason.encode()),
            ]
            batch.append(Outbound(it.topic, it.value, it.key, headers))
            if len(batch) >= BATCH_RECORDS:
                await sender.send([] if dry_run else batch)
                batch = []
        await sender.send([] if dry_run else batch)
    return done


def _read(brokers: Brokers, reasons: Sequence[str], after: int, done: Requeued) -> Iterator[Record]:
    kafka.reach(brokers).require([TOPIC])
    with kafka.Reader(brokers) as reader:
        for record in reader.to_the_end([TOPIC]):
            offset = record.offset() or 0
            if offset <= after:
                continue
            done.last_offset = offset
            if not reasons or _text(_headers(record), "reason") in reasons:
                yield record


def _digest(letter: Again) -> bytes:
    """Sixteen bytes for topic, key and value: all letters' content may not fit into memory."""
    content = (letter.topic, letter.key, letter.value)
    return blake2b(msgspec.msgpack.encode(content), digest_size=16).digest()


def _key(record: Record) -> bytes | None:
    key = record.key()
    return None if key is None else _bytes(key)


def _letter(record: Record) -> Letter:
    headers = _headers(record)
    value, key = record.value(), record.key()
    text = None if value is None else _as_text(value)
    return Letter(
        at=to_text(record.timestamp()[1]),
        offset=record.offset() or 0,
        reason=_text(headers, "reason"),
        detail=_text(headers, "detail"),
        hint=_text(headers, "hint"),
        source_topic=_text(headers, "source_topic"),
        source_partition=_number(headers, "source_partition"),
        source_offset=_number(headers, "source_offset"),
        key=None if key is None else _bytes(key).decode("utf-8", "backslashreplace"),
        value=text,
        value_base64=None if value is None or text else b64encode(_bytes(value)).decode(),
        target=_text(headers, "target"),
        trigger_id=_text(headers, "ce_id"),
        kind=_text(headers, "ce_type").removeprefix(TYPE_PREFIX),
        customer_id=_text(headers, "ce_subject"),
    )


def _bytes(content: Any) -> bytes:
    return content if isinstance(content, bytes) else str(content or "").encode()


def _as_text(value: Any) -> str | None:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError:
        return None


def _headers(record: Record) -> Mapping[str, Any]:
    return dict(record.headers() or ())


def _text(headers: Mapping[str, Any], name: str) -> str:
    return _bytes(headers.get(name)).decode("utf-8", "replace")


def _number(headers: Mapping[str, Any], name: str) -> int:
    text = _text(headers, name)
    return int(text) if text.isdecimal() else -1
