"""Partitions in memory and a leader that trains over them: for tests of how models take effect."""

import asyncio
from collections.abc import Sequence
from typing import Any

from learner import LargeOrder
from led_shop import LedShop

from agents.agent import Agent
from schemas.codec import decode_record
from schemas.journal import ModelEntry
from state.redis_models import MadeModel
from state.table import StoreError
from streams.learning.settings import ModelSettings
from streams.learning.trainer import Trainer
from streams.producer import DeliveryError, Outbound


class School(LedShop):
    """What was appended to the partitions, and what was kept. fails: also keep and send_part."""

    def __init__(self, *agents: Agent, partitions: int = 2, **settings: Any) -> None:
        super().__init__(*(agents or (LargeOrder(),)), partitions=partitions)
        self.appended: list[tuple[int, ModelEntry]] = []
        self.kept: list[tuple[str, MadeModel]] = []
        self.settings = ModelSettings(look_seconds=0.01, **settings)

    async def keep(self, agent: str, made: MadeModel) -> None:
        if self.fails == "keep":
            raise StoreError("away")
        self.kept.append((agent, made))

    async def note_fitted(self, agent: str, at: int) -> None:
        self.note(agent, at)

    async def fitted(self) -> dict[str, int]:
        return dict(self.noted)

    def taken(self, records: Sequence[Outbound]) -> None:
        for it in records[:1] if self.fails == "send_part" else records:
            entry = decode_record(it.value or b"")
            assert isinstance(entry, ModelEntry)
            assert it.topic == "journal"
            assert it.partition is not None
            self.appended.append((it.partition, entry))
            self.rows[it.partition].feed([entry])
        if self.fails == "send_part":
            raise DeliveryError("away")

    def work(self) -> Trainer:
        return Trainer(self.agents, self.leader(), self, self.settings)

    def look(self) -> list[tuple[int, ModelEntry]]:
        """What one look appends, by partition."""
        before = len(self.appended)
        asyncio.run(self.work().look())
        return self.appended[before:]
