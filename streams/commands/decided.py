"""What stands on `decisions`, of one id or of one customer? Read from the topic's start.

The topic is keyed by customer, so all that concerns one stands in one partition, in the order in
which it was decided. A record may come twice under the same id; it counts once.
"""

import re
from collections.abc import Iterable, Iterator

import structlog
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from confluent_kafka import Message as Record
from msgspec import Struct

from schemas.cloud_event import DECISIONS
from schemas.codec import DAMAGE, decode_decision
from schemas.decisions import Decision
from schemas.instant import to_text
from streams.commands.kafka import Reader
from streams.commands.progress import bar
from streams.commands.terminal import CommandError, UsageError

log = structlog.get_logger()

#: 32 bits: among a million decisions, one id in four thousand begins like another one.
DIGITS_MIN = 8
DIGITS = 32

_STEP = 1_000
_SHOWN = 5


class Found(Struct, frozen=True):
    """A decision, and the partition in which all else about its customer stands too."""

    partition: int
    decision: Decision


def beginning(text: str) -> str:
    """An id, or how one begins, as it was typed. Raises UsageError where it is none."""
    digits = text.strip().lower()
    if not re.fullmatch(rf"[0-9a-f]{{{DIGITS_MIN},{DIGITS}}}", digits):
        raise UsageError(
            f"{text!r} is not the id of a decision: {DIGITS} digits from 0 to f, as in `ce_id`, or"
            f" at least the first {DIGITS_MIN} of them"
        )
    return digits


def find(reader: Reader, digits: str) -> Found:
    """The decision with an id, or the only one whose id begins so. Raises CommandError."""
    bounds = reader.bounds([DECISIONS])
    total = sum(it.end - it.first for it in bounds.values())
    return search(_watched(reader.to_the_end([DECISIONS]), total), digits, str(reader.brokers))


def search(records: Iterable[Record], digits: str, broker: str) -> Found:
    """Look for it in all records; a whole id is not looked for any further when it is found."""
    needle = digits.encode()
    found: dict[str, Found] = {}
    oldest = 0
    for record in records:
        oldest = min(oldest or record.timestamp()[1], record.timestamp()[1])
        # Decoding takes 3.5 µs, looking whether it is worth it 0.7.
        if needle not in _value(record):
            continue
        decision = _decision(record)
        if decision is None or not decision.id.startswith(digits):
            continue
        found.setdefault(decision.id, Found(record.partition() or 0, decision))
        if len(digits) == DIGITS:
            break
    if not found:
        raise CommandError(_not_there(digits, oldest, broker))
    if len(found) > 1:
        several = [f"{name} ({it.decision.kind})" for name, it in found.items()]
        more = f" and {len(several) - _SHOWN} more" if len(several) > _SHOWN else ""
        raise CommandError(
            f"{len(found)} ids begin with {digits}: {', '.join(several[:_SHOWN])}{more}. Give more"
            " of it"
        )
    return next(iter(found.values()))


def of_customer(reader: Reader, partition: int, customer_id: str) -> list[Decision]:
    """All decisions about a customer, in the order in which they were taken."""
    bounds = reader.bounds([DECISIONS])[DECISIONS, partition]
    start = TopicPartition(DECISIONS, partition, OFFSET_BEGINNING)
    records = reader.to_the_end([DECISIONS], [start])
    return about(_watched(records, bounds.end - bounds.first), customer_id)


def about(records: Iterable[Record], customer_id: str) -> list[Decision]:
    """The decisions about a customer, each once."""
    key = customer_id.encode()
    found: dict[str, Decision] = {}
    for record in records:
        if record.key() == key and (decision := _decision(record)):
            found.setdefault(decision.id, decision)
    return list(found.values())


def _watched(records: Iterable[Record], total: int) -> Iterator[Record]:
    with bar("decisions", total) as step:
        for number, record in enumerate(records, 1):
            yield record
            if number % _STEP == 0:
                step(_STEP)


def _decision(record: Record) -> Decision | None:
    """What a record says; None where it is none of ours."""
    try:
        return decode_decision(_value(record))
    except DAMAGE as error:
        log.warning(
            "not_a_decision", partition=record.partition(), offset=record.offset(), error=str(error)
        )
        return None


def _value(record: Record) -> bytes:
    value = record.value()
    return value if isinstance(value, bytes) else b""


def _not_there(digits: str, oldest: int, broker: str) -> str:
    if not oldest:
        return f"{DECISIONS} at {broker} is empty: nothing was decided yet, or --broker is another"
    return (
        f"no decision on {DECISIONS} at {broker} has the id {digits}; the oldest there is of"
        f" {to_text(oldest)}. It is older and was let go (the topic's retention), or mistyped, or"
        " another broker has it (--broker)"
    )
