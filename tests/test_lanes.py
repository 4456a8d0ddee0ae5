"""Do batches of a partition come in order, none left out, whatever is lost on their way here?"""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.fetches import Fetched
from streams.lanes import Lanes
from streams.tasks import end

TP0 = TP("journal", 0)


class Shelf:
    """Lanes whose handler writes down what it is given. fails: how many times it fails first."""

    def __init__(self, fails: int = 0) -> None:
        self.handled: list[int] = []
        self.parts: list[int] = []
        self.seek_in_part: int | None = None
        self.acknowledged: list[int] = []
        self.sought: list[int] = []
        self.fails = fails
        self.seek_fails = 0
        self.lanes = Lanes(self._handle, self._seek, 100, self._crash, (LookupError,))

    async def _handle(self, _: TP, records: list[Any]) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("away")
        self.handled += [record.offset for record in records]
        self.parts.append(len(records))
        if self.seek_in_part == len(self.parts) - 1:
            self.seek_in_part = None
            await self.lanes.seek(TP0, 7)

    async def _seek(self, _: TP, offset: int) -> None:
        if self.seek_fails:
            self.seek_fails -= 1
            raise OSError("no such partition")
        self.sought.append(offset)

    async def _crash(self, error: BaseException) -> None:
        raise error

    def put(self, offsets: range, begins_at: int | None) -> None:
        """A batch arrives."""
        batch = Fetched(SimpleNamespace(offset=it) for it in offsets)
        batch.begins_at = begins_at
        last = offsets[-1]
        self.lanes.put(
            SimpleNamespace(
                message=SimpleNamespace(tp=TP0), value=batch,
                ack=lambda: self.acknowledged.append(last),
            )
        )  # fmt: skip

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the lane work."""
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in an event loop of its own."""

    def run() -> None:
        asyncio.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_a_loop
async def test_batches_are_handled_in_order_and_acknowledged_afterwards() -> None:
    shelf = Shelf(fails=2)
    shelf.lanes.open({TP0: 5})
    shelf.put(range(5, 8), begins_at=5)
    shelf.put(range(10, 12), begins_at=8)  # 8 and 9 are markers of transactions
    await shelf.until(lambda: len(shelf.acknowledged) == 2)
    assert shelf.handled == [5, 6, 7, 10, 11]
    assert shelf.acknowledged == [7, 11]
    await shelf.lanes.close()


@in_a_loop
async def test_a_large_batch_is_handled_in_parts_and_acknowledged_after_the_last() -> None:
    shelf = Shelf(fails=1)
    shelf.lanes.open({TP0: 0})
    shelf.put(range(250), begins_at=0)
    shelf.put(range(250, 260), begins_at=250)
    assert shelf.lanes.is_full(TP0)
    await shelf.until(lambda: len(shelf.acknowledged) == 2)
    assert shelf.handled == list(range(260))
    assert shelf.parts == [100, 100, 60]
    assert shelf.acknowledged == [249, 259]
    assert shelf.lanes.is_idle(TP0)
    await shelf.lanes.close()


@in_a_loop
async def test_a_seek_in_the_middle_of_a_large_batch_lets_the_rest_of_it_go() -> None:
    shelf = Shelf()
    shelf.lanes.open({TP0: 0})
    shelf.put(range(150), begins_at=0)
    shelf.seek_in_part = 0
    await shelf.until(lambda: shelf.sought == [7])
    await shelf.until(lambda: shelf.lanes.is_idle(TP0))
    shelf.put(range(7, 157), begins_at=7)
    await shelf.until(lambda: shelf.acknowledged == [156])
    assert shelf.parts == [100, 100, 50]
    assert shelf.handled == [*range(100), *range(7, 157)]
    await shelf.lanes.close()


