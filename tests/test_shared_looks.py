"""What partitions learn of each other's visitors: each look once, whoever carries it over how often."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import cut, journal
from street import AT, Street, engine, everybody_looks

from agents.engine import sharing
from agents.engine.visits import SHARED_VIEWS_MAX
from schemas.clickstream import ProductAdded, ProductViewed
from schemas.codec import decode_record, encode_json, encode_row
from schemas.instant import DAY, MINUTE
from schemas.journal import Look, LooksEntry, LooksOf, Record, Tick
from state import shared_looks
from state.product import Product
from state.shared_looks import SHARED_LOOKS, SharedLooks
from state.table import Needs
from streams.learning.sharing import BYTES_MAX
from streams.producer import DeliveryError
from streams.replay import Replay


def test_what_was_looked_at_elsewhere_is_known_beside_a_product_and_popular() -> None:
    street = Street()
    street.visit(0, "ann", "tent", "mat", "tent", category="camping")
    street.visit(1, "bob", "soap")
    street.look(street.leader())
    tent = msgspec.msgpack.decode(street.products(1)["tent"], type=Product)
    assert tent.beside is not None
    assert set(tent.beside.near) == {"mat"}
    assert tent.beside.day == AT // DAY
    assert street.popular(1) == [("tent", 2), ("mat", 1), ("soap", 1)]
    assert street.shops[1].state()["counters"]["shared_looks/learned"] == 3


def test_a_look_alone_makes_no_row_elsewhere_either() -> None:
    street = Street()
    everybody_looks(street)
    street.look(street.leader())
    assert set(street.products(1)) == {"tent", "mat", "stove"}


def test_of_a_visit_without_end_the_others_hear_only_how_it_began() -> None:
    street = Street()
    street.visit(0, "bot", *(f"product-{it}" for it in range(SHARED_VIEWS_MAX + 20)))
    assert street.kept(0).noted == SHARED_VIEWS_MAX


def test_what_goes_into_the_cart_counts_once_more_beside_the_others() -> None:
    street = Street()
    street.visit(0, "ann", "tent", "mat")
    added = ProductAdded(event_id="a", occurred_at=AT + 9, anonymous_id="ann", product_id="mat")
    street.shops[0].facts(added, begin=900)
    looks = [msgspec.json.decode(it, type=Look) for it in street.kept(0).looks.values()]
    assert [it.products for it in looks] == [["tent"], ["mat", "tent"], ["mat", "tent"]]


def test_a_record_is_json_that_kcat_can_read_and_has_nothing_of_customers() -> None:
    street = Street()
    street.shops[0].feed([Tick(AT)])
    street.visit(0, "ann", "tent", "mat", category="camping")
    street.visit(1, "bob", "soap")
    street.look(street.leader())
    records = dict(street.sent)
    day = AT // DAY
    assert records[1].decode() == (
        f'{{"type":"looks","own_until":-1,"of":[[0,[[{AT}000,{day},"camping",["tent"]],'
        f'[{AT}001,{day},"camping",["mat","tent"]]]]]}}'
    )
    assert encode_json(decode_record(records[1])) == records[1]
    assert not [it for it in records.values() if b"ann" in it or b"bob" in it]


def test_a_look_stays_until_the_journals_of_all_others_have_it() -> None:
    street = Street()
    leader = street.leader()
    everybody_looks(street)
    street.look(leader)
    assert len(street.kept(0).looks) == 3
    street.visit(1, "bob", "soap")
    [own] = [entry.own_until for it, entry in street.look(leader) if it == 0]
    assert own == 2
    assert street.kept(0).looks == {}
    assert street.kept(0).held_bytes == 0
    assert street.look(leader) == []


def test_what_comes_twice_is_passed_over() -> None:
    street = Street()
    everybody_looks(street)
    street.look(street.leader())
    before = [street.products(it).copy() for it in range(3)], street.popular(1)
    # Another leader knows nothing of what the first has sent; nor does one that comes too late.
    for partition, value in list(street.sent):
        street.shops[partition].feed([decode_record(value)])
    assert ([street.products(it) for it in range(3)], street.popular(1)) == before
    assert street.shops[1].state()["counters"]["shared_looks/known"] == 4


def test_who_leads_next_carries_over_what_some_have_not_and_all_learn_it_once() -> None:
    calm, stormy = Street(), Street()
    for street in (calm, stormy):
        everybody_looks(street)
    calm.look(calm.leader())
    stormy.fails = "part"
    with pytest.raises(DeliveryError):
        stormy.look(stormy.leader())
    stormy.fails = ""
    stormy.look(stormy.leader())
    for it in range(3):
        assert stormy.products(it) == calm.products(it)
        assert stormy.popular(it) == calm.popular(it)
        assert stormy.kept(it) == calm.kept(it)


def test_a_leader_that_knows_all_to_have_it_lets_the_next_one_begin_there() -> None:
    street = Street()
    everybody_looks(street)
    street.look(street.leader())
    street.visit(0, "ann", "tent")
    again = street.look(street.leader())
    assert [look.products[0] for it, entry in again if it == 1 for of in entry.of
            for look in of.looks] == ["tent"]  # fmt: skip


def test_a_partition_without_a_look_of_its_own_is_told_of_those_of_others() -> None:
    street = Street()
    street.visit(0, "ann", "tent", "mat")
    street.look(street.leader())
    assert set(street.products(2)) == {"tent", "mat"}


def test_the_ledger_lets_go_of_the_oldest_looks_and_what_is_left_out_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_looks, "BYTES_MAX", 200)
    street = Street()
    leader = street.leader()
    everybody_looks(street)
    street.look(leader)
    for number in range(20):
        street.visit(0, f"v{number}", f"product-{number:02}")
    kept = street.kept(0)
    assert kept.held_bytes == sum(map(len, kept.looks.values())) <= 200
    assert kept.noted == 23
    found = leader._exchange.round(
        [asyncio.run(street.load(it, Needs(ledgers=[SHARED_LOOKS]))) for it in range(3)]
    )
    assert found is not None
    assert found.left_out == 20 - len(kept.looks)


def test_many_looks_are_cut_into_records_and_each_is_in_one() -> None:
    street = Street()
    for number in range(30):
        street.visit(0, f"v{number}", *(f"{'long' * 25}-{number}-{it}" for it in range(10)))
    street.visit(1, "bob", "soap")
    records = [(it, entry) for it, entry in street.look(street.leader()) if it == 1]
    assert len(records) > 1
    numbers = [look.number for _, entry in records for of in entry.of for look in of.looks]
    assert numbers == list(street.kept(0).looks)
    assert max(len(value) for _, value in street.sent) < BYTES_MAX + 2_000


def test_the_rows_of_many_looks_are_not_loaded_at_once() -> None:
    entry = LooksEntry(-1, [LooksOf(1, [Look(it, 1, "", ["a", "b"]) for it in range(1_500)])])
    assert sharing.stretch([entry, Tick(AT), entry]) == 2
    assert sharing.stretch([entry, Tick(AT)]) == 2


@pytest.mark.parametrize("others", [0, sharing.WHOLE_MAX])
def test_what_is_beside_a_product_is_handed_on_where_few_looks_come_at_once(others: int) -> None:
    street = Street()
    looks = [Look(0, 1, "", ["mat", "tent"]), Look(1, 1, "", ["lamp", "mat"])]
    looks += [Look(2 + it, 1, "", ["soap"]) for it in range(others)]
    street.shops[1].feed([LooksEntry(-1, [LooksOf(0, looks)])])
    lamp = msgspec.msgpack.decode(street.products(1)["lamp"], type=Product)
    assert lamp.beside is not None
    assert set(lamp.beside.near) == ({"mat"} if others else {"mat", "tent"})


@pytest.mark.parametrize("off", [{"partitions": 1}, {"share_seconds": 0.0}])
def test_alone_or_switched_off_nothing_is_kept_and_a_record_changes_nothing(
    off: dict[str, Any],
) -> None:
    street = Street(**off)
    street.visit(0, "ann", "tent", "mat")
    street.shops[0].feed([LooksEntry(-1, [LooksOf(1, [Look(0, 1, "", ["a", "b"])])])])
    assert SHARED_LOOKS not in street.shops[0].state()["ledgers"]
    assert "a" not in street.products(0)
    assert street.shops[0].state()["counters"]["shared_looks/off"] == 1


def test_numbers_follow_the_clock_so_that_other_settings_do_not_set_them_back() -> None:
    ledger = SharedLooks()
    ledger.enter(Look(ledger.number_at(0), 1, "", ["a"]))
    ledger.enter(Look(ledger.number_at(0), 1, "", ["a"]))
    ledger.enter(Look(ledger.number_at(AT), 1, "", ["a"]))
    ledger.enter(Look(ledger.number_at(AT), 1, "", ["a"]))
    assert list(ledger.looks) == [0, 1, AT * 1_000, AT * 1_000 + 1]
    assert ledger.number_at(AT + 1) == (AT + 1) * 1_000, "many looks do not run ahead of the clock"


PRODUCTS = ("tent", "mat", "stove", "lamp")
A_LOOK = st.tuples(st.integers(0, 9), st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=5))


@given(
    steps=st.lists(st.one_of(
        st.tuples(st.just("view"), st.sampled_from(PRODUCTS)),
        st.tuples(st.just("looks"), st.lists(A_LOOK, max_size=4)),
        st.tuples(st.just("tick"), st.integers(0, 3)),
    ), max_size=14),
    sizes=st.lists(st.integers(1, 4), max_size=14),
)  # fmt: skip
@settings(deadline=None)
def test_the_same_log_gives_the_same_rows_however_it_is_cut(
    steps: list[tuple[str, Any]], sizes: list[int]
) -> None:
    log: list[Record] = []
    for number, (what, of) in enumerate(steps):
        if what == "view":
            view = ProductViewed(
                event_id=f"e{number}", occurred_at=AT + number, anonymous_id="ann", product_id=of
            )
            log += journal([view], begin=number)
        elif what == "tick":
            log.append(Tick(AT + of * MINUTE))
        else:
            looks = [Look(it, AT // DAY, "", names) for it, names in of]
            log.append(LooksEntry(number - 3, [LooksOf(1, looks)]))
    at_once, by_pieces = Street().shops[0], Street().shops[0]
    at_once.feed(log)
    for batch in cut(log, sizes):
        by_pieces.feed(batch)
    for name in ("ledgers", "products", "counters", "customers"):
        assert by_pieces.state()[name] == at_once.state()[name]


def test_a_history_played_in_memory_has_partitions_learn_from_each_other() -> None:
    def played(share_seconds: float) -> Replay:
        replay = Replay(engine(2, share_seconds), 2)
        for number in range(12):
            views = [
                ProductViewed(
                    event_id=f"{number}-{it}", occurred_at=AT + number * MINUTE,
                    anonymous_id=f"v{number}", product_id=it,
                )
                for it in ("tent", "mat")
            ]  # fmt: skip
            asyncio.run(replay.run([*views, Tick(AT + number * MINUTE)]))
        return replay

    def looks(replay: Replay, partition: int) -> int:
        row = replay.table.contents(partition)["products", "tent"]
        beside = msgspec.msgpack.decode(row, type=Product).beside
        return 0 if beside is None else beside.looks // 64

    alone, together = played(0.0), played(10.0)
    assert looks(alone, 0) + looks(alone, 1) == 12
    assert [looks(together, it) for it in range(2)] == [12, 12]
    assert encode_row(together.table.contents(0)) == encode_row(played(10.0).table.contents(0))


def test_a_worker_that_does_not_lead_carries_nothing_and_one_that_fails_tries_again() -> None:
    street = Street()
    everybody_looks(street)

    async def work() -> None:
        running = asyncio.ensure_future(street.leader().run())
        street.leads = False
        await asyncio.sleep(0.05)
        assert street.sent == []
        street.leads, street.fails = True, "load"
        await asyncio.sleep(0.05)
        assert street.sent == []
        street.fails = ""
        async with asyncio.timeout(5):
            while not street.sent:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(work())
