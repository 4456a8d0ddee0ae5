"""Why is a decision taken, and how does it go on record? Ids are derived from the cause."""

from msgspec import Raw, Struct

from agents.agent import Agent, Note, Say
from schemas.decisions import Decision, Outcome, decision_id
from schemas.journal import Entry


class Cause(Struct, frozen=True, gc=False):
    """Why a decision is taken now.

    refusal: why nothing may be said on this occasion, if so. silent: it is history; nothing is put
    on record either, and no timer is set for a time that is past.
    """

    id: str
    at: int
    decided_at: int
    appended_at: int = 0
    refusal: str | None = None
    silent: bool = False

    @classmethod
    def of_event(cls, entry: Entry, clock_at: int, *, late: bool) -> "Cause":
        """An event. clock_at: the last tick before it."""
        event_id, at = entry.event.event_id, entry.event.occurred_at
        if entry.imported_at:
            return cls(event_id, at, max(entry.imported_at, clock_at), silent=True)
        return cls(event_id, at, at, entry.source.appended_at, _refusal(late))

    @classmethod
    def of_timer(cls, key: str, due_at: int, at: int, *, late: bool) -> "Cause":
        """A timer that was due, and is fired by the tick at ``at``."""
        return cls(f"{key}@{due_at}", due_at, at, 0, _refusal(late))


def _refusal(late: bool) -> str | None:
    return "late" if late else None


def on_record(
    agent: Agent, act: Say | Note, body: Raw, customer_id: str, cause: Cause, *,
    outcome: Outcome, reason: str, refused_before: int,
) -> Decision:  # fmt: skip
    """An act as a decision. refused_before: how often the same was refused since the last."""
    kind = act.kind or agent.name
    # A note may stand beside a trigger of the same kind and cause.
    said = kind if isinstance(act, Say) else f"{kind}/{reason}"
    return Decision(
        id=decision_id(agent.name, said, customer_id, cause.id),
        kind=kind,
        agent=agent.name,
        customer_id=customer_id,
        cause=cause.id,
        cause_at=cause.at,
        decided_at=cause.decided_at,
        outcome=outcome,
        reason=reason,
        expires_at=act.expires_at if isinstance(act, Say) else None,
        refused_before=refused_before,
        evidence=act.evidence,
        payload=body,
    )
