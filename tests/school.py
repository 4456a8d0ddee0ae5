"""Partitions in memory and a leader that trains over them: for tests of how models take effect."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from learner import LargeOrder
from partition import Partition, journal

from agents.agent import Agent
from schemas.codec import decode_record
from schemas.event import Event
from schemas.journal import ModelEntry, Tick
from state.redis_models import MadeModel
from state.table import Loaded, Needs, StoreError
from streams.learning.settings import ModelSettings
from streams.learning.trainer import Trainer
from streams.producer import DeliveryError, Outbound
from streams.tasks import end


class School:
    """Partitions in memory, what was appended to them, and what was kept and noted.

    fails: what does not succeed: load, keep, send, send_part or note.
    """

    def __init__(self, *agents: Agent, partitions: int = 2, **settings: Any) -> None:
        self.agents = agents or (LargeOrder(),)
        self.rows = [Partition(*self.agents) for _ in range(partitions)]
        self.appended: list[tuple[int, ModelEntry]] = []
        self.kept: list[tuple[str, MadeModel]] = []
        self.noted: dict[str, int] = {}
        self.fails = ""
        self.leads = True
        self.settings = ModelSettings(look_seconds=0.01, **settings)
        self._offset = 0

    async def load(self, partition: int, needs: Needs) -> Loaded:
        if self.fails == "load":
            raise StoreError("away")
        return await self.rows[partition].table.load(0, needs)

    async def keep(self, agent: str, made: MadeModel) -> None:
        if self.fails == "keep":
            raise StoreError("away")
        self.kept.append((agent, made))

    async def note_fitted(self, agent: str, at: int) -> None:
        if self.fails == "note":
            raise StoreError("away")
        self.noted[agent] = at

    async def fitted(self) -> dict[str, int]:
        return dict(self.noted)

    async def send(self, records: Sequence[Outbound]) -> None:
        if self.fails == "send":
            raise DeliveryError("away")
        for it in records[:1] if self.fails == "send_part" else records:
            entry = decode_record(it.value or b"")
            assert isinstance(entry, ModelEntry)
            assert it.topic == "journal"
            assert it.partition is not None
            self.appended.append((it.partition, entry))
            self.rows[it.partition].feed([entry])
        if self.fails == "send_part":
            raise DeliveryError("away")

    def feed(self, partition: int, *facts: Event | Tick) -> list[Any]:
        self._offset += 100
        return self.rows[partition].feed(journal(facts, self._offset))

    def tick(self, at: int) -> None:
        for number in range(len(self.rows)):
            self.feed(number, Tick(at))

    def leader(self) -> Trainer:
        return Trainer(
            self.agents, self, self, self, self.settings, partitions=len(self.rows),
            is_leader=lambda: self.leads,
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

    def look(self) -> list[tuple[int, ModelEntry]]:
        """What one look appends, by partition."""
        before = len(self.appended)
        asyncio.run(self.leader().look())
        return self.appended[before:]
