"""Which topics do others write to or read from, and what is promised about each?

The law: nothing is listed by hand. Raw topics are those that ingest decodes, triggers are what the
agents say, and names of topics and types are taken from samples of what the relay publishes.
"""

import sys
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from agents.ops.lookout import Lookout
from agents.roster import known_agents
from schemas import dead_letter, decisions
from schemas.cloud_event import Message, messages
from schemas.codec import RAW_UNIONS
from schemas.dead_letter import AnyReason
from schemas.decisions import Decision, Evidence, Trigger
from schemas.instant import EARLIEST
from schemas.journal import Tick
from schemas.ops import Alert, AlertBody, alert_message
from streams.json_schema import sentences

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Digits = Annotated[str, Meta(pattern="^-?[0-9]+$")]


class CloudEventHeaders(Struct, frozen=True, kw_only=True, rename={"content_type": "content-type"}):
    """CloudEvents 1.0 attributes as Kafka headers (binary mode), each a text in UTF-8.

    ce_specversion: the version of CloudEvents.
    ce_id: the decision's id, the same however often it is published. Recognise repetitions by it.
    ce_source: who says it: Ebbtide, and for decisions its record of them, because they share ids.
    ce_type: what is said: one type for each kind of trigger, and one for decisions.
    ce_subject: the customer, who is the record's key too; a visitor who is not known is ``anon:``
    and their anonymous_id. Of an alert to the shop: what it is about.
    ce_time: when it was decided, in event time or tick time. Of an alert: the end of its window.
    ce_causationid: the id of the event that decided, with ``product_id/`` before it if it is one of
    the shop's; or ``agent/timer@due`` for a timer. Of an alert: ``agent@begin/end`` of its window.
    content_type: what the value is written in.
    ce_expirytime: after this nobody should act on it any more. Without it: never.
    """

    ce_specversion: Literal["1.0"]
    ce_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    ce_source: str
    ce_type: str
    ce_subject: str
    ce_time: Moment
    ce_causationid: str
    content_type: Literal["application/json"]
    ce_expirytime: Moment | UnsetType = UNSET


class DeadLetterHeaders(Struct, frozen=True, kw_only=True):
    """Why a record was not accepted and where it came from, each header a text in UTF-8.

    reason: why, as a word that a program can match on.
    detail: what was found, with its path in the record.
    hint: what the publisher, or the operator, should do.
    source_topic, source_partition, source_offset: where the record stood.
    source_at: the record's time stamp there, in epoch milliseconds.
    cut_from_bytes: how long the record was, if it was too long for a dead letter and is cut.
    target, attempts: of a trigger that no webhook took: whose it was, and how often it was sent.
    Its own headers (ce_id and so on) are there too.
    """

    reason: AnyReason
    detail: str
    hint: str
    source_topic: str
    source_partition: Digits
    source_offset: Digits
    source_at: Digits
    cut_from_bytes: Digits | UnsetType = UNSET
    target: str | UnsetType = UNSET
    attempts: Digits | UnsetType = UNSET


class Contract(Struct, frozen=True):
    """One topic.

    values: what may stand on it, by the name of the message; none where a value is any bytes.
    headers: the struct of its headers, if we promise any. ce_type: the CloudEvents type.
    key: what the record's key is.
    """

    topic: str
    description: str
    values: dict[str, type[Struct]] = {}
    headers: type[Struct] | None = None
    ce_type: str = ""
    key: str = "The customer, as in ce_subject."


def contracts() -> list[Contract]:
    """Every topic that somebody outside writes to or reads from, in the order of the road."""
    about = sentences(dead_letter.__doc__ or "")
    return [
        *_raw(), *_triggers(), *_ops(), _decisions(),
        Contract(dead_letter.TOPIC, about, headers=DeadLetterHeaders),
    ]  # fmt: skip


def _raw() -> list[Contract]:
    found = []
    for topic, union in RAW_UNIONS.items():
        # Ticks there are a feeder's that replays history; storefronts must not send them.
        events = {it.__struct_config__.tag: it for it in get_args(union) if it is not Tick}
        module = sys.modules[next(iter(events.values())).__module__]
        about = sentences((module.__doc__ or "").replace(f" The raw topic ``{topic}``.", ""))
        found.append(Contract(topic, about, events))
    return found


def _triggers() -> list[Contract]:
    found = []
    for agent in known_agents().values():
        for kind, payload in agent.says.items():
            body = msgspec.defstruct(
                "".join(map(str.title, kind.split("_"))) + "Trigger", [("payload", payload)],
                bases=(Trigger,), namespace={"__doc__": f"The body of a {kind} trigger."},
            )  # fmt: skip
            # The first paragraph says what the agent is about; what follows is how it works.
            about = sentences(sys.modules[agent.__module__].__doc__ or "").partition("\n")[0]
            trigger, _ = _sample(kind)
            found.append(_sent(trigger, about, trigger.topic, body))
    return sorted(found, key=lambda contract: contract.topic)


def _ops() -> list[Contract]:
    found = []
    for agent in known_agents().values():
        if issubclass(agent, Lookout):
            kind = agent.alert
            body = msgspec.defstruct(
                "".join(map(str.title, kind.split("_"))) + "Body", [("payload", agent.tells)],
                bases=(AlertBody,), namespace={"__doc__": f"The body of a {kind} alert."},
            )  # fmt: skip
            about = sentences(sys.modules[agent.__module__].__doc__ or "").partition("\n")[0]
            sample = alert_message(
                Alert(
                    kind=kind, agent=agent.name, subject="tea", begins_at=EARLIEST,
                    ends_at=EARLIEST, reason="sample", evidence=Evidence(), payload=Evidence(),
                )
            )  # fmt: skip
            sent = _sent(sample, about, sample.topic, body)
            found.append(msgspec.structs.replace(sent, key="What it is about, as in ce_subject."))
    return sorted(found, key=lambda contract: contract.topic)


def _decisions() -> Contract:
    _, record = _sample("sample")
    # Raw is whatever the agent's payload is, and has no schema of its own.
    kind = msgspec.defstruct(
        "Decision", [("payload", dict[str, Any], {})], bases=(Decision,),
        namespace={"__doc__": Decision.__doc__},
    )  # fmt: skip
    return _sent(record, sentences(decisions.__doc__ or ""), "decision", kind)


def _sent(sample: Message, about: str, name: str, kind: type[Struct]) -> Contract:
    ce_type = dict(sample.headers)["ce_type"].decode()
    return Contract(sample.topic, about, {name: kind}, CloudEventHeaders, ce_type)


def _sample(kind: str) -> tuple[Message, Message]:
    """A trigger and its record as they are published, for their topics and types."""
    sample = Decision(
        id="0" * 32, kind=kind, agent=kind, customer_id="ann", cause="e1", cause_at=EARLIEST,
        decided_at=EARLIEST, outcome="sent", reason="sample",
    )  # fmt: skip
    trigger, record = messages(sample)
    return trigger, record
