"""The usual basket: what is bought again and again is listed when the next order is about due."""

from collections.abc import Sequence
from math import sqrt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, cut, journal
from timeline import check

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.products import habits
from agents.products.habits import Habits, Item, Usual, remembered
from agents.products.sold import Line, Ordered
from agents.usual_basket import UsualBasket
from schemas.codec import encode_row
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item as OrderLine
from schemas.orders import OrderPlaced
from streams.simulated.story import moment, parse

AGENT = UsualBasket(regulars_min=2)

#: Every Monday: milk and bread each time, and something else.
WEEKS = """
    2026-01-05 08:00  ann  order_placed products=milk,bread,tea
    2026-01-12 08:00  ann  order_placed products=milk,bread,soap
    2026-01-19 08:00  ann  order_placed products=milk,bread
    2026-01-26 08:00  ann  order_placed products=milk,jam
"""
START = moment("2026-01-05 08:00")


def test_timeline_the_usual_is_listed_half_a_day_before_the_next_order_is_due() -> None:
    (said,) = check(
        WEEKS
        + """
        2026-02-01 19:59:59  ann
        2026-02-01 20:00  ann  -> usual_basket reason=next_order_due products=milk,bread,jam,soap,tea \
            regulars=2 gap_days=7 left_days=0.5 orders=4 expires_at=2026-02-09T08:00
        2026-03-30 08:00  ann
        """,
        AGENT,
    )
    assert msgspec.json.decode(said.payload) == {
        "products": [
            {"product_id": "milk", "times": 4},
            {"product_id": "bread", "times": 3},
            {"product_id": "jam", "times": 1},
            {"product_id": "soap", "times": 1},
            {"product_id": "tea", "times": 1},
        ],
        "expected_at": "2026-02-02T08:00:00.000Z",
    }
    assert said.evidence.thresholds == {
        "regulars_min": 2, "times_min": 3, "gaps_min": 3, "ahead_hours": 12.0,
    }  # fmt: skip


def test_timeline_where_nothing_is_bought_again_nothing_is_said() -> None:
    check(
        """
        2026-01-05 08:00  ann  order_placed products=coat,hat
        2026-01-12 08:00  ann  order_placed products=shoes,belt
        2026-01-19 08:00  ann  order_placed products=shirt,tie
        2026-01-26 08:00  ann  order_placed products=scarf,gloves
        2026-06-01 08:00  ann
        """,
        AGENT,
    )


def test_timeline_two_gaps_are_no_rhythm_yet() -> None:
    check(WEEKS.rpartition("    2026-01-26")[0] + "2026-06-01 08:00  ann", AGENT)


def test_timeline_each_order_begins_to_wait_anew_and_a_silence_is_told_of_once() -> None:
    check(
        WEEKS
        + """
        2026-01-31 08:00  ann  order_placed products=milk (Two days early, and the gap is 7 still.)
        2026-02-06 19:59  ann
        2026-02-06 20:00  ann  -> usual_basket products=milk,bread,jam,soap,tea
        2026-09-01 08:00  ann
        """,
        AGENT,
    )


def test_timeline_what_is_in_the_cart_already_is_left_out() -> None:
    check(
        WEEKS
        + """
        2026-02-01 10:00  ann  product_added product=jam
        2026-02-01 20:00  ann  -> usual_basket products=milk,bread,soap,tea
        """,
        AGENT,
    )
    check(
        WEEKS
        + """
        2026-02-01 10:00  ann  product_added product=milk (One regular is left, and two are wanted.)
        2026-02-01 20:00  ann
        """,
        AGENT,
    )


def test_timeline_what_the_shop_sells_most_is_listed_though_never_bought_before() -> None:
    many = "\n".join(
        f"2026-01-{1 + it // 20:02} 07:{it % 20:02}  b{it}  order_placed products={'p' + str(it) if it % 8 else 'bananas'}"
        for it in range(80)
    )
    check(
        f"{many}{WEEKS}2026-02-01 20:00  ann  -> usual_basket products=milk,bread,bananas,jam,soap,tea",
        UsualBasket(products_max=6, regulars_min=2),
    )


