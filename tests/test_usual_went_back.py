"""The usual basket counts what was kept: what is cancelled or goes back is taken out again."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timeline import check

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.products import habits
from agents.products.habits import Habits, Usual, remembered
from agents.products.usual_went_back import EARLY_MAX, placed, went_back
from agents.usual_basket import UsualBasket
from schemas.codec import encode_row
from schemas.instant import DAY
from schemas.orders import Item as OrderLine
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from state.ledger import Ledgers
from state.table import Needs
from streams.replay import Replay

AGENT = UsualBasket(regulars_min=2)
START = 20_000 * DAY
WEEKS = """
    2026-01-05 08:00  ann  order_placed products=milk,bread,tea order_id=o1
    2026-01-12 08:00  ann  order_placed products=milk,bread,soap order_id=o2
    2026-01-19 08:00  ann  order_placed products=milk,bread order_id=o3
    2026-01-26 08:00  ann  order_placed products=milk,jam,salt order_id=o4
"""
DUE = "2026-02-01 20:00  ann  -> usual_basket products="
BASKETS = st.lists(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4, unique=True),
    min_size=1, max_size=12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("went_back", "left"),
    [
        ("order_refunded order_id=o4 products=jam refund_cents=100", "milk,bread,salt,soap,tea"),
        ("order_refunded order_id=o4", "milk,bread,soap,tea"),
        ("order_cancelled order_id=o4", "milk,bread,soap,tea"),
        ("order_cancelled order_id=o1", "milk,jam,salt,soap"),  # Two times bread are not enough.
        # Nobody knows of what it was.
        ("order_refunded order_id=o4 refund_cents=100", "milk,bread,jam,salt,soap,tea"),
        ("order_cancelled order_id=another", "milk,bread,jam,salt,soap,tea"),
    ],
)
def test_timeline_what_went_back_is_no_part_of_the_usual(went_back: str, left: str) -> None:
    agent = AGENT if "bread" in left else UsualBasket(regulars_min=1)
    left = left if "bread" in left else "milk,bread,jam,salt,soap"
    check(WEEKS + f"2026-01-28 08:00  ann  {went_back}\n{DUE}{left}", agent)


def test_timeline_nothing_is_said_where_too_few_regulars_were_kept() -> None:
    check(
        WEEKS + "2026-01-28 08:00  ann  order_cancelled order_id=o1\n2026-03-01 08:00  ann", AGENT
    )


def test_timeline_an_order_that_was_cancelled_before_it_came_counts_for_nothing() -> None:
    first, _, last = WEEKS.rpartition("    2026-01-26")
    cancelled = "    2026-01-26 07:59  ann  order_cancelled order_id=o4\n"
    check(first + cancelled + "    2026-01-26" + last + DUE + "bread,milk,soap,tea", AGENT)


def test_timeline_money_for_all_of_an_order_in_parts_takes_it_out() -> None:
    parts = """
        2026-01-27 08:00  ann  order_refunded order_id=o4 refund_cents=100
        2026-01-28 08:00  ann  order_refunded order_id=o4 refund_cents=9999999
    """
    check(f"{WEEKS}{parts}{DUE}milk,bread,soap,tea", AGENT)


def take(shop: Habits, usual: Usual, number: int, products: list[str]) -> Usual:
    after, entry = remembered(usual.items, [(it, it.upper()) for it in products], START, shop)
    shop.enter(entry)
    return Usual(after, placed(usual.recent, f"o{number}", entry.weight), usual.early)


@given(BASKETS, st.data())
def test_what_is_left_is_what_was_kept(baskets: list[list[str]], data: st.DataObject) -> None:
    shop, usual = Habits(), Usual()
    for number, products in enumerate(baskets):
        usual = take(shop, usual, number, products)
    lately = range(max(0, len(baskets) - habits.ORDERS_BACK), len(baskets))
    back = data.draw(st.sets(st.sampled_from(lately)))
    for number in back:
        for _ in range(2):  # What is said again changes nothing.
            usual, entry = went_back(usual, f"o{number}", (), shop)
            if entry is not None:
                shop.enter(entry)
    kept = [it for number, it in enumerate(baskets) if number not in back]
    times = Counter(product for products in kept for product in products)
    assert {it: item.times for it, item in usual.items.items() if item.times} == times
    assert shop.orders == len(kept)
    for product, sold in shop.products.items():
        assert (sold.bought, sold.again) == (times[product], max(0, times[product] - 1))
    for product, item in usual.items.items():
        weight = 0.0
        for number, products in enumerate(baskets):
            if product in products and number not in back:
                faded = habits.FADES ** (len(baskets) - 1 - number)
                weight += round(habits.UNIT / len(products) ** 0.25) * faded
        assert item.weight == pytest.approx(weight, abs=len(baskets) * 1.5)


def test_only_the_last_orders_can_be_taken_out_and_little_is_kept_of_them() -> None:
    shop, usual = Habits(), Usual()
    for number in range(20):
        usual = take(shop, usual, number, ["milk"])
        usual, _ = went_back(usual, f"another{number}", (), shop)
    assert went_back(usual, "o12", (), shop)[1] is None
    assert went_back(usual, "o13", (), shop)[1] is not None
    assert len(usual.early) == EARLY_MAX
    assert len(encode_row(usual)) < len(encode_row(Usual(usual.items))) + 120


@pytest.mark.parametrize("batch", [1, 1_000])
def test_the_ledger_of_the_shop_forgets_it_too_however_the_log_is_cut(batch: int) -> None:
    line = OrderLine("milk", 1, 100, "dairy")
    feed = [
        OrderPlaced(
            event_id=f"e{it}", occurred_at=START + it * DAY, customer_id="ann", order_id=f"o{it}",
            currency="EUR", products=(line, OrderLine("tea", 1, 100, "drinks")),
        )
        for it in range(3)
    ]  # fmt: skip
    at = START + 9 * DAY
    feed_back = [
        OrderCancelled(event_id="c", occurred_at=at, customer_id="ann", order_id="o1"),
        OrderRefunded(
            event_id="r", occurred_at=at + 1, customer_id="ann", order_id="o2", refund_cents=100,
            products=(line,),
        ),
    ]  # fmt: skip
    replay = Replay(Engine([AGENT], Gate(), EngineSettings(), 1), 1, batch)
    asyncio.run(replay.run([*feed, *feed_back]))
    loaded = asyncio.run(replay.table.load(0, Needs(ledgers=["usual_basket"])))
    shop = Ledgers(loaded.ledgers).read("usual_basket", Habits)
    counts = {it: (sold.bought, sold.again) for it, sold in shop.products.items()}
    assert counts == {"milk": (1, 0), "tea": (2, 1)}
    assert (shop.orders, shop.kinds["drinks"].bought, shop.kinds[""].bought) == (2, 2, 3)
    assert shop.kinds["dairy"].bought == 1


def test_a_category_that_an_order_brings_to_the_shop_forgets_that_order_too() -> None:
    first = OrderPlaced(
        event_id="e", occurred_at=START, customer_id="ann", order_id="o", currency="EUR",
        products=tuple(OrderLine(f"p{it}", 1, 100, f"kind{it % 3}") for it in range(6)),
    )  # fmt: skip
    gone = OrderCancelled(event_id="c", occurred_at=START + DAY, customer_id="ann", order_id="o")
    replay = Replay(Engine([AGENT], Gate(), EngineSettings(), 1), 1)
    asyncio.run(replay.run([first, gone]))
    loaded = asyncio.run(replay.table.load(0, Needs(ledgers=["usual_basket"])))
    kinds = Ledgers(loaded.ledgers).read("usual_basket", Habits).kinds
    assert {it: kind.bought for it, kind in kinds.items()} == {
        "": 0, "kind0": 0, "kind1": 0, "kind2": 0
    }  # fmt: skip
