"""How are triggers shown as they come? Read without a group, one line for each."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from confluent_kafka import Message as Record
from confluent_kafka import TopicPartition
from msgspec import Raw, Struct
from rich.text import Text

from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import DAMAGE, decode_decision, decode_trigger
from schemas.decisions import Decision, Evidence, Merged, Scalar
from schemas.instant import to_text
from streams.amounts import money
from streams.commands import terminal
from streams.commands.decided import DIGITS_MIN
from streams.commands.figures import words
from streams.commands.kafka import Reader, refused
from streams.connection import Brokers
from streams.topics import TopicError

log = structlog.get_logger()

_PREFIX = trigger_topic("")
_NAMES_SHOWN = 3
_SILENCE_S = 5.0
_STYLES = {"sent": "green", "suppressed": "yellow", "noted": "cyan"}


class Said(Struct, frozen=True, kw_only=True):
    """A trigger, as it stands on its topic: the CloudEvents headers and the body together.

    channel: empty where it does not go to the customer. merged: those that leave in it.
    """

    kind: str
    id: str
    customer_id: str
    time: str
    causation_id: str
    expires_at: str | None
    reason: str
    evidence: Evidence
    payload: Raw
    campaign: str
    channel: str
    merged: tuple[Merged, ...]
    locale: str
    time_zone: str
    country: str


class Decided(Said, frozen=True, kw_only=True):
    """A decision: what a trigger has, and who decided with what outcome.

    gate: what the gate saw where it did not let it pass. refused_before: how often it had refused
    the same before, without a record.
    """

    agent: str
    outcome: str
    gate: dict[str, Scalar]
    refused_before: int


def topics_of(there: Mapping[str, int], kinds: Sequence[str], all_decisions: bool) -> list[str]:
    """The topics to read. Raises TopicError where one is missing, and names those there are."""
    said = sorted(name for name in there if name.startswith(_PREFIX))
    if not said or DECISIONS not in there:
        raise TopicError("there are no trigger topics: make them with `ebbtide topics create`")
    unknown = [kind for kind in kinds if trigger_topic(kind) not in said]
    if unknown and not all_decisions:
        kinds_there = ", ".join(name.removeprefix(_PREFIX) for name in said)
        raise TopicError(f"no trigger of kind {', '.join(unknown)}; there are {kinds_there}")
    if all_decisions:
        return [DECISIONS]
    return [trigger_topic(kind) for kind in kinds] or said


def said(
    reader: Reader, topics: Sequence[str], *, from_start: bool, seconds: float
) -> Iterator[Said]:
    """Triggers and decisions as they come. seconds: end then; 0: never.

    From this call on, not from when the first one is asked for: by then it is said that we watch.
    """
    began = time.time()
    start: list[TopicPartition]
    start = reader.beginning(topics) if from_start else reader.near_the_end(topics)
    return _said(reader, start, began, from_start=from_start, seconds=seconds)


def _said(
    reader: Reader, start: Sequence[TopicPartition], began: float, *, from_start: bool,
    seconds: float,
) -> Iterator[Said]:  # fmt: skip
    silence = _Silence(reader.brokers)
    for record in reader.live(start):
        if seconds and time.time() - began >= seconds:
            return
        silence.notice(broken=record is not None)
        # The place named as the end may lie before it, so what was there before is passed over.
        if record is not None and (from_start or record.timestamp()[1] >= began * 1000):
            shown = _read(record)
            if shown is not None:
                yield shown


class _Silence:
    """Tells a Kafka that has nothing to say from one that is gone."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._since = time.monotonic()
        self._is_away = False

    def notice(self, *, broken: bool) -> None:
        """Look once in a while, and say it on stderr when it has gone or come back."""
        now = time.monotonic()
        if broken or now - self._since > _SILENCE_S:
            self._since = now
            refusal = None if broken else refused(self._brokers)
            if bool(refusal) != self._is_away:
                self._is_away = bool(refusal)
                log.warning("kafka_away" if refusal else "kafka_back", broker=str(self._brokers))


