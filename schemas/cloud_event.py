"""How does a decision travel? As CloudEvents 1.0 in Kafka's binary mode: attributes as headers.

Source: CloudEvents 1.0.2, Kafka protocol binding 1.0.2, section 3.2. ``causationid`` and
``expirytime`` are extension attributes.
"""

from msgspec import Struct

from schemas.codec import encode_json
from schemas.decisions import Decision, Trigger
from schemas.instant import to_text

SOURCE = "/ebbtide"
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
    """Everything that a decision says to the outside: the trigger if it was sent, and the record."""
    key = decision.customer_id.encode()
    attributes = _attributes(decision)
    record = Message(
        DECISIONS,
        key,
        encode_json(decision),
        [("ce_type", b"ebbtide.decision"), *attributes],
    )
    if decision.outcome != "sent":
        return [record]
    body = Trigger(decision.reason, decision.evidence, decision.payload)
    trigger = Message(
        trigger_topic(decision.kind),
        key,
        encode_json(body),
        [("ce_type", f"ebbtide.trigger.{decision.kind}".encode()), *attributes],
    )
    return [trigger, record]


def _attributes(decision: Decision) -> Headers:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", decision.id.encode()),
        ("ce_source", SOURCE.encode()),
        ("ce_subject", decision.customer_id.encode()),
        ("ce_time", to_text(decision.decided_at).encode()),
        ("ce_causationid", decision.cause.encode()),
        ("content-type", b"application/json"),
    ]
    if decision.expires_at is not None:
        headers.append(("ce_expirytime", to_text(decision.expires_at).encode()))
    return headers
