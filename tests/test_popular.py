"""What is popular, and what is sold out: in bounded space, of late, by the last word."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode_row
from state.ledger import Ledgers
from state.popular import ALL, CATEGORIES_MAX, NAMES_MAX, WEEK, Bought, Looked, Popular
from state.product import Product
from state.sold_out import PRODUCTS_MAX, SOLD_OUT, SoldOut, note, sold_out

AT = 2_900 * WEEK


def popular(*entries: Looked) -> Popular:
    ledger = Popular()
    for it in entries:
        ledger.enter(it)
    return ledger


def test_weights_are_halved_each_week_and_what_weighs_nothing_goes() -> None:
    ledger = popular(*[Looked("tea", "food", AT)] * 5)
    ledger.enter(Looked("pot", "", AT + WEEK))
    assert ledger.best("food", 1) == [("tea", 2)]
    assert ledger.best(ALL, 1) == [("tea", 2), ("pot", 1)]
    ledger.enter(Looked("pot", "", AT + 4 * WEEK))
    assert list(ledger.categories) == [ALL]
    assert ledger.best(ALL, 1) == [("pot", 1)]


def test_what_comes_weeks_late_counts_by_its_age_and_ages_nothing() -> None:
    ledger = popular(Looked("tea", "food", AT), *[Looked("jam", "food", AT - 4 * WEEK, 5)] * 9)
    assert ledger.best(ALL, 1) == [("tea", 1)]
    ledger.enter(Looked("pot", "food", AT - 3 * WEEK, 9))
    assert ledger.best("food", 1) == [("pot", 2), ("tea", 1)]


def test_what_comes_late_at_the_turn_of_a_week_counts_in_full() -> None:
    ledger = popular(Looked("tea", "food", AT), Looked("jam", "food", AT - 1))
    assert ledger.best("food", 1) == [("jam", 1), ("tea", 1)]


def test_history_of_years_ago_that_is_imported_is_not_popular_of_late() -> None:
    old = [Looked("fax", "office", AT - 130 * WEEK, 5)] * 400
    ledger = popular(Looked("tea", "food", AT), *old)
    assert list(ledger.categories) == [ALL, "food"]
    assert encode_row(ledger) == encode_row(popular(Looked("tea", "food", AT)))


def test_another_category_takes_the_place_of_the_one_of_least_weight() -> None:
    every = [Looked("tea", f"category {it:02}", AT, 2 + it) for it in range(CATEGORIES_MAX)]
    ledger = popular(*every, Looked("pot", "new", AT))
    assert len(ledger.categories) == CATEGORIES_MAX + 1
    assert ledger.best("category 00", 1) == []
    assert ledger.best("new", 1) == [("pot", 1)]


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5), st.integers(1, 9))
    )
)
def test_a_ledger_of_what_is_popular_is_bounded(entries: list[tuple[int, int, int, int]]) -> None:
    ledger = Popular()
    for product, category, week, weight in entries:
        ledger.enter(Looked(f"p{product}", f"c{category}", AT + week * WEEK, weight))
    assert len(ledger.categories) <= CATEGORIES_MAX + 1
    assert all(len(it.cells) <= NAMES_MAX for it in ledger.categories.values())


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(1, 9)), max_size=300), st.integers(1, 40))
def test_which_category_makes_room_does_not_depend_on_when_the_ledger_was_written(
    looks: list[tuple[int, int]], every: int
) -> None:
    whole, parts = Popular(), Popular()
    first = [Looked("tea", f"c{it}", AT, 2) for it in range(CATEGORIES_MAX)]
    entries = [Looked(f"p{category % 7}", f"c{category}", AT, by) for category, by in looks]
    for number, entry in enumerate([*first, *entries]):
        whole.enter(entry)
        parts.enter(entry)
        if number % every == 0:
            parts = msgspec.msgpack.decode(encode_row(parts), type=Popular)
    assert encode_row(whole) == encode_row(parts)


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60))), st.integers(0, 3)),
        max_size=20,
    )
)
def test_the_lines_of_an_order_count_as_so_many_looks(
    orders: list[tuple[list[tuple[int, int]], int]],
) -> None:
    at_once, one_by_one = Popular(), Popular()
    for numbers, week in orders:
        lines = [(f"p{product}", f"c{kind}" if kind else "") for product, kind in numbers]
        at_once.enter(Bought(lines, AT + week * WEEK, 5))
        for product_id, category in lines or [("none", "")]:
            weight = 5 if lines else 0
            one_by_one.enter(Looked(product_id, category, AT + week * WEEK, weight))
    assert encode_row(at_once) == encode_row(one_by_one)


def stocked(available: int) -> Product:
    return Product(available=available, stock_at=AT)


def test_what_cannot_be_had_is_known_until_it_can() -> None:
    ledgers = Ledgers({SOLD_OUT: None})
    note(ledgers, "tea", stocked(0))
    note(ledgers, "pot", stocked(3))
    assert list(sold_out(ledgers)) == ["tea"]
    note(ledgers, "tea", stocked(1))
    assert not sold_out(ledgers)


def test_what_is_no_news_of_a_stock_writes_no_ledger() -> None:
    ledgers = Ledgers({SOLD_OUT: None})
    note(ledgers, "pot", stocked(3))
    assert ledgers.changed() == {}


def test_of_very_many_that_cannot_be_had_the_newest_are_known() -> None:
    ledgers = Ledgers({SOLD_OUT: None})
    for number in range(PRODUCTS_MAX + 3):
        note(ledgers, f"product-{number:05}", stocked(0))
    assert len(sold_out(ledgers)) == PRODUCTS_MAX
    assert "product-00002" not in sold_out(ledgers)
    assert len(encode_row(ledgers.read(SOLD_OUT, SoldOut))) < 45_000
