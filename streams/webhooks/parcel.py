"""What is sent? A trigger as a CloudEvent in JSON: its attributes and its body in one object.

Source: CloudEvents 1.0.2, HTTP protocol binding, section 3.2 (structured mode). The body is the
same at each attempt, byte for byte, and its id is the trigger's: a receiver knows a repetition by
it.
"""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from confluent_kafka import Message as Record
from msgspec import Raw, Struct

from schemas.codec import DAMAGE, decode_trigger, encode_json
from schemas.dead_letter import Refusal
from schemas.event import ANONYMOUS

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_NEEDED = ("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time")
TYPE_PREFIX = "ebbtide.trigger."
# It becomes an HTTP header and part of a report's id, so nothing else may be in it.
_ID = re.compile(r"[0-9a-f]{32}")


class Place(Struct, frozen=True):
    """A partition of a topic."""

    topic: str
    partition: int


class Source(Struct, frozen=True):
    """The record that a trigger stands in, and where. timestamp: epoch milliseconds."""

    place: Place
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers; of headers in characters, which is near enough."""
        headers = sum(len(name) + len(text) for name, text in self.headers.items())
        return len(self.key or b"") + len(self.value or b"") + headers


class Parcel(Struct, frozen=True):
    """A trigger on its way to a target. Moments are epoch milliseconds."""

    id: str
    kind: str
    customer_id: str
    decided_at: int
    expires_at: int | None
    source: Source

    def body(self) -> bytes:
        """What is posted."""
        headers, value = self.source.headers, self.source.value or b""
        return encode_json(
            _CloudEvent(
                id=self.id,
                source=headers["ce_source"],
                type=headers["ce_type"],
                subject=self.customer_id,
                time=headers["ce_time"],
                causationid=headers.get("ce_causationid"),
                expirytime=headers.get("ce_expirytime"),
                data=Raw(value),
            )
        )

    def whose(self) -> dict[str, str]:
        """The customer as an event names them."""
        if self.customer_id.startswith(ANONYMOUS):
            return {"anonymous_id": self.customer_id.removeprefix(ANONYMOUS)}
        return {"customer_id": self.customer_id}


class _CloudEvent(Struct, kw_only=True, omit_defaults=True):
    specversion: str = msgspec.field(default_factory=lambda: "1.0")
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str = msgspec.field(default_factory=lambda: "application/json")
    causationid: str | None = None
    expirytime: str | None = None
    data: Raw


def source_of(record: Record) -> Source:
    """What a Kafka record holds."""
    key, value = record.key(), record.value()
    return Source(
        Place(record.topic() or "", record.partition() or 0),
        record.offset() or 0,
        record.timestamp()[1],
        _bytes(key),
        _bytes(value),
        {name: _text(content) for name, content in dict(record.headers() or ()).items()},
    )


def parcel_of(source: Source) -> Parcel | Refusal:
    """The trigger in a record, or why it is none."""
    headers = source.headers
    if missing := [name for name in _NEEDED if not headers.get(name)]:
        return Refusal("trigger_not_readable", f"no header {missing[0]}")
    if not _ID.fullmatch(headers["ce_id"]):
        return Refusal("trigger_not_readable", f"ce_id {headers['ce_id']!r} is none of ours")
    try:
        decode_trigger(source.value or b"")
        decided_at = _millis(headers, "ce_time")
        expires_at = _millis(headers, "ce_expirytime") if "ce_expirytime" in headers else None
    except (*DAMAGE, ValueError) as error:
        return Refusal("trigger_not_readable", str(error))
    kind = headers["ce_type"].removeprefix(TYPE_PREFIX)
    return Parcel(headers["ce_id"], kind, headers["ce_subject"], decided_at, expires_at, source)


def _millis(headers: Mapping[str, str], name: str) -> int:
    moment = datetime.fromisoformat(headers[name])
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no zone")
    return round(moment.timestamp() * 1000)


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content


def _text(content: str | bytes | None) -> str:
    return (_bytes(content) or b"").decode("utf-8", "replace")
