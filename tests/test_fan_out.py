"""Fan-out: a product's change reaches each who waits for it, once, however it is cut and whoever dies."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from partition import _without_waiting, cut, journal
from waiting_shop import (
    BEGIN,
    STEPS,
    Watcher,
    check_waiting,
    history,
    run,
    shop_of,
)

from agents.agent import Act, Agent, Await, Remember, View
from agents.product_change import ProductChange
from schemas.clickstream import ProductRemoved, ProductWishlisted
from schemas.decisions import Decision, decision_id
from schemas.instant import HOUR
from schemas.journal import ShopEntry, Source, Tick
from schemas.profiles import ErasureRequested
from schemas.shop_events import PriceChanged, StockChanged
from state.customer import AWAITED_MAX
from state.table import Commit, Loaded, Needs
from streams.apply import apply


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STEPS, st.lists(st.integers(1, 9), max_size=40), st.integers(1, 3), st.integers(1, 3))
def test_any_log_cut_into_any_batches_and_any_parts_tells_the_same(
    steps: list[Any], sizes: list[int], fan_out_max: int, due_max: int
) -> None:
    records = journal(history(steps))

    one_by_one = run(shop_of(), cut(records, [1] * len(records)))

    assert run(shop_of(), [records]) == one_by_one
    assert run(shop_of(fan_out_max, due_max), cut(records, sizes)) == one_by_one


# Told by hand.

ANN, BOB = "ann", "bob"


def wished(event_id: str, who: str, product_id: str = "tea", at: int = BEGIN) -> Any:
    return ProductWishlisted(
        event_id=event_id, occurred_at=at, customer_id=who, product_id=product_id
    )


def stock(event_id: str, available: int, at: int = BEGIN, product_id: str = "tea") -> StockChanged:
    return StockChanged(product_id, available, event_id=event_id, occurred_at=at)


def price(event_id: str, cents: int, at: int = BEGIN) -> PriceChanged:
    return PriceChanged("tea", cents, "EUR", event_id=event_id, occurred_at=at)


def notes(said: Iterable[Decision]) -> list[tuple[str, str]]:
    return [(it.customer_id, it.reason) for it in said if it.outcome == "noted"]


@pytest.mark.parametrize("fan_out_max", [1, 2, 3, 100])
def test_all_who_wait_are_told_in_order_of_their_ids_also_those_of_the_same_batch(
    fan_out_max: int,
) -> None:
    shop = shop_of(fan_out_max)
    shop.facts(*(wished(f"w{it}", it) for it in ("dee", "ann", "cem")))
    # bob comes after the batch has been loaded, and cem leaves.
    gone = ProductRemoved(event_id="r", occurred_at=BEGIN, customer_id="cem", product_id="tea")
    said = shop.facts(wished("w", "bob"), gone, stock("s1", 5), wished("late", "fay"), begin=3)

    assert notes(said) == [(who, "tea_0_5_0") for who in ("ann", "bob", "dee")]
    assert {it.cause for it in said} == {"tea/s1"}
    assert said[0].evidence.events == ("s1",)
    assert str(shop.state()["position"]).startswith("7:0:")


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        ((), stock("s", 5), ["tea_0_5_0"]),
        ((), stock("s", 0), []),
        ((stock("1", 3),), stock("s", 5), []),
        ((stock("1", 3),), stock("s", 0), ["tea_3_0_0"]),
        ((stock("1", 0, BEGIN + 1),), stock("s", 5), []),  # An older word than the last one.
        ((), price("p", 450), ["tea_0_0_450"]),
        ((price("1", 450),), price("p", 450, BEGIN + 1), []),
        ((price("1", 450),), price("p", 500), ["tea_0_0_500"]),
        ((price("1", 450), stock("2", 3)), stock("s", 0), ["tea_3_0_450"]),
    ],
)
def test_those_who_wait_are_told_what_matters(
    before: tuple[Any, ...], after: Any, reasons: list[str]
) -> None:
    shop = shop_of()
    shop.facts(*before, wished("w", ANN))
    said = shop.facts(after, after, begin=len(before) + 1)
    assert [reason for _, reason in notes(said)] == reasons


def test_who_does_not_wait_or_waits_for_another_product_is_told_nothing() -> None:
    shop = shop_of()
    erased = ErasureRequested(event_id="x", occurred_at=BEGIN, customer_id="cem")
    shop.facts(
        wished("w1", ANN, "te"), wished("w2", BOB), wished("w3", "cem"), erased,
        ProductRemoved(event_id="r", occurred_at=BEGIN, customer_id=BOB, product_id="tea"),
    )  # fmt: skip
    assert shop.state()["waiting"] == [("te", ANN)]
    assert shop.facts(stock("s", 5), begin=5) == []


def test_what_is_heard_late_is_folded_and_said_to_nobody() -> None:
    shop = shop_of()
    shop.facts(wished("w", ANN), Tick(BEGIN + 3 * HOUR))
    said = shop.facts(stock("s", 5), begin=2)
    assert [(it.outcome, it.reason) for it in said if it.kind == "watcher"] == [
        ("noted", "tea_0_5_0"), ("suppressed", "late"),
    ]  # fmt: skip
    row = shop.product("tea")
    assert row is not None
    assert row.available == 5


def test_history_that_is_imported_is_told_to_nobody() -> None:
    shop = shop_of()
    shop.facts(wished("w", ANN))
    assert shop.feed([ShopEntry(stock("s", 5), Source("import:1", 0, 0, 0), BEGIN)]) == []
    row = shop.product("tea")
    assert row is not None
    assert row.available == 5


def test_the_oldest_wait_makes_room_for_one_too_many() -> None:
    shop = shop_of()
    many = [wished(f"w{it}", ANN, f"p{it}") for it in range(AWAITED_MAX)]
    shop.facts(*many, wished("again", ANN, "p0"), wished("more", ANN, "new"))
    check_waiting(shop)
    row = shop.row(ANN)
    assert row is not None
    assert [*row.awaited] == [*(f"p{it}" for it in range(2, AWAITED_MAX)), "p0", "new"]


def test_a_row_that_ends_waits_for_nothing_any_more() -> None:
    shop = shop_of()
    shop.facts(wished("w", ANN), Tick(BEGIN), Tick(BEGIN + 200 * HOUR))
    assert shop.row(ANN) is None
    assert shop.state()["waiting"] == []
    assert shop.facts(stock("s", 5, BEGIN + 200 * HOUR), begin=3) == []


def test_two_products_that_change_under_one_event_id_are_two_causes() -> None:
    shop = shop_of(1_000, 1_000, replace(Watcher(), pause_hours=0))
    shop.facts(wished("w1", ANN), wished("w2", ANN, "jam"))
    said = shop.facts(stock("export-7", 5), stock("export-7", 5, product_id="jam"), begin=2)
    sent = [it for it in said if it.outcome == "sent"]
    assert [it.cause for it in sent] == ["tea/export-7", "jam/export-7"]
    assert [it.id for it in sent] == [
        decision_id("watcher", "watcher", ANN, it.cause) for it in sent
    ]


class Mute(Agent, frozen=True):
    """Waits for what is wished for, and does nothing."""

    listens = (ProductWishlisted,)

    def on_event(self, event: ProductWishlisted, customer: View) -> Iterator[Act]:
        """Wait."""
        yield Await(event.product_id)

    def on_product(self, change: ProductChange, customer: View) -> Iterable[Act]:
        """Think of it when it is sold out, and otherwise not."""
        return (Remember(change.event),) if change.sold_out else ()


def test_a_row_about_which_nothing_is_done_is_not_written() -> None:
    shop = shop_of(1_000, 1_000, Mute())
    shop.facts(wished("w", ANN))
    written: list[Commit] = []

    async def feed(offset: int, fact: Any) -> None:
        position = await shop.table.position(0)
        records = journal([fact], offset)
        async for _ in apply(shop.engine, shop.table, 0, position, [position.offset], records):
            pass

    commit = shop.table.commit

    async def noted(partition: int, it: Commit) -> bool:
        written.append(it)
        return await commit(partition, it)

    shop.table.commit = noted  # type: ignore[method-assign, assignment]
    _without_waiting(feed(1, stock("s1", 5)))
    _without_waiting(feed(2, stock("s2", 0)))
    assert [[*it.customers] for it in written] == [[], [ANN]]


def test_an_agent_that_would_not_hear_may_not_wait() -> None:
    class Deaf(Agent, frozen=True):
        listens = (ProductWishlisted,)

        def on_event(self, event: ProductWishlisted, customer: View) -> Iterator[Act]:
            yield Await(event.product_id)

    shop = shop_of(1_000, 1_000, Deaf())
    (said,) = shop.facts(wished("w", ANN))
    assert said.reason == "agent_failed"
    assert said.evidence.values == {"error": "ValueError: awaits a product, and has no on_product"}
    assert shop.state()["waiting"] == []


@pytest.mark.parametrize("product_id", ["", 7, "p" * 129])
def test_a_product_that_cannot_be_is_not_awaited(product_id: Any) -> None:
    class Wrong(Mute, frozen=True):
        def on_event(self, event: ProductWishlisted, customer: View) -> Iterator[Act]:
            yield Await(product_id)

    (said,) = shop_of(1_000, 1_000, Wrong()).facts(wished("w", ANN))
    assert said.reason == "agent_failed"


def test_a_fetch_in_which_all_is_waited_for_loads_no_row_again_and_again() -> None:
    shop, count = shop_of(), 60
    products = [f"p{it}" for it in range(count)]
    wishes = [wished(f"w{it}", f"c{it}", it) for it in products]
    changes = [stock(f"s{it}", 5, BEGIN, it) for it in products]
    shop.facts(*wishes)
    loaded, load = [0], shop.table.load

    async def counted(partition: int, needs: Needs) -> Loaded:
        loaded[0] += len(needs.customers) + len(needs.products)
        return await load(partition, needs)

    shop.table.load = counted  # type: ignore[method-assign]
    assert len(notes(shop.facts(*changes, begin=count))) == count
    assert loaded[0] <= 2 * count
