"""How does a journal partition become state and decisions? Batch by batch, each committed whole.

Recovery is one procedure, for a crash, a rebalance, a zombie, a Redis that lost its last second or
everything: read the committed position from the table, read the journal from there, go on. The
table's compare-and-set decides; Kafka's committed offsets are for lag dashboards only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any

import msgspec
import structlog
from faust.types import TP

from agents.engine import Engine
from schemas import dead_letter
from schemas.codec import decode_record
from schemas.dead_letter import refusal_of
from schemas.instant import EARLIEST
from schemas.journal import Record, Tick
from state.table import Position, StoreError, Table
from streams import metrics
from streams.apply import Conflict, apply
from streams.producer import Outbound, Producer
from streams.relay import Relays

log = structlog.get_logger()

STORE_RETRY_S = 0.5

# What takes the place of a journal record that nobody can read: a tick from before anybody's time
# changes nothing, and lets the position move on.
NOTHING = Tick(EARLIEST)


class UnknownRecordError(Exception):
    """The journal holds a type of record that this version does not know. Run the newer version."""


class Engage:
    """Applies journal batches. seek: read a partition on from an offset, dropping what waits."""

    def __init__(
        self, engine: Engine, table: Table, relays: Relays, producer: Producer,
        seek: Callable[[TP, int], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._table = table
        self._relays = relays
        self._producer = producer
        self._seek = seek
        self._positions: dict[int, Position] = {}
        self._gaps: dict[int, tuple[int, int]] = {}

    async def seek_to(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Where the table stands, for partitions that are ours now; the relay starts there too.

        Waits for the table, however long that takes.
        """
        offsets = {}
        for tp in partitions:
            position = await self._position(tp.partition)
            self._positions[tp.partition] = position
            self._gaps.pop(tp.partition, None)
            offsets[tp] = position.offset
            metrics.show_partition(tp.partition)
            await self._relays.restart(tp.partition)
        return offsets

    async def _position(self, partition: int) -> Position:
        while True:
            try:
                return await self._table.position(partition)
            except StoreError as error:
                metrics.STORE_ERRORS.inc()
                log.warning("store_away", partition=partition, error=str(error))
                await asyncio.sleep(STORE_RETRY_S)

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Forget partitions that are not ours any more."""
        for tp in partitions:
            self._positions.pop(tp.partition, None)
            metrics.forget_partition(tp.partition)

    async def handle(self, tp: TP, records: list[Any]) -> None:
        """Apply one batch. Raises StoreError where the table does not answer: give it again."""
        position = self._positions[tp.partition]
        # A rebalance or a seek may bring records again that are applied already: trim, don't refuse.
        if records[0].offset < position.offset:
            records = [record for record in records if record.offset >= position.offset]
            if not records:
                return
        if records[0].offset > position.offset and not self._is_known_gap(tp, records[0].offset):
            await self._seek(tp, position.offset)
            return
        metrics.BATCH_RECORDS.labels("engage").observe(len(records))
        started = perf_counter()
        offsets, decoded = await self._decode(tp, records)
        metrics.time_stage("decode", perf_counter() - started)
        try:
            await self._apply(tp, offsets, decoded)
        except Conflict as conflict:
            metrics.CONFLICTS.labels(str(tp.partition)).inc()
            log.warning("commit_conflict", partition=tp.partition, conflict=str(conflict))
            await self._start_over(tp)
        except StoreError:
            # Whether the commit took place is not known; the table will say when it answers again.
            metrics.STORE_ERRORS.inc()
            self._positions[tp.partition] = await self._table.position(tp.partition)
            await self._relays.restart(tp.partition)
            raise

    async def _apply(self, tp: TP, offsets: list[int], records: list[Record]) -> None:
        partition = tp.partition
        relay = self._relays.of(partition)
        steps = apply(
            self._engine, self._table, partition, self._positions[partition], offsets, records,
            published=relay.published, stopwatch=metrics.time_stage,
        )  # fmt: skip
        async for applied in steps:
            self._positions[partition] = applied.position
            relay.offer(applied.batch.outgoing)
            metrics.count_applied(applied)
            label = str(partition)
            metrics.PARTITION_LAG.labels(label).set(offsets[-1] + 1 - applied.position.offset)
            if clock_at := applied.batch.shop.clock_at:
                metrics.show_clock(partition, clock_at)

    async def _start_over(self, tp: TP) -> None:
        """Read the position again and the journal from there; the relay looks again too."""
        position = await self._table.position(tp.partition)
        self._positions[tp.partition] = position
        await self._relays.restart(tp.partition)
        await self._seek(tp, position.offset)

    def _is_known_gap(self, tp: TP, found: int) -> bool:
        """Whether a gap in the journal was there at a second look too, and so is real.

        The first look seeks back: a batch that was fetched before a seek, or a broker that skipped
        records for a reader at the tail, both heal that way. What stays (retention, transaction
        markers) is accepted, counted and logged.
        """
        expected = self._positions[tp.partition].offset
        gap = (expected, found)
        if self._gaps.get(tp.partition) != gap:
            self._gaps[tp.partition] = gap
            return False
        missing = found - expected
        metrics.JOURNAL_GAPS.labels(str(tp.partition)).inc(missing)
        log.error("journal_gap", partition=tp.partition, expected=expected, found=found)
        return True

    async def _decode(self, tp: TP, records: list[Any]) -> tuple[list[int], list[Record]]:
        decoded: list[Record] = []
        for record in records:
            try:
                decoded.append(decode_record(record.value))
            except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
                await self._undecodable(tp, record, error)
                decoded.append(NOTHING)
        return [record.offset for record in records], decoded

    async def _undecodable(self, tp: TP, record: Any, error: Exception) -> None:
        """What only we write cannot be read: a newer version's record stops us, dirt is put aside."""
        where = f"{tp.topic}/{tp.partition}/{record.offset}"
        refusal = refusal_of(error) if record.value else None
        if refusal is not None and refusal.reason == "unknown_type":
            raise UnknownRecordError(
                f"{where}: {error}: a newer version wrote this; run that one"
            ) from error
        log.error("journal_record_not_readable", at=where, error=str(error))
        headers = [
            ("reason", b"journal_record_not_readable"),
            ("detail", str(error).encode("utf-8", "replace")),
            ("source_topic", tp.topic.encode()),
            ("source_partition", str(tp.partition).encode()),
            ("source_offset", str(record.offset).encode()),
        ]
        await self._producer.send([Outbound(dead_letter.TOPIC, record.value, record.key, headers)])
