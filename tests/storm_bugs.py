"""Bugs to be planted, so that the simulation can show that it sees them.

Each takes the place of a piece of the shipping code while a storm runs. What the storm leaves is
then held to the laws with the shipping code as it is.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import partial
from itertools import count
from typing import Any

import msgspec
from storm_bugs_shop import SHOP_BUGS, replace
from storm_lines import StormProducer, StormTable

import agents.engine.cause
import streams.engage
from agents.engine.engine import Engine
from schemas.cloud_event import messages
from schemas.codec import decode_outgoing, decode_record, encode_row
from schemas.journal import Record, Tick
from state.customer import decode_customer
from state.memory_table import MemoryTable
from state.shop import decode_shop
from state.table import Commit, Loaded, Needs
from streams.clock import Carried
from streams.engage import Engage
from streams.ingest import Ingest
from streams.lanes import Lanes
from streams.member import Member
from streams.producer import DeliveryError, Outbound
from streams.relay import Relay
from streams.topics import JOURNAL


def offset_not_checked(stack: ExitStack) -> None:
    """A commit happens whatever the position is."""
    commit = MemoryTable.commit

    async def unchecked(self: MemoryTable, partition: int, it: Commit) -> bool:
        expected = await self.position(partition)
        return await commit(self, partition, msgspec.structs.replace(it, expected=expected))

    replace(stack, MemoryTable, "commit", unchecked)


def random_ids(stack: ExitStack) -> None:
    """A decision's id is drawn, not derived from its cause."""
    replace(stack, agents.engine.cause, "decision_id", lambda *_: uuid.uuid4().hex)


def timers_by_wall_clock(stack: ExitStack) -> None:
    """A timer fires when it is due by the worker's clock, not by the tick's."""

    def decode_late(value: bytes) -> Record:
        record = decode_record(value)
        loop: Any = asyncio.get_running_loop()
        return Tick(loop.now()) if isinstance(record, Tick) else record

    replace(stack, streams.engage, "decode_record", decode_late)


def publish_before_commit(stack: ExitStack) -> None:
    """Decisions are published as soon as they are made, and no mark says so."""
    commit = StormTable.commit

    async def publishing(self: StormTable, partition: int, it: Commit) -> bool:
        decided = [decode_outgoing(entry).decision for entry in it.outbox]
        outbound = [Outbound(message.topic, message.value, message.key, message.headers)
                    for decision in decided for message in messages(decision)]  # fmt: skip
        self._line.kafka.append(outbound)
        return await commit(self, partition, it)

    async def publish_nothing(self: Relay, entries: list[Any]) -> None:
        self.published = max(self.published, entries[-1].sequence)

    replace(stack, StormTable, "commit", publishing)
    replace(stack, Relay, "_publish", publish_nothing)


def row_kept_after_conflict(stack: ExitStack) -> None:
    """Rows are cached from commit to commit, and stay when the commit was refused."""
    load, commit, begin = StormTable.load, StormTable.commit, Engage.begin

    def cache(table: Any) -> dict[tuple[int, str], bytes | None]:
        rows: dict[tuple[int, str], bytes | None] = vars(table).setdefault("cache", {})
        return rows

    async def cached(self: StormTable, partition: int, needs: Needs) -> Loaded:
        loaded = await load(self, partition, needs)
        rows = {
            name: cache(self).get((partition, name), row) for name, row in loaded.customers.items()
        }
        return msgspec.structs.replace(loaded, customers=rows)

    async def caching(self: StormTable, partition: int, it: Commit) -> bool:
        cache(self).update({(partition, name): row for name, row in it.customers.items()})
        return await commit(self, partition, it)

    async def forgetting(self: Engage, tp: Any) -> int:
        cache(self._table).clear()
        return await begin(self, tp)

    replace(stack, StormTable, "load", cached)
    replace(stack, StormTable, "commit", caching)
    replace(stack, Engage, "begin", forgetting)


def acknowledged_before_arrival(stack: ExitStack) -> None:
    """A raw batch counts as done when Kafka did not take it all."""
    handle = Ingest.handle

    async def hopeful(self: Ingest, tp: Any, records: list[Any]) -> None:
        try:
            await handle(self, tp, records)
        except DeliveryError:
            self._carried.carried_over(tp, records[-1].offset + 1, records[-1].timestamp)

    replace(stack, Ingest, "handle", hopeful)


def gap_not_noticed(stack: ExitStack) -> None:
    """A lane takes a batch although the one before it has never come."""
    put = Lanes.put

    def trusting(self: Lanes, event: Any) -> None:
        lane = self._lanes.get(event.message.tp)
        if lane is not None:
            event.value.begins_at = lane.next
        put(self, event)

    replace(stack, Lanes, "put", trusting)


def clock_without_evidence(stack: ExitStack) -> None:
    """A partition counts as carried over up to now, whatever waits in it."""

    def now(self: Carried) -> dict[Any, int]:
        loop: Any = asyncio.get_running_loop()
        return dict.fromkeys(self._at, loop.now())

    replace(stack, Carried, "up_to", now)


