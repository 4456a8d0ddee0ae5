"""Partitions in memory, a leader over them, and what it sends: for tests of what concerns the shop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from partition import Partition, journal

from agents.agent import Agent
from agents.demand_gap import DemandGap
from agents.sales import Sales
from schemas.clickstream import ProductsSearched
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Tick
from state.table import Loaded, Needs, StoreError
from streams.ops.processor import Ops
from streams.ops.settings import OpsSettings
from streams.producer import DeliveryError, Outbound
from streams.simulated.story import moment
from streams.tasks import end

BEGIN = moment("2026-01-20")
GAP, SALES = DemandGap(customers_min=2), Sales()


class House:
    """Partitions in memory, what was sent, and what was noted."""

    def __init__(self, *agents: Agent, partitions: int = 2) -> None:
        self.agents = agents or (GAP, SALES)
        self.rows = [Partition(*self.agents) for _ in range(partitions)]
        self.sent: list[Outbound] = []
        self.noted: dict[str, int] = {}
        self.loads: list[list[str]] = []
        self.fails: str = ""
        self.leads = True
        self._offset = 0

    async def load(self, partition: int, needs: Needs) -> Loaded:
        self.loads.append(needs.ledgers)
        return await self.rows[partition].table.load(0, needs)

    async def note_concluded(self, agent: str, ends_at: int) -> None:
        if self.fails == "note":
            raise StoreError("away")
        self.noted[agent] = ends_at

    async def concluded(self) -> dict[str, int]:
        return dict(self.noted)

    async def send(self, records: Sequence[Outbound]) -> None:
        if self.fails == "send":
            raise DeliveryError("away")
        self.sent += records

    def feed(self, partition: int, *facts: Event | Tick) -> None:
        self._offset += 100
        self.rows[partition].feed(journal(facts, self._offset))

    def tick(self, at: int) -> None:
        for number in range(len(self.rows)):
            self.feed(number, Tick(at))

    def leader(self, *, by_wall: bool = False) -> Ops:
        return Ops(
            self.agents, self, self, OpsSettings(every_seconds=0.01), partitions=len(self.rows),
            is_leader=lambda: self.leads, by_wall=by_wall,
        )  # fmt: skip

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        """A worker that looks all the time."""
        running = asyncio.ensure_future(self.leader().run())
        try:
            yield
            assert not running.done()
        finally:
            await end([running])

    def look(self, **options: Any) -> list[str]:
        """What one look publishes, as topic and subject."""
        before = len(self.sent)
        asyncio.run(self.leader(**options).look())
        return [f"{it.topic} {(it.key or b'').decode()}" for it in self.sent[before:]]


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def searches(query: str, *customers: str, at: int = BEGIN + HOUR) -> list[Event]:
    return [
        ProductsSearched(
            event_id=f"{query}-{it}-{at}", customer_id=it, occurred_at=at, query=query,
            result_count=0,
        )
        for it in customers
    ]  # fmt: skip
