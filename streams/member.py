"""What does a worker do with the partitions that the group gives it? Everything but belong to it.

Raw partitions are carried over into the journal, journal partitions are applied and what they
decide is published, and time is noted. Who reads from Kafka, and which partitions are ours, is
Faust's to say (``streams/app.py``), or a simulation's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog
from faust.types import TP

from agents.engine.engine import Engine
from config.settings import Settings
from schemas.codec import RAW_TOPICS
from state.customer import RowError
from state.table import Table
from streams.clock import Carried, Clock, Notes
from streams.engage import Engage, JournalError
from streams.ingest import Ingest
from streams.lanes import Lanes
from streams.leader import Leader
from streams.learning.sharing import Sharer
from streams.privacy.cipher import PrivacyError
from streams.privacy.privacy import Privacy
from streams.producer import Producer
from streams.publisher import Publisher
from streams.relay import Relays
from streams.reviews.door import TextReader
from streams.topics import JOURNAL

log = structlog.get_logger()

# Long enough for a batch to get from the consumer into its lane, whatever else is to do.
_WATCH_EVERY_S = 2.0


class NotingTable(Table, Notes, Protocol):
    """A table in which progress can be noted too."""


class Group(Protocol):
    """What the group and its consumer do for a member."""

    def ours(self) -> set[TP]:
        """The partitions that are ours at this moment."""
        ...

    def is_leader(self) -> bool:
        """Whether this member appends the ticks."""
        ...

    async def seek(self, tp: TP, offset: int) -> None:
        """Read a partition on from an offset."""
        ...

    async def crash(self, error: BaseException) -> None:
        """End the worker: no repetition will help."""
        ...


class Member:
    """The work of one worker. topics: how many partitions each raw topic and the journal have."""

    def __init__(
        self, settings: Settings, engine: Engine, table: NotingTable, producer: Producer,
        publisher_of: Callable[[int], Publisher], group: Group, topics: Mapping[str, int],
        privacy: Privacy | None = None, reader: TextReader | None = None,
    ) -> None:  # fmt: skip
        self._group = group
        self._carried = Carried()
        self._relays = Relays(table, publisher_of)
        self._engage = Engage(
            engine, table, self._relays, producer, self._seek_journal,
            ticks_by_wall=settings.clock == "wall", privacy=privacy,
        )  # fmt: skip
        self.clock = Clock(
            self._carried, table, producer,
            sources=[f"{topic}/{it}" for topic in RAW_TOPICS for it in range(topics[topic])],
            journal_partitions=topics[JOURNAL],
            tick_s=settings.tick_seconds,
            is_leader=group.is_leader,
        )  # fmt: skip
        self.leader = Leader(table, producer, partitions=topics[JOURNAL], is_leader=group.is_leader)
        self.sharer = Sharer(engine, self.leader)
        sealer = None if privacy is None else privacy.sealer
        ingest = Ingest(settings, producer, self._carried, topics[JOURNAL], sealer, reader)
        self._ingest_lanes = self._lanes(settings, ingest.handle)
        self._engage_lanes = self._lanes(settings, self._engage.handle)

    def lanes_of(self, topic: str) -> Lanes:
        """Those that a topic's batches go through."""
        return self._engage_lanes if topic == JOURNAL else self._ingest_lanes

    def failing(self) -> list[TP]:
        """Partitions whose batch fails again and again."""
        return [*self._ingest_lanes.failing(), *self._engage_lanes.failing()]

    def handed(self, tp: TP, end: int) -> None:
        """A batch comes, fetched when the partition ended at this offset."""
        if tp.topic == JOURNAL:
            self._engage.handed(tp, end)

    def came_back_empty(self, tp: TP, end: int, began_at: int) -> None:
        """A fetch brought nothing after all before ``end``. May be called on another thread."""
        self._carried.came_back_empty(tp, end, began_at)

    def begin_at(self, committed: Mapping[TP, int]) -> dict[TP, int]:
        """Where to read raw partitions from: by Kafka's offsets, as far as we know.

        The journal's are read from where the table stands, as soon as it says so.
        """
        ours = self._group.ours()
        # In the order of ``committed``, not of a set: a simulation must be able to repeat it.
        raw = {tp: at for tp, at in committed.items() if tp in ours and tp.topic in RAW_TOPICS}
        journal = [tp for tp in committed if tp in ours and tp.topic == JOURNAL]
        self._carried.begin(raw)
        self._ingest_lanes.open(raw)
        self._engage_lanes.begin(journal, self._engage.begin)
        return raw

    async def revoked(self, partitions: set[TP]) -> None:
        """Let go of partitions at once, in the middle of whatever is done with them."""
        await self._ingest_lanes.close(partitions)
        await self._engage_lanes.close(partitions)
        journal = _journal(partitions)
        self._engage.revoked(journal)
        await self._relays.stop(journal)

    async def assigned(self, partitions: set[TP]) -> None:
        """These are ours now; any other is somebody else's."""
        await self._ingest_lanes.keep(partitions)
        await self._engage_lanes.keep(partitions)
        await self._relays.keep(_journal(partitions))
        log.info("partitions_assigned", count=len(partitions))

    async def watch(self) -> None:
        """See to it, for ever, that nothing that was fetched is missed."""
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            ends = self._carried.ends()
            self._ingest_lanes.miss(ends)
            self._engage_lanes.miss(ends)

    async def close(self) -> None:
        """Stop all work."""
        await self._ingest_lanes.close()
        await self._engage_lanes.close()
        await self._relays.stop()

    def _lanes(
        self, settings: Settings, handle: Callable[[TP, list[Any]], Awaitable[None]]
    ) -> Lanes:
        fatal = (RowError, JournalError, PrivacyError)
        return Lanes(handle, self._group.seek, settings.batch_records_max, self._group.crash, fatal)

    async def _seek_journal(self, tp: TP, offset: int) -> None:
        await self._engage_lanes.seek(tp, offset)


def _journal(partitions: Iterable[TP]) -> list[int]:
    return [tp.partition for tp in partitions if tp.topic == JOURNAL]
