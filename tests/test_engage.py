"""Engage with lanes and relays, over a table in memory: what happens at the worst moment."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from storm import policy
from test_lanes import in_a_loop

from schemas.codec import encode_json
from schemas.decisions import Mark
from schemas.journal import Entry, Source
from schemas.reviews import ReviewPosted
from state.memory_table import MemoryTable
from state.table import Commit, StoreError
from streams.engage import Engage
from streams.fetches import Fetched
from streams.lanes import Lanes
from streams.producer import Outbound
from streams.relay import Relays

JOURNAL = TP("journal", 0)
NOW = 1_768_896_000_000  # 2026-01-20 08:00 UTC


class Said:
    """A publisher that writes down whom triggers are about."""

    def __init__(self) -> None:
        self.about: list[str] = []
        self._mark = Mark()

    async def begin(self) -> Mark:
        return self._mark

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        self.about += [(it.key or b"").decode() for it in records if "triggers" in it.topic]
        self._mark = mark

    async def close(self) -> None:
        pass


class Worker:
    """The parts of a worker that deal with one journal partition."""

    def __init__(self, seek: Callable[[TP, int], Awaitable[None]]) -> None:
        self.table, self.said = MemoryTable(), Said()
        self.relays = Relays(self.table, lambda _: self.said)
        self.engage = Engage(
            policy(2_000).engine(1), self.table, self.relays, SimpleNamespace(),  # type: ignore[arg-type]
            self._seek, ticks_by_wall=False,
        )  # fmt: skip
        self.lanes = Lanes(self.engage.handle, seek, 2_000, self._crash)

    def begin(self) -> None:
        """The partition is ours."""
        self.lanes.begin([JOURNAL], self.engage.begin)

    def put(self, begin: int, end: int) -> None:
        """Records of the journal: bad reviews, each by another customer."""
        batch = Fetched(review(it) for it in range(begin, end))
        batch.begins_at = begin
        message = SimpleNamespace(tp=JOURNAL)
        self.lanes.put(SimpleNamespace(message=message, value=batch, ack=lambda: None))

    def offset(self) -> int:
        """How far the table is."""
        return self.table._of(0).position.offset

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let it work."""
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        """End it."""
        await self.lanes.close()
        await self.relays.stop()

    async def _seek(self, tp: TP, offset: int) -> None:
        await self.lanes.seek(tp, offset)

    async def _crash(self, error: BaseException) -> None:
        raise error


def review(offset: int) -> Any:
    event = ReviewPosted(
        event_id=f"e{offset}", customer_id=f"c{offset}", occurred_at=NOW, review_id=f"r{offset}",
        product_id="tea", rating=1,
    )  # fmt: skip
    value = encode_json(Entry(event, Source("reviews", 0, offset, NOW)))
    return SimpleNamespace(offset=offset, value=value, timestamp=NOW, key=None, headers=())


@in_a_loop
async def test_a_seek_that_fails_is_no_look_at_a_gap() -> None:
    sought: list[int] = []
    fails = 0

    async def seek(_: TP, offset: int) -> None:
        nonlocal fails
        if fails:
            fails -= 1
            raise OSError("a rebalance is under way")
        sought.append(offset)

    worker = Worker(seek)
    worker.begin()
    await worker.until(lambda: sought == [0])
    worker.put(0, 4)
    await worker.until(lambda: worker.offset() == 4)
    real, fails = worker.table.commit, 2

    async def lost(partition: int, commit: Commit) -> bool:
        """Redis restarts, and has lost everything."""
        worker.table._partitions.pop(partition)
        worker.table.commit = real  # type: ignore[method-assign]
        raise StoreError("connection closed")

    worker.table.commit = lost  # type: ignore[method-assign]
    worker.put(4, 8)
    await worker.until(lambda: sought == [0, 0])
    assert worker.offset() == 0
    worker.put(0, 8)
    await worker.until(lambda: worker.offset() == 8)
    assert len(worker.table.rows(0)) == 8
    await worker.close()


@in_a_loop
async def test_decisions_go_to_the_relay_that_is_there_when_they_are_committed() -> None:
    async def seek(_: TP, __: int) -> None:
        pass

    worker = Worker(seek)
    worker.begin()
    await worker.until(lambda: worker.said._mark == Mark())
    await asyncio.sleep(0.05)
    worker.put(0, 3)
    await worker.until(lambda: len(worker.said.about) == 3)
    real, under_way, landed = worker.table.commit, asyncio.Event(), asyncio.Event()

    async def slow(partition: int, commit: Commit) -> bool:
        under_way.set()
        await landed.wait()
        return await real(partition, commit)

    worker.table.commit = slow  # type: ignore[method-assign]
    worker.put(3, 6)
    await asyncio.wait_for(under_way.wait(), 5)
    worker.begin()  # Again, in the middle of it: a second rebalance. Its relay finds nothing.
    await asyncio.sleep(0.1)
    landed.set()
    worker.table.commit = real  # type: ignore[method-assign]
    await worker.until(lambda: worker.offset() == 6)
    worker.put(3, 9)
    await worker.until(lambda: worker.offset() == 9)
    await worker.until(lambda: len(worker.said.about) >= 9)
    assert worker.said.about == [f"c{it}" for it in range(9)]
    await worker.close()
