"""What do we say to the shop about itself? An alert, about one subject in one window of time.

It stands on ``ops.<kind>`` as a CloudEvent in Kafka's binary mode, like a trigger. Its id is
derived from kind, subject and window, so it is the same however often it is published.
"""

from msgspec import Raw, Struct

from schemas.cloud_event import Message
from schemas.codec import encode_json
from schemas.decisions import Evidence, decision_id
from schemas.instant import to_text

#: Every kind of alert; each has a topic of its own.
KINDS = ("demand_gap", "reputation_alert", "trend")
SOURCE = "/ebbtide/ops"


class Alert(Struct, frozen=True, kw_only=True):
    """What is to be said. begins_at, ends_at: the window, in epoch milliseconds, end excluded."""

    kind: str
    agent: str
    subject: str
    begins_at: int
    ends_at: int
    reason: str
    evidence: Evidence
    payload: Struct

    @property
    def cause(self) -> str:
        """Which agent concluded it from which window: ``agent@begin/end``."""
        return f"{self.agent}@{self.begins_at}/{self.ends_at}"

    @property
    def id(self) -> str:
        """The same for the same kind, subject and window."""
        return decision_id(self.agent, self.kind, self.subject, self.cause)


class AlertBody(Struct, frozen=True):
    """The JSON body of an alert. window_begins_at, window_ends_at: what it is about, in UTC."""

    reason: str
    window_begins_at: str
    window_ends_at: str
    evidence: Evidence
    payload: Raw


def ops_topic(kind: str) -> str:
    """The topic of a kind of alert.

    >>> ops_topic("trend")
    'ops.trend'
    """
    return f"ops.{kind}"


def alert_message(alert: Alert) -> Message:
    """An alert as it is published. Nothing in it tells when that is."""
    begin, end = to_text(alert.begins_at), to_text(alert.ends_at)
    payload = Raw(encode_json(alert.payload))
    subject = alert.subject.encode()
    return Message(
        ops_topic(alert.kind),
        subject,
        encode_json(AlertBody(alert.reason, begin, end, alert.evidence, payload)),
        [
            ("ce_type", f"ebbtide.ops.{alert.kind}".encode()),
            ("ce_specversion", b"1.0"),
            ("ce_id", alert.id.encode()),
            ("ce_source", SOURCE.encode()),
            ("ce_subject", subject),
            ("ce_time", end.encode()),
            ("ce_causationid", alert.cause.encode()),
            ("content-type", b"application/json"),
        ],
    )
