"""Why was this decided, and what came of it? One decision in sentences, from what is on record.

Nothing is looked up here: the decision, all that was decided about the customer, and the row, if
there is one, come in.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from schemas.decisions import LEFT, PASSED, Decision
from schemas.instant import to_text
from state.customer import Customer
from state.exposure import ALL_CAMPAIGNS
from streams.commands.consent_view import agreed
from streams.commands.figures import Figures, listed, moment, seen, words
from streams.commands.reasons import sentence
from streams.commands.watching import brief
from streams.customer import gate as gate_view
from streams.customer.gate import Counted, Deliveries, Reported, Waiting, did, on_channel

_ID = re.compile(r"[0-9a-f]{32}")
_TIMER = re.compile(r".*@[0-9]+")

#: How a decision came out, said of what it is about.
_OUTCOMES = {
    "sent": "was sent", "held_out": "was not sent, because they are held out,",
    "deferred": "was put off", "merged": "left in another trigger", "suppressed": "was refused",
    "noted": "was put on record",
}  # fmt: skip


class CameBack(Struct, frozen=True):
    """What the row knows of what came of it. waits: the trigger itself, if it still does.

    deliveries: of all the customer's triggers; None where the webhook never reported.
    """

    clock_at: str
    responses: dict[str, Reported]
    effect: list[Counted]
    waits: Waiting | None
    deliveries: Deliveries | None


class Explanation(Struct, frozen=True):
    """A decision and all that belongs to it.

    records: all of the same agent, kind, customer and cause, in order; the decision is one of them.
    left_in: the decision of the trigger in which this one left, if it did. came_back: None where
    there is no row. sentences: the same for people, by what they are about.
    """

    decision: Decision
    records: list[Decision]
    left_in: Decision | None
    came_back: CameBack | None
    sentences: dict[str, list[str]]


def explain(
    decision: Decision, decided: Sequence[Decision], row: Customer | None, clock_at: int
) -> Explanation:
    """Put together what belongs to a decision.

    decided: all about the customer, in order. clock_at: the partition's; 0: no tick yet.
    """
    records = [it for it in decided if _same(it, decision)] or [decision]
    left_in = next((it for it in decided if any(m.id == decision.id for m in it.merged)), None)
    came_back = None if row is None else _came_back(decision, row, clock_at)
    sentences = {
        "what": _what(decision, left_in),
        "why": _why(decision, records, came_back),
        "gate": _gate(decision, decided),
        "channel": _channel(decision, row),
        "together": [
            f"With it left the {it.kind} {it.id}: {words(it.reason)};"
            f" {brief(msgspec.json.decode(it.payload))}."
            for it in decision.merged
        ],
        "before": [record_line(it, decided) for it in _around(decision, records)[0]],
        "later": _later(decision, _around(decision, records)[1], decided, came_back),
        "came back": _told(decision, came_back),
    }
    return Explanation(
        decision, records, left_in, came_back, {it: told for it, told in sentences.items() if told}
    )


def record_line(it: Decision, decided: Sequence[Decision]) -> str:
    """A decision on one line: when, how it came out, and why. decided: all about the customer."""
    channel = f" by {it.channel}" if it.channel and it.outcome == "sent" else ""
    again = f" ({it.refused_before} more refusals before)" if it.refused_before else ""
    why = f"{words(it.reason).capitalize()}." if it.outcome == "sent" else _rule(it, decided)
    return f"{moment(it.decided_at)}: {words(it.outcome)}{channel}. {why}{again}"


def _same(it: Decision, other: Decision) -> bool:
    """Whether both are about the same wish. A note stands for itself."""
    if "noted" in (it.outcome, other.outcome):
        return it.id == other.id
    mine = (it.agent, it.kind, it.customer_id, it.cause)
    return mine == (other.agent, other.kind, other.customer_id, other.cause)


def _around(
    decision: Decision, records: Sequence[Decision]
) -> tuple[list[Decision], list[Decision]]:
    """The other records of it, before and after."""
    place = next((at for at, it in enumerate(records) if it.id == decision.id), 0)
    return list(records[:place]), list(records[place + 1 :])


def _what(it: Decision, left_in: Decision | None) -> list[str]:
    channel = f", by {it.channel}" if it.channel and it.outcome in LEFT else ""
    came_out = f"{_OUTCOMES[it.outcome]} at {moment(it.decided_at)}{channel}"
    lines = [f"The {it.kind} about {it.customer_id} {came_out}."]
    if left_in is not None:
        lines.append(f"It left in the {left_in.kind} {left_in.id}.")
    payload: dict[str, Any] = msgspec.json.decode(it.payload)
    if payload:
        lines.append(f"It says: {brief(payload)}.")
    if it.expires_at is not None:
        lines.append(f"Nobody should act on it after {moment(it.expires_at)}.")
    return lines


def _why(decision: Decision, records: Sequence[Decision], came_back: CameBack | None) -> list[str]:
    """The agent's reason, what it follows from, and what was seen."""
    own = decision.reason if decision.outcome in ("sent", "noted") else ""
    # A record of a refusal has the gate's reason; the agent's own is on the one that was sent.
    own = own or next((it.reason for it in records if it.outcome == "sent"), "")
    if not own and came_back is not None and came_back.waits is not None:
        own = came_back.waits.reason
    # Of one that was refused or held out at once, no record has it.
    kept = f": {words(own)}" if own else "; its own reason is not kept, as the gate's stands there"
    lines = [f"The agent {decision.agent} wanted it{kept}."]
    if _TIMER.fullmatch(decision.cause) and decision.cause.startswith(decision.agent):
        lines.append(f"It had set a timer, which was due at {moment(decision.cause_at)}.")
    else:
        lines.append(f"It follows from the event {decision.cause} of {moment(decision.cause_at)}.")
    # A product's event is a cause with the product before it.
    its_own = {decision.cause, decision.cause.rpartition("/")[2]}
    if others := [it for it in decision.evidence.events if it not in its_own]:
        told = [f"the trigger {it}" if _ID.fullmatch(it) else f"the event {it}" for it in others]
        lines.append(f"It rests on {listed(told)}.")
    return lines + seen(decision.evidence, _currency(decision))


