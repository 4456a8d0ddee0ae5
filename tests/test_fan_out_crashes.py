"""Fan-out in a storm: workers die between two parts, records come again, zombies write; none of it shows."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, _without_waiting, journal
from waiting_shop import BEGIN, STEPS, Watcher, check_waiting, history, run, shop_of

from schemas.clickstream import ProductWishlisted
from schemas.journal import Record
from schemas.shop_events import StockChanged
from state.memory_table import MemoryTable
from state.table import Commit, Position, StoreError
from streams.apply import Conflict, apply


class Weather(MemoryTable):
    """A table in a storm: its answers fail, before or after it has done what was asked."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self.commits = 0

    async def commit(self, partition: int, commit: Commit) -> bool:
        if self._rng.random() < 0.2:
            raise StoreError("away before")
        done = await super().commit(partition, commit)
        self.commits += done
        if self._rng.random() < 0.2:
            raise StoreError("away after")
        return done


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STEPS, st.integers(0, 2**32), st.integers(1, 2))
def test_crashes_redeliveries_and_zombies_do_not_show(
    steps: list[Any], seed: int, fan_out_max: int
) -> None:
    records = journal(history(steps))
    calm = run(shop_of(), [records])
    rng, stormy = Random(seed), shop_of(fan_out_max, fan_out_max)
    stormy.table = Weather(rng)
    #: Workers, each where it believes the partition to be: all of them write, and one of them may.
    believed = [Position()] * 3
    while believed[0].offset < len(records) or believed[0].chunk:
        who = rng.randrange(3)
        _without_waiting(_work(stormy, records, believed, who, rng))
        check_waiting(stormy)
        believed[0] = _without_waiting(stormy.table.position(0))

    state = stormy.state()
    assert state.pop("position").offset == calm["position"].offset
    assert state == {name: it for name, it in calm.items() if name != "position"}


async def _work(
    shop: Partition, records: list[Record], believed: list[Position], who: int, rng: Random
) -> None:
    """A worker reads from where it believes to be, some records again, and dies at any commit."""
    position = believed[who]
    size = rng.randrange(1, 12)
    batch = records[position.offset : position.offset + size]
    offsets = range(position.offset, position.offset + len(batch))
    try:
        async for applied in apply(shop.engine, shop.table, 0, position, offsets, batch):
            believed[who] = applied.position
            if rng.random() < 0.3:
                return
    except (Conflict, StoreError):
        believed[who] = await shop.table.position(0)


def wished(who: str) -> ProductWishlisted:
    return ProductWishlisted(
        event_id=f"w-{who}", occurred_at=BEGIN, customer_id=who, product_id="tea"
    )


def stock(event_id: str, available: int) -> StockChanged:
    return StockChanged("tea", available, event_id=event_id, occurred_at=BEGIN)


async def _begin(shop: Partition, record: Record, offset: int, commits: int) -> Position:
    """Apply a record, and die after so many commits."""
    position = await shop.table.position(0)
    async for applied in apply(shop.engine, shop.table, 0, position, [offset], [record]):
        position, commits = applied.position, commits - 1
        if not commits:
            break
    return position


@pytest.mark.parametrize("commits", [1, 2])
def test_a_successor_goes_on_after_the_last_one_who_was_told(commits: int) -> None:
    shop = shop_of(1, 1_000, Watcher())
    shop.facts(*(wished(it) for it in ("ann", "bob", "cem")))
    (record,) = journal([stock("s1", 5)], begin=3)

    position = _without_waiting(_begin(shop, record, 3, commits))
    assert (position.offset, position.chunk) == (3, commits)
    assert shop.product("tea").available == 0  # type: ignore[union-attr]
    told = {it.customer_id for it in shop.outbox()}
    assert told == {"ann", "bob"} if commits == 2 else {"ann"}

    position = _without_waiting(_begin(shop, record, 3, 99))
    assert (position.offset, position.chunk) == (4, 0)
    assert shop.product("tea").available == 5  # type: ignore[union-attr]
    said = [(it.customer_id, it.outcome) for it in shop.outbox()]
    assert said == [(who, how) for who in ("ann", "bob", "cem") for how in ("noted", "sent")]


def test_a_cursor_that_a_gap_in_the_journal_has_left_behind_hides_nobody() -> None:
    shop = shop_of(1, 1_000, Watcher())
    shop.facts(wished("ann"), wished("bob"))
    lost, found = journal([stock("s1", 5), stock("s2", 6)], begin=2)

    assert _without_waiting(_begin(shop, lost, 2, 1)).chunk == 1
    # The record is gone from the journal before its second part.
    assert _without_waiting(_begin(shop, found, 3, 99)) == Position(4, 0, 6)
    causes = [(it.customer_id, it.cause) for it in shop.outbox() if it.outcome == "noted"]
    assert causes == [("ann", "tea/s1"), ("ann", "tea/s2"), ("bob", "tea/s2")]
