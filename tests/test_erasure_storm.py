"""Erasure in a storm: whatever crashes and goes back, no key outlives its erasure, and none is lost.

A seed is a history of two raw topics, carried over by two workers, applied and erased by others, with
crashes at any step, a Redis that goes back or loses all, and a topic that is compacted.
"""

import asyncio
from random import Random

import pytest
from partition import AGREED
from privacy_world import Crash, CrashingTable, Keys, Line, Redis, Steps, TopicOfKeys

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from schemas.codec import decode_record, encode_json
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Entry, Record, Source, Tick, each_of
from schemas.personal import personal_in
from schemas.profiles import ErasureRequested, ProfileUpdated
from schemas.reviews import QuestionAsked
from state.customer import decode_customer
from state.memory_table import MemoryTable
from streams.apply import apply
from streams.privacy.cipher import Cipher
from streams.privacy.key_ring import KeyRing
from streams.privacy.privacy import Privacy, privacy

SECRET = "x" * 32
START = 1_768_896_000_000
ENGINE = Engine([], AGREED, EngineSettings(anonymous_days=0.5))
SEEDS = 100


def event(rng: Random, number: int) -> Event:
    """Something personal, or the end of it. Two customers and a visitor, so that they meet again."""
    who = rng.choice(["ann", "bob", None])
    its = {"customer_id": who, "anonymous_id": "v", "occurred_at": START + number * 1_000}
    if rng.random() < 0.25:
        return ErasureRequested(event_id=f"e{number}", **its)  # type: ignore[arg-type]
    if rng.random() < 0.5:
        traits = {"n": str(number)}
        return ProfileUpdated(event_id=f"e{number}", traits=traits, **its)  # type: ignore[arg-type]
    return QuestionAsked(
        event_id=f"e{number}", question_id="q", text=f"text {number}", **its  # type: ignore[arg-type]
    )  # fmt: skip


class World:
    """All of it. went_back: whether Redis ever did."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.redis, self.topic = Redis(), TopicOfKeys()
        self.raw = [[event(self.rng, it) for it in range(top, 24, 2)] for top in (0, 1)]
        self.done = [0, 0]
        self.journal: list[bytes] = []
        #: How long the journal was when an entry was sealed, by its bytes.
        self.sealed_at: dict[bytes, int] = {}
        self.pending: dict[int, list[bytes]] = {}
        self.file = self.redis.snapshot()
        self.went_back = False
        self.steps = Steps()
        self.workers = [self._worker() for _ in range(3)]

    def _worker(self) -> Privacy:
        line = Line(self.topic, self.steps)
        made = privacy(KeyRing(Keys(self.redis, self.steps), line, line), Cipher(SECRET), 1)
        made.eraser.begin(0)
        return made

    async def run(self) -> None:
        """The storm, and then the calm in which all is done."""
        works = [self.carry, self.append, self.engage, self.erase, self.accident]
        for _ in range(120):
            self.steps.left = self.rng.randrange(12) if self.rng.random() < 0.2 else None
            work = self.rng.choice(works)
            try:
                await work()
            except Crash:
                self.workers = [self._worker() for _ in self.workers]
                self.pending.clear()
            self.steps.left = None
        for _ in range(200):
            for calm in (self.carry, self.append, self.engage, self.erase):
                await calm()
        self.steps.left = None

    async def carry(self) -> None:
        """A worker seals what comes next of a raw topic, and has not written it yet."""
        top = self.rng.randrange(2)
        begin = self.done[top]
        batch = self.raw[top][begin : begin + self.rng.randint(1, 4)]
        if not batch or top in self.pending:
            return
        entries = [Entry(it, Source("raw", top, begin + at, 0)) for at, it in enumerate(batch)]  # type: ignore[arg-type]
        sealer = self.workers[top].sealer
        places = [at for at, it in enumerate(entries) if sealer.concerns(it.event)]
        length = len(self.journal)
        for at, it in zip(places, await sealer.seal([entries[at] for at in places]), strict=True):
            entries[at] = it
        self.pending[top] = [encode_json(it) for it in entries]
        self.sealed_at |= dict.fromkeys(self.pending[top], length)

    async def append(self) -> None:
        """What is sealed is written, all of it or, where the worker crashes, its beginning."""
        top = self.rng.randrange(2)
        for value in self.pending.pop(top, []):
            self.journal.append(value)
            self.steps.step()
            self.done[top] += 1
        # Kafka's offset is committed now and then: what comes after it is carried over again.
        if self.steps.left is not None:
            self.done[top] = max(0, self.done[top] - self.rng.randint(0, 3))

    async def engage(self) -> None:
        """Some more of the journal is applied."""
        table, opener = CrashingTable(self.redis, self.steps), self.workers[2].opener
        position = await table.position(0)
        if self.rng.random() < 0.1:
            self.journal.append(encode_json(Tick(START + self.rng.randrange(DAY))))
        end = min(len(self.journal), position.offset + self.rng.randint(1, 6))
        offsets = list(range(position.offset, end))
        records = [decode_record(self.journal[it]) for it in offsets]
        opened = await opener.open(0, offsets, records, len(self.journal))
        async for _ in apply(ENGINE, table, 0, position, offsets, opened):
            pass

    async def erase(self) -> None:
        """The partition's owner destroys what is condemned."""
        await self.workers[2].eraser.work(0)

    async def accident(self) -> None:
        """Redis is saved, goes back, or loses all; the topic is compacted."""
        match self.rng.randrange(8):
            case 0 | 1 | 2:
                self.file = self.redis.snapshot()
            case 3:
                self._go_back(self.file.snapshot())
            case 4 if self.rng.random() < 0.3:
                self._go_back(Redis())
            case 5:
                self.topic.compact()

    def _go_back(self, to: Redis) -> None:
        self.redis.restore(to)
        self.went_back = True
        self.workers[2].opener.begin(0)
        self.workers[2].eraser.begin(0)