@in_a_loop
async def test_a_batch_after_one_that_was_lost_is_let_go_and_all_is_read_again() -> None:
    shelf = Shelf()
    shelf.seek_fails = 1
    shelf.lanes.open({TP0: 0})
    shelf.put(range(3), begins_at=0)
    shelf.put(range(6, 9), begins_at=6)  # 3 to 5 were dropped in a rebalance
    shelf.put(range(9, 12), begins_at=9)  # fetched before the seek
    await shelf.until(lambda: shelf.sought == [3])
    await shelf.until(lambda: shelf.lanes.is_idle(TP0))
    shelf.put(range(3, 12), begins_at=3)
    await shelf.until(lambda: shelf.acknowledged == [2, 11])
    assert shelf.handled == list(range(12))
    await shelf.lanes.close()


@in_a_loop
async def test_a_batch_that_was_lost_is_missed_when_nothing_follows_it() -> None:
    shelf = Shelf()
    shelf.lanes.open({TP0: 0})
    shelf.lanes.miss({TP0: 3})  # It may be on its way.
    assert shelf.lanes.is_idle(TP0)
    shelf.lanes.miss({TP0: 3})
    await shelf.until(lambda: shelf.sought == [0])
    shelf.put(range(3), begins_at=0)
    await shelf.until(lambda: shelf.handled == [0, 1, 2])
    shelf.lanes.miss({TP0: 3})
    shelf.lanes.miss({TP0: 3})
    assert shelf.sought == [0]
    await shelf.lanes.close()


@in_a_loop
async def test_a_batch_from_an_unknown_place_is_not_taken() -> None:
    shelf = Shelf()
    shelf.lanes.open({TP0: 0})
    shelf.put(range(3), begins_at=None)
    await shelf.until(lambda: shelf.sought == [0])
    assert shelf.handled == []
    await shelf.lanes.close()


@in_a_loop
async def test_what_waits_is_let_go_when_a_partition_begins_elsewhere() -> None:
    shelf = Shelf(fails=1)
    shelf.lanes.open({TP0: 0})
    shelf.put(range(3), begins_at=0)
    await shelf.lanes.seek(TP0, 1)
    shelf.put(range(3, 5), begins_at=3)
    await shelf.until(lambda: shelf.sought == [1, 1])
    shelf.put(range(1, 5), begins_at=1)
    await shelf.until(lambda: shelf.handled == [1, 2, 3, 4])
    await shelf.lanes.close()


@in_a_loop
async def test_a_lane_of_a_partition_that_is_gone_takes_nothing() -> None:
    shelf = Shelf()
    shelf.lanes.open({TP0: 0})
    await shelf.lanes.keep([])
    shelf.put(range(3), begins_at=0)
    await asyncio.sleep(0.01)
    assert shelf.handled == []


@in_a_loop
async def test_a_task_that_loses_its_first_cancellation_is_ended() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end([task, None])
    assert task.cancelled()


@in_a_loop
async def test_a_lane_begins_when_it_is_known_where_and_lets_go_what_comes_before() -> None:
    shelf, known = Shelf(), asyncio.Event()
    asked = 0

    async def where(_: TP) -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("away")
        await known.wait()
        return 4

    shelf.lanes.begin([TP0], where)
    shelf.put(range(9, 12), begins_at=9)
    await shelf.until(lambda: asked == 2)
    shelf.put(range(12, 15), begins_at=12)
    known.set()
    await shelf.until(lambda: shelf.sought == [4])
    shelf.put(range(4, 15), begins_at=4)
    await shelf.until(lambda: shelf.acknowledged == [14])
    assert shelf.handled == list(range(4, 15))
    await shelf.lanes.close()


@in_a_loop
async def test_a_lane_that_begins_anew_forgets_where_it_wanted_to_begin_before() -> None:
    shelf, never = Shelf(), asyncio.Event()

    async def nowhere(_: TP) -> int:
        await never.wait()
        return 1

    async def here(_: TP) -> int:
        return 7

    shelf.lanes.begin([TP0], nowhere)
    shelf.lanes.begin([TP0], here)
    await shelf.until(lambda: shelf.sought == [7])
    never.set()
    shelf.put(range(7, 9), begins_at=7)
    await shelf.until(lambda: shelf.handled == [7, 8])
    assert shelf.sought == [7]
    await shelf.lanes.close()
