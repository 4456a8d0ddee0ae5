"""What does the consumer's own thread fetch, and what is known of it?

Between a fetch and a lane a batch can get lost: Faust drops what it holds when a rebalance comes,
and may seek after it has begun to fetch. So each batch says where the one before it ended, and
whoever takes it sees that one is missing and asks for it again (``streams/lanes.py``).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from msgspec import Struct


class Hooks(Struct, kw_only=True):
    """What the shell tells the transport, and is told by it.

    is_full: whether a partition's lane has enough to do. begin_at: is told the offsets that Kafka
    knows of the partitions that are ours now, and says from where they will be read. handed: a
    batch is handed over, fetched when the partition ended at this offset. answered: Kafka has
    answered a fetch. came_back_empty: a fetch of a partition, begun at a moment (epoch
    milliseconds), brought nothing, when all before an offset had been handed on. The last two are
    called on the consumer's thread.
    """

    fetch_wait_ms: int
    is_full: Callable[[TP], bool]
    begin_at: Callable[[dict[TP, int]], dict[TP, int]]
    handed: Callable[[TP, int], None]
    answered: Callable[[], None]
    came_back_empty: Callable[[TP, int, int], None]


class Fetched(list[Any]):
    """Records of one partition, in order.

    begins_at: the end of the batch before this one, or where the partition was sought to. Whoever
    has got everything up to there has a gapless sequence with this one, also where the first
    record's offset is higher: the log itself has gaps (compaction, transaction markers). None: a
    seek came between, and nothing is known.
    """

    begins_at: int | None = None

    @property
    def ends_at(self) -> int:
        """The offset after the last record."""
        end: int = self[-1].offset + 1
        return end


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer on its own thread, with our fetch wait, and its fetches observed.

    What it knows of positions changes on this thread only, where a seek and a fetch can be told
    apart.
    """

    async def on_start(self) -> None:
        """Start the consumer, and listen to what its fetches bring."""
        self._delivered: dict[TP, int | None] = {}
        self._seeks: Counter[TP] = Counter()
        await super().on_start()
        _observe_fetches(self._ensure_consumer(), hooks_of(self.app), self._delivered)

    async def _seek_wait(self, consumer: AIOKafkaConsumer, partitions: Mapping[TP, int]) -> None:
        for tp, offset in partitions.items():
            self._seeks[tp] += 1
            self._delivered[tp] = offset
        await super()._seek_wait(consumer, partitions)

    async def _fetch_records(self, *args: Any, **options: Any) -> Any:
        seeks = self._seeks.copy()
        fetched: dict[TP, Fetched] = {}
        for place, records in (await super()._fetch_records(*args, **options)).items():
            if not records:
                continue
            tp = TP(place.topic, place.partition)
            batch = fetched[tp] = Fetched(records)
            sought = self._seeks[tp] != seeks[tp]
            batch.begins_at = None if sought else self._delivered.get(tp)
            self._delivered[tp] = None if sought else batch.ends_at
        return fetched

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust hard-codes 1,500 ms; a broker that answers an idle fetch only when the wait is over
        # (the embedded one) would turn that into latency.
        consumer._fetch_max_wait_ms = hooks_of(self.app).fetch_wait_ms
        return consumer


def hooks_of(app: Any) -> Hooks:
    """What the shell has told this app's transport."""
    hooks: Hooks = app._transport.hooks
    return hooks


def _observe_fetches(
    consumer: AIOKafkaConsumer, hooks: Hooks, delivered: Mapping[TP, int | None]
) -> None:
    """Report partitions for which a fetch brought nothing, and when that fetch began.

    aiokafka notes the time of an answer only where the answer had no error, and keeps records that
    came in ``_records``: no error, no records and the same position mean that there was nothing.
    """
    fetcher = consumer._fetcher
    process = fetcher._proc_fetch_request

    async def observed(assignment: Any, node_id: int, request: Any) -> Any:
        began_at = time.time_ns() // 1_000_000
        try:
            result = await process(assignment, node_id, request)
        except asyncio.CancelledError:
            # aiokafka's close awaits cancelled fetches unguarded; one that sleeps before a retry
            # would end the consumer's thread in the middle of its shutdown, which then never ends.
            return False
        for topic, partitions in request.topics:
            for partition, offset, _ in partitions:
                tp = TP(topic, partition)
                if tp in fetcher._records:
                    hooks.answered()
                if not assignment.active or tp in fetcher._records:
                    continue
                state = assignment.state_value(tp)
                answered = state.timestamp is not None and state.timestamp >= began_at
                if answered:
                    hooks.answered()
                end = delivered.get(tp)
                if (
                    answered
                    and state.has_valid_position
                    and state.position == offset
                    and end is not None
                ):
                    hooks.came_back_empty(tp, end, began_at)
        return result

    fetcher._proc_fetch_request = observed
