"""How do decisions leave? Each partition's outbox is published in order, and then let go.

A decision is in the outbox as soon as it is committed, so it is published by whoever owns the
partition next if this process dies now. It may then be published twice, under the same id: between
the broker's acknowledgement and the table's note of it lies a window of one publication, which only
a transaction can close.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import perf_counter, time_ns

import structlog

from schemas.cloud_event import messages
from schemas.codec import decode_outgoing
from schemas.decisions import Outgoing
from state.table import StoreError, Table
from streams import metrics
from streams.producer import DeliveryError, Outbound, Producer

log = structlog.get_logger()

ENTRIES_MAX = 500
WAITING_MAX = 20 * ENTRIES_MAX
RETRY_S = 0.5
# A commit lets go of what is published on its way; when no commit comes, the relay does it itself.
IDLE_S = 1.0


class Relay:
    """The relay of one partition. published: the last sequence that the broker acknowledged."""

    def __init__(self, partition: int, table: Table, producer: Producer) -> None:
        self.published = 0
        self._partition = partition
        self._table = table
        self._producer = producer
        self._waiting: deque[Outgoing] = deque()
        self._behind = False
        self._arrived = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=f"relay {partition}")

    def offer(self, outgoing: Sequence[Outgoing]) -> None:
        """Take what has just been committed; when too much waits, the table keeps it."""
        if len(self._waiting) + len(outgoing) > WAITING_MAX:
            self._behind = True
        if not self._behind:
            self._waiting.extend(outgoing)
        if outgoing:
            self._arrived.set()
        metrics.OUTBOX.labels(str(self._partition)).set(len(self._waiting))

    async def stop(self) -> None:
        """Stop at once; what is not published stays in the outbox."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._publish_left_over()
                while not (self._behind and not self._waiting):
                    await self._publish_committed()
            except (StoreError, DeliveryError) as error:
                # Begin again with what the table says: nothing can be skipped that way.
                metrics.STORE_ERRORS.inc(isinstance(error, StoreError))
                log.warning("not_published", partition=self._partition, error=str(error))
                await asyncio.sleep(RETRY_S)

    async def _publish_left_over(self) -> None:
        """Publish what was committed before this relay began, or failed, or fell behind."""
        self._behind = False
        self._waiting.clear()
        await self._let_go()
        while entries := await self._table.outbox(self._partition, ENTRIES_MAX):
            metrics.OUTBOX.labels(str(self._partition)).set(len(entries) + len(self._waiting))
            await self._publish([decode_outgoing(entry) for entry in entries])
            await self._table.published(self._partition, self.published)

    async def _publish_committed(self) -> None:
        if not self._waiting:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), IDLE_S)
            except TimeoutError:
                await self._let_go()
                await self._arrived.wait()
        count = min(len(self._waiting), ENTRIES_MAX)
        entries = [self._waiting[i] for i in range(count)]
        # What was left over when this relay began may have been offered too.
        await self._publish([entry for entry in entries if entry.sequence > self.published])
        for _ in range(count):
            self._waiting.popleft()
        metrics.OUTBOX.labels(str(self._partition)).set(len(self._waiting))

    async def _let_go(self) -> None:
        if self.published:
            await self._table.published(self._partition, self.published)

    async def _publish(self, entries: list[Outgoing]) -> None:
        if not entries:
            return
        started = perf_counter()
        outbound = [
            Outbound(message.topic, message.value, message.key, message.headers)
            for entry in entries
            for message in messages(entry.decision)
        ]
        await self._producer.send(outbound)
        self.published = entries[-1].sequence
        metrics.time_stage("publish", perf_counter() - started)
        metrics.count_published(entries, time_ns() // 1_000_000)


class Relays:
    """The relays of the partitions that are ours."""

    def __init__(self, table: Table, producer: Producer) -> None:
        self._table = table
        self._producer = producer
        self._relays: dict[int, Relay] = {}

    def of(self, partition: int) -> Relay:
        """The partition's relay."""
        return self._relays[partition]

    async def restart(self, partition: int) -> None:
        """Begin with what the table holds: at an assignment, and after a conflict."""
        await self.stop([partition])
        self._relays[partition] = Relay(partition, self._table, self._producer)

    async def stop(self, partitions: Sequence[int] | None = None) -> None:
        """Stop these partitions' relays, or all."""
        for partition in list(self._relays) if partitions is None else partitions:
            relay = self._relays.pop(partition, None)
            if relay is not None:
                await relay.stop()
