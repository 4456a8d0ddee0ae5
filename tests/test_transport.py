"""The consumer: batches without gaps, the next one fetched meanwhile, seeks that come to an end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.fetches import ConsumerThread, Fetched
from streams.lanes import Lanes
from streams.transport import Consumer

HERE = TP("journal", 0)
RECORDS, AT_ONCE, FETCH_S = 200, 10, 0.002


class Log:
    """A partition as aiokafka sees it: from where it is read on, and who has sought."""

    def __init__(self) -> None:
        self.position = 0
        self.seeks = 0

    async def fetch(self, *_: Any, **__: Any) -> dict[TP, list[Any]]:
        await asyncio.sleep(FETCH_S)
        begin = self.position  # By now: a fetch that waits brings what is there after a seek.
        if begin >= RECORDS:
            return {}
        self.position = begin + AT_ONCE
        offsets = range(begin, self.position)
        return {HERE: [SimpleNamespace(offset=it, timestamp=0, timestamp_type=0) for it in offsets]}

    async def seek(self, _: Any, partitions: Mapping[TP, int]) -> None:
        await asyncio.sleep(FETCH_S / 4)
        self.seeks += 1
        self.position = partitions[HERE]


class Reader(Consumer):
    """The consumer, its thread and its observations, without Faust and without Kafka."""

    should_stop = False
    flow_active = True

    def __init__(self, log: Log) -> None:
        thread = ConsumerThread.__new__(ConsumerThread)
        thread._delivered, thread._seeks = {HERE: 0}, Counter()
        self._thread: Any = SimpleNamespace(
            getmany=lambda active, timeout: thread._fetch_records(None, active, timeout),
            seek_wait=lambda partitions: thread._seek_wait(None, partitions),
            highwater=lambda _: RECORDS,
        )
        self.hooks = SimpleNamespace(is_full=lambda _: False, handed=lambda *_: None)
        self.app: Any = SimpleNamespace(
            consumer_generation_id=1, _transport=SimpleNamespace(hooks=self.hooks)
        )

    def _get_active_partitions(self) -> set[TP]:
        return {HERE}

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109
        return await self._thread.getmany(active_partitions, timeout)

    async def sleep(self, n: Any, **_: Any) -> None:
        await asyncio.sleep(n)

    def highwater(self, tp: TP) -> int:
        return RECORDS


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    it = Log()
    monkeypatch.setattr(
        driver.AIOKafkaConsumerThread, "_fetch_records", lambda _, *a, **k: it.fetch()
    )
    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_seek_wait", lambda _, c, p: it.seek(c, p))
    return it


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    while not is_so():
        await asyncio.sleep(FETCH_S)


async def batches(reader: Reader) -> AsyncIterator[Fetched]:
    while True:
        async for _, message in reader.getmany(0.05):
            yield message.value


def test_the_next_batch_is_fetched_while_one_is_handed_over(log: Log) -> None:
    async def read() -> None:
        async for batch in batches(Reader(log)):
            assert batch.begins_at == batch[0].offset
            if batch.ends_at == RECORDS:
                return
            end = batch.ends_at
            await until(lambda: log.position > end)  # noqa: B023 - at once

    run(read())


@pytest.mark.parametrize("passes", range(6))
def test_a_seek_comes_to_an_end_also_with_a_single_partition(log: Log, passes: int) -> None:
    """passes: how many times the loop goes round from the hand-over to the lane."""
    handled: list[int] = []
    reader = Reader(log)

    async def read() -> None:
        lanes = Lanes(handle, sought, 5, reader.crash)

        async def deliver() -> None:
            async for batch in batches(reader):
                for _ in range(passes):
                    await asyncio.sleep(0)
                lanes.put(SimpleNamespace(message=SimpleNamespace(tp=HERE), value=batch, ack=list))

        async def handle_once(records: list[Any]) -> None:
            if not handled and not log.seeks:
                await lanes.seek(HERE, 0)  # A conflict: begin anew.
                return
            handled.extend(it.offset for it in records)

        hands.append(handle_once)
        lanes.open({HERE: 0})
        delivering = asyncio.create_task(deliver())
        while len(handled) < RECORDS:
            await asyncio.sleep(FETCH_S)
        delivering.cancel()
        await lanes.close()

    hands: list[Any] = []

    async def handle(_: TP, records: list[Any]) -> None:
        await hands[0](records)

    async def sought(tp: TP, offset: int) -> None:
        await reader.seek_wait({tp: offset})

    run(read())
    assert handled == list(range(RECORDS))
    assert log.seeks <= 3


def test_what_was_fetched_before_a_rebalance_is_let_go(log: Log) -> None:
    async def read() -> None:
        reader = Reader(log)
        async for batch in batches(reader):
            assert batch[0].offset == 0
            await until(lambda: log.position > AT_ONCE)
            break
        reader.app.consumer_generation_id = 2
        assert [it async for it in reader.getmany(0.05)] == []

    run(read())


def test_a_stop_leaves_no_fetch_behind(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: Any) -> None:
        pass

    async def read() -> None:
        monkeypatch.setattr(driver.Consumer, "on_stop", nothing)
        reader = Reader(log)
        async for _ in batches(reader):
            break
        await reader.on_stop()
        assert [it for it in asyncio.all_tasks() if it.get_name() == "fetch"] == []

    run(read())
