"""What follows from a record? The pure core: (rows, record) → (rows, decisions).

The law: no clock, no I/O, no chance. Time comes in with the records, ids are derived from their
cause, and what a batch holds makes no difference: a log cut into other batches gives the same rows
and the same decisions.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from agents.agent import (
    NO_PAYLOAD,
    Act,
    Agent,
    CancelTimer,
    Decided,
    Note,
    Occasion,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
    written,
)
from agents.batch import Batch, Due
from agents.cause import Cause, on_record
from agents.gate.gate import Gate
from schemas.decisions import Decision, Evidence, Outcome
from schemas.event import ANONYMOUS
from schemas.instant import DAY, MINUTE
from schemas.journal import Entry, Record, Tick
from schemas.orders import OrderPlaced
from schemas.profiles import ErasureRequested
from state.customer import KINDS_MAX, TIMERS_MAX, Customer, Said
from state.fold import fold, is_repeat
from state.product import learn, named_in
from state.table import Loaded, Needs

#: An agent's method that is asked: ``on_event`` or ``on_timer``.
Decide = Callable[[Any, View], Iterable[Act]]
#: What it answers, each act with what it lays down as bytes.
Acts = Sequence[tuple[Act, Raw]]

#: The engine's own timer: the row ends after long silence.
END_OF_ROW = "row"


class EngineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[engine]``.

    lateness_minutes: an event this much older than the clock is folded, but nothing is said on it.
    anonymous_days, retention_days: silence after which a visitor's, a customer's row ends.
    due_max: timers loaded for one commit; a tick with more takes several commits.
    """

    lateness_minutes: float = 60.0
    anonymous_days: float = 30.0
    retention_days: float = 1095.0
    due_max: Annotated[int, Meta(ge=1)] = 500


