"""Products: what is bought together is counted, in bounded space, and never too high.

The model is a table of all pairs.
"""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.orders import Item, OrderPlaced
from schemas.reviews import QuestionAsked
from state.product import LINES_MAX, NEIGHBOURS_MAX, Product, learn, named_in

# Some products are bought all the time and most hardly ever, as in every shop.
PRODUCT = st.one_of(st.integers(0, 4), st.integers(0, 200)).map("p{:03}".format)
BASKETS = st.lists(st.lists(PRODUCT, min_size=1, max_size=20, unique=True), max_size=80)

Baskets = list[list[str]]


def learned(baskets: Baskets) -> dict[str, Product]:
    products: dict[str, Product] = defaultdict(Product)
    for bought in baskets:
        learn(products, bought)
    return products


def counted(baskets: Baskets) -> dict[str, Counter[str]]:
    """By product: how often each other one was in the same order, among the lines that count."""
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for bought in baskets:
        for product_id in bought[:LINES_MAX]:
            pairs[product_id].update(it for it in bought[:LINES_MAX] if it != product_id)
    return pairs


@given(baskets=BASKETS)
@settings(max_examples=150, deadline=None)
def test_a_count_is_never_too_high_and_exact_while_there_is_room(baskets: Baskets) -> None:
    exact = counted(baskets)
    for product_id, product in learned(baskets).items():
        if len(exact[product_id]) <= 2 * NEIGHBOURS_MAX:
            assert product.neighbours == exact[product_id]
        assert all(count <= exact[product_id][it] for it, count in product.neighbours.items())
        assert product.orders == sum(product_id in bought[:LINES_MAX] for bought in baskets)


@given(baskets=BASKETS)
@settings(max_examples=100, deadline=None)
def test_there_is_room_for_twice_as_many_neighbours_as_are_kept(baskets: Baskets) -> None:
    products: dict[str, Product] = defaultdict(Product)
    for bought in baskets:
        learn(products, bought)
        assert all(len(products[it].neighbours) <= 2 * NEIGHBOURS_MAX for it in bought[:LINES_MAX])


def test_when_the_room_is_full_the_lightest_half_is_let_go() -> None:
    regulars = [f"r{n:02}" for n in range(NEIGHBOURS_MAX)]
    strangers = [f"s{n:02}" for n in range(NEIGHBOURS_MAX + 1)]
    baskets = [["tea", it] for it in (*strangers[:-1], *regulars, *regulars)]
    full = learned(baskets)["tea"]
    assert len(full.neighbours) == 2 * NEIGHBOURS_MAX
    cut = learned([*baskets, ["tea", strangers[-1]]])["tea"]
    assert cut.neighbours == dict.fromkeys(regulars, 2)


def test_who_was_let_go_begins_again_at_nothing() -> None:
    strangers = [f"s{n:02}" for n in range(2 * NEIGHBOURS_MAX + 1)]
    baskets = [["tea", it] for it in strangers]
    last = strangers[-1]  # Of equals, the first in the alphabet stay.
    assert last not in learned(baskets)["tea"].neighbours
    assert learned([*baskets, ["tea", last]])["tea"].neighbours[last] == 1


def test_a_wholesale_order_teaches_no_more_than_its_first_lines() -> None:
    bought = [f"p{n:03}" for n in range(500)]
    products: dict[str, Product] = defaultdict(Product)
    assert learn(products, bought) == bought[:LINES_MAX]
    assert set(products) == set(bought[:LINES_MAX])
    assert len(products["p000"].neighbours) == LINES_MAX - 1


def test_a_product_that_is_bought_alone_has_an_order_and_no_neighbour() -> None:
    assert learned([["tea"], ["tea"]])["tea"] == Product(2, {})


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (
            OrderPlaced(
                event_id="e", occurred_at=1_768_896_000_000, customer_id="ann", order_id="o",
                products=(Item("tea"), Item("cups"), Item("tea")), currency="EUR",
            ),
            ["tea", "cups"],
        ),
        (
            QuestionAsked(
                event_id="e", occurred_at=1_768_896_000_000, customer_id="ann", question_id="q",
                text="?", product_id="tea",
            ),
            [],
        ),
    ],
)  # fmt: skip
def test_an_event_names_each_product_whose_row_it_needs_once(
    event: OrderPlaced | QuestionAsked, named: list[str]
) -> None:
    assert named_in(event) == named
