"""What follows from a record? The pure core: (rows, record) → (rows, decisions).

The law: no clock, no I/O, no chance. Time comes in with the records, ids are derived from their
cause, and what a batch holds makes no difference: a log cut into other batches gives the same rows
and the same decisions.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from agents.agent import END_OF_ROW, Agent, Decided, View
from agents.engine import sharing, visits
from agents.engine.asking import Asking
from agents.engine.batch import Batch, Due
from agents.engine.cause import Cause
from agents.engine.fan_out import news, take_in, waiters_of
from agents.engine.intake import EngineSettings, Intake
from agents.engine.market import Markets
from agents.engine.speech import Speech, Wish
from agents.engine.teller import RATES, Teller
from agents.gate.gate import Gate
from schemas.journal import Entry, LooksEntry, ModelEntry, Record, ShopEntry, Tick
from schemas.orders import OrderPlaced
from schemas.personal import closed
from schemas.profiles import ConsentChanged, ErasureRequested, MessageUnsubscribed
from schemas.shop_events import PriceChanged, ProductChanged, ShopEvent, StockChanged
from state.model import Kept, model_key
from state.product import learn, named_in
from state.shared_looks import SHARED_LOOKS
from state.sold_out import SOLD_OUT
from state.table import Loaded, Needs

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
        self._teller = Teller(settings.currency, settings.rate_days_max)
        markets = Markets(agents)
        self._speech = Speech(gate, self.agents, markets, partitions)
        self._intake = Intake(settings, self._teller, gate.outcome_window, self._erase)
        self._asking = Asking(agents, markets, self._speech, self._intake.lateness)
        self._lateness = self._intake.lateness
        self._listeners = self._asking.listeners
        self._learns = any(agent.reads_products for agent in agents)
        self._visits = any(agent.reads_visits for agent in agents)
        #: Whether partitions tell each other of looks, and who hears of those of others.
        self.shares = self._visits and partitions > 1 and settings.share_seconds > 0
        self._hearers = sharing.keepers(agents) if self.shares else []
        self._keepers = [agent for agent in agents if agent.keeps is not None]
        #: What an event of a type may need of the ledgers and models, and what a tick.
        self._ledgers = self._kept(agents)

    def _kept(self, agents: Sequence[Agent]) -> dict[type[Any], list[str]]:
        """By type of record, the names of what agents that are asked then may read.

        A model is there whenever its agent is asked, so at each tick; a ledger where it says so.
        """
        hear = [it for it in agents if type(it).on_product is not Agent.on_product]
        asked = self._listeners | {ErasureRequested: self._keepers}
        asked |= {StockChanged: hear, PriceChanged: hear}
        # What has been sent is heard of at any record on which somebody speaks.
        anywhere = [it for it in agents if Decided in it.listens]
        kept = {
            kind: [it.name for it in those if it.keeps is not None]
            + [model_key(it.name) for it in [*those, *anywhere] if it.model is not None]
            for kind, those in asked.items()
        }
        kept[Tick] = [it.name for it in agents if it.keeps_at_ticks]
        kept[Tick] += [model_key(it.name) for it in agents if it.model is not None]
        if self._visits or any(it.reads_sold_out for it in agents):
            for names in kept.values():
                names.append(SOLD_OUT)
        if self.shares:
            kept[LooksEntry] = [SHARED_LOOKS, *(it.name for it in self._hearers)]
            for looked in visits.LOOKS:
                kept[looked] = [*kept.get(looked, ()), SHARED_LOOKS]
        return kept

    def needs(self, records: Iterable[Record]) -> Needs:
        """The rows that these records name."""
        customers: dict[str, None] = {}
        products: dict[str, None] = {}
        awaited: dict[str, None] = {}
        due_until: int | None = None
        kinds: set[type[Any]] = set()
        models: set[str] = set()
        wants_rates = False
        for record in records:
            if isinstance(record, Tick):
                due_until = record.at if due_until is None else max(due_until, record.at)
                kinds.add(Tick)
                continue
            if isinstance(record, ModelEntry):
                models.add(model_key(record.agent))
                continue
            if isinstance(record, LooksEntry):
                kinds.add(LooksEntry)
                if self.shares:
                    products.update(dict.fromkeys(sharing.named_in(record)))
                continue
            event = record.event
            kinds.add(type(event))
            wants_rates = wants_rates or self._teller.needs_rates(record)
            if isinstance(event, ShopEvent):
                if isinstance(event, ProductChanged):
                    awaited[event.product_id] = None
                continue
            customers[event.customer_id or event.subject] = None
            if self._learns or self._visits:
                products.update(dict.fromkeys(named_in(event)))
        ledgers = models.union(*(self._ledgers.get(kind, ()) for kind in kinds))
        if wants_rates:
            ledgers.add(RATES)
        return Needs(
            list(customers), list(products | awaited), due_until, self.settings.due_max,
            sorted(ledgers), list(awaited),
        )  # fmt: skip

    def open(self, loaded: Loaded, needs: Needs) -> Batch:
        """Start a batch from what the table loaded."""
        return Batch(loaded, needs.due_until)

    def more(self, batch: Batch, offset: int, records: Sequence[Record]) -> Needs | None:
        """The rows that are needed too before the records are run; None: all are there.

        Only now is it known whether anybody has to be told of the first record, which stands at
        this offset; and with what the customers have begun their visits.
        """
        batch.offset = offset
        waiters = waiters_of(batch, records[0], self.settings.fan_out_max)
        products = visits.wanted(batch, records) if self._visits else []
        return Needs(products=products, waiters=waiters) if waiters or products else None

    def run(self, batch: Batch, offsets: Sequence[int], records: Sequence[Record]) -> int:
        """Apply records, which stand at these journal offsets, in order; returns how many are done.

        Fewer than all means that the next one needs rows that were not loaded: it is a tick with
        more due timers, or a product's event of which others are to be told. Commit what there is
        and come again.
        """
        for done, record in enumerate(records):
            batch.offset = offsets[done]
            if isinstance(record, Entry):
                entry = closed(record, batch.keys_to_destroy) if record.sealed else record
                self._event(batch, entry)
                if record.sealed:
                    batch.sealed(record)
            elif isinstance(record, ShopEntry):
                if done and news(batch, record) is not None:
                    return done  # It begins a batch, for it needs the rows of all who wait for it.
                tell, teller = self._asking.tell_waiter, self._teller
                batch.begun = not take_in(batch, record, teller, self._lateness, tell)
            elif isinstance(record, Tick):
                batch.begun = not self._tick(batch, record)
            elif isinstance(record, ModelEntry):
                self._model(batch, record)
            elif self.shares:
                sharing.take_in(batch, record, self._hearers)
            else:
                batch.counts["shared_looks/off"] += sum(len(it.looks) for it in record.of)
            if batch.begun:
                return done
        return len(records)

    def _event(self, batch: Batch, entry: Entry) -> None:
        looks = self._visits and type(entry.event) in visits.LOOKS
        visit = visits.before(batch, entry.event) if looks else []
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
        if looks:
            view.visit = visits.look(batch, visit, event, row.session)  # type: ignore[arg-type]
        # What agents remember and wait for comes from something newer than old history.
        if kind in self._listeners and (taken.is_news or not entry.imported_at):
            # Only this event's: what else a batch has loaded depends on how the log was cut.
            view.products = {it: batch.products[it] for it in named} if named else {}
            self._asking.tell(batch, taken.entry, view, late=taken.late)

    def _model(self, batch: Batch, entry: ModelEntry) -> None:
        """Let a model take effect. What nobody can use is counted, and stops nobody."""
        agent = self.agents.get(entry.agent)
        if agent is None or agent.model is None:
            fate = "off"
        else:
            kept = Kept(entry.version, entry.made_at, bytes(entry.model))
            fate = batch.models.take(agent.name, kept, agent.model)
        batch.counts[f"models/{entry.agent}/{fate}"] += 1

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
        view = View(customer_id, at, row, batch.shop, {}, batch.ledgers, "", batch.models)
        wishes: list[Wish] = []
        ends = False
        for due in turn:
            if row.timers.get(due.key) != due.due_at:
                continue  # Another one of this turn has cancelled it, or set it anew.
            if due.key != END_OF_ROW:
                self._asking.fire(batch, due, view, wishes)
            elif ends := self._intake.is_over(customer_id, row, at):
                break
            else:
                # It is looked at when it is due, and not at every event.
                self._intake.set_end(batch, customer_id, row, row.last_seen_at)
        if wishes:
            self._asking.speak(batch, view, wishes)
        if ends:
            batch.fired[END_OF_ROW] += 1
            self._speech.abandon(batch, view)
            keepers = [agent for agent in self._keepers if agent.keeps_at_ticks]
            cause = Cause.of_timer(END_OF_ROW, at, at, late=False)
            self._asking.end(batch, view, cause, keepers)

    def _erase(self, batch: Batch, view: View, entry: Entry) -> None:
        cause = Cause.of_event(entry, batch.shop.clock_at, late=False)
        self._asking.end(batch, view, cause, self._keepers)
        batch.forget(view.id, view.row, entry.destroys)