def show(seen: Iterable[Said], kinds: Sequence[str], *, limit: int, as_json: bool) -> None:
    """Print them, a line each. limit: return after so many; 0: never."""
    say: Callable[[Said], None] = terminal.say_json if as_json else _print
    shown = 0
    for it in seen:
        if kinds and it.kind not in kinds:
            continue
        say(it)
        shown += 1
        if shown == limit:
            return


def _read(record: Record) -> Said | None:
    """What a record says; None where it is none of ours."""
    topic, value = record.topic() or "", record.value() or b""
    try:
        if topic == DECISIONS:
            return _decided(decode_decision(value))
        headers: dict[str, Any] = dict(record.headers() or ())
        body = decode_trigger(value)
        expires_at = _header(headers, "ce_expirytime")
        return Said(
            kind=topic.removeprefix(_PREFIX),
            id=_header(headers, "ce_id") or "",
            customer_id=_header(headers, "ce_subject") or "",
            time=_header(headers, "ce_time") or "",
            causation_id=_header(headers, "ce_causationid") or "",
            expires_at=expires_at,
            reason=body.reason,
            evidence=body.evidence,
            payload=body.payload,
            campaign=body.campaign,
            channel=body.channel,
            locale=body.locale,
            time_zone=body.time_zone,
            country=body.country,
            merged=body.merged,
        )
    except DAMAGE as error:
        log.warning(
            "not_a_trigger", topic=topic, partition=record.partition(), offset=record.offset(),
            error=str(error),
        )  # fmt: skip
        return None


def _header(headers: Mapping[str, Any], name: str) -> str | None:
    content = headers.get(name)
    return content.decode() if isinstance(content, bytes) else content


def _decided(decision: Decision) -> Decided:
    return Decided(
        kind=decision.kind,
        id=decision.id,
        customer_id=decision.customer_id,
        time=to_text(decision.decided_at),
        causation_id=decision.cause,
        expires_at=None if decision.expires_at is None else to_text(decision.expires_at),
        reason=decision.reason,
        evidence=decision.evidence,
        payload=decision.payload,
        campaign=decision.campaign,
        channel=decision.channel,
        locale=decision.locale,
        time_zone=decision.time_zone,
        country=decision.country,
        merged=decision.merged,
        agent=decision.agent,
        outcome=decision.outcome,
        gate=decision.gate,
        refused_before=decision.refused_before,
    )


def _print(it: Said) -> None:
    outcome = it.outcome if isinstance(it, Decided) else "sent"
    line = Text()
    line.append(f"{it.time[:19]}Z  ", style="dim")
    line.append(f"{it.id[:DIGITS_MIN]}  ")
    line.append(f"{it.kind:<22}  ", style="bold")
    line.append(f"{it.customer_id}  ")
    if isinstance(it, Decided):
        line.append(f"{outcome} ", style=_STYLES.get(outcome, ""))
    line.append(it.reason, style=_STYLES.get(outcome, ""))
    line.append(f" by {it.channel}" if it.channel else "")
    line.append(f"  {brief(msgspec.json.decode(it.payload))}", style="dim")
    terminal.out.print(line, soft_wrap=True)


def brief(payload: dict[str, Any]) -> str:
    """A payload's fields on one line.

    >>> brief({"value_cents": 500, "currency": "EUR", "products": [{"product_id": "p1"}]})
    'value 5.00 EUR, products p1'
    """
    currency = str(payload.get("currency") or "")
    told = []
    for name, value in payload.items():
        if name == "currency" or value is None or value == "":
            continue
        if name.endswith("_cents") and isinstance(value, int):
            told.append(f"{words(name.removesuffix('_cents'))} {money(value, currency)}")
        elif isinstance(value, list):
            told.append(f"{words(name)} {_names(value)}")
        else:
            told.append(f"{words(name)} {value}")
    return ", ".join(told)


def _names(values: list[Any]) -> str:
    """The first few of a list; of objects, what their first field says."""
    names = [str(next(iter(it.values()), "")) if isinstance(it, dict) else str(it) for it in values]
    more = len(names) - _NAMES_SHOWN
    return " ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
