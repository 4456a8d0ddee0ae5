"""The ops topics for real: a worker, a broker and a Redis; alerts arrive and sales are shown."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from live_shop import Shop, now, open_shop, read, until

from config.settings import DEFAULT_CONFIG
from schemas.clickstream import ProductsSearched
from schemas.codec import encode_json
from schemas.event import Event
from schemas.orders import Item, OrderPlaced
from state.redis_table import RedisTable
from streams.connection import Brokers
from streams.producer import Outbound, Producer

pytestmark = pytest.mark.live

WIDTH_S = 2
SECTIONS = f"""
[ops]
every_seconds = 0.3
[agents.demand_gap]
window_hours = {WIDTH_S / 3_600}
lateness_minutes = {5 / 60}
customers_min = 3
windows_kept = 20
[agents.sales]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("ops")
    config = folder / "engine.toml"
    shipped = DEFAULT_CONFIG.read_text("utf-8").partition("[ops]")[0]
    config.write_text(shipped + SECTIONS)
    with open_shop(folder, config=str(config)) as shop:
        yield shop


def publish(shop: Shop, topic: str, *events: Event) -> None:

    async def send() -> None:
        producer = Producer(Brokers(shop.servers.broker))
        await producer.send(
            [Outbound(topic, encode_json(it), it.subject.encode()) for it in events]
        )
        producer.close()

    asyncio.run(send())


def metrics(shop: Shop) -> str:
    url = f"http://127.0.0.1:{shop.settings.web_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def searches(query: str) -> list[Event]:
    """By six customers, who are in several partitions."""
    at = now()
    return [
        ProductsSearched(
            event_id=f"{query}-{it}", customer_id=f"c{it}", occurred_at=at, query=query,
            result_count=0,
        )
        for it in range(6)
    ]  # fmt: skip


def alerts(shop: Shop) -> list[Any]:
    """The next ones."""
    return read(shop.servers.broker, "ops.demand_gap", bool)


def test_a_gap_is_told_once_and_a_worker_that_is_killed_does_not_repeat_it(shop: Shop) -> None:
    publish(shop, "clickstream", *searches("oat milk"))
    [first] = alerts(shop)
    assert first.key() == b"oat milk"
    assert json.loads(first.value())["payload"]["customers"] == 6
    shop.kill_worker()
    until(shop.ready, "the worker is ready again")
    publish(shop, "clickstream", *searches("jam"))
    # It is read on from there, and what was repeated would stand before it.
    assert [it.key() for it in alerts(shop)] == [b"jam"]


def test_sales_are_on_the_page_of_the_leader(shop: Shop) -> None:
    item = Item(product_id="tea", price_cents=1_250, category="drinks")
    order = OrderPlaced(
        event_id="o1", customer_id="ann", occurred_at=now(), order_id="o1", currency="EUR",
        products=(item,),
    )  # fmt: skip
    publish(shop, "orders", order)
    line = 'ebbtide_revenue_by_category{category="drinks",currency="EUR",days="1"} 1250.0'
    until(lambda: line in metrics(shop), "the sale is shown")
    assert "ebbtide_ops_held_back_seconds" in metrics(shop)


def test_redis_remembers_what_was_said_and_forgets_it_after_a_season(shop: Shop) -> None:

    async def look() -> tuple[dict[str, int], int]:
        async with RedisTable(shop.settings.redis_url) as rows:
            await rows.note_concluded("other", 7)
            return await rows.concluded(), await rows._redis.ttl("ebb:concluded")

    concluded, left_s = asyncio.run(look())
    assert concluded["other"] == 7
    assert concluded["demand_gap"] % (WIDTH_S * 1_000) == 0
    assert 80 * 86_400 < left_s <= 90 * 86_400
