"""What is foretold of everybody at a cut? A history through the shipping engine, and its rows read.

In memory, in several partitions, with the shipped settings of ``outlook`` and a tick at each noon
and midnight, up to the cut. Models are fitted on the way, from what had happened by then. What is
foretold comes from the agent's own functions, with the rows and the model as they are at the cut.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from agents.agent import View
from agents.outlook import Outlook, Seen, future_of, purchase_cents
from bench.score import shipped
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Tick
from state.btyd import Future
from state.customer import Customer, decode_customer
from state.model import Models, model_key
from state.shop import decode_shop
from state.table import Needs
from streams.replay import Replay

PARTITIONS = 4


class Foretold(Struct):
    """One customer at the cut. seen: the agent's memory. purchase_cents: what one is worth."""

    customer_id: str
    row: Customer
    seen: Seen
    future: Future
    purchase_cents: float
    version: str


class Told(Struct):
    """All customers who had ordered by the cut, and how many models were fitted until then."""

    customers: list[Foretold]
    models: int


def foretell(events: Sequence[Event], cut_at: int) -> Told:
    """Run what came before the cut, and look at everybody."""
    return asyncio.run(_foretell(events, cut_at))


async def _foretell(events: Sequence[Event], cut_at: int) -> Told:
    agents = shipped.agents(Outlook.name)
    run = Replay(shipped.engine(agents, PARTITIONS), PARTITIONS)
    await run.run(_fed([it for it in events if it.occurred_at < cut_at], cut_at))
    found: list[Foretold] = []
    for partition in range(PARTITIONS):
        loaded = await run.table.load(partition, Needs(ledgers=[model_key(Outlook.name)]))
        if loaded.shop is None:
            continue
        shop, models = decode_shop(loaded.shop), Models(loaded.ledgers)
        for who, row in run.table.rows(partition).items():
            view = View(
                who, cut_at, decode_customer(who, row), shop, {}, agent=Outlook.name, models=models
            )
            found += _looked_at(agents[0], view)  # type: ignore[arg-type]
    return Told(sorted(found, key=lambda it: it.customer_id), len(run.models))


def _looked_at(agent: Outlook, view: View) -> Iterator[Foretold]:
    seen = view.recall(Seen)
    if seen.repeats < 0:
        return
    version, shoppers = agent.shoppers(view)
    ahead = future_of(shoppers, seen, view.row, view.at)
    worth = purchase_cents(shoppers, seen, view.row)
    yield Foretold(view.id, view.row, seen, ahead, worth, version)


def _fed(events: Iterable[Event], end: int) -> Iterator[Event | Tick]:
    """Events with a tick at each noon and midnight between them, the last one at the end."""
    tick_at = None
    for event in events:
        if tick_at is None:
            tick_at = event.occurred_at // (DAY // 2) * (DAY // 2)
        while tick_at <= event.occurred_at:
            yield Tick(tick_at)
            tick_at += DAY // 2
        yield event
    while tick_at is not None and tick_at < end:
        yield Tick(tick_at)
        tick_at += DAY // 2
    yield Tick(end)
