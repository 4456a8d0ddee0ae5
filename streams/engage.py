"""How does a journal partition become state and decisions? Batch by batch, each committed whole.

Recovery is one procedure, for a crash, a rebalance, a zombie, a Redis that lost its last second or
everything: read the committed position from the table, read the journal from there, go on. The
table's compare-and-set decides; Kafka's committed offsets are for lag dashboards only.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import perf_counter, time_ns
from typing import Any

import structlog
from faust.types import TP

from agents.engine.engine import Engine
from schemas.codec import DAMAGE, decode_record
from schemas.dead_letter import Refusal, refusal_of
from schemas.instant import EARLIEST
from schemas.journal import Entry, Record, Tick
from state.table import Position, StoreError, Table
from streams import metrics
from streams.apply import Conflict, apply
from streams.dead_letters import dead_letter_of, dead_letter_of_entry
from streams.privacy.opener import refuse_sealed
from streams.privacy.privacy import Privacy
from streams.producer import Producer
from streams.relay import Relays

log = structlog.get_logger()

# What takes the place of a journal record that nobody can read: a tick from before anybody's time
# changes nothing, and lets the position move on.
NOTHING = Tick(EARLIEST)


class JournalError(Exception):
    """The journal is not one that this version can read, or not the one that the table is of."""


class Engage:
    """Applies journal batches.

    seek: read a partition on from an offset, dropping what waits. ticks_by_wall: whether the lag of
    the clock behind the wall means anything; a replayed history's does not.
    """

    def __init__(
        self, engine: Engine, table: Table, relays: Relays, producer: Producer,
        seek: Callable[[TP, int], Awaitable[None]], *, ticks_by_wall: bool = True,
        privacy: Privacy | None = None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._table = table
        self._relays = relays
        self._producer = producer
        self._seek = seek
        self._ticks_by_wall = ticks_by_wall
        self._privacy = privacy
        self._positions: dict[int, Position] = {}
        self._ends: dict[int, int] = {}
        self._short: dict[int, Position] = {}
        self._gaps: dict[int, tuple[int, int]] = {}

    async def begin(self, tp: TP) -> int:
        """Where a partition that is ours now stands in the table; its relay starts there too.

        Raises StoreError where the table does not answer: ask again.
        """
        try:
            position = await self._look_up(tp.partition)
        except StoreError:
            metrics.STORE_ERRORS.inc()
            raise
        self._gaps.pop(tp.partition, None)
        metrics.show_partition(tp.partition)
        if self._ticks_by_wall:
            metrics.show_clock(tp.partition, time_ns() // 1_000_000)
        return position.offset

    async def _look_up(self, partition: int) -> Position:
        """Where the table stands; the relay looks again too. Raises StoreError."""
        position = await self._table.position(partition)
        self._positions[partition] = position
        await self._relays.restart(partition)
        if self._privacy is not None:
            self._privacy.opener.begin(partition)
            self._privacy.eraser.begin(partition)
        return position

    def revoked(self, partitions: Iterable[int]) -> None:
        """Forget partitions that are not ours any more."""
        partitions = list(partitions)
        if self._privacy is not None:
            self._privacy.eraser.revoked(partitions)
        for partition in partitions:
            self._positions.pop(partition, None)
            self._ends.pop(partition, None)
            metrics.forget_partition(partition)

    def handed(self, tp: TP, end: int) -> None:
        """A batch comes, fetched when the partition ended at offset ``end``."""
        self._ends[tp.partition] = end

    async def handle(self, tp: TP, records: list[Any]) -> None:
        """Apply one batch. Raises StoreError where the table does not answer: give it again.

        Raises JournalError where no repetition will help.
        """
        position = self._positions[tp.partition]
        if position.offset > self._ends.get(tp.partition, position.offset):
            await self._look_again_for(tp, position)
            return
        # A rebalance or a seek may bring records again that are applied: trim them, don't refuse.
        if records[0].offset < position.offset:
            records = [record for record in records if record.offset >= position.offset]
            if not records:
                return
        if records[0].offset > position.offset and not await self._is_gap(tp, records[0].offset):
            return
        metrics.BATCH_RECORDS.labels("engage").observe(len(records))
        started = perf_counter()
        offsets, decoded = await self._decode(tp, records)
        metrics.time_stage("decode", perf_counter() - started)
        try:
            opened = await self._open(tp.partition, offsets, decoded)
            await self._apply(tp, offsets, opened)
        except Conflict as conflict:
            metrics.CONFLICTS.labels(str(tp.partition)).inc()
            log.warning("commit_conflict", partition=tp.partition, conflict=str(conflict))
            await self._start_over(tp)
        except StoreError:
            # Whether the commit took place is not known; the table will say when it answers again.
            metrics.STORE_ERRORS.inc()
            await self._look_up(tp.partition)
            raise

    async def _open(
        self, partition: int, offsets: list[int], records: list[Record]
    ) -> list[Record]:
        """The records with what is personal in them. Raises StoreError and DeliveryError."""
        if self._privacy is None:
            refuse_sealed(records)
            return records
        end = self._ends.get(partition, 0)
        return await self._privacy.opener.open(partition, offsets, records, end)

    async def _apply(self, tp: TP, offsets: list[int], records: list[Record]) -> None:
        partition = tp.partition
        steps = apply(
            self._engine, self._table, partition, self._positions[partition], offsets, records,
            published=self._relays.of(partition).published, stopwatch=metrics.time_stage,
            refuse=self._refuse,
        )  # fmt: skip
        async for applied in steps:
            self._positions[partition] = applied.position
            self._gaps.pop(partition, None)
            self._short.pop(partition, None)
            # To the relay of this moment: another may have begun while the commit was under way,
            # and looked into the outbox before it landed.
            relay = self._relays.of(partition)
            relay.offer(applied.batch.outgoing)
            if applied.batch.forgotten:
                relay.forget(applied.batch.forgotten)
            if applied.batch.keys_to_destroy and self._privacy is not None:
                self._privacy.eraser.notice()
            metrics.count_applied(applied)
            label = str(partition)
            end = max(offsets[-1] + 1, self._ends.get(partition, 0))
            metrics.PARTITION_LAG.labels(label).set(end - applied.position.offset)
            if self._ticks_by_wall and (clock_at := applied.batch.shop.clock_at):
                metrics.show_clock(partition, clock_at)

    async def _refuse(self, refused: Sequence[tuple[Entry, Refusal]]) -> None:
        """Make dead letters of events, as if ingest had refused them where it found them."""
        for _, refusal in refused:
            metrics.DEAD_LETTERS.labels(refusal.reason).inc()
        await self._producer.send([dead_letter_of_entry(*it) for it in refused])

    async def _start_over(self, tp: TP) -> None:
        """Read the position again, and the journal from there."""
        position = await self._look_up(tp.partition)
        await self._seek(tp, position.offset)

    async def _look_again_for(self, tp: TP, position: Position) -> None:
        """The partition ended before the position when this was fetched; it must not a second time.

        The first time it may be that another owner has come further since.
        """
        if self._short.get(tp.partition) != position:
            await self._seek(tp, position.offset)
            self._short[tp.partition] = position  # Only now: a seek that failed is no look.
            return
        raise JournalError(
            f"{tp.topic}/{tp.partition} ends at {self._ends[tp.partition]}, and the table is at"
            f" {position.offset}: its rows belong to another journal. Bring that journal back, or"
            " begin with an empty Redis"
        )

    async def _is_gap(self, tp: TP, found: int) -> bool:
        """Whether a gap in the journal is there at a second look too, and so is real.

        The first look seeks back: a batch that was fetched before a seek, or a broker that skipped
        records for a reader at the tail, both heal that way. What stays (retention, transaction
        markers) is accepted, counted and logged.
        """
        expected = self._positions[tp.partition].offset
        gap = (expected, found)
        if self._gaps.get(tp.partition) != gap:
            await self._seek(tp, expected)
            self._gaps[tp.partition] = gap  # Only now: a seek that failed is no look.
            return False
        missing = found - expected
        metrics.JOURNAL_GAPS.labels(str(tp.partition)).inc(missing)
        log.error("journal_gap", partition=tp.partition, expected=expected, found=found)
        return True

    async def _decode(self, tp: TP, records: list[Any]) -> tuple[list[int], list[Record]]:
        offsets = [record.offset for record in records]
        try:
            return offsets, [decode_record(record.value) for record in records]
        except (*DAMAGE, TypeError):
            # One of them is not readable, or empty: find out which.
            return offsets, [await self._decode_one(tp, record) for record in records]

    async def _decode_one(self, tp: TP, record: Any) -> Record:
        fact = decode_journal(f"{tp.topic}/{tp.partition}/{record.offset}", record.value)
        if isinstance(fact, Refusal):
            await self._producer.send([dead_letter_of(tp, record, fact)])
            return NOTHING
        return fact


def decode_journal(where: str, value: bytes | None) -> Record | Refusal:
    """Read a record of the journal, which only we write.

    Raises JournalError where a newer version wrote it; dirt is refused, and ``NOTHING`` takes its
    place.
    """
    try:
        record: Record = decode_record(value or b"")
    except DAMAGE as error:
        if value and refusal_of(error).reason == "unknown_type":
            message = f"{where}: {error}: a newer version wrote this; run that one"
            raise JournalError(message) from error
        log.warning("journal_not_readable", at=where, error=str(error))
        return Refusal("journal_not_readable", str(error))
    return record
