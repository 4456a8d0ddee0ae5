"""Who is asked, on which occasion, and what becomes of the answers?

The law: an agent that fails is put on record and the others go on, for a policy's mistake must not
stop a partition; and what an agent answers is taken whole or not at all. What several want to say
on one occasion is settled together (``speech.py``).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from agents.agent import (
    END_OF_ROW,
    HELD,
    Act,
    Agent,
    Decided,
    Enter,
    Note,
    Occasion,
    Timer,
    View,
)
from agents.engine.batch import Batch, Due
from agents.engine.cause import Cause
from agents.engine.doing import Acts, do
from agents.engine.market import Markets
from agents.engine.speech import Speech, Wish
from agents.engine.written import NO_PAYLOAD, written
from agents.product_change import ProductChange
from schemas.decisions import Evidence
from schemas.journal import Entry, ShopEntry
from state.customer import RowError

#: An agent's method that is asked: ``on_event``, ``on_timer`` or ``on_product``.
Decide = Callable[[Any, View], Iterable[Act] | Enter]
#: Nothing to say. Most are asked in vain, and that it is this very tuple is soon seen.
NOTHING: tuple[Act, ...] = ()


class Asking:
    """Asks agents. Holds settings, and no state.

    listeners: whom each type of event reaches. lateness: what is older than that is no news, in
    milliseconds.
    """

    def __init__(
        self, agents: Sequence[Agent], markets: Markets, speech: Speech, lateness: int
    ) -> None:
        self._agents = {agent.name: agent for agent in agents}
        self._markets = markets
        self._speech = speech
        self._lateness = lateness
        self.listeners: dict[type[Any], list[Agent]] = {}
        for agent in agents:
            for event_type in agent.listens:
                self.listeners.setdefault(event_type, []).append(agent)
        #: The same with their methods, and whether they differ by market: what need not be looked
        #: up for each of them at each event.
        self._asked = {
            kind: [(agent, agent.on_event, bool(agent.markets)) for agent in listeners]
            for kind, listeners in self.listeners.items()
        }

    def tell(self, batch: Batch, entry: Entry, view: View, *, late: bool) -> None:
        """Ask the agents that listen to an event, which has been folded."""
        event, asked = entry.event, self._acts
        wishes: list[Wish] = []
        cause: Cause | None = None
        for listener, on_event, has_markets in self._asked[type(event)]:
            agent, decide = listener, on_event
            if has_markets:
                agent = self._markets.variant(listener, view.row)
                decide = agent.on_event
            if acts := asked(agent, decide, event, view):
                if cause is None:
                    cause = Cause.of_event(entry, batch.shop.clock_at, late=late)
                do(batch, self._speech, agent, acts, view, cause, wishes)
        if wishes:
            self.speak(batch, view, wishes)

    def tell_waiter(
        self, batch: Batch, entry: ShopEntry, change: ProductChange, customer_id: str, late: bool
    ) -> None:
        """Ask the agents that await a product for a customer. A row that nobody changes stays."""
        row = batch.customers[customer_id]
        if row is None:
            return
        product_id, at = change.product_id, entry.event.occurred_at
        awaiting = row.awaited.get(product_id, ())
        products, cause = {product_id: change.after}, Cause.of_shop_event(entry, late=late)
        shop, ledgers = batch.shop, batch.ledgers
        view = View(customer_id, at, row, shop, products, ledgers, "", batch.models)
        wishes: list[Wish] = []
        for agent in [it for name, it in self._agents.items() if name in awaiting]:
            here = self._markets.variant(agent, row)
            if acts := self._acts(here, here.on_product, change, view):
                batch.customer(customer_id)
                do(batch, self._speech, here, acts, view, cause, wishes)
        if wishes:
            self.speak(batch, view, wishes)

    def fire(self, batch: Batch, due: Due, view: View, wishes: list[Wish]) -> None:
        """Ask the agent whose timer is due; what it wants to say is added to ``wishes``."""
        batch.drop_timer(due.customer_id, view.row, due.key)
        name, _, timer = due.key.partition("/")
        if name == HELD:
            batch.fired[name] += 1
            wishes += self._speech.release(batch, view)
        elif usual := self._agents.get(name):
            batch.fired[name] += 1
            agent = self._markets.variant(usual, view.row)
            # Due before the last tick, and not fired by it: a late event has set it for the past.
            late = due.due_at < batch.shop.previous_at - self._lateness
            cause = Cause.of_timer(due.key, due.due_at, view.at, late=late)
            acts = self._acts(agent, agent.on_timer, Timer(timer, due.due_at), view)
            do(batch, self._speech, agent, acts, view, cause, wishes)

    def end(self, batch: Batch, view: View, cause: Cause, keepers: Iterable[Agent]) -> None:
        """End a row; what it has in the ledgers of these agents goes out of them first."""
        for usual in keepers:
            agent = self._markets.variant(usual, view.row)
            acts = self._acts(agent, _at_end(agent), Timer(END_OF_ROW, view.at), view)
            do(batch, self._speech, agent, acts, view, cause, [])
        batch.erase(view.id, view.row)

    def speak(self, batch: Batch, view: View, wishes: list[Wish]) -> None:
        """Let the gate answer; and let agents hear of what has left."""
        for decided, cause in self._speech.settle(batch, view, wishes):
            # They answer with timers and memory; a trigger that follows from a trigger at once
            # would be a loop in the making.
            quiet = replace(cause, refusal="follows_a_trigger")
            replies: list[Wish] = []
            for listener in self.listeners.get(Decided, ()):
                agent = self._markets.variant(listener, view.row)
                if acts := self._acts(agent, agent.on_event, decided, view):
                    do(batch, self._speech, agent, acts, view, quiet, replies)
            if replies:
                self._speech.settle(batch, view, replies)

    def _acts(self, agent: Agent, decide: Decide, occasion: Occasion, view: View) -> Acts:
        view.agent = agent.name
        try:
            acts = decide(occasion, view)
            if acts is NOTHING:
                return ()
            # By its type: isinstance takes 0.1 µs where it is none, which is nearly always so.
            if type(acts) is not Enter:
                return written(agent, acts)  # type: ignore[arg-type]
            if agent.keeps is None:
                return written(agent, [acts])
            # Who counts views enters nearly each of them: by way of a list of acts that takes
            # 4.6 µs, and so 1.1 µs, 0.2 of them for being asked (``python -m bench.ledger``).
            view.ledgers.enter(agent.name, agent.keeps, acts.entry)
        except RowError:
            raise  # The ledger is damaged, and that is no mistake of the agent's.
        except Exception as error:  # noqa: BLE001 (an agent may fail in any way)
            evidence = Evidence(values={"error": f"{type(error).__name__}: {error}"})
            return [(Note(reason="agent_failed", evidence=evidence), NO_PAYLOAD)]
        return ()


def _at_end(agent: Agent) -> Decide:
    return lambda _, view: agent.on_end(view)
