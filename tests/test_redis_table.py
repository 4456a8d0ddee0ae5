"""The table in Redis: answers like the one in memory, keeps to one slot, says when Redis is gone."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.crc import key_slot
from tables import BEGINNING, ELSEWHERE, FULL, HERE, IDS, Store, memory_store, redis_store, step

from state.redis_stage import Stage
from state.redis_table import KEYS, RedisTable
from state.table import Needs, Position, StoreError
from state.waiting import Waiters
from streams.embedded import HOST, Embedded

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    # With "everysec" Redis may put a write off while it syncs the one before, and a kill at that
    # moment loses what was acknowledged.
    with Embedded(tmp_path_factory.mktemp("redis"), appendfsync="always") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def client(embedded: Embedded) -> Iterator[Any]:
    with redis.Redis.from_url(embedded.redis_url) as client:
        yield client


@pytest.fixture
def in_redis(embedded: Embedded) -> Iterator[Store]:
    with redis_store(embedded.redis_url) as store:
        yield store


@pytest.fixture(autouse=True)
def _empty(client: Any) -> None:
    client.flushdb()


SOME_IDS = st.sampled_from(IDS)
# Ids of which one begins like another, or looks like an entry of the index.
PRODUCTS = st.sampled_from(("a", "an", "ann", "1:a", "2:an", "日", "日本", "a\0", "\U0010ffff"))
KEY_IDS = ("aaaaaaaa", "bbbbbbbb", "aaaaaaaabbbbbbbb", "bbbbbbbbcccccccc")
ROWS = st.dictionaries(SOME_IDS, st.one_of(st.none(), st.binary(max_size=3)), max_size=5)
DUE = st.dictionaries(SOME_IDS, st.one_of(st.none(), st.integers(0, 3)), max_size=5)
STEPS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "customers": ROWS,
                "due": DUE,
                "products": st.dictionaries(SOME_IDS, st.binary(max_size=3), max_size=3),
                "ledgers": st.dictionaries(SOME_IDS, st.binary(max_size=3), max_size=3),
                "waiting": st.dictionaries(st.tuples(PRODUCTS, SOME_IDS), st.booleans()),
                "outbox": st.lists(st.binary(max_size=3), max_size=3),
                "counters": st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)),
                "published": st.integers(0, 12),
                "keys_to_destroy": st.dictionaries(SOME_IDS, st.sampled_from(KEY_IDS), max_size=2),
                "blanked": st.dictionaries(st.integers(1, 12), st.binary(max_size=3), max_size=2),
                "outdated": st.sampled_from([False, False, False, True]),
            }
        ),
        st.fixed_dictionaries(
            {
                "customers": st.lists(SOME_IDS, max_size=4, unique=True),
                "products": st.lists(SOME_IDS, max_size=4, unique=True),
                "ledgers": st.lists(SOME_IDS, max_size=4, unique=True),
                "awaited": st.lists(PRODUCTS, max_size=4, unique=True),
                "waiters": st.one_of(
                    st.none(),
                    st.builds(
                        Waiters, PRODUCTS, st.one_of(st.just(""), SOME_IDS), st.integers(0, 5)
                    ),
                ),
                "due_until": st.one_of(st.none(), st.integers(0, 3)),
                "due_max": st.integers(0, 5),
            }
        ),
        st.integers(0, 12),
    ),
    max_size=15,
)


def take(store: Store, asked: dict[str, Any] | int) -> Any:
    """Do one step, and say what the table answered."""
    if isinstance(asked, int):
        store.published(asked)
        return store.outbox(asked)
    if "outdated" not in asked:
        return store.load(**asked)
    changes = dict(asked)
    expected = store.position()
    if changes.pop("outdated"):
        expected = msgspec.structs.replace(expected, chunk=expected.chunk + 1)
    return store.commit(step(expected, **changes))


@given(steps=STEPS)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_both_tables_answer_every_step_alike(
    client: Any, in_redis: Store, steps: list[Any]
) -> None:
    client.flushdb()
    with memory_store() as in_memory:
        for asked in steps:
            assert take(in_redis, asked) == take(in_memory, asked)
            assert in_redis.everything() == in_memory.everything()


def test_rows_that_take_the_place_of_others_are_at_a_position_of_their_own(
    embedded: Embedded,
) -> None:
    async def ask() -> list[Position]:
        found = []
        async with RedisTable(embedded.redis_url) as live, Stage(embedded.redis_url, "t") as stage:
            await live.commit(HERE, FULL)
            for _ in range(2):
                await stage.copy(HERE)
                assert await stage.promote(HERE, back=False)
                found.append(await live.position(HERE))
                # Whoever has read the rows before that must not write them now.
                assert not await live.commit(HERE, step(FULL.position, customers={"ann": b"old"}))
            await live.published(HERE, found[-1].sequence)
            assert await live.outbox(HERE, 10) == []
        return found

    at = FULL.position
    replaced = [msgspec.structs.replace(at, epoch=epoch) for epoch in (1, 2)]
    assert asyncio.run(ask()) == replaced


def test_a_partition_comes_back_piece_by_piece_as_it_was(
    embedded: Embedded, in_redis: Store, client: Any
) -> None:
    async def away_and_back() -> list[str]:
        names = []
        async with Stage(embedded.redis_url, "a") as one, Stage(embedded.redis_url, "b") as other:
            await one.copy(HERE)
            async for piece in one.pieces(HERE):
                names.append(piece.name)
                await other.put(HERE, piece)
            await one.clear(HERE)
            client.delete(*(f"ebb:{{p{HERE}}}:{name}" for name in KEYS))
            assert await other.promote(HERE, back=True)
        return names

    in_redis.commit(FULL)
    before = in_redis.contents(HERE)
    assert sorted(asyncio.run(away_and_back())) == sorted(KEYS)
    after = in_redis.contents(HERE)
    assert after.pop("position").startswith(before.pop("position"))
    assert after == before
    assert all(before.values())


def test_all_keys_of_a_partition_share_a_slot(client: Any, in_redis: Store) -> None:
    for partition in (HERE, ELSEWHERE):
        in_redis.commit(FULL, partition)
    slots: dict[bytes, set[int]] = {}
    for key in (keys := client.keys()):
        slots.setdefault(key.split(b":")[1], set()).add(key_slot(key))
    assert slots == {b"{p7}": {key_slot(b"p7")}, b"{p8}": {key_slot(b"p8")}}
    assert len(keys) == 2 * len(KEYS)


def test_people_are_told_what_lies_in_a_partition(embedded: Embedded, in_redis: Store) -> None:
    in_redis.commit(FULL)

    async def told() -> list[Any]:
        async with RedisTable(embedded.redis_url) as table:
            await table.ping()
            return [
                await table.customer(HERE, "zoë"), await table.customer(HERE, "nobody"),
                await table.shop(HERE), await table.counters(HERE),
                await table.customer_count(HERE), await table.outbox_depth(HERE),
                sorted(await table.row_sizes(HERE)),
            ]  # fmt: skip

    assert asyncio.run(told()) == [
        b"row of zoe", None, b"shop", {"records/page_viewed/applied": 2}, 3, 2, [10, 10, 10],
    ]  # fmt: skip


def test_workers_tell_each_other_how_far_raw_partitions_are_carried_over(
    embedded: Embedded,
) -> None:
    async def told() -> dict[str, int]:
        async with RedisTable(embedded.redis_url) as one, RedisTable(embedded.redis_url) as other:
            await one.note_carried({"orders/0": 5, "orders/1": 7})
            await one.note_carried({})
            await other.note_carried({"orders/0": 9})
            return await one.carried()

    assert asyncio.run(told()) == {"orders/0": 9, "orders/1": 7}


Ask = Callable[[RedisTable], Coroutine[Any, Any, Any]]

QUESTIONS: dict[str, Ask] = {
    "ping": lambda table: table.ping(),
    "position": lambda table: table.position(HERE),
    "load": lambda table: table.load(HERE, Needs(["ann"])),
    "commit": lambda table: table.commit(HERE, FULL),
    "outbox": lambda table: table.outbox(HERE, 9),
    "published": lambda table: table.published(HERE, 1),
    "customer": lambda table: table.customer(HERE, "ann"),
    "note_carried": lambda table: table.note_carried({"orders/0": 5}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_redis_that_is_gone_is_reported_at_once_and_found_again(
    embedded: Embedded, client: Any, question: str
) -> None:
    async def ask() -> float:
        async with RedisTable(embedded.redis_url) as table:
            await table.commit(ELSEWHERE, FULL)
            embedded.kill_redis()
            asked_at = time.monotonic()
            # Once on a connection that has died, and once with no way to open another.
            for _ in range(2):
                with pytest.raises(StoreError, match="Redis: ConnectionError"):
                    await QUESTIONS[question](table)
            seconds = time.monotonic() - asked_at
            embedded.start_redis()
            assert await table.position(ELSEWHERE) == FULL.position
            return seconds

    assert asyncio.run(ask()) < 1


def test_a_commit_is_never_repeated_behind_our_back(embedded: Embedded, client: Any) -> None:
    commits = 0

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Carry bytes on, and cut the line behind a commit, before its answer."""
        nonlocal commits
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
            if b"EVALSHA" in data:
                commits += 1
                break
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(HOST, embedded.redis_port)
        answers = asyncio.create_task(carry(from_redis, writer))
        await carry(reader, to_redis)
        answers.cancel()
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(connected, HOST, 0)
        port = server.sockets[0].getsockname()[1]
        async with server, RedisTable(f"redis://{HOST}:{port}/0") as table:
            await table.position(HERE)
            with pytest.raises(StoreError):
                await table.commit(HERE, FULL)

    asyncio.run(ask())
    assert commits == 1


def test_a_redis_that_lost_everything_begins_at_the_beginning(client: Any, in_redis: Store) -> None:
    in_redis.commit(FULL)
    client.flushdb()
    client.script_flush()
    assert in_redis.position() == BEGINNING
    assert not in_redis.commit(step(Position(1, 0, 2)))
    assert in_redis.commit(FULL)


def test_a_key_of_the_wrong_kind_is_a_store_error(client: Any, in_redis: Store) -> None:
    client.lpush("ebb:{p7}:customers", "not a hash")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        in_redis.load(customers=["ann"])
