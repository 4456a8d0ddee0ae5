"""One journal partition in memory, for tests: records in, decisions and the whole state out.

The engine, ``streams.apply`` and the table are the real ones; there is only no broker and no Redis.
"""

from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import msgspec

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from schemas.codec import decode_outgoing
from schemas.decisions import Decision
from schemas.event import Event
from schemas.journal import AnyEvent, Entry, Record, ShopEntry, Source, Tick
from schemas.shop_events import ShopEvent, ShopEvents
from state.customer import Customer, decode_customer
from state.memory_table import MemoryTable
from state.product import Product
from streams.apply import apply

T = TypeVar("T")

#: Nobody is held out, and everybody is taken to have agreed, so that a test about something else need not say it.
NOBODY = Holdout(share=0, over_all=0)
AGREED = Gate(assume_consent=("marketing", "personalisation", "service"), holdout=NOBODY)
SETTINGS = EngineSettings()


Fact = Event | ShopEvent | Tick


def journal(facts: Iterable[Fact], begin: int = 0) -> list[Record]:
    """Put a source on each event, as ingest would: one raw partition, offsets from ``begin``."""
    return [_record(it, offset) for offset, it in enumerate(facts, begin)]


def _record(fact: Fact, offset: int) -> Record:
    match fact:
        case Tick():
            return fact
        case ShopEvent():
            return ShopEntry(cast(ShopEvents, fact), Source("shop", 0, offset, fact.occurred_at))
    return Entry(cast(AnyEvent, fact), Source("raw", 0, offset, fact.occurred_at))


def cut(records: Sequence[Record], sizes: Iterable[int]) -> Iterator[Sequence[Record]]:
    """Cut a log into batches of these sizes; the last batch takes what is left."""
    start = 0
    for size in sizes:
        if batch := records[start : start + size]:
            yield batch
        start += size
    if rest := records[start:]:
        yield rest


class Partition:
    """An engine over one partition of a memory table."""

    def __init__(
        self, *agents: Agent, gate: Gate = AGREED, settings: EngineSettings = SETTINGS
    ) -> None:
        self.engine = Engine(agents, gate, settings)
        self.table = MemoryTable()

    def feed(self, records: Sequence[Record]) -> list[Decision]:
        """Apply one batch; what was decided in it."""
        return _without_waiting(self._feed(records))

    def facts(self, *facts: Fact, begin: int = 0) -> list[Decision]:
        """Apply events and ticks as one batch."""
        return self.feed(journal(facts, begin))

    def row(self, customer_id: str) -> Customer | None:
        """A customer's row as it is committed."""
        row = self.table.rows(0).get(customer_id)
        return None if row is None else decode_customer(customer_id, row)

    def product(self, product_id: str) -> Product | None:
        """A product's row as it is committed."""
        row = self.state()["products"].get(product_id)
        return None if row is None else msgspec.msgpack.decode(row, type=Product)

    def state(self) -> dict[str, Any]:
        """All that is committed: rows, timers, products, the shop, counters, position, outbox."""
        return vars(self.table._of(0))

    def outbox(self) -> list[Decision]:
        """Every decision so far, as the relay would read it."""
        return [decode_outgoing(entry).decision for entry in self.state()["outbox"]]

    async def _feed(self, records: Sequence[Record]) -> list[Decision]:
        position = await self.table.position(0)
        offsets = range(position.offset, position.offset + len(records))
        said: list[Decision] = []
        async for applied in apply(self.engine, self.table, 0, position, offsets, records):
            said += [outgoing.decision for outgoing in applied.batch.outgoing]
        return said


def _without_waiting(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait, as over memory none has: far cheaper than a loop."""
    try:
        work.send(None)
    except StopIteration as finished:
        return cast(T, finished.value)
    raise AssertionError("a memory table has made somebody wait")
