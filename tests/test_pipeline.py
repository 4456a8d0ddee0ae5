"""The whole path says what the engine in memory says: the same triggers, also through a kill -9."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from live_shop import Shop, open_shop, until

from schemas.event import Event
from schemas.journal import Tick
from streams.bootstrap import Policy, load_policy
from streams.demo.journey import feed
from streams.demo.path import PARTITIONS, run_in_memory, run_through_kafka
from streams.demo.progress import Progress, Summary
from streams.simulated.simulation import Simulation

pytestmark = pytest.mark.live

END = 1_768_896_000_000  # 2026-01-20 08:00 UTC
DAYS = 120
FEWER_DAYS = 60  # Enough to be killed in the middle, and too few for a churn alert.


def history(days: int = DAYS) -> Iterator[Event | Tick]:
    """The orders of a simulated shop, in time order, with ticks each hour."""
    facts = Simulation(300, 7, END).history(days)
    events = (it for topic, it in facts if topic == "orders" and isinstance(it, Event))
    return feed(sorted(events, key=lambda event: (event.occurred_at, event.event_id)))


def policy_of(shop: Shop) -> Policy:
    return load_policy(shop.settings)


def in_memory(shop: Shop, days: int = DAYS) -> Summary:
    engine = policy_of(shop).engine(PARTITIONS)
    return asyncio.run(run_in_memory(history(days), engine, Progress()))


def same(live: Summary, expected: Summary) -> None:
    assert live.triggers == expected.triggers
    assert live.trigger_ids_sha256 == expected.trigger_ids_sha256
    assert live.decisions == expected.decisions
    assert live.events == expected.events
    assert live.customers == expected.customers
    assert live.row_bytes_median == expected.row_bytes_median
    assert live.dead_letters == 0


def run(shop: Shop, progress: Progress, days: int = DAYS) -> Summary:
    return asyncio.run(through_kafka(shop, progress, days))


async def through_kafka(shop: Shop, progress: Progress, days: int) -> Summary:
    servers, policy = shop.servers, policy_of(shop)
    return await run_through_kafka(
        history(days), servers.broker, servers.redis_url, policy, progress
    )


def test_the_broker_path_and_the_memory_say_the_same(tmp_path: Path) -> None:
    with open_shop(tmp_path, clock="feed") as shop:
        live = run(shop, Progress())
        expected = in_memory(shop)
    assert expected.triggers["churn_alert"] > 20
    same(live, expected)
    assert live.duplicate_trigger_ids == 0


def test_workers_killed_on_the_way_change_nothing_that_is_said(tmp_path: Path) -> None:
    with open_shop(tmp_path, clock="feed") as shop:
        progress = Progress()

        async def killed_twice() -> Summary:
            running = asyncio.create_task(through_kafka(shop, progress, FEWER_DAYS))
            for applied in (700, 1_500):
                under_way = partial(lambda enough: progress.applied > enough, applied)
                await asyncio.to_thread(until, under_way, "under way")
                shop.kill_worker()
            return await running

        live = asyncio.run(killed_twice())
        expected = in_memory(shop, FEWER_DAYS)
    assert expected.triggers["tier_up"] > 50
    # The relay may publish a trigger again under the same id, if it dies before it has noted it.
    same(live, expected)