class Engine:
    """Folds records into rows and asks the agents. Holds settings, and no state."""

    def __init__(self, agents: Sequence[Agent], gate: Gate, settings: EngineSettings) -> None:
        self.agents = {agent.name: agent for agent in agents}
        self.gate = gate
        self.settings = settings
        self._lateness = round(settings.lateness_minutes * MINUTE)
        self._listeners: dict[type[Any], list[Agent]] = {}
        for agent in agents:
            for event_type in agent.listens:
                self._listeners.setdefault(event_type, []).append(agent)
        self._learns = any(agent.reads_products for agent in agents)

    def needs(self, records: Iterable[Record]) -> Needs:
        """The rows that these records name."""
        customers: dict[str, None] = {}
        products: dict[str, None] = {}
        due_until: int | None = None
        for record in records:
            if isinstance(record, Tick):
                due_until = record.at if due_until is None else max(due_until, record.at)
                continue
            event = record.event
            customers[event.customer_id or event.subject] = None
            if self._learns:
                products.update(dict.fromkeys(named_in(event)))
        return Needs(list(customers), list(products), due_until, self.settings.due_max)

    def open(self, loaded: Loaded, needs: Needs) -> Batch:
        """Start a batch from what the table loaded."""
        return Batch(loaded, needs.due_until)

    def run(self, batch: Batch, offsets: Sequence[int], records: Sequence[Record]) -> int:
        """Apply records, which stand at these journal offsets, in order; returns how many are done.

        Fewer than all means that the next one is a tick with more due timers than were loaded:
        commit what there is and come again.
        """
        for done, record in enumerate(records):
            batch.offset = offsets[done]
            if isinstance(record, Entry):
                self._event(batch, record)
            elif not self._tick(batch, record):
                return done
        return len(records)

    def _event(self, batch: Batch, entry: Entry) -> None:
        event, shop = entry.event, batch.shop
        kind, at = type(event), event.occurred_at
        if shop.has_seen(entry.source):
            batch.count(kind, "duplicate")
            return
        subject = event.customer_id or event.subject
        row = batch.customer(subject)
        if is_repeat(row, event.event_id):
            batch.count(kind, "duplicate")
            return
        if kind is ErasureRequested:
            batch.erase(subject, row)
            batch.count(kind, "applied")
            return
        if END_OF_ROW not in row.timers:
            self._set_end(batch, subject, row, at)
        late = at < shop.clock_at - self._lateness
        is_news = at >= row.last_seen_at
        fold(row, event, shop.rhythm)
        named = named_in(event) if self._learns else None
        if named and kind is OrderPlaced:
            batch.learned(learn(batch.products, named))
        batch.count(kind, ("late" if late else "applied") if not entry.imported_at else "imported")
        # What agents remember and wait for comes from something newer than old history.
        if kind in self._listeners and (is_news or not entry.imported_at):
            # Only this event's: what else a batch has loaded depends on how the log was cut.
            products = {it: batch.products[it] for it in named} if named else {}
            self._tell(batch, entry, View(subject, at, row, shop, products), late=late)

    def _tell(self, batch: Batch, entry: Entry, view: View, *, late: bool) -> None:
        """Ask the agents that listen to an event, which has been folded."""
        event = entry.event
        for agent in self._listeners[type(event)]:
            if acts := self._acts(agent, agent.on_event, event, view):
                self._do(
                    batch, agent, acts, view, Cause.of_event(entry, batch.shop.clock_at, late=late)
                )

    def _tick(self, batch: Batch, tick: Tick) -> bool:
        """Fire what is due; False where more is due than was loaded. The clock never goes back.

        A tick that comes again fires nothing: what was set since it came first waits for the next.
        """
        if tick.at <= batch.shop.clock_at and not batch.continues():
            return True
        if tick.at > batch.shop.clock_at:
            batch.shop.previous_at, batch.shop.clock_at = batch.shop.clock_at, tick.at
        while due := batch.next_due(tick.at):
            self._fire(batch, due, tick.at)
        return not batch.more_due(tick.at)

    def _fire(self, batch: Batch, due: Due, at: int) -> None:
        row = batch.customer(due.customer_id)
        batch.drop_timer(due.customer_id, row, due.key)
        name, _, timer = due.key.partition("/")
        if name == END_OF_ROW:
            batch.fired[name] += 1
            self._end(batch, due.customer_id, row, at)
        elif agent := self.agents.get(name):
            batch.fired[name] += 1
            # Due before the last tick, and not fired by it: a late event has set it for the past.
            late = due.due_at < batch.shop.previous_at - self._lateness
            cause = Cause.of_timer(due.key, due.due_at, at, late=late)
            view = View(due.customer_id, at, row, batch.shop, {})
            acts = self._acts(agent, agent.on_timer, Timer(timer, due.due_at), view)
            self._do(batch, agent, acts, view, cause)

    def _acts(self, agent: Agent, decide: Decide, occasion: Occasion, view: View) -> Acts:
        """Let one agent decide.

        An agent that fails is put on record and the others go on: a policy's mistake must not stop
        a partition. Its acts are taken whole or not at all.
        """
        try:
            acts = decide(occasion, view.of(agent.name))
            # Most are asked in vain: an agent that has nothing to say may return an empty tuple.
            return () if acts == () else written(agent, acts)
        except Exception as error:  # noqa: BLE001 (an agent may fail in any way)
            evidence = Evidence(values={"error": f"{type(error).__name__}: {error}"})
            return [(Note(reason="agent_failed", evidence=evidence), NO_PAYLOAD)]

    def _do(self, batch: Batch, agent: Agent, acts: Acts, view: View, cause: Cause) -> None:
        row = view.row
        for act, body in acts:
            match act:
                case SetTimer():
                    self._set_timer(batch, agent, act, view, cause)
                case Remember(None):
                    row.memory.pop(agent.name, None)
                case Remember():
                    row.memory[agent.name] = body
                case CancelTimer():
                    batch.drop_timer(view.id, row, agent.timer_key(act.name))
                case Note():
                    self._note(batch, agent, act, body, view, cause)
                case Say():
                    self._say(batch, agent, act, body, view, cause)

    def _set_timer(
        self, batch: Batch, agent: Agent, act: SetTimer, view: View, cause: Cause
    ) -> None:
        key, timers, due_at = agent.timer_key(act.name), view.row.timers, act.due_at
        if cause.silent and due_at <= cause.decided_at:
            batch.drop_timer(view.id, view.row, key)
            return
        # A timer that is set for its own past would fire again in the same tick, for ever.
        if due_at <= cause.at:
            due_at = cause.decided_at + 1
        if len(timers) >= TIMERS_MAX and key not in timers:
            full = Note(reason="timers_full", evidence=Evidence(values={"timer": key}))
            self._note(batch, agent, full, NO_PAYLOAD, view, cause)
        else:
            batch.set_timer(view.id, view.row, key, due_at)

    def _note(
        self, batch: Batch, agent: Agent, note: Note, body: Raw, view: View, cause: Cause
    ) -> None:
        if not cause.silent:
            self._record(batch, agent, note, body, view, cause, "noted", note.reason)

    def _say(
        self, batch: Batch, agent: Agent, say: Say, body: Raw, view: View, cause: Cause
    ) -> None:
        if cause.silent:
            return
        kind = say.kind or agent.name
        said = view.row.said.setdefault(kind, Said())
        _bound(view.row.said)
        refusal = cause.refusal or self.gate.refusal(agent, kind, view.row, cause.decided_at)
        if refusal is not None and refusal == said.refusal:
            said.refused += 1
            return
        before, said.refusal, said.refused = said.refused, refusal or "", 0
        if refusal is not None:
            self._record(batch, agent, say, body, view, cause, "suppressed", refusal, before)
            return
        said.sent_at = cause.decided_at
        said.sent += 1
        decision = self._record(batch, agent, say, body, view, cause, "sent", say.reason, before)
        # Agents hear of what was sent, and answer with timers and memory; a trigger that follows
        # from a trigger at once would be a loop in the making.
        decided = Decided(kind, decision.id, cause.decided_at, say.reason)
        for listener in self._listeners.get(Decided, ()):
            quiet = msgspec.structs.replace(cause, refusal="follows_a_trigger")
            acts = self._acts(listener, listener.on_event, decided, view)
            self._do(batch, listener, acts, view, quiet)

    def _record(
        self, batch: Batch, agent: Agent, act: Say | Note, body: Raw, view: View, cause: Cause,
        outcome: Outcome, reason: str, refused_before: int = 0,
    ) -> Decision:  # fmt: skip
        decision = on_record(
            agent, act, body, view.id, cause,
            outcome=outcome, reason=reason, refused_before=refused_before,
        )  # fmt: skip
        batch.decide(decision, cause.appended_at)
        return decision

    def _set_end(self, batch: Batch, customer_id: str, row: Customer, seen_at: int) -> None:
        due_at = max(seen_at, row.last_seen_at) + self._silence(customer_id)
        batch.set_timer(customer_id, row, END_OF_ROW, due_at)

    def _end(self, batch: Batch, customer_id: str, row: Customer, at: int) -> None:
        """End the row, if it has been silent all the while; else look again later.

        So a row's end is moved when it is due, and not at every event.
        """
        if row.last_seen_at + self._silence(customer_id) <= at:
            batch.erase(customer_id, row)
        else:
            self._set_end(batch, customer_id, row, row.last_seen_at)

    def _silence(self, customer_id: str) -> int:
        anonymous = customer_id.startswith(ANONYMOUS)
        days = self.settings.anonymous_days if anonymous else self.settings.retention_days
        return round(days * DAY)


def _bound(by_kind: dict[str, Said]) -> None:
    """Kinds are as many as the agents say; a bound for those that left the config."""
    if len(by_kind) > KINDS_MAX:
        del by_kind[next(iter(by_kind))]
