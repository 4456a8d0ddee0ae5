"""What follows from a record? The pure core: (rows, record) → (rows, decisions).

The law: no clock, no I/O, no chance. Time comes in with the records, ids are derived from their
cause, and what a batch holds makes no difference: a log cut into other batches gives the same rows
and the same decisions.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from agents.agent import (
    END_OF_ROW,
    HELD,
    Act,
    Agent,
    Decided,
    Note,
    Occasion,
    Timer,
    View,
)
from agents.batch import Batch, Due
from agents.cause import Cause
from agents.doing import Acts, do
from agents.fan_out import take_in
from agents.gate.gate import Gate
from agents.intake import EngineSettings, Intake
from agents.market import Markets
from agents.speech import Speech, Wish
from agents.teller import RATES, Teller
from agents.written import NO_PAYLOAD, written
from schemas.decisions import Evidence
from schemas.journal import Entry, Record, ShopEntry, Tick
from schemas.orders import OrderPlaced
from schemas.personal import closed
from schemas.profiles import ConsentChanged, ErasureRequested, MessageUnsubscribed
from schemas.shop_events import ProductChanged, ShopEvent
from state.product import learn, named_in
from state.table import Loaded, Needs

#: An agent's method that is asked: ``on_event`` or ``on_timer``.
Decide = Callable[[Any, View], Iterable[Act]]
#: With these a customer may take back what they had agreed to.
_WITHDRAWALS = frozenset((ConsentChanged, MessageUnsubscribed))


class Engine:
    """Folds records into rows and asks the agents. Holds settings, and no state.

    partitions: how many the journal has; each may spend its part of a budget.
    """

    def __init__(
        self, agents: Sequence[Agent], gate: Gate, settings: EngineSettings, partitions: int = 1
    ) -> None:
        self.agents = {agent.name: agent for agent in agents}
        self.settings = settings
        self._markets = Markets(agents)
        self._teller = Teller(settings.currency, settings.rate_days_max)
        self._speech = Speech(gate, self.agents, self._markets, partitions)
        self._intake = Intake(settings, self._teller, gate.outcome_window, self._erase)
        self._lateness = self._intake.lateness
        self._listeners: dict[type[Any], list[Agent]] = {}
        for agent in agents:
            for event_type in agent.listens:
                self._listeners.setdefault(event_type, []).append(agent)
        self._learns = any(agent.reads_products for agent in agents)
        #: Whose ledgers an event of a type may need, and whose a tick.
        self._ledgers = {
            kind: [agent.name for agent in listeners if agent.keeps is not None]
            for kind, listeners in self._listeners.items()
        }
        self._keepers = [agent for agent in agents if agent.keeps is not None]
        self._ledgers[ErasureRequested] = [agent.name for agent in self._keepers]
        self._ledgers[Tick] = [agent.name for agent in agents if agent.keeps_at_ticks]

    def needs(self, records: Iterable[Record]) -> Needs:
        """The rows that these records name."""
        customers: dict[str, None] = {}
        products: dict[str, None] = {}
        due_until: int | None = None
        kinds: set[type[Any]] = set()
        wants_rates = False
        for record in records:
            if isinstance(record, Tick):
                due_until = record.at if due_until is None else max(due_until, record.at)
                kinds.add(Tick)
                continue
            event = record.event
            kinds.add(type(event))
            wants_rates = wants_rates or self._teller.needs_rates(record)
            if isinstance(event, ShopEvent):
                if isinstance(event, ProductChanged):
                    products[event.product_id] = None
                continue
            customers[event.customer_id or event.subject] = None
            if self._learns:
                products.update(dict.fromkeys(named_in(event)))
        ledgers = {name for kind in kinds for name in self._ledgers.get(kind, ())}
        if wants_rates:
            ledgers.add(RATES)
        return Needs(
            list(customers), list(products), due_until, self.settings.due_max, sorted(ledgers)
        )

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
                entry = closed(record, batch.keys_to_destroy) if record.sealed else record
                self._event(batch, entry)
                if record.sealed:
                    batch.sealed(record)
            elif isinstance(record, ShopEntry):
                take_in(batch, record, self._teller, self._lateness)
            elif not self._tick(batch, record):
                return done
        return len(records)

    def _event(self, batch: Batch, entry: Entry) -> None:
        taken = self._intake.take_in(batch, entry)
        if taken is None:
            return
        event, view, row = taken.entry.event, taken.view, taken.view.row
        kind = type(event)
        if row.held and kind in _WITHDRAWALS:
            self._speech.withdraw(batch, view)
        named = named_in(event) if self._learns else None
        if named and kind is OrderPlaced:
            batch.learned(learn(batch.products, named))
        # What agents remember and wait for comes from something newer than old history.
        if kind in self._listeners and (taken.is_news or not entry.imported_at):
            # Only this event's: what else a batch has loaded depends on how the log was cut.
            view.products = {it: batch.products[it] for it in named} if named else {}
            self._tell(batch, taken.entry, view, late=taken.late)

    def _tell(self, batch: Batch, entry: Entry, view: View, *, late: bool) -> None:
        """Ask the agents that listen to an event, which has been folded."""
        event = entry.event
        wishes: list[Wish] = []
        for listener in self._listeners[type(event)]:
            agent = self._markets.variant(listener, view.row)
            if acts := self._acts(agent, agent.on_event, event, view):
                cause = Cause.of_event(entry, batch.shop.clock_at, late=late)
                do(batch, self._speech, agent, acts, view, cause, wishes)
        if wishes:
            self._speak(batch, view, wishes)

    def _speak(self, batch: Batch, view: View, wishes: list[Wish]) -> None:
        """Let the gate answer; and let agents hear of what has left."""
        for decided, cause in self._speech.settle(batch, view, wishes):
            # They answer with timers and memory; a trigger that follows from a trigger at once
            # would be a loop in the making.
            quiet = msgspec.structs.replace(cause, refusal="follows_a_trigger")
            replies: list[Wish] = []
            for listener in self._listeners.get(Decided, ()):
                agent = self._markets.variant(listener, view.row)
                acts = self._acts(agent, agent.on_event, decided, view)
                do(batch, self._speech, agent, acts, view, quiet, replies)
            if replies:
                self._speech.settle(batch, view, replies)

    def _tick(self, batch: Batch, tick: Tick) -> bool:
        """Fire what is due; False where more is due than was loaded. The clock never goes back.

        A tick that comes again fires nothing: what was set since it came first waits for the next.
        """
        if tick.at <= batch.shop.clock_at and not batch.continues():
            return True
        if tick.at > batch.shop.clock_at:
            batch.shop.previous_at, batch.shop.clock_at = batch.shop.clock_at, tick.at
        while turn := batch.next_turn(tick.at):
            self._take_turn(batch, turn, tick.at)
        return not batch.more_due(tick.at)

    def _take_turn(self, batch: Batch, turn: list[Due], at: int) -> None:
        """Fire all of a customer's timers that are due, and settle what they say together."""
        customer_id = turn[0].customer_id
        row = batch.customer(customer_id)
        view = View(customer_id, at, row, batch.shop, {}, batch.ledgers)
        wishes: list[Wish] = []
        ends = False
        for due in turn:
            if row.timers.get(due.key) != due.due_at:
                continue  # Another one of this turn has cancelled it, or set it anew.
            if due.key != END_OF_ROW:
                self._fire(batch, due, view, wishes)
            elif ends := self._intake.is_over(customer_id, row, at):
                break
            else:
                # It is looked at when it is due, and not at every event.
                self._intake.set_end(batch, customer_id, row, row.last_seen_at)
        if wishes:
            self._speak(batch, view, wishes)
        if ends:
            batch.fired[END_OF_ROW] += 1
            self._speech.abandon(batch, view)
            keepers = [agent for agent in self._keepers if agent.keeps_at_ticks]
            self._end(batch, view, Cause.of_timer(END_OF_ROW, at, at, late=False), keepers)

    def _erase(self, batch: Batch, view: View, entry: Entry) -> None:
        cause = Cause.of_event(entry, batch.shop.clock_at, late=False)
        self._end(batch, view, cause, self._keepers)
        batch.forget(view.id, view.row, entry.destroys)

    def _end(self, batch: Batch, view: View, cause: Cause, keepers: Iterable[Agent]) -> None:
        """End a row; what it has in the ledgers goes out of them first."""
        for usual in keepers:
            agent = self._markets.variant(usual, view.row)
            acts = self._acts(agent, _at_end(agent), Timer(END_OF_ROW, view.at), view)
            do(batch, self._speech, agent, acts, view, cause, [])
        batch.erase(view.id, view.row)

    def _fire(self, batch: Batch, due: Due, view: View, wishes: list[Wish]) -> None:
        batch.drop_timer(due.customer_id, view.row, due.key)
        name, _, timer = due.key.partition("/")
        if name == HELD:
            batch.fired[name] += 1
            wishes += self._speech.release(batch, view)
        elif usual := self.agents.get(name):
            batch.fired[name] += 1
            agent = self._markets.variant(usual, view.row)
            # Due before the last tick, and not fired by it: a late event has set it for the past.
            late = due.due_at < batch.shop.previous_at - self._lateness
            cause = Cause.of_timer(due.key, due.due_at, view.at, late=late)
            acts = self._acts(agent, agent.on_timer, Timer(timer, due.due_at), view)
            do(batch, self._speech, agent, acts, view, cause, wishes)

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


def _at_end(agent: Agent) -> Decide:
    return lambda _, view: agent.on_end(view)
