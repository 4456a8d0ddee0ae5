"""Partitions in memory that a leader looks at: for tests of what concerns them all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from partition import Partition, journal

from agents.agent import Agent
from schemas.event import Event
from schemas.journal import Tick
from state.table import Loaded, Needs, StoreError
from streams.leader import Leader
from streams.producer import DeliveryError, Outbound
from streams.tasks import end


class Work(Protocol):
    """What a leader does, again and again."""

    async def run(self) -> None: ...

    async def look(self) -> None: ...


class LedShop:
    """loads: what was read of each partition, in order. noted: up to where, by agent.

    fails: what does not succeed: load, send or note. leads: whether the leader still is one.
    """

    def __init__(self, *agents: Agent, partitions: int) -> None:
        self.agents = agents
        self.rows = [Partition(*agents) for _ in range(partitions)]
        self.loads: list[list[str]] = []
        self.noted: dict[str, int] = {}
        self.fails = ""
        self.leads = True
        self._offset = 0

    async def load(self, partition: int, needs: Needs) -> Loaded:
        if self.fails == "load":
            raise StoreError("away")
        self.loads.append(needs.ledgers)
        return await self.rows[partition].table.load(0, needs)

    async def send(self, records: Sequence[Outbound]) -> None:
        if self.fails == "send":
            raise DeliveryError("away")
        self.taken(records)

    def taken(self, records: Sequence[Outbound]) -> None:
        """What becomes of records that Kafka has."""
        raise NotImplementedError

    def note(self, agent: str, at: int) -> None:
        if self.fails == "note":
            raise StoreError("away")
        self.noted[agent] = at

    def feed(self, partition: int, *facts: Event | Tick) -> list[Any]:
        self._offset += 100
        return self.rows[partition].feed(journal(facts, self._offset))

    def tick(self, at: int) -> None:
        for number in range(len(self.rows)):
            self.feed(number, Tick(at))

    def leader(self) -> Leader:
        return Leader(self, self, partitions=len(self.rows), is_leader=lambda: self.leads)

    def work(self) -> Work:
        """What is tested."""
        raise NotImplementedError

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        """A worker that looks all the time."""
        running = asyncio.ensure_future(self.work().run())
        try:
            yield
            assert not running.done()
        finally:
            await end([running])


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)
