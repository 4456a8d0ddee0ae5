"""What becomes of a record that cannot be accepted? A dead letter that says what to fix."""

from typing import Any, NamedTuple, Protocol, get_args

from faust.types import TP

from schemas.codec import RAW_TOPICS, RAW_UNIONS, encode_json
from schemas.dead_letter import TOPIC, Refusal
from schemas.journal import Entry
from streams.producer import RECORD_BYTES_MAX, Outbound

#: On which topic each type of event is published.
TOPIC_OF = {kind: topic for topic, union in RAW_UNIONS.items() for kind in get_args(union)}
# What the headers of a dead letter, its key included, may take of a record's bytes.
_ROOM_FOR_HEADERS = 64 * 1024


class RawRecord(NamedTuple):
    """A record as it stands on a raw topic."""

    key: bytes
    value: bytes
    offset: int
    timestamp: int


class Place(Protocol):
    """A partition, whichever client names it."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...


def dead_letter_of(tp: Place, record: Any, refusal: Refusal) -> Outbound:
    """The record's bytes as they were, under its key, with what to do about it as headers.

    A record so large that no dead letter could hold it is cut, and a header says how long it was.
    """
    value, key = record.value, record.key
    headers = [
        ("reason", refusal.reason.encode()),
        ("detail", refusal.detail.encode("utf-8", "replace")),
        ("hint", refusal.hint.encode()),
        ("source_topic", tp.topic.encode()),
        ("source_partition", str(tp.partition).encode()),
        ("source_offset", str(record.offset).encode()),
        ("source_at", str(record.timestamp).encode()),
    ]
    room = RECORD_BYTES_MAX - _ROOM_FOR_HEADERS
    if len(value or b"") + len(key or b"") > room:
        headers.append(("cut_from_bytes", str(len(value or b"")).encode()))
        key = (key or b"")[: room // 2]
        value = (value or b"")[: room - len(key)]
    return Outbound(TOPIC, value, key, headers)


def dead_letter_of_entry(entry: Entry, refusal: Refusal) -> Outbound:
    """An event that ingest had accepted, as a dead letter of the raw record that it came from."""
    source, event = entry.source, entry.event
    # What was imported comes from no topic; sent again, it goes where such events are published.
    topic = source.topic if source.topic in RAW_TOPICS else TOPIC_OF[type(event)]
    place = TP(topic, source.partition)
    record = RawRecord(
        event.subject.encode(), encode_json(event), source.offset, source.appended_at
    )
    return dead_letter_of(place, record, refusal)
