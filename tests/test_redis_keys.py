"""Keys in Redis: added once, retired, destroyed for good, and learned from the topic in any order."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from privacy_world import Keys, Redis, Steps

from schemas.journal import merged
from state.redis_keys import WRAPPED_LENGTH, Found, Kept, KeyLog, RedisKeys
from state.redis_traces import RedisTraces
from state.waiting import entry
from streams.embedded import Embedded
from streams.privacy.key_ring import Keys as Port

pytestmark = pytest.mark.live

T = TypeVar("T")
NAMES = ("ann", "zoë", "anon:7")
IDS = tuple(it * 8 for it in "abcd")
HERE = 0


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("redis")) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def client(embedded: Embedded) -> Iterator[Any]:
    with redis.Redis.from_url(embedded.redis_url) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty(client: Any) -> None:
    client.flushdb()


def kept(key_id: str) -> Kept:
    return Kept(key_id, key_id[:1].encode() * WRAPPED_LENGTH)


SOME = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(IDS), max_size=3, unique=True)
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), SOME, SOME),
        st.tuples(st.just("condemn"), SOME, st.just({})),
        st.tuples(st.just("destroyed"), SOME, st.just({})),
        st.tuples(st.just("learn"), SOME, SOME),
        st.tuples(st.just("learn too late"), SOME, SOME),
    ),
    max_size=12,
)  # fmt: skip
Some = dict[str, list[str]]


def pairs(some: Some) -> list[tuple[str, Kept]]:
    return [(name, kept(it)) for name, its in some.items() for it in its]


def joined(some: Some) -> dict[str, str]:
    return {name: "".join(its) for name, its in some.items() if its}


async def take(keys: Port, what: str, one: Some, two: Some) -> Any:
    """One step, and then all that can be asked."""
    answer = None
    match what:
        case "add":
            await keys.add(HERE, pairs(one), joined(two))
        case "destroyed":
            await keys.destroyed(HERE, joined(one))
        case "learn" | "learn too late":
            before = await keys.log(HERE)
            if what == "learn too late":
                await keys.destroyed(HERE, {"nobody": IDS[0]})
            answer = await keys.learn(HERE, before, before.offset + 3, pairs(one), joined(two))
    found = await keys.look(HERE, NAMES)
    return answer, found, await keys.log(HERE), await keys.destroying(HERE, 99)


@given(steps=STEPS)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_redis_answers_every_step_as_memory_does(
    embedded: Embedded, client: Any, steps: list[tuple[str, Some, Some]]
) -> None:
    async def ask() -> None:
        client.flushdb()
        memory = Redis()
        async with RedisKeys(embedded.redis_url) as keys:
            for what, one, two in steps:
                if what == "condemn":  # As a commit does.
                    for name, ids in joined(one).items():
                        memory.dying[name] = merged(memory.dying.get(name, ""), ids)
                        client.hset("ebb:{p0}:destroying", name, memory.dying[name])
                expected = await take(Keys(memory, Steps()), what, one, two)
                assert await take(keys, what, one, two) == expected
                assert await keys.destroying_count(HERE) == len(memory.dying)

    asyncio.run(ask())


def test_what_was_read_before_a_destruction_brings_nothing_back(embedded: Embedded) -> None:
    async def ask() -> list[Found]:
        async with RedisKeys(embedded.redis_url) as keys:
            await keys.add(HERE, [("ann", kept(IDS[0]))], {})
            before = await keys.log(HERE)
            await keys.destroyed(HERE, {"ann": IDS[0]})
            assert not await keys.learn(HERE, before, 5, [("ann", kept(IDS[0]))], {})
            return [(await keys.look(HERE, ["ann"]))["ann"]]

    assert asyncio.run(ask()) == [Found()]


def test_many_customers_are_looked_up_at_once(embedded: Embedded) -> None:
    names = [f"customer-{it}" for it in range(20_000)]

    async def ask() -> dict[str, Found]:
        async with RedisKeys(embedded.redis_url) as keys:
            await keys.add(HERE, [(it, kept(IDS[0])) for it in names[::2]], {})
            return await keys.look(HERE, names)

    found = asyncio.run(ask())
    assert [bool(found[it].kept) for it in names] == [True, False] * 10_000


def test_a_customer_is_found_wherever_redis_names_them(embedded: Embedded, client: Any) -> None:
    client.hset("ebb:{p0}:customers", mapping={"ann": b"row", "annual": b"\xa3bob"})
    client.hset("ebb:{p0}:ledgers", "referral", b"\x91\xa3ann")
    client.zadd("ebb:{p0}:timers", {"ann": 5, "bob": 6})
    client.rpush("ebb:{p0}:outbox", b'[1,0,{"customer_id":"ann"}]', b'[2,0,{"customer_id":"bob"}]')
    client.hset("ebb:{p1}:next:customers", "ann", b"staged")
    client.set("ebb:{p0}:shop", b"\xa3ann")
    client.zadd("ebb:{p0}:waiting", {entry("tea", "ann"): 0, entry("3:te", "bob:ann"): 0})
    client.sadd("ebb:some", "ann")

    async def ask(who: str) -> list[tuple[str, int, str]]:
        async with RedisTraces(embedded.redis_url) as traces:
            return sorted([(it.name, it.partition, it.entry) async for it in traces.of(who)])

    assert asyncio.run(ask("ann")) == [
        ("customers", 0, ""), ("ebb:some", -1, ""), ("ledgers", 0, "referral"),
        ("next:customers", 1, ""), ("outbox", 0, "outbox"), ("shop", 0, "shop"), ("timers", 0, ""),
        ("waiting", 0, ""),
    ]  # fmt: skip
    assert asyncio.run(ask("nobody")) == []


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def test_what_is_no_position_is_said_to_be_none(embedded: Embedded, client: Any) -> None:
    client.set("ebb:{p0}:keylog", "12:3")

    async def ask() -> KeyLog:
        async with RedisKeys(embedded.redis_url) as keys:
            return await keys.log(HERE)

    assert run(ask()) == KeyLog(12, 3)
    client.set("ebb:{p0}:keylog", "soon")
    with pytest.raises(Exception, match="no position in the topic of keys"):
        run(ask())
