"""A Redis Cluster of three nodes: partitions spread over them, and each is one node's alone.

That a table keeps its laws there is in test_table.py.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from live_shop import now, open_shop, until
from pages import blocks, page, section
from redis_cluster import RedisCluster, open_cluster
from tables import BEGINNING, FULL, HERE, open_client, step

from schemas.codec import encode_json
from schemas.orders import Item, OrderPlaced
from state.customer import decode_customer
from state.redis_stage import Stage
from state.redis_table import RedisTable
from state.table import Needs, StoreError
from streams.connection import Brokers
from streams.demo.path import PARTITIONS
from streams.partitioner import partition_of
from streams.producer import Outbound, Producer

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with open_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: RedisCluster) -> Iterator[Any]:
    with open_client(cluster.url) as client:
        client.flushall()
        yield client


def test_partitions_are_spread_and_the_keys_of_each_are_on_one_node(
    cluster: RedisCluster, client: Any
) -> None:
    async def fill() -> None:
        async with RedisTable(cluster.url) as table:
            for partition in range(16):
                assert await table.commit(partition, FULL)

    asyncio.run(fill())
    homes: dict[bytes, set[int]] = {}
    for port in cluster.ports:
        with redis.Redis(port=port) as node:
            for key in node.scan_iter():
                homes.setdefault(key.split(b":")[1], set()).add(port)
    assert len(homes) == 16
    assert all(len(nodes) == 1 for nodes in homes.values())
    assert len(set.union(*homes.values())) == 3


def test_a_stage_is_copied_and_promoted_on_the_node_of_its_partition(
    cluster: RedisCluster, client: Any
) -> None:
    async def there_and_back() -> list[Any]:
        async with RedisTable(cluster.url) as live, Stage(cluster.url, "test") as stage:
            await live.commit(HERE, FULL)
            await stage.copy(HERE)
            pieces = [it async for it in stage.pieces(HERE)]
            await live.commit(HERE, step(FULL.position, customers={"ann": b"changed"}))
            assert not await stage.promote(HERE, back=False)
            assert await stage.promote(HERE, back=True)
            return [pieces, await live.customer(HERE, "ann"), await live.position(HERE)]

    pieces, row, position = asyncio.run(there_and_back())
    assert {it.name for it in pieces} >= {"position", "customers", "timers", "outbox"}
    assert (row, position) == (b"row of ann", msgspec.structs.replace(FULL.position, epoch=1))


def test_a_partition_that_moves_to_another_node_is_found_there(
    cluster: RedisCluster, client: Any
) -> None:
    async def ask() -> None:
        async with RedisTable(cluster.url) as table:
            assert await table.position(HERE) == BEGINNING
            cluster.move(table.key(HERE, "position"))
            assert await table.commit(HERE, FULL)
            assert await table.position(HERE) == FULL.position

    asyncio.run(ask())


def test_the_rights_on_the_page_do_in_a_cluster(cluster: RedisCluster, client: Any) -> None:
    rights = section(page("docs/secure.md"), "### Rights in Redis")
    [rule], [more] = blocks(rights, ""), re.findall(r"`(\+cluster[^`]*)`", rights)
    for port in cluster.ports:
        with redis.Redis(port=port) as node:
            node.execute_command(*rule.replace("PASSWORD", "secret").split(), *more.split())

    async def ask() -> None:
        url = cluster.url.replace("://", "://ebbtide:secret@")
        async with RedisTable(url) as table, Stage(url, "test") as stage:
            await table.ping()
            for partition in range(16):
                assert await table.commit(partition, FULL)
            await stage.copy(HERE)
            assert await stage.promote(HERE, back=True)
            await table.note_carried({"orders/0": 1})

    asyncio.run(ask())


def test_a_dead_node_takes_its_partitions_and_no_others_until_it_is_back(
    cluster: RedisCluster, client: Any
) -> None:
    async def ask() -> None:
        async with RedisTable(cluster.url) as table:
            for partition in range(16):
                await table.commit(partition, FULL)
            cluster.kill(cluster.ports[0])
            dead = 0
            for partition in range(16):
                try:
                    assert (await table.load(partition, Needs(["ann"]))).position == FULL.position
                except StoreError:
                    dead += 1
            assert 0 < dead < 16
            cluster.start(cluster.ports[0])
            until(cluster.is_whole, "the cluster is whole again")
            for partition in range(16):
                assert await table.position(partition) == FULL.position

    asyncio.run(ask())


def test_a_worker_keeps_its_rows_in_the_cluster(
    cluster: RedisCluster, client: Any, tmp_path: Path
) -> None:
    with open_shop(tmp_path, redis_url=cluster.url) as shop:
        customers = [f"customer-{it}" for it in range(40)]

        async def publish(orders: list[OrderPlaced]) -> None:
            producer = Producer(Brokers(shop.servers.broker))
            await producer.send(
                [Outbound("orders", encode_json(it), it.subject.encode()) for it in orders]
            )
            producer.close()

        async def counts() -> list[int]:
            """The orders that each customer's row counts."""
            async with RedisTable(cluster.url) as table:
                rows = [
                    (it, await table.customer(partition_of(it, PARTITIONS), it)) for it in customers
                ]
            return [0 if row is None else decode_customer(it, row).order_count for it, row in rows]

        def all_count(number: int) -> bool:
            return set(asyncio.run(counts())) == {number}

        asyncio.run(publish([order(it, "one") for it in customers]))
        until(lambda: all_count(1), "every order is in a row")
        shop.kill_worker()
        until(shop.ready, "the next worker is ready")
        asyncio.run(publish([order(it, "one") for it in customers]))  # Known by their ids.
        asyncio.run(publish([order(it, "two") for it in customers]))
        until(lambda: all_count(2), "one order more is in each row, and not two")


def order(customer: str, name: str) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{customer}-{name}", customer_id=customer, occurred_at=now(),
        order_id=f"{customer}-{name}", products=(Item("tea", price_cents=900),), currency="EUR",
    )  # fmt: skip
