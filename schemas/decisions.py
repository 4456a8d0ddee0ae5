"""What do we say, and what do we keep silent about? A decision, with its reason and its evidence.

A trigger is a decision that was sent. A decision that is not sent is a record with its reason,
beside the ones that are: silence is recorded.
"""

from hashlib import blake2b
from typing import Literal

import msgspec
from msgspec import Raw, Struct

Outcome = Literal["sent", "held_out", "deferred", "merged", "suppressed", "noted"]
#: The outcomes in which a trigger leaves, and those in which the gate lets it pass.
LEFT: tuple[Outcome, ...] = ("sent", "merged")
PASSED: tuple[Outcome, ...] = (*LEFT, "held_out")
Scalar = str | int | float | bool | None


class Evidence(Struct, frozen=True, gc=False, omit_defaults=True):
    """What decided: the events, the values that were seen, and the thresholds."""

    events: tuple[str, ...] = ()
    values: dict[str, Scalar | list[Scalar]] = {}
    thresholds: dict[str, Scalar] = {}


class Money(Struct, frozen=True, gc=False, array_like=True):
    """An amount in minor units of a currency."""

    cents: int
    currency: str


class Merged(Struct, frozen=True, gc=False, omit_defaults=True):
    """A less important trigger that leaves in another one, because both came at once.

    expires_at: after this nobody should act on this part any more (epoch milliseconds).
    """

    id: str
    kind: str
    reason: str
    evidence: Evidence
    payload: Raw
    campaign: str = ""
    expires_at: int | None = None


class Decision(Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One decision about one customer.

    id: derived from (agent, kind, customer, cause), so it is the same however often it is decided.
    kind: what is said, and the trigger topic it goes to. agent: who decided.
    cause: the id of the event that decided, or ``agent/timer@due`` for a timer.
    cause_at: when that event occurred, or the timer was due (epoch milliseconds).
    decided_at: event time of the event, or the tick at which the timer fired (epoch milliseconds).
    expires_at: after this nobody should act on it any more; None: never.
    outcome: ``sent`` to its trigger topic; ``held_out``, because the customer is one of those whom
    the effect is measured against; ``deferred``, to be asked again later; ``merged`` into another
    trigger; ``suppressed`` by the gate; or ``noted`` for the record.
    reason: why, as a word that a program can match on.
    refused_before: how many times the gate has refused this kind to this customer, for the same
    reason, since the last record that said so.
    campaign: what its effect, its budget and its holdout are counted under.
    channel: the one that the gate has chosen; empty where nothing goes to the customer.
    gate: what the gate saw where it did not let it pass, and what it held that against.
    merged: the triggers that leave in this one. locale, time_zone, country: of the customer, where
    the trigger leaves and they are known.
    """

    id: str
    kind: str
    agent: str
    customer_id: str
    cause: str
    cause_at: int
    decided_at: int
    outcome: Outcome
    reason: str
    expires_at: int | None = None
    refused_before: int = 0
    evidence: Evidence = Evidence()
    payload: Raw = Raw(b"{}")
    campaign: str = ""
    channel: str = ""
    gate: dict[str, Scalar] = {}
    merged: tuple[Merged, ...] = ()
    locale: str = ""
    time_zone: str = ""
    country: str = ""


class Trigger(Struct, frozen=True, gc=False, omit_defaults=True):
    """The JSON body of a message on a trigger topic; the envelope is CloudEvents 1.0 headers.

    channel: where it should reach the customer; left out where it does not go to them.
    locale, time_zone, country: the customer's, as far as they are known.
    """

    reason: str
    evidence: Evidence
    payload: Raw
    campaign: str = ""
    channel: str = ""
    merged: tuple[Merged, ...] = ()
    locale: str = ""
    time_zone: str = ""
    country: str = ""


class Outgoing(Struct, frozen=True, gc=False, array_like=True):
    """A decision as it waits in the outbox, in the order in which it was decided.

    sequence: counts the partition's decisions from 1, without gaps.
    appended_at: when the raw event that caused it reached Kafka; 0 for a timer. For latency only.
    offset: where the record that caused it stands in the journal.
    """

    sequence: int
    appended_at: int
    decision: Decision
    offset: int = 0

    @property
    def mark(self) -> "Mark":
        """What to remember when this one is published."""
        return Mark(self.offset, self.sequence)


def blank(outgoing: Outgoing) -> Outgoing:
    """The decision about a customer who was erased before it was published.

    It keeps its place and its id, so that nothing is missing and nothing is said twice; whom it is
    about, by which agent and of what kind. It is not sent.
    """
    it = outgoing.decision
    decision = Decision(
        id=it.id, kind=it.kind, agent=it.agent, customer_id=it.customer_id, cause=it.cause,
        cause_at=it.cause_at, decided_at=it.decided_at, outcome="suppressed", reason="erased",
    )  # fmt: skip
    return Outgoing(outgoing.sequence, outgoing.appended_at, decision, outgoing.offset)


class Mark(Struct, frozen=True, order=True, gc=False):
    """Up to where a journal partition's decisions are published. Compares as they are published.

    The journal's offset goes first: who decides a part of the journal again under another policy
    counts its decisions otherwise, and must not say once more what is about the past.
    """

    offset: int = -1
    sequence: int = 0


def decision_id(agent: str, kind: str, customer_id: str, cause: str) -> str:
    """Derive a decision's id from its cause: 128 bits in hex, the same in every replay.

    >>> decision_id("churn_alert", "churn_alert", "ann", "churn_alert@1768896000000")
    'd14234d2ac83c35e10b76073995f6c03'
    """
    # As a JSON array, so that no id can run into the next, whatever it holds.
    text = msgspec.json.encode([agent, kind, customer_id, cause])
    return blake2b(text, digest_size=16).hexdigest()
