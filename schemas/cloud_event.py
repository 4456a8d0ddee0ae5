"""How does a decision travel? As CloudEvents 1.0 in Kafka's binary mode: attributes as headers.

Source: CloudEvents 1.0.2, Kafka protocol binding 1.0.2, section 3.2. ``causationid`` and
``expirytime`` are extension attributes.
"""

from msgspec import Struct

from schemas.codec import encode_json
from schemas.decisions import Decision, Trigger
from schemas.instant import to_text

# CloudEvents wants source and id together to be unique, and a trigger and its record share the id.
SOURCE = "/ebbtide"
RECORD_SOURCE = "/ebbtide/decisions"
DECISIONS = "decisions"

Headers = list[tuple[str, bytes]]


class Message(Struct, frozen=True, gc=False):
    """One Kafka record, ready to be produced."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def trigger_topic(kind: str) -> str:
    """The topic of a kind of trigger.

    >>> trigger_topic("churn_alert")
    'triggers.churn_alert'
    """
    return f"triggers.{kind}"


def messages(decision: Decision) -> list[Message]:
    """All that a decision says to the outside: the trigger if it was sent, and the record."""
    key = decision.customer_id.encode()
    record = Message(
        DECISIONS,
        key,
        encode_json(decision),
        _attributes(decision, "ebbtide.decision", RECORD_SOURCE),
    )
    if decision.outcome != "sent":
        return [record]
    trigger = Message(
        trigger_topic(decision.kind),
        key,
        encode_json(
            Trigger(
                decision.reason,
                decision.evidence,
                decision.payload,
                decision.campaign,
                decision.channel,
                decision.merged,
                decision.locale,
                decision.time_zone,
                decision.country,
            )
        ),
        _attributes(decision, f"ebbtide.trigger.{decision.kind}", SOURCE),
    )
    return [trigger, record]


def _attributes(decision: Decision, event_type: str, source: str) -> Headers:
    headers = [
        ("ce_type", event_type.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_id", decision.id.encode()),
        ("ce_source", source.encode()),
        ("ce_subject", decision.customer_id.encode()),
        ("ce_time", to_text(decision.decided_at).encode()),
        ("ce_causationid", decision.cause.encode()),
        ("content-type", b"application/json"),
    ]
    if decision.expires_at is not None:
        headers.append(("ce_expirytime", to_text(decision.expires_at).encode()))
    return headers