def test_timeline_what_is_sold_out_is_left_out_until_it_can_be_had_again() -> None:
    check(
        WEEKS
        + """
        2026-01-30 08:00  shop  stock_changed product=bread available=0
        2026-01-31 08:00  shop  stock_changed product=tea available=0
        2026-01-31 09:00  shop  stock_changed product=bread available=7
        2026-02-01 20:00  ann  -> usual_basket products=milk,bread,jam,soap
        """,
        AGENT,
    )


def test_timeline_nothing_is_said_where_too_many_regulars_are_sold_out() -> None:
    check(
        WEEKS
        + """
        2026-01-30 08:00  shop  stock_changed product=bread available=0
        2026-02-20 20:00  ann
        """,
        AGENT,
    )


@pytest.mark.parametrize(
    ("happens", "then"),
    [
        ("order_placed products=mug", "suppressed usual_basket reason=reason_gone"),
        ("product_added product=tea", "usual_basket products=milk,bread,jam,soap"),
        ("product_added product=milk", "suppressed usual_basket reason=reason_gone"),
        ("stock_changed product=tea available=0", "usual_basket products=milk,bread,jam,soap"),
        ("stock_changed product=milk available=0", "suppressed usual_basket reason=reason_gone"),
    ],
)
def test_timeline_in_the_morning_it_is_listed_as_it_is_then(happens: str, then: str) -> None:
    quiet = QuietHours(begin="19:00", end="23:00", time_zone="UTC")
    who = "shop" if happens.startswith("stock") else "ann"
    check(
        WEEKS
        + f"""
        2026-02-01 20:00  ann  -> deferred usual_basket reason=quiet_hours
        2026-02-01 21:00  {who}  {happens}
        2026-02-01 23:00:01  ann  -> {then}
        """,
        AGENT,
        gate=Gate(
            assume_consent=("personalisation",), holdout=Holdout(share=0, over_all=0),
            quiet_hours=quiet,
        ),
    )  # fmt: skip


def test_more_regulars_than_products_are_refused() -> None:
    with pytest.raises(ValueError, match="regulars_min is 5, more than products_max"):
        UsualBasket(products_max=4)


def test_a_purchase_weighs_by_the_size_of_its_order_and_fades_with_each_order() -> None:
    shop, before = Habits(), dict[str, Item]()
    for lines in (
        [("milk", "")],
        [("milk", ""), *((str(it), "") for it in range(8))],
        [("tea", "")],
    ):
        before, entry = remembered(before, lines, START, shop)
        shop.enter(entry)
    alone, ninth = 1_000, round(1_000 / sqrt(sqrt(9)))
    assert before["milk"] == Item(
        int((int(alone * habits.FADES) + ninth) * habits.FADES), 2, lately=0b110
    )
    assert before["7"] == Item(int(ninth * habits.FADES), 1, lately=0b010)
    assert before["tea"] == Item(alone, 1, lately=0b001)
    assert list(before)[:2] == ["milk", "tea"]


def entries(*lines: tuple[str, str, bool]) -> Ordered:
    return Ordered(START, 1_000, [Line(*it) for it in lines])


def test_what_the_shop_sells_again_comes_first_among_what_was_bought_once() -> None:
    shop = Habits()
    for again in (False, *[True] * 60):
        shop.enter(entries(("milk", "dairy", again), ("vase", "gifts", False)))
    places = shop.places(["gifts", "dairy"])
    items = {it: Item(500, 1, places[of]) for it, of in [("vase", "gifts"), ("milk", "dairy")]}
    assert [it for _, it in shop.ranked(items)][:2] == ["milk", "vase"]
    # And what the shop does not know by its category.
    items = {"cup": Item(500, 1, 2), "oat-milk": Item(500, 1, 1)}
    assert [it for _, it in shop.ranked(items) if it in items] == ["oat-milk", "cup"]
    # A place that the ledger does not have, as after a row was brought from elsewhere.
    assert shop.ranked({"x": Item(1, 1, 10_000)})