def order_inverted(stack: ExitStack) -> None:
    """Of a batch that is to be sent again, the second half has arrived."""
    send = StormProducer.send

    async def inverted(self: StormProducer, records: Sequence[Outbound]) -> None:
        line, rng = self._line, self._line.life.rng
        from_ingest = [it for it in records if it.topic == JOURNAL and it.partition is None]
        if len(from_ingest) > 1 and rng.random() < 0.15:
            _, second = self._split(records, 0.5)
            await line.step()
            line.kafka.append(second)
            raise DeliveryError("the first half did not arrive")
        await send(self, records)

    replace(stack, StormProducer, "send", inverted)


def budget_not_read_again(stack: ExitStack) -> None:
    """A worker reads a budget once, and takes its own word for it from then on."""
    load, commit = StormTable.load, StormTable.commit

    async def spent(self: StormTable, partition: int, needs: Needs) -> Loaded:
        loaded = await load(self, partition, needs)
        known = vars(self).get("budgets", {}).get(partition)
        if loaded.shop is None or known is None:
            return loaded
        shop = msgspec.structs.replace(decode_shop(loaded.shop), budgets=known)
        return msgspec.structs.replace(loaded, shop=encode_row(shop))

    async def spending(self: StormTable, partition: int, it: Commit) -> bool:
        budgets = vars(self).setdefault("budgets", {})
        budgets[partition] = decode_shop(it.shop).budgets
        return await commit(self, partition, it)

    replace(stack, StormTable, "load", spent)
    replace(stack, StormTable, "commit", spending)


def counted_before_commit(stack: ExitStack) -> None:
    """Effect and money are counted by a call of their own, before the commit."""
    commit = StormTable.commit

    async def counting(self: StormTable, partition: int, it: Commit) -> bool:
        ours = {
            name: by for name, by in it.counters.items() if name.startswith(("effect", "money"))
        }
        others = {name: by for name, by in it.counters.items() if name not in ours}
        if ours:
            await self._ask(partial(_count, partition=partition, counts=ours))
        return await commit(self, partition, msgspec.structs.replace(it, counters=others))

    replace(stack, StormTable, "commit", counting)


def holdout_by_process(stack: ExitStack) -> None:
    """Each process draws other customers to be held out, as with Python's own hash."""
    init, numbers = Member.__init__, count()

    def salted(self: Member, settings: Any, engine: Engine, *others: Any) -> None:
        speech = engine._speech
        holdout = msgspec.structs.replace(speech.gate.holdout, key=f"process {next(numbers)}")
        ours = copy(engine)
        ours._speech = copy(speech)
        ours._speech.gate = msgspec.structs.replace(speech.gate, holdout=holdout)
        ours._asking = copy(engine._asking)
        ours._asking._speech = ours._speech
        init(self, settings, ours, *others)

    replace(stack, Member, "__init__", salted)


def held_lost_at_takeover(stack: ExitStack) -> None:
    """What is held back is kept by the worker; who takes over knows the timer only."""
    load, commit = StormTable.load, StormTable.commit

    def known(table: StormTable, partition: int, name: str) -> dict[str, Any]:
        held: dict[tuple[int, str], Any] = vars(table).setdefault("held", {})
        return {"held": held.get((partition, name), [])}

    async def remembered(self: StormTable, partition: int, needs: Needs) -> Loaded:
        loaded = await load(self, partition, needs)
        rows = {
            name: row and encode_row(msgspec.structs.replace(
                decode_customer(name, row), **known(self, partition, name)
            ))
            for name, row in loaded.customers.items()
        }  # fmt: skip
        return msgspec.structs.replace(loaded, customers=rows)

    async def remembering(self: StormTable, partition: int, it: Commit) -> bool:
        held = {(partition, name): decode_customer(name, row).held if row else []
                for name, row in it.customers.items()}  # fmt: skip
        done = await commit(self, partition, it)
        vars(self).setdefault("held", {}).update(held if done else {})
        return done

    replace(stack, StormTable, "load", remembered)
    replace(stack, StormTable, "commit", remembering)


BUGS: dict[str, Callable[[ExitStack], None]] = {
    bug.__name__: bug
    for bug in (
        offset_not_checked, random_ids, timers_by_wall_clock, publish_before_commit,
        row_kept_after_conflict, acknowledged_before_arrival, gap_not_noticed,
        clock_without_evidence, order_inverted, budget_not_read_again, counted_before_commit,
        holdout_by_process, held_lost_at_takeover, *SHOP_BUGS,
    )
}  # fmt: skip


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """Run with a bug in the shipping code; with none where the name is empty."""
    with ExitStack() as stack:
        if bug:
            BUGS[bug](stack)
        yield


async def _count(table: MemoryTable, partition: int, counts: dict[str, int]) -> None:
    counters = table._of(partition).counters
    for name, by in counts.items():
        counters[name] = counters.get(name, 0) + by
