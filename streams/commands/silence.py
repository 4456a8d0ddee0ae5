"""Why has a customer not got a trigger of some kind? From what is on record, and from the gate.

Nothing is looked up here: decisions, the row and the policy come in. The gate is the real one, and
is asked as a worker would ask it at the partition's clock.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agents.agent import Agent
from agents.gate.gate import COMMERCIAL, Gate, Question, refused
from schemas.decisions import Decision, Money, Outcome, Scalar
from schemas.event import snake_case
from schemas.instant import LATEST, to_text
from state.consent import granted_at
from state.customer import Customer
from state.held import HELD_MAX
from state.shop import Shop
from streams.amounts import plural
from streams.commands.consent_view import ASSUMED
from streams.commands.explaining import held_out_before, record_line
from streams.commands.figures import figure, listed, moment, words
from streams.commands.reasons import sentence
from streams.customer import gate as gate_view
from streams.customer.gate import Told, Waiting

_RECORDS = 5


class Who(Struct, frozen=True):
    """Of whom, and by whom. is_on: whether the agent has a section in engine.toml."""

    customer_id: str
    kind: str
    agent: Agent
    is_on: bool


class Timer(Struct, frozen=True):
    """When the agent looks again."""

    name: str
    due_at: str


class Answer(Struct, frozen=True):
    """What the gate would say. until: the first moment at which one that is put off may leave."""

    outcome: Outcome
    reason: str
    channel: str
    until: str | None
    saw: dict[str, Scalar]


class Worth(Struct, frozen=True):
    """What the gate is asked to hand out.

    as_at: as the decision of that moment would have. is_least: nobody knows, so it is a cent.
    """

    money: Money | None = None
    as_at: int = 0
    is_least: bool = False


class Silence(Struct, frozen=True):
    """What is known of a kind of trigger and a customer, at the partition's clock.

    said: from the row; None where the gate was never asked. records: the last decisions, the newest
    first. now: what the gate would answer; None without a row, or with the agent off.
    sentences: the same for people, by what they are about.
    """

    customer_id: str
    kind: str
    agent: str
    is_on: bool
    has_row: bool
    clock_at: str
    timers: list[Timer]
    said: Told | None
    records: list[Decision]
    waits: Waiting | None
    now: Answer | None
    sentences: dict[str, list[str]]


def silence(
    who: Who,
    decided: Sequence[Decision],
    row: Customer | None,
    shop: Shop,
    gate: Gate,
    partitions: int,
) -> Silence:
    """Put together why there is silence. decided: all about the customer, in order."""
    known = row or Customer()
    at = shop.clock_at or known.last_seen_at
    said = gate_view.told(who.kind, known.said[who.kind]) if who.kind in known.said else None
    held = next((it for it in known.held if it.kind == who.kind), None)
    waits = None if held is None else gate_view.waiting(held)
    timers = _timers(who.agent.name, known)
    of_kind = [it for it in decided if it.kind == who.kind]
    records = of_kind[: -_RECORDS - 1 : -1]
    now, worth = None, Worth()
    if row is not None and who.is_on:
        worth = Worth(held.hands_out) if held else _worth(who.agent, row, of_kind)
        now = _answer(who, row, shop, gate, partitions, worth, at)
    sentences = {
        "agent": _agent(who, timers, at, has_row=row is not None),
        "so far": _so_far(who, said, records, decided),
        "before": [record_line(it, decided) for it in records[1:]],
        "waits": [_waits(waits)] if waits else [],
        "now": _now(who, now, worth, known, gate, decided) if now else [],
    }
    return Silence(
        who.customer_id, who.kind, who.agent.name, who.is_on, row is not None, to_text(at), timers,
        said, records, waits, now, {it: told for it, told in sentences.items() if told},
    )  # fmt: skip


def _timers(agent: str, row: Customer) -> list[Timer]:
    """The agent's own, the first one due coming first."""
    mine = [(due_at, it) for it, due_at in row.timers.items() if it.partition("/")[0] == agent]
    return [Timer(name, to_text(due_at)) for due_at, name in sorted(mine)]


def _worth(agent: Agent, row: Customer, records: Sequence[Decision]) -> Worth:
    """What to ask the budget for: as much as the last one on record would have handed out.

    Without one, the least there is: it shows a budget of which nothing is left.
    """
    if not agent.budget_cents:
        return Worth()
    for it in reversed(records):
        says = {"value_cents": None, "currency": ""} | msgspec.json.decode(it.payload)
        cents = it.gate.get("asked_cents", says["value_cents"])
        currency = it.gate.get("currency", says["currency"])
        if isinstance(cents, int) and isinstance(currency, str) and currency:
            return Worth(Money(cents, currency), it.decided_at)
    return Worth(Money(1, row.currency), is_least=True) if row.currency else Worth()