def test_what_is_learned_of_the_shop_counts_half_after_some_time() -> None:
    shop = Habits()
    for _ in range(6):
        shop.enter(entries(("milk", "dairy", True), ("vase", "gifts", False)))
    late = START + habits.HALVED_AFTER * DAY
    shop.enter(Ordered(late, 1_000, [Line("milk", "dairy", True)]))
    assert (shop.orders, shop.products["milk"].bought, shop.kinds["dairy"].again) == (4, 4, 4)
    assert shop.products["vase"].weight == 3_000


def test_a_memory_and_a_ledger_are_bounded_whatever_is_ordered() -> None:
    shop, before = Habits(), dict[str, Item]()
    for order in range(40):
        lines = [(f"product-{order}-{it}", f"kind-{order}-{it % 20}") for it in range(100)]
        before, entry = remembered(before, lines, START + order * DAY, shop)
        shop.enter(entry)
        assert len(before) <= habits.ITEMS_MAX
        assert len(shop.products) <= 2 * habits.PRODUCTS_MAX + 100
        assert len(shop.kinds) <= habits.KINDS_MAX
        assert len(shop.popular) <= habits.LISTED_MAX
    assert len(encode_row(Usual(before))) < 60 + habits.ITEMS_MAX * (8 + len("product-00-00") + 1)


NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5, unique=True)
ORDERS = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), NAMES), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(ORDERS, st.lists(st.integers(1, 9), max_size=8))
def test_batches_make_no_difference(orders: list[tuple[str, list[str]]], sizes: list[int]) -> None:
    facts: list[OrderPlaced | Tick] = []
    for number, (who, products) in enumerate(orders):
        at = START + number * 30 * HOUR
        facts += [
            OrderPlaced(
                event_id=f"e{number}", occurred_at=at, customer_id=who, order_id=f"o{number}",
                currency="EUR", products=tuple(OrderLine(it, 1, 100, it.upper()) for it in products),
            ),
            Tick(at + HOUR),
        ]  # fmt: skip
    records = journal([*facts, Tick(START + 400 * DAY)])
    whole, parts = Partition(AGENT), Partition(AGENT)
    said = whole.feed(records)
    assert [it for batch in cut(records, sizes) for it in parts.feed(batch)] == said
    for name in ("customers", "ledgers"):
        assert rows(whole, name) == rows(parts, name)


def rows(partition: Partition, name: str) -> object:
    return partition.state()[name]


@given(st.lists(NAMES, min_size=1, max_size=30))
def test_what_is_not_bought_loses_weight_with_each_order_and_what_is_gains(
    orders: Sequence[list[str]],
) -> None:
    shop, before = Habits(), dict[str, Item]()
    for products in orders:
        after, entry = remembered(before, [(it, "") for it in products], START, shop)
        shop.enter(entry)
        for name, item in before.items():
            if name in products:
                assert after[name].times == item.times + 1
            elif item.weight:
                assert after[name].weight < item.weight
        before = after


def test_a_ledger_is_read_as_it_was_written() -> None:
    shop = Habits()
    events = [row.event for row in parse(WEEKS) if isinstance(row.event, OrderPlaced)]
    before = dict[str, Item]()
    for event in events:
        lines = [(it.product_id, it.category) for it in event.products]
        before, entry = remembered(before, lines, event.occurred_at, shop)
        shop.enter(entry)
    again = msgspec.msgpack.decode(encode_row(shop), type=Habits)
    assert again == shop
    assert again.ranked(before) == shop.ranked(before)
