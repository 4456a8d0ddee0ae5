"""How do decisions leave? Each partition's outbox is published in order, and then let go.

A decision is in the outbox as soon as it is committed, so it is published by whoever owns the
partition next if this process dies now. A mark beside what is published says how far that is
(``streams/publisher.py``). So what is decided again, because the table went back or lost all, is
passed over here and not said twice.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter, time_ns

import structlog

from schemas.cloud_event import messages
from schemas.codec import decode_outgoing
from schemas.decisions import Mark, Outgoing
from state.table import StoreError, Table
from streams import metrics
from streams.apply import blanked
from streams.producer import Outbound
from streams.publisher import Fenced, Publisher
from streams.tasks import end

log = structlog.get_logger()

ENTRIES_MAX = 500
WAITING_MAX = 20 * ENTRIES_MAX
RETRY_S = 0.5
# Fenced: the group gives the partition to somebody else, and tells us within a heartbeat or two.
# Who would begin again at once would fence the new owner in turn.
FENCED_S = 5.0
# A commit lets go of what is published on its way; when no commit comes, the relay does it itself.
IDLE_S = 1.0


class Relay:
    """The relay of one partition. published: the last sequence of the outbox that is out."""

    def __init__(self, partition: int, table: Table, publisher: Publisher) -> None:
        self.published = 0
        self._partition = partition
        self._table = table
        self._publisher = publisher
        self._mark = Mark()
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

    def forget(self, forgotten: Mapping[str, int]) -> None:
        """Say nothing of these customers that was decided up to a sequence and waits here."""
        left = {it.sequence: it for it in blanked(self._waiting, forgotten)}
        if left:
            waiting = [left.get(it.sequence, it) for it in self._waiting]
            self._waiting.clear()
            self._waiting.extend(waiting)

    async def stop(self) -> None:
        """Stop at once; what is not published stays in the outbox."""
        await end([self._task])

    async def _run(self) -> None:
        while True:
            try:
                self._mark = await self._publisher.begin()
                while True:
                    await self._publish_left_over()
                    while not (self._behind and not self._waiting):
                        await self._publish_committed()
            except Exception as error:  # noqa: BLE001 - whatever it is, the outbox keeps all
                # Begin again with what the mark and the table say: nothing can be skipped that way.
                metrics.STORE_ERRORS.inc(isinstance(error, StoreError))
                cause = f"{type(error).__name__}: {error}"
                log.warning("not_published", partition=self._partition, error=cause)
                await asyncio.sleep(FENCED_S if isinstance(error, Fenced) else RETRY_S)

    async def _publish_left_over(self) -> None:
        """Publish what was committed before this relay began, or failed, or fell behind."""
        self._behind = False
        self._waiting.clear()
        await self._let_go()
        while entries := await self._table.outbox(self._partition, ENTRIES_MAX):
            metrics.OUTBOX.labels(str(self._partition)).set(len(entries) + len(self._waiting))
            await self._publish([decode_outgoing(entry) for entry in entries])
            await self._let_go()

    async def _publish_committed(self) -> None:
        if not self._waiting:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), IDLE_S)
            except TimeoutError:
                await self._let_go()
                await self._arrived.wait()
        count = min(len(self._waiting), ENTRIES_MAX)
        await self._publish([self._waiting[i] for i in range(count)])
        for _ in range(count):
            self._waiting.popleft()
        metrics.OUTBOX.labels(str(self._partition)).set(len(self._waiting))

    async def _let_go(self) -> None:
        if self.published:
            await self._table.published(self._partition, self.published)

    async def _publish(self, entries: list[Outgoing]) -> None:
        """Publish those that are not out yet; afterwards all of them are."""
        # Out already: what the table has decided again, or what was left over when this relay
        # began and has been offered too.
        if new := [entry for entry in entries if entry.mark > self._mark]:
            started = perf_counter()
            outbound = [
                Outbound(message.topic, message.value, message.key, message.headers)
                for entry in new
                for message in messages(entry.decision)
            ]
            await self._publisher.publish(outbound, new[-1].mark)
            self._mark = new[-1].mark
            metrics.time_stage("publish", perf_counter() - started)
            metrics.count_published(new, time_ns() // 1_000_000)
        if entries:
            self.published = max(self.published, entries[-1].sequence)


class Relays:
    """The relays of the partitions that are ours. publisher_of: makes a partition's publisher."""

    def __init__(self, table: Table, publisher_of: Callable[[int], Publisher]) -> None:
        self._table = table
        self._publisher_of = publisher_of
        self._publishers: dict[int, Publisher] = {}
        self._relays: dict[int, Relay] = {}

    def of(self, partition: int) -> Relay:
        """The partition's relay."""
        return self._relays[partition]

    async def restart(self, partition: int) -> None:
        """Begin with what the table holds: at an assignment, and after a conflict."""
        relay = self._relays.pop(partition, None)
        if relay is not None:
            await relay.stop()
        publisher = self._publishers.get(partition)
        if publisher is None:
            publisher = self._publishers[partition] = self._publisher_of(partition)
        self._relays[partition] = Relay(partition, self._table, publisher)

    async def keep(self, partitions: Iterable[int]) -> None:
        """Stop the relays of all other partitions."""
        await self.stop(self._relays.keys() - set(partitions))

    async def stop(self, partitions: Iterable[int] | None = None) -> None:
        """Stop these partitions' relays, or all."""
        for partition in list(self._relays) if partitions is None else partitions:
            relay = self._relays.pop(partition, None)
            if relay is not None:
                await relay.stop()
            publisher = self._publishers.pop(partition, None)
            if publisher is not None:
                await publisher.close()
