"""How does time get into the journal? As ticks: watermarks of how far the raw topics are carried.

``Tick(at)`` says: all that reached the raw topics up to ``at`` is in this log before me. Each
worker notes, for its raw partitions, how far they have been carried over; the leader appends the
minimum over all raw partitions to every journal partition each second. A partition that nobody
reads, or that cannot be written on, holds the clock back, and the metric says which one it is.
"""

import asyncio
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Protocol

import structlog
from faust.types import TP

from schemas.codec import encode_json
from schemas.instant import SECOND
from schemas.journal import Tick
from state.table import StoreError
from streams import metrics
from streams.producer import DeliveryError, Outbound, Producer
from streams.topics import JOURNAL

log = structlog.get_logger()

NOTE_EVERY_S = 0.2


class Notes(Protocol):
    """Where workers tell each other how far raw partitions are carried over."""

    async def note_carried(self, carried: dict[str, int]) -> None:
        """Note it, by ``topic/partition`` (epoch milliseconds)."""
        ...

    async def carried(self) -> dict[str, int]:
        """All that has been noted."""
        ...


class Carried:
    """How far this worker has carried its raw partitions over.

    Two things are evidence. A batch that was acknowledged: up to its last record's time stamp, but
    never later than now, whatever the producer's clock said. A fetch that came back empty: up to
    the moment at which it began, once all that was fetched before has been acknowledged.
    """

    def __init__(self) -> None:
        self._acknowledged: dict[TP, int] = {}
        self._empty: dict[TP, tuple[int, int]] = {}
        self._at: dict[TP, int] = {}

    def begin(self, positions: Mapping[TP, int]) -> None:
        """These partitions are ours now, each carried over up to an offset; no time is known."""
        self._empty = {}
        self._acknowledged = dict(positions)
        self._at = dict.fromkeys(positions, 0)
        metrics.SOURCE_LAG.clear()

    def carried_over(self, tp: TP, next_offset: int, appended_at: int) -> None:
        """The broker has acknowledged all before ``next_offset``."""
        if tp in self._at:
            self._acknowledged[tp] = max(self._acknowledged[tp], next_offset)
            # Less a millisecond: others may have been appended in the same one, and follow.
            self._at[tp] = max(self._at[tp], min(appended_at, time_ns() // 1_000_000) - 1)

    def came_back_empty(self, tp: TP, end: int, began_at: int) -> None:
        """A fetch brought nothing, after all before ``end``. Called on the consumer's thread."""
        self._empty[tp] = (end, began_at)

    def ends(self) -> dict[TP, int]:
        """Up to where partitions had been handed on when there was nothing more."""
        return {tp: end for tp, (end, _) in self._empty.copy().items()}

    def up_to(self) -> dict[TP, int]:
        """How far each partition is carried over (epoch milliseconds), where anything is known."""
        for tp in self._at:
            end, began_at = self._empty.get(tp, (0, 0))
            if self._acknowledged[tp] >= end:
                self._at[tp] = max(self._at[tp], began_at)
        return {tp: at for tp, at in self._at.items() if at}


class Clock:
    """Notes this worker's progress; on the leader, appends the ticks.

    sources: the names of all raw partitions, as ``topic/partition``.
    """

    def __init__(
        self, carried: Carried, notes: Notes, producer: Producer, *,
        sources: list[str], journal_partitions: int, tick_s: float, is_leader: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._carried = carried
        self._notes = notes
        self._producer = producer
        self._sources = sources
        self._journal_partitions = journal_partitions
        self._tick_s = tick_s
        self._is_leader = is_leader
        self._noted: dict[str, int] = {}
        self._last_tick = 0
        self._wrong: set[str] = set()

    async def note(self) -> None:
        """Tell the others, for ever, what has been carried over here."""
        while True:
            await asyncio.sleep(NOTE_EVERY_S)
            now = time_ns() // 1_000_000
            up_to = self._carried.up_to()
            for tp, at in up_to.items():
                lag = max(0, now - at) / SECOND
                metrics.SOURCE_LAG.labels(tp.topic, str(tp.partition)).set(lag)
            news = {f"{tp.topic}/{tp.partition}": at for tp, at in up_to.items()}
            try:
                await self._notes.note_carried(
                    {name: at for name, at in news.items() if self._noted.get(name) != at}
                )
                self._noted = news
                self._went_well("progress_not_noted")
            except StoreError as error:
                self._noted = {}
                self._went_wrong("progress_not_noted", error)

    async def tick(self) -> None:
        """Append ticks, for ever, as long as this worker is the leader."""
        while True:
            await asyncio.sleep(self._tick_s)
            if not self._is_leader():
                continue
            try:
                await self._append(await self._notes.carried())
                self._went_well("tick_not_appended")
            except (StoreError, DeliveryError) as error:
                self._went_wrong("tick_not_appended", error)

    def _went_wrong(self, what: str, error: Exception) -> None:
        """Log the first failure of a kind; the next ones, several a second, are metrics."""
        metrics.STORE_ERRORS.inc(isinstance(error, StoreError))
        if what not in self._wrong:
            self._wrong.add(what)
            log.warning(what, error=str(error))

    def _went_well(self, what: str) -> None:
        if what in self._wrong:
            self._wrong.remove(what)
            log.info("mended", what=what)

    async def _append(self, carried: dict[str, int]) -> None:
        if not all(source in carried for source in self._sources):
            return  # Not every raw partition has been heard of: nobody may say what time it is.
        at = min(carried[source] for source in self._sources)
        if at <= self._last_tick:
            return
        value = encode_json(Tick(at))
        await self._producer.send(
            [Outbound(JOURNAL, value, partition=it) for it in range(self._journal_partitions)]
        )
        self._last_tick = at
