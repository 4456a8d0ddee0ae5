"""How does Faust hand over thousands of records at once? One message for each partition's fetch.

Stock Faust builds a message and runs an event-loop pass for every record, about 85 µs of each. Here
the consumer yields one message whose value is the list of records a partition's fetch brought, and
whose offset is that of the last one. Only Faust's official extension point is used: a Transport
with a Consumer of its own. Three more things follow from that:

- Acks of a partition come in order (a lane acks in order), so the highest is the one to commit, and
  Faust's gap bookkeeping, which lists every offset in between, is not needed.
- A partition whose lane is full is not asked for records, so memory is bounded in records.
- After a rebalance the journal is read from where the *table* stands, not from Kafka's offsets.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from msgspec import Struct, field
from yarl import URL

from streams.fetches import ConsumerThread, Fetched, Hooks, hooks_of
from streams.metrics import time_stage

# Long enough not to spin, short enough that a lane that has just drained is asked again at once.
_GETMANY_WAIT_S = 0.05
# Seeks take some milliseconds; and a fetch that has not ended by then waits for something else.
_SEEK_WAIT_S, _FETCH_ENDS_S = 0.005, 1.0


class _Asked(Struct):
    """A fetch that is under way, or answered and not handed over.

    generation: of the group when it was asked for. outdated: partitions that were sought since.
    """

    generation: int
    answer: asyncio.Task[Any]
    outdated: set[TP] = field(default_factory=set)


class Consumer(driver.Consumer):
    """Yields one message for each fetched partition batch."""

    _asked: _Asked | None = None
    _seeking = 0

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Fetch what there is for the partitions that have room for it.

        While it is handed over, and dealt with, the next is fetched: aiokafka asks the broker again
        only when all that it has was taken from it.
        """
        hooks = hooks_of(self.app)
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        asked = self._asked = self._asked or self._ask()
        if asked is None:
            await self.sleep(_SEEK_WAIT_S if self._seeking else _GETMANY_WAIT_S)
            return
        began = time.perf_counter()
        try:
            fetched = cast("dict[TP, Fetched]", await asked.answer)
        finally:
            self._asked = None
        if fetched:
            time_stage("fetch", time.perf_counter() - began)
            self._asked = self._ask()
        for tp, records in fetched.items():
            if tp in asked.outdated:
                continue
            if self.should_stop or not self.flow_active:
                break
            if self.app.consumer_generation_id != asked.generation:
                break  # What was fetched before a rebalance may be somebody else's now.
            hooks.handed(tp, self.highwater(tp) or records.ends_at)
            yield tp, _message(tp, records, asked.generation)

    def _ask(self) -> _Asked | None:
        """Begin to fetch; None where no partition has room, or one is being sought."""
        is_full = hooks_of(self.app).is_full
        wanted = {tp for tp in self._get_active_partitions() if not is_full(tp)}
        if not wanted or self._seeking:
            return None
        answer = asyncio.create_task(self._getmany(wanted, _GETMANY_WAIT_S), name="fetch")
        return _Asked(self.app.consumer_generation_id, answer)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Seek while nothing is fetched.

        Of what a fetch brings meanwhile nobody could say whether it is from before or after, and
        whoever waits for it would have to seek again, and again.
        """
        self._seeking += 1
        try:
            if (asked := self._asked) is not None:
                asked.outdated.update(partitions)
                await asyncio.wait([asked.answer], timeout=_FETCH_ENDS_S)
            await super().seek_wait(partitions)
        finally:
            self._seeking -= 1

    async def on_stop(self) -> None:
        """Leave no fetch behind."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.answer.cancel()
            await asyncio.wait([asked.answer])
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
        positions = hooks_of(self.app).begin_at(known)
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


def _message(tp: TP, records: Fetched, generation: int) -> ConsumerMessage:
    last, batch, no_headers = records[-1], cast("Any", records), cast("Any", ())
    return ConsumerMessage(
        tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type,
        no_headers, None, batch, None, 0, 0, tp, generation_id=generation,
    )  # fmt: skip
