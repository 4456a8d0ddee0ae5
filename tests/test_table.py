"""Tables: a commit happens whole or not at all, and both tables keep the same laws."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis_cluster import open_cluster
from tables import (
    BEGINNING,
    ELSEWHERE,
    EVER,
    FULL,
    HERE,
    IDS,
    Store,
    memory_store,
    open_client,
    redis_store,
    step,
)

from state.table import Loaded, Position
from state.waiting import Waiters
from streams.embedded import Embedded

# More than Lua takes at once (about 8,000), in each group of a commit, and not a multiple of it.
MANY = 20_000


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Embedded(tmp_path_factory.mktemp("table")) as embedded:
        yield embedded.redis_url


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with open_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.url


LIVE = [pytest.param(it, marks=pytest.mark.live) for it in ("redis", "cluster")]


@pytest.fixture(params=["memory", *LIVE])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        with memory_store() as store:
            yield store
        return
    url = request.getfixturevalue(f"{request.param}_url")
    with open_client(url) as client, redis_store(url) as store:
        client.flushall()
        yield store


def test_a_partition_begins_at_the_beginning_with_nothing_in_it(store: Store) -> None:
    assert str(store.position()) == "0:0:0"
    loaded = store.load(customers=["ann"], products=["tea"], due_until=EVER, due_max=9)
    assert loaded == Loaded(BEGINNING, None, {"ann": None}, {"tea": None}, [], due_cut=False)
    assert store.outbox() == []


def test_a_load_gives_back_what_a_commit_wrote(store: Store) -> None:
    assert store.commit(FULL)
    assert store.position() == Position(1, 0, 2)
    loaded = store.load(
        customers=["zoë", "nobody", "ann"], products=["tea", "none"], ledgers=["none", "rfm"],
        awaited=["none", "tea"], waiters=Waiters("tea", "", 1),
    )  # fmt: skip
    assert loaded == Loaded(
        Position(1, 0, 2),
        b"shop",
        {"zoë": b"row of zoe", "nobody": None, "ann": b"row of ann"},
        {"tea": b"row of tea", "none": None},
        ledgers={"none": None, "rfm": b"ledger of rfm"},
        awaited=["tea"], waiters=["ann"], waiters_cut=True,
    )  # fmt: skip
    assert store.outbox() == [b"first", b"second"]


def test_any_bytes_are_a_row(store: Store) -> None:
    row = bytes(range(256)) * 40
    store.commit(step(BEGINNING, shop=row, customers={"ann": row, "bob": b""}, outbox=[row, b""]))
    loaded = store.load(customers=["ann", "bob"])
    assert (loaded.shop, loaded.customers) == (row, {"ann": row, "bob": b""})
    assert store.outbox() == [row, b""]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    "expected", [Position(0, 1, 0), Position(0, 0, 1), Position(1, 0, 1), Position(2, 0, 2)]
)
def test_whoever_holds_another_position_changes_nothing_at_all(
    store: Store, expected: Position, begun: bool
) -> None:
    if begun:
        assert store.commit(FULL)
    before = store.everything()
    rest: dict[str, Any] = {"shop": b"other", "products": {"tea": b"x"}, "published": 2,
                            "waiting": {("tea", "ann"): False, ("pot", "ann"): True}}  # fmt: skip
    changes = {"customers": {"ann": None, "bob": b"x"}, "due": {"ann": None, "bob": 5}, **rest}
    assert not store.commit(step(expected, outbox=[b"x"], counters={"x": 1}, **changes))
    assert store.everything() == before


def test_a_commit_that_is_repeated_changes_nothing(store: Store) -> None:
    assert store.commit(FULL)
    before = store.everything()
    assert not store.commit(FULL)
    assert store.everything() == before


def test_a_chunk_of_a_tick_moves_the_position(store: Store) -> None:
    assert store.commit(step(BEGINNING, position=Position(0, 1, 0)))
    assert not store.commit(step(BEGINNING, position=Position(0, 1, 0)))
    assert store.commit(step(Position(0, 1, 0), position=Position(0, 2, 0)))
    assert store.position() == Position(0, 2, 0)


def test_the_due_come_by_time_and_then_by_id(store: Store) -> None:
    due = dict.fromkeys(reversed(IDS), 2_000) | {"late": 1_000, "early": 3_000}
    store.commit(step(BEGINNING, customers={name: name.encode() for name in due}, due=due))
    loaded = store.load(due_until=2_000, due_max=99)
    assert loaded.due == [(1_000, "late"), *((2_000, name) for name in sorted(IDS))]
    assert not loaded.due_cut
    assert loaded.customers == {name: name.encode() for _, name in loaded.due}


@pytest.mark.parametrize(
    ("due_until", "due_max", "due", "due_cut"),
    [
        (None, 9, [], False),
        (9, 9, [], False),
        (10, 9, [(10, "a")], False),
        (20, 3, [(10, "a"), (20, "b"), (20, "c")], False),
        (20, 2, [(10, "a"), (20, "b")], True),
        (20, 0, [], True),
        (EVER, 3, [(10, "a"), (20, "b"), (20, "c")], True),
    ],
)
def test_no_more_of_the_due_are_loaded_than_asked_for_and_a_cut_is_told(
    store: Store, due_until: int | None, due_max: int, due: list[tuple[int, str]], due_cut: bool
) -> None:
    timers = {"c": 20, "a": 10, "d": 30, "b": 20}
    store.commit(step(BEGINNING, customers=dict.fromkeys(timers, b"row"), due=timers))
    loaded = store.load(due_until=due_until, due_max=due_max)
    assert (loaded.due, loaded.due_cut) == (due, due_cut)
    assert {name for _, name in due} <= loaded.customers.keys()


def test_those_who_wait_for_a_product_come_by_their_ids_a_part_at_a_time(store: Store) -> None:
    # Others begin like it, are shorter, or hold what looks like an entry.
    others = ("te", "teas", "3:tea", "a")
    waiting = {("tea", name): True for name in reversed(IDS)}
    waiting |= {(product, "ann"): True for product in others}
    rows = {name: name.encode() for name in IDS}
    assert store.commit(step(BEGINNING, customers=rows, waiting=waiting))
    found: list[str] = []
    while True:
        after = found[-1] if found else ""
        loaded = store.load(waiters=Waiters("tea", after, 2))
        assert loaded.customers == {name: name.encode() for name in loaded.customers}
        assert loaded.customers.keys() >= set(loaded.waiters)
        found += loaded.waiters
        if not loaded.waiters_cut:
            break
        assert len(loaded.waiters) == 2
    assert found == sorted(IDS)


def test_it_is_told_for_which_products_anybody_waits(store: Store) -> None:
    waiting = {("tea", "ann"): True, ("tea", "bob"): True, ("pot", "ann"): True}
    store.commit(step(BEGINNING, waiting=waiting))
    asked = ["mug", "tea", "te", "pot", "teas", "3:tea"]
    assert store.load(awaited=asked).awaited == ["tea", "pot"]

    gone = {("tea", "ann"): False, ("pot", "ann"): False, ("mug", "zoë"): False}
    store.commit(step(Position(1), waiting=gone))
    assert store.load(awaited=asked).awaited == ["tea"]
    assert store.load(waiters=Waiters("tea", "", 9)).waiters == ["bob"]
    assert store.load(waiters=Waiters("tea", "bob", 9)).waiters == []
    assert not store.load(waiters=Waiters("tea", "", 1)).waiters_cut


def test_a_timer_can_be_moved_and_taken_away(store: Store) -> None:
    store.commit(step(BEGINNING, customers={"ann": b"a", "bob": b"b"}, due={"ann": 10, "bob": 20}))
    store.commit(step(Position(1), due={"ann": 30, "bob": None, "nobody": None}))
    assert store.load(due_until=99, due_max=9).due == [(30, "ann")]


def test_a_row_of_none_is_deleted_with_its_timer(store: Store) -> None:
    store.commit(FULL)
    gone = {"ann": None, "nobody": None}
    store.commit(step(Position(1, 0, 2), customers=gone, due={"ann": None}))
    loaded = store.load(customers=["ann"], due_until=EVER, due_max=9)
    assert loaded.customers["ann"] is None
    assert loaded.due == [(1_768_896_000_001, "zoë")]


def test_the_outbox_is_in_order_across_commits(store: Store) -> None:
    for number in range(3):
        entries = [b"%d" % (2 * number), b"%d" % (2 * number + 1)]
        store.commit(step(store.position(), outbox=entries))
    assert store.outbox() == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert store.outbox(entries_max=2) == [b"0", b"1"]


@pytest.mark.parametrize("by_commit", [False, True])
@pytest.mark.parametrize(
    ("published", "left"),
    [
        ([0], [b"1", b"2", b"3"]),
        ([1], [b"2", b"3"]),
        ([2, 2], [b"3"]),
        ([2, 1], [b"3"]),
        ([3], []),
        ([4], [b"1", b"2", b"3"]),  # Of rows that others have taken the place of.
        ([3, 9, 0], []),
    ],
)
def test_what_was_published_leaves_the_outbox_and_nothing_else_does(
    store: Store, published: list[int], left: list[bytes], by_commit: bool
) -> None:
    store.commit(step(BEGINNING, outbox=[b"1", b"2", b"3"]))
    for sequence in published:
        if by_commit:
            assert store.commit(step(store.position(), published=sequence))
        else:
            store.published(sequence)
    assert store.outbox() == left
    store.commit(step(store.position(), outbox=[b"4"], published=3))
    assert store.outbox() == [b"4"]


def test_a_decision_that_waits_is_replaced_and_keeps_its_place(store: Store) -> None:
    store.commit(step(BEGINNING, outbox=[b"1", b"2", b"3"]))
    changed = {1: b"gone", 2: b"two", 4: b"four", 9: b"never decided"}
    store.commit(step(store.position(), outbox=[b"4", b"5"], published=1, blanked=changed))
    assert store.outbox() == [b"two", b"3", b"four", b"5"]
    store.commit(step(store.position(), published=5, blanked={2: b"out already"}))
    assert store.outbox() == []


def test_keys_that_are_to_be_destroyed_are_noted_once_each(store: Store) -> None:
    one, two, three = (it * 8 for it in "abc")
    store.commit(step(BEGINNING, keys_to_destroy={"ann": one + two, "bob": one}))
    store.commit(step(store.position(), keys_to_destroy={"ann": two + three}))
    assert not store.commit(step(BEGINNING, keys_to_destroy={"zoë": one}))
    assert store.contents(HERE)["destroying"] == {"ann": one + two + three, "bob": one}


def test_counters_add_up(store: Store) -> None:
    store.commit(step(BEGINNING, counters={"a": 2, "b": 1}))
    store.commit(step(Position(1), counters={"a": 3}))
    assert store.contents(HERE)["counters"] == {"a": 5, "b": 1}


def test_two_partitions_do_not_touch_each_other(store: Store) -> None:
    store.commit(FULL)
    before = store.contents(HERE)
    assert store.position(ELSEWHERE) == BEGINNING
    assert store.load(ELSEWHERE, customers=["ann"], due_until=EVER, due_max=9) == Loaded(
        BEGINNING, None, {"ann": None}, {}
    )
    other = {"customers": {"ann": b"another ann"}, "due": {"ann": 5}, "outbox": [b"x"]}
    assert store.commit(step(BEGINNING, **other, published=1), ELSEWHERE)
    assert store.contents(HERE) == before
    assert store.contents(ELSEWHERE)["customers"] == {"ann": b"another ann"}


def test_a_commit_may_be_far_larger_than_lua_takes_at_once(store: Store) -> None:
    ids = [f"c{number:05}" for number in range(MANY)]
    rows = {name: name.encode() for name in ids}
    changes: dict[str, Any] = {
        "customers": rows, "due": {name: at for at, name in enumerate(ids)}, "products": rows,
        "outbox": list(rows.values()), "counters": dict.fromkeys(ids, 1), "ledgers": rows,
        "waiting": {("tea", name): True for name in ids},
    }  # fmt: skip
    assert store.commit(step(BEGINNING, **changes))
    loaded = store.load(
        customers=ids, products=ids, due_until=MANY, due_max=MANY - 1, ledgers=ids, awaited=ids,
        waiters=Waiters("tea", "", MANY - 1),
    )  # fmt: skip
    assert (loaded.awaited, loaded.waiters, loaded.waiters_cut) == ([], ids[:-1], True)
    assert (loaded.customers, loaded.products, loaded.due_cut) == (rows, rows, True)
    assert loaded.ledgers == rows
    assert loaded.due == list(enumerate(ids))[:-1]
    assert store.outbox() == list(rows.values())
    assert len(store.contents(HERE)["counters"]) == MANY

    nothing = dict.fromkeys(ids)
    gone = {("tea", name): False for name in ids}
    assert store.commit(
        step(store.position(), customers=nothing, due=nothing, published=MANY, waiting=gone)
    )
    emptied = store.contents(HERE)
    assert [emptied[name] for name in ("customers", "timers", "outbox")] == [{}, {}, []]
    assert emptied["waiting"] == []
    assert emptied["products"] == rows