def _gate(it: Decision, decided: Sequence[Decision]) -> list[str]:
    if it.outcome == "noted":
        return []
    lines = ["The gate let it pass."] if it.outcome == "sent" else [_rule(it, decided)]
    if it.refused_before:
        lines.append(f"Before that it refused {it.refused_before:,} more of this kind.")
    return lines


def _channel(it: Decision, row: Customer | None) -> list[str]:
    """Which, and why. A record without a campaign is from before channels were chosen."""
    if it.outcome in ("noted", "suppressed") or not it.campaign:
        return []
    if not it.channel:
        return ["None: it is not for the customer, but for the shop's own people."]
    if it.outcome == "merged":
        return [f"{it.channel}, as the trigger that it left in."]
    best = "working, and the best answered of those with room for one more"
    return [f"{it.channel}: {agreed(it.channel, None if row is None else row.consent)}; {best}."]


def _later(
    decision: Decision, later: Sequence[Decision], decided: Sequence[Decision],
    came_back: CameBack | None,
) -> list[str]:  # fmt: skip
    if later:
        return [record_line(it, decided) for it in later]
    if decision.outcome != "deferred":
        return []
    if came_back is None:
        return ["No more is on record."]
    waits = came_back.waits
    return [f"It waits until {moment(waits.until)}." if waits else "It waits no more."]


def _told(it: Decision, came_back: CameBack | None) -> list[str]:
    if came_back is None:
        return ["No row of the customer was read, so nothing is known of that."]
    lines = _delivered(it, came_back.deliveries)
    lines += [
        f"Of all messages by {on_channel(channel, reported)}."
        for channel, reported in came_back.responses.items()
    ]
    if it.channel and it.channel not in came_back.responses:
        lines.append(f"No message by {it.channel} was reported.")
    for counted in came_back.effect:
        is_all = counted.campaign == ALL_CAMPAIGNS
        name = "all campaigns together" if is_all else f"the campaign {counted.campaign}"
        arm = "held out" if counted.arm == "held_out" else "among those who are told"
        since = moment(counted.since)
        lines.append(f"In {name} they are {arm}, since {since}; the customer {did(counted)}.")
    return lines


def _delivered(it: Decision, reported: Deliveries | None) -> list[str]:
    """What the webhook said since. A row has counts and the last report, of whichever trigger."""
    if reported is None or it.outcome not in LEFT:
        return []
    if not reported.last_at or reported.last_at < to_text(it.decided_at):
        return ["It stands on its topic; the webhook has reported nothing of the customer since."]
    failure = f" ({words(reported.last_failure)})" if reported.last_failure else ""
    last = f"{'not ' if failure else ''}delivered to {reported.last_target}{failure}"
    return [
        f"The last report of the webhook for this customer, at {moment(reported.last_at)}: {last}.",
        (
            f"Of which trigger is not kept; of all {reported.delivered} were delivered and"
            f" {reported.undelivered} not."
        ),
    ]


def _came_back(decision: Decision, row: Customer, clock_at: int) -> CameBack:
    wish = (decision.agent, decision.kind, decision.cause)
    held = next((it for it in row.held if (it.agent, it.kind, it.cause) == wish), None)
    effect = gate_view.counted(row.exposures, decision.campaign) if decision.campaign else []
    return CameBack(
        to_text(clock_at or row.last_seen_at),
        gate_view.reported(row),
        effect,
        None if held is None else gate_view.waiting(held),
        gate_view.delivered(row),
    )


def held_out_before(kind: str, at: int, decided: Sequence[Decision]) -> bool:
    """Whether the last one of a kind that passed the gate until then left nowhere."""
    outcomes = [it.outcome for it in decided if it.kind == kind and it.decided_at <= at]
    return next((it for it in reversed(outcomes) if it in PASSED), "") == "held_out"


def _rule(it: Decision, decided: Sequence[Decision]) -> str:
    """Why it came out as it did."""
    saw: Figures = {**it.evidence.values, **it.gate}
    if held_out_before(str(it.gate.get("after", it.kind)), it.decided_at, decided):
        saw = {**saw, "held_out": True}
    return sentence(it.reason, saw, _currency(it))


def _currency(it: Decision) -> str:
    payload = msgspec.json.decode(it.payload)
    for figures in (it.evidence.values, payload):
        if isinstance(currency := figures.get("currency"), str):
            return currency
    return ""
