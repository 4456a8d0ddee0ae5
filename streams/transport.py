"""How does Faust hand over thousands of records at once? One message for each partition's fetch.

Stock Faust builds a message and runs an event-loop pass for every record, about 85 µs of each. Here
the consumer yields one message whose value is the list of records a partition's fetch brought, and
whose offset is that of the last one. Only Faust's official extension point is used: a Transport
with a Consumer of its own. Three more things follow from that:

- Acks of a partition come in order (a lane acks in order), so the highest is the one to commit, and
  Faust's gap bookkeeping, which lists every offset in between, is not needed.
- A partition whose lane is full is not asked for records, so memory is bounded in records.
- After a rebalance the journal is read from where the *table* stands, not from Kafka's offsets.
- Between the fetch and a lane a batch can get lost: Faust drops what it holds when a rebalance
  comes, and may seek after it has begun to fetch. So each batch says where the one before it ended,
  and whoever takes it sees that one is missing and asks for it again (``streams/lanes.py``).
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from msgspec import Struct
from yarl import URL

from streams.metrics import time_stage

# Long enough not to spin, short enough that a lane that has just drained is asked again at once.
_GETMANY_WAIT_S = 0.05


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
        _observe_fetches(self._ensure_consumer(), _hooks(self.app), self._delivered)

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
        consumer._fetch_max_wait_ms = _hooks(self.app).fetch_wait_ms
        return consumer


class _Asked(Struct, frozen=True):
    """A fetch that is under way. generation: of the group when it was asked for."""

    generation: int
    began: float
    answer: asyncio.Task[Any]


class Consumer(driver.Consumer):
    """Yields one message for each fetched partition batch."""

    _asked: _Asked | None = None

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Fetch what there is for the partitions that have room for it.

        While it is handed over, and dealt with, the next is fetched: aiokafka asks the broker again
        only when all that it has was taken from it.
        """
        hooks = _hooks(self.app)
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        asked, self._asked = self._asked or self._ask(), None
        if asked is None:
            await self.sleep(_GETMANY_WAIT_S)
            return
        fetched = cast("dict[TP, Fetched]", await asked.answer)
        if fetched:
            time_stage("fetch", time.perf_counter() - asked.began)
            self._asked = self._ask()
        for tp, records in fetched.items():
            if self.should_stop or not self.flow_active:
                break
            if self.app.consumer_generation_id != asked.generation:
                break  # What was fetched before a rebalance may be somebody else's now.
            hooks.handed(tp, self.highwater(tp) or records.ends_at)
            yield tp, _message(tp, records, asked.generation)

    def _ask(self) -> _Asked | None:
        """Begin to fetch; None where no partition has room."""
        is_full = _hooks(self.app).is_full
        wanted = {tp for tp in self._get_active_partitions() if not is_full(tp)}
        if not wanted:
            return None
        answer = asyncio.create_task(self._getmany(wanted, _GETMANY_WAIT_S), name="fetch")
        return _Asked(self.app.consumer_generation_id, time.perf_counter(), answer)

    async def on_stop(self) -> None:
        """Leave no fetch behind."""
        if self._asked is not None:
            self._asked.answer.cancel()
        await super().on_stop()

    async def perform_seek(self) -> None:
        """Go to where each partition is to be read from: by the table, or else by Kafka."""
        await super().perform_seek()
        ours = self.assignment()
        known = {tp: offset for tp in ours if (offset := self._read_offset.get(tp)) is not None}
        if unknown := ours - known.keys():
            known |= await self.earliest_offsets(*unknown)
        # Nothing is waited for here but Kafka: Faust gives up a seek that takes seconds, and would
        # go on without it.
        positions = _hooks(self.app).begin_at(known)
        if positions:
            await self.seek_wait(positions)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets inside a batch are not gaps."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return last + 1


class Transport(driver.Transport):
    """Faust's Kafka transport with the batch consumer."""

    Consumer = Consumer
    hooks: Hooks


class _BatchSchema(faust.Schema):  # type: ignore[type-arg]
    """Takes a message's value as it is: the list of records."""

    def __init__(self, topic: Any) -> None:
        super().__init__(key_type=bytes, value_type=bytes)
        self._create_event = topic._create_event

    def compile(self, app: Any, **_: Any) -> Any:
        """Make the function that turns a message into an event; nothing is decoded here."""
        create_event = self._create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001
            return create_event(None, message.value, headers=None, message=message)

        return decode


def install(app: faust.App, hooks: Hooks) -> None:
    """Make an app read in batches."""
    transport = Transport([URL(str(url)) for url in app.conf.broker], app, loop=None)
    transport.hooks = hooks
    app._transport = transport


def batch_topic(app: faust.App, *names: str) -> Any:
    """A topic whose events are partition batches: ``event.value`` is a list of consumer records."""
    topic = app.topic(
        *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    topic.schema = _BatchSchema(topic)
    return topic


def _hooks(app: Any) -> Hooks:
    hooks: Hooks = app._transport.hooks
    return hooks


def _message(tp: TP, records: Fetched, generation: int) -> ConsumerMessage:
    last, batch, no_headers = records[-1], cast("Any", records), cast("Any", ())
    return ConsumerMessage(
        tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type,
        no_headers, None, batch, None, 0, 0, tp, generation_id=generation,
    )  # fmt: skip


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