def _answer(
    who: Who, row: Customer, shop: Shop, gate: Gate, partitions: int, worth: Worth, at: int
) -> Answer:
    asked = Question(who.agent, who.kind, who.customer_id, at, worth.money, None, partitions)
    verdict = gate.verdict(asked, row, shop)
    if verdict.outcome == "deferred" and len(row.held) >= HELD_MAX:
        verdict = refused("too_many_held", held_max=HELD_MAX)
    until = to_text(verdict.until) if verdict.until else None
    saw = {k: v for k, v in verdict.saw.items() if not worth.is_least or k != "asked_cents"}
    return Answer(verdict.outcome, verdict.reason, verdict.channel, until, saw)


def _agent(who: Who, timers: Sequence[Timer], at: int, *, has_row: bool) -> list[str]:
    name = who.agent.name
    if not who.is_on:
        return [f"{name} is off: engine.toml has no section [agents.{name}]. It says nothing."]
    lines = [f"{name} is on, and says it for the purpose {who.agent.purpose}."]
    if not has_row:
        return [*lines, "The customer has no row: no event was applied, or they were forgotten."]
    lines += [f"It looks again at {moment(it.due_at)} (timer {it.name})." for it in timers]
    if not timers:
        listens = [words(snake_case(it.__name__)) for it in who.agent.listens]
        # One that listens for what is decided may say of which kind (`after`).
        after = getattr(who.agent, "after", "")
        trigger = f"a trigger {after} that leaves" if after else "a trigger that leaves"
        events = listed([it if it != "decided" else trigger for it in listens])
        lines.append(f"It has set no timer, and decides when one of these comes: {events}.")
    return [*lines, f"The clock of the customer's partition is at {moment(at)}."]


def _so_far(
    who: Who, said: Told | None, records: Sequence[Decision], decided: Sequence[Decision]
) -> list[str]:
    if said is None and not records:
        return [f"The agent never wanted to say {who.kind} to {who.customer_id}."]
    lines = [record_line(it, decided) for it in records[:1]]
    if said is None:
        return lines
    if not records and said.refusal:
        lines.append(f"Refused. {sentence(said.refusal, {})}")
    if said.refused:
        lines.append(
            f"Since then refused {plural(said.refused, 'time')} more, for the same reason."
        )
    if said.sent_at:
        sent, held_out = plural(said.sent, "time"), plural(said.held_out, "time")
        at = moment(said.sent_at)
        lines.append(f"In all sent {sent} and held out {held_out}, the last time at {at}.")
    return lines


def _waits(it: Waiting) -> str:
    why = sentence(it.why, {"until": it.until})
    return (
        f"One waits, since {moment(it.held_at)} until {moment(it.until)}: {why} Until then another"
        " would be refused (already held)."
    )


def _now(
    who: Who, it: Answer, worth: Worth, row: Customer, gate: Gate, decided: Sequence[Decision]
) -> list[str]:
    """What the gate would say, and what that rests on."""
    if it.outcome == "sent":
        way = f"by {it.channel}" if it.channel else "to the shop's own people"
        lines = [f"The gate would let one pass, {way}."]
    else:
        saw = it.saw | ({"until": it.until} if it.until else {})
        would = {"deferred": "put one off", "held_out": "hold one out"}
        told = would.get(it.outcome, "refuse one")
        before = _was_held_out(str(it.saw.get("after", who.kind)), row, decided)
        saw |= {"held_out": True} if before else {}
        lines = [f"The gate would {told}. {sentence(it.reason, saw)}"]
        if it.reason == "paused" and before and _is_held_out(who, row, gate):
            lines.append("Without the pause it would hold one out again, so nothing would leave.")
    if it.channel and not granted_at(row.consent, who.agent.purpose, it.channel):
        lines.append(f"By {it.channel}, {who.agent.purpose} is {ASSUMED}: they never said so.")
    if worth.as_at and worth.money:
        money = figure("cents", worth.money.cents, worth.money.currency)
        lines.append(f"Asked was for {money}, as for the one of {moment(worth.as_at)}.")
    elif worth.is_least and it.outcome == "sent":
        lines.append("What it would hand out only the agent knows: the budget may be too small.")
    return lines


def _was_held_out(kind: str, row: Customer, decided: Sequence[Decision]) -> bool:
    """Whether the last one of a kind left nowhere: by the records, or by the row without them."""
    said = row.said.get(kind)
    never_left = said is not None and said.held_out > 0 and not said.sent
    return never_left or held_out_before(kind, LATEST, decided)


def _is_held_out(who: Who, row: Customer, gate: Gate) -> bool:
    """Whether the customer is in an arm that gets nothing."""
    if who.agent.purpose not in COMMERCIAL:
        return False
    asked = Question(who.agent, who.kind, who.customer_id, 0)
    return gate.held_out(asked, row) is not None