def records(world: World) -> list[Record]:
    return [decode_record(it) for it in world.journal]


def condemning(world: World) -> dict[str, int]:
    """By the law alone, which reads the log: where each key is condemned."""
    rows: dict[str, list[str]] = {}
    seen: set[tuple[int, int]] = set()
    ids: dict[str, list[str]] = {}
    found: dict[str, int] = {}
    last_seen: dict[str, int] = {}
    for at, it in enumerate(records(world)):
        if isinstance(it, Tick):
            continue
        assert isinstance(it, Entry)
        who, source = it.event.subject, (it.source.partition, it.source.offset)
        known = ids.setdefault(who, [])
        is_new = source not in seen and it.event.event_id not in known
        seen.add(source)
        if is_new and isinstance(it.event, ErasureRequested):
            for key_id in [*rows.pop(who, []), *each_of(it.destroys)]:
                found.setdefault(key_id, at)
            known.clear()
        elif is_new:
            rows.setdefault(who, [])
            known.append(it.event.event_id)
            last_seen[who] = at
        if it.sealed:
            if who in rows:
                rows[who].append(it.key_id)
            else:
                found.setdefault(it.key_id, at)
    return found


def check(world: World) -> None:
    condemned, topic = condemning(world), world.topic.said()
    live = {key_id for (_, key_id), it in topic.items() if it.wrapped is not None}
    kept = {it.id for its in world.redis.kept.values() for it in its}
    assert not live & condemned.keys(), "a key outlives its erasure in the topic"
    assert not kept & condemned.keys(), "a key outlives its erasure in Redis"
    assert world.redis.dying == {}
    for at, it in enumerate(records(world)):
        if not isinstance(it, Entry) or not it.sealed or it.event.subject.startswith("anon:"):
            continue
        assert it.key_id in condemned or it.key_id in live, f"a key is lost: {at}"
        # Only what was under way may be sealed by a key that an erasure before it destroys.
        gone_at = condemned.get(it.key_id, at)
        if gone_at < at and not world.went_back and is_erasure(world, gone_at):
            assert gone_at >= world.sealed_at[world.journal[at]], f"a retired key was used: {at}"


def is_erasure(world: World, at: int) -> bool:
    it = decode_record(world.journal[at])
    return isinstance(it, Entry) and isinstance(it.event, ErasureRequested)


async def replayed(world: World) -> MemoryTable:
    """What a rebuild makes of the same journal, with the keys that are left."""
    table, its = MemoryTable(), records(world)
    offsets = list(range(len(its)))
    opened = await world.workers[2].opener.open(0, offsets, its, len(its))
    async for _ in apply(ENGINE, table, 0, await table.position(0), offsets, opened):
        pass
    return table


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_no_key_outlives_its_erasure_and_none_is_lost(seed: int) -> None:
    for one in range(seed, seed + 10):
        world = World(one)
        asyncio.run(world.run())
        assert world.redis.table._of(0).position.offset == len(world.journal), f"seed {one}"
        try:
            check(world)
            rebuilt = asyncio.run(replayed(world))
            named = [it for it in world.redis.table.rows(0) if not it.startswith("anon:")]
            for who in named:
                live, again = (it.rows(0)[who] for it in (world.redis.table, rebuilt))
                assert decode_customer(who, live) == decode_customer(who, again), who
        except AssertionError as error:
            raise AssertionError(f"seed {one}: {error}") from error


def test_a_storm_has_all_that_it_is_about() -> None:
    worlds = [World(it) for it in range(40)]
    for it in worlds:
        asyncio.run(it.run())
    assert sum(it.went_back for it in worlds) > 5
    assert sum(bool(condemning(it)) for it in worlds) > 20
    assert sum(any(value is None for value in (r.value for r in it.topic.records)) for it in worlds)
    assert all(personal_in(it) for it in worlds[0].raw[0] if not isinstance(it, ErasureRequested))
