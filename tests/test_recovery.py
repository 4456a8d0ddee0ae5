"""A live shop takes in history in silence, and stops rather than misread a newer version's row."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from live_shop import Shop, now, open_shop, until

from schemas.cloud_event import DECISIONS
from schemas.codec import decode_decision, encode_json
from schemas.instant import DAY, HOUR
from schemas.orders import Item, OrderPlaced
from state.customer import ROW_VERSION, decode_customer
from state.shop import Shop as ShopRow
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.demo.path import PARTITIONS
from streams.partitioner import partition_of

pytestmark = pytest.mark.live

CUSTOMERS = [f"customer-{it}" for it in range(25)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def order(customer: str, at: int) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{customer}-{at}", customer_id=customer, occurred_at=at,
        order_id=f"{customer}-{at}", products=(Item("tea", price_cents=900),), currency="EUR",
    )  # fmt: skip


@pytest.fixture
def ebbtide(shop: Shop, tmp_path: Path) -> Callable[..., Any]:
    """Runs a command; with what follows the file's name as lines in it."""

    def run(*words: str, events: list[OrderPlaced] | None = None) -> Any:
        file = tmp_path / "events.jsonl"
        if events is not None:
            file.write_bytes(b"".join(encode_json(it) + b"\n" for it in events))
            words = (*words, str(file))
        done = subprocess.run(
            [sys.executable, "-m", "streams.main", *words, "--json"],
            env=os.environ | {
                "EBBTIDE_BROKER": shop.settings.broker, "EBBTIDE_REDIS_URL": shop.settings.redis_url,
                "EBBTIDE_COUPON_KEY": shop.settings.coupon_key,
            },
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return msgspec.json.decode(done.stdout.splitlines()[-1])

    return run


def row(shop: Shop, customer: str) -> tuple[str, bytes | None]:
    """The key of a customer's rows, and the row."""
    key = f"ebb:{{p{partition_of(customer, PARTITIONS)}}}:customers"
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        found: Any = client.hget(key, customer)
    return key, found


def orders_of(shop: Shop, customer: str) -> int:
    """How many orders a customer's row counts."""
    _, found = row(shop, customer)
    return 0 if found is None else decode_customer(customer, found).order_count


def clock(shop: Shop) -> int:
    """The earliest partition's."""
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        found: list[Any] = [client.get(f"ebb:{{p{it}}}:shop") for it in range(PARTITIONS)]
    return min(msgspec.msgpack.decode(it, type=ShopRow).clock_at if it else 0 for it in found)


def decisions(shop: Shop) -> int:
    """All but what is only noted, such as points that ended long ago."""
    with Reader(Brokers(shop.settings.broker)) as reader:
        said = [decode_decision(it.value() or b"") for it in reader.to_the_end([DECISIONS])]
    return sum(it.outcome != "noted" for it in said)


def test_history_is_imported_into_a_shop_at_work_without_a_word(
    shop: Shop, ebbtide: Callable[..., Any]
) -> None:
    # The last one 200 days ago: live, all 25 would be alerted about at the next tick.
    past = [order(it, now() - day * DAY) for it in CUSTOMERS for day in (400, 300, 200)]
    assert ebbtide("import", events=past)["imported"] == 75
    until(lambda: all(orders_of(shop, it) == 3 for it in CUSTOMERS), "all rows are there")
    assert ebbtide("import", events=past)["imported"] == 75  # Once more, and counted once.
    imported_at = now()
    until(lambda: clock(shop) > imported_at, "the clock has ticked over it")
    assert decisions(shop) == 0
    ebbtide("publish", events=[order("ann", now())])
    until(lambda: orders_of(shop, "ann") == 1, "the worker goes on")
    assert [orders_of(shop, it) for it in CUSTOMERS] == [3] * 25
    assert ebbtide("rebuild", "--dry-run")["differences"] == 0


def test_a_newer_versions_row_ends_the_worker_with_what_to_do_and_nothing_is_lost(
    shop: Shop, ebbtide: Callable[..., Any]
) -> None:
    ebbtide("publish", events=[order("bea", now() - HOUR)])
    until(lambda: orders_of(shop, "bea") == 1, "there is a row")
    key, good = row(shop, "bea")
    assert good is not None
    fields = msgspec.msgpack.decode(good)
    newer = msgspec.msgpack.encode([ROW_VERSION + 1, *fields[1:], "a field of tomorrow"])
    with redis.Redis.from_url(shop.servers.redis_url) as client:
        client.hset(key, "bea", newer)
        ebbtide("publish", events=[order("bea", now())])
        assert shop.worker.wait(30) == 1
        said = (shop.folder / "worker.log").read_text()
        assert f"the row of 'bea' has version {ROW_VERSION + 1}" in said
        assert "run the newer version, or rebuild the rows" in said
        assert client.hget(key, "bea") == newer
        # The older version's answer: a row without the last fields, as version 1 began.
        client.hset(key, "bea", msgspec.msgpack.encode(fields[:12]))
    shop.worker = shop.start_worker()
    until(lambda: orders_of(shop, "bea") == 2, "the event that stopped it is applied")
