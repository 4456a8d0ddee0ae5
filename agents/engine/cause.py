"""Why is a decision taken, and how does it go on record? Ids are derived from the cause."""

from msgspec import Raw, Struct

from agents.agent import Note, Say, View
from schemas.decisions import LEFT, Decision, Merged, Outcome, Scalar, decision_id
from schemas.instant import to_text
from schemas.journal import Entry, ShopEntry


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
    def of_shop_event(cls, entry: ShopEntry, *, late: bool) -> "Cause":
        """What happened in the shop. Of two products it may have one id, so both name it."""
        event, at = entry.event, entry.event.occurred_at
        cause_id = f"{event.subject}/{event.event_id}"
        return cls(cause_id, at, at, entry.source.appended_at, _refusal(late))

    @classmethod
    def of_timer(cls, key: str, due_at: int, at: int, *, late: bool) -> "Cause":
        """A timer that was due, and is fired by the tick at ``at``."""
        return cls(f"{key}@{due_at}", due_at, at, 0, _refusal(late))


def _refusal(late: bool) -> str | None:
    return "late" if late else None


class Record(Struct, frozen=True, gc=False):
    """How a decision goes on record.

    agent, campaign: by name, for the agent may be gone. refused_before: how often the same was
    refused since the last record. until: of a deferred one, when it is asked again.
    """

    agent: str
    campaign: str = ""
    outcome: Outcome = "sent"
    reason: str = ""
    refused_before: int = 0
    channel: str = ""
    gate: dict[str, Scalar] = {}
    merged: tuple[Merged, ...] = ()
    until: int = 0


def on_record(record: Record, act: Say | Note, body: Raw, view: View, cause: Cause) -> Decision:
    """An act as a decision."""
    kind = act.kind or record.agent
    gate = record.gate
    row, leaves = view.row, record.outcome in LEFT
    said = kind
    if isinstance(act, Note):
        # A note may stand beside a trigger of the same kind and cause.
        said = f"{kind}/{record.reason}"
    elif record.outcome == "deferred":
        # The id without this is that of what becomes of it in the end.
        said = f"{kind}/deferred@{record.until}"
        gate = gate | {"until": to_text(record.until)}
    return Decision(
        id=decision_id(record.agent, said, view.id, cause.id),
        kind=kind,
        agent=record.agent,
        customer_id=view.id,
        cause=cause.id,
        cause_at=cause.at,
        decided_at=cause.decided_at,
        outcome=record.outcome,
        reason=record.reason,
        expires_at=act.expires_at if isinstance(act, Say) else None,
        refused_before=record.refused_before,
        evidence=act.evidence,
        payload=body,
        campaign=record.campaign,
        channel=record.channel,
        gate=gate,
        merged=record.merged,
        locale=row.locale if leaves else "",
        time_zone=row.time_zone if leaves else "",
        country=row.country if leaves else "",
    )
