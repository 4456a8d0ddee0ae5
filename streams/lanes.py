"""How are partitions handled side by side? Each in a lane of its own, in order, merging what waits.

A live stream arrives as thousands of small fetches. Handled one by one, each pays its round trips;
so a lane takes everything that has been fetched meanwhile as one batch. Where much waits, a fetch
brings tens of thousands of records; a lane then takes a part at a time, so that no other lane waits
long for the processor. Lanes wait for the network in turn and never for each other.

A lane takes batches without a gap, from where it was opened. One that begins elsewhere, because
another was lost on its way here in a rebalance, is let go, and the partition is read again from
where the lane stands.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog
from faust.types import TP

from streams.tasks import end

log = structlog.get_logger()

Handle = Callable[[TP, list[Any]], Awaitable[None]]
Seek = Callable[[TP, int], Awaitable[None]]
Where = Callable[[TP], Awaitable[int]]

# A handler that fails repeatedly (Kafka or Redis away) is tried again at growing distances.
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)

# One failure is a rebalance or a restart next door; by the third, a second has gone by.
_FAILURES_TO_TELL = 3

_SEEK_RETRY_S = 0.5


class _Lane:
    """next: the offset up to which everything has been put.

    seeking, moving: the partition is being moved, by how many who wait for it, and by a task.

    taken: how many records of the first batch that waits have been taken out of it.

    behind: ``next`` when it was last found to be less than what has been fetched, or -1.
    """

    def __init__(self) -> None:
        self.next = 0
        self.seeking = 0
        self.behind = -1
        self.moving: asyncio.Task[None] | None = None
        self.waiting: deque[Any] = deque()
        self.records = 0
        self.taken = 0
        self.arrived = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.failures = 0
        self.busy = False

    def is_moved(self) -> bool:
        """Whether what comes now may have been fetched before the move."""
        return bool(self.seeking) or self.moving is not None

    def let_go(self) -> None:
        """Drop all that waits."""
        self.waiting.clear()
        self.records = self.taken = 0


class Lanes:
    """One lane per assigned partition.

    handle: is given a partition and its records in order, and returns when they are dealt with; an
    exception means that they are not, and it will be given them again. seek: has a partition read
    on from an offset. crash: is told of an exception of a kind in ``fatal``, which no repetition
    will cure.
    """

    def __init__(
        self,
        handle: Handle,
        seek: Seek,
        records_max: int,
        crash: Callable[[BaseException], Awaitable[None]],
        fatal: tuple[type[Exception], ...] = (),
    ) -> None:
        self._handle = handle
        self._seek = seek
        self._records_max = records_max
        self._crash = crash
        self._fatal = fatal
        self._lanes: dict[TP, _Lane] = {}

    def put(self, event: Any) -> None:
        """Queue a partition batch; one for a partition that is not ours any more is let go."""
        tp = event.message.tp
        lane = self._lanes.get(tp)
        if lane is None or lane.is_moved():
            return
        if event.value.begins_at != lane.next:
            self._read_again(tp, lane)
            return
        lane.next = event.value.ends_at
        lane.waiting.append(event)
        lane.records += len(event.value)
        lane.arrived.set()

    async def seek(self, tp: TP, offset: int) -> None:
        """Read a partition on from an offset; what waits of it is let go."""
        lane = self._lanes.get(tp)
        if lane is None:
            return
        lane.let_go()
        lane.next = offset
        lane.seeking += 1
        try:
            await self._seek(tp, offset)
        finally:
            lane.seeking -= 1

    def miss(self, ends: Mapping[TP, int]) -> None:
        """Read again what should have come and has not; to be called every second or so.

        ends: up to where everything has been fetched, of partitions that have nothing more.
        """
        for tp, lane in self._lanes.items():
            behind = lane.next if lane.next < ends.get(tp, 0) else -1
            if behind >= 0 and behind == lane.behind and not lane.is_moved():
                self._read_again(tp, lane)
            lane.behind = behind

    def _read_again(self, tp: TP, lane: _Lane) -> None:
        log.info("batch_missed", topic=tp.topic, partition=tp.partition, offset=lane.next)
        self._move(tp, lane, None)

    def _move(self, tp: TP, lane: _Lane, where: Where | None) -> None:
        """Have a partition read on from ``next``, or from where it is said to begin."""
        if lane.moving is not None:
            lane.moving.cancel()
        lane.moving = asyncio.create_task(self._until_sought(tp, lane, where), name=f"seek {tp}")

    async def _until_sought(self, tp: TP, lane: _Lane, where: Where | None) -> None:
        while True:
            try:
                if where is not None:
                    lane.next = await where(tp)
                await self._seek(tp, lane.next)
            except Exception as error:  # noqa: BLE001 - whatever it is, without it nothing comes
                log.warning(
                    "seek_failed", topic=tp.topic, partition=tp.partition, error=repr(error)
                )
                await asyncio.sleep(_SEEK_RETRY_S)
            else:
                lane.moving = None
                return

    def is_full(self, tp: TP) -> bool:
        """Whether a partition has two batches waiting."""
        lane = self._lanes.get(tp)
        return lane is not None and lane.records >= 2 * self._records_max

    def is_idle(self, tp: TP) -> bool:
        """Whether nothing of the partition waits or is being dealt with."""
        lane = self._lanes.get(tp)
        return lane is not None and not lane.waiting and not lane.busy

    def failing(self) -> list[TP]:
        """Partitions whose batch has failed again and again, and is not dealt with yet."""
        return [tp for tp, lane in self._lanes.items() if lane.failures >= _FAILURES_TO_TELL]

    def begin(self, partitions: Iterable[TP], where: Where) -> None:
        """Have a lane for each partition that is ours now, which begins where it is said to.

        That may take as long as it takes, and whoever gives out partitions is not kept waiting;
        what comes meanwhile is let go.
        """
        for tp in partitions:
            self.open({tp: 0})
            self._move(tp, self._lanes[tp], where)

    def open(self, positions: Mapping[TP, int]) -> None:
        """Have a lane for each partition that is ours now, which begins at an offset."""
        for tp, offset in positions.items():
            lane = self._lanes.get(tp)
            if lane is None:
                lane = self._lanes[tp] = _Lane()
                lane.task = asyncio.create_task(self._run(tp, lane), name=f"lane {tp}")
            lane.let_go()
            lane.next = offset

    async def close(self, partitions: Iterable[TP] | None = None) -> None:
        """End these lanes, or all, in the middle of whatever they do.

        What was begun and not finished will be read again by the partition's next owner.
        """
        ours = list(self._lanes) if partitions is None else partitions
        lanes = [lane for tp in ours if (lane := self._lanes.pop(tp, None))]
        await end(task for lane in lanes for task in (lane.task, lane.moving))

    async def keep(self, partitions: Iterable[TP]) -> None:
        """End the lanes of all other partitions."""
        await self.close(self._lanes.keys() - set(partitions))

    async def _run(self, tp: TP, lane: _Lane) -> None:
        while True:
            if not lane.waiting:
                lane.arrived.clear()
                await lane.arrived.wait()
            events, records = self._take(lane)
            lane.busy = True
            try:
                await self._until_done(tp, lane, records)
            except self._fatal as error:
                log.critical(
                    "partition_stopped", topic=tp.topic, partition=tp.partition, error=str(error)
                )
                await self._crash(error)
                return
            finally:
                lane.busy = False
            for event in events:
                event.ack()

    def _take(self, lane: _Lane) -> tuple[list[Any], list[Any]]:
        """At most so many records, and the batches of which these are the last."""
        events: list[Any] = []
        records: list[Any] = []
        while lane.waiting and (room := self._records_max - len(records)):
            batch = lane.waiting[0].value
            part = batch[lane.taken : lane.taken + room]
            records += part
            lane.taken += len(part)
            if lane.taken == len(batch):
                events.append(lane.waiting.popleft())
                lane.taken = 0
        lane.records -= len(records)
        return events, records

    async def _until_done(self, tp: TP, lane: _Lane, records: list[Any]) -> None:
        while True:
            try:
                await self._handle(tp, records)
            except self._fatal:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the batch comes again
                pause = _RETRY_S[min(lane.failures, len(_RETRY_S) - 1)]
                lane.failures += 1
                log.warning(
                    "batch_failed", topic=tp.topic, partition=tp.partition, records=len(records),
                    error=f"{type(error).__name__}: {error}", retry_in_s=pause,
                )  # fmt: skip
                await asyncio.sleep(pause)
            else:
                lane.failures = 0
                return
