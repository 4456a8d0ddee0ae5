"""Partitions in memory, a leader over them, and what it sends: for tests of what concerns the shop."""

import asyncio
from collections.abc import Sequence

from led_shop import LedShop

from agents.agent import Agent
from agents.demand_gap import DemandGap
from agents.sales import Sales
from schemas.clickstream import ProductsSearched
from schemas.event import Event
from schemas.instant import HOUR
from streams.ops.processor import Ops
from streams.ops.settings import OpsSettings
from streams.producer import Outbound
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
GAP, SALES = DemandGap(customers_min=2), Sales()


class House(LedShop):
    """What was sent about the partitions."""

    def __init__(self, *agents: Agent, partitions: int = 2) -> None:
        super().__init__(*(agents or (GAP, SALES)), partitions=partitions)
        self.sent: list[Outbound] = []

    async def note_concluded(self, agent: str, ends_at: int) -> None:
        self.note(agent, ends_at)

    async def concluded(self) -> dict[str, int]:
        return dict(self.noted)

    def taken(self, records: Sequence[Outbound]) -> None:
        self.sent += records

    def work(self, *, by_wall: bool = False) -> Ops:
        settings = OpsSettings(every_seconds=0.01)
        return Ops(self.agents, self.leader(), self, settings, by_wall=by_wall)

    def look(self, *, by_wall: bool = False) -> list[str]:
        """What one look publishes, as topic and subject."""
        before = len(self.sent)
        asyncio.run(self.work(by_wall=by_wall).look())
        return [f"{it.topic} {(it.key or b'').decode()}" for it in self.sent[before:]]


def searches(query: str, *customers: str, at: int = BEGIN + HOUR) -> list[Event]:
    return [
        ProductsSearched(
            event_id=f"{query}-{it}-{at}", customer_id=it, occurred_at=at, query=query,
            result_count=0,
        )
        for it in customers
    ]  # fmt: skip
