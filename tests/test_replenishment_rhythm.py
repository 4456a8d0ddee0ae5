"""Rhythms of products: bounded, read as they were written, and due neither too early nor too late."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.replenishment_due import (
    ITEMS_MAX,
    KEPT,
    PURCHASES_MAX,
    Basket,
    Bought,
    ReplenishmentDue,
    bought,
    product_of,
)
from schemas.codec import encode_row
from schemas.instant import SECOND
from schemas.orders import Item, OrderPlaced
from streams.simulated.story import moment

AGENT = ReplenishmentDue()


BEGIN = moment("2026-01-01") // SECOND
APART = 20 * 3_600


def order_of(at: int, *products: str) -> OrderPlaced:
    """An order, so many seconds after 2026 began."""
    return OrderPlaced(
        event_id="e", occurred_at=(BEGIN + at) * SECOND, customer_id="ann", order_id="o",
        products=tuple(Item(it) for it in products), currency="EUR",
    )  # fmt: skip


def test_what_is_bought_most_often_stays_in_mind() -> None:
    items = bought({}, order_of(0, "coffee"), APART)
    items = bought(items, order_of(APART, "coffee"), APART)
    items = bought(items, order_of(2 * APART, *(f"p{it}" for it in range(40))), APART)
    assert len(items) == ITEMS_MAX
    assert items["coffee"] == Bought(BEGIN + APART, [APART])
    assert "coffee" not in bought(items, order_of(KEPT + APART + 1, "tea"), APART)
    for it in range(20):
        items = bought(items, order_of((3 + it) * APART, "coffee"), APART)
    assert len(items["coffee"].moments) == PURCHASES_MAX


def test_the_memory_of_a_usual_customer_is_small() -> None:
    items: dict[str, Bought] = {}
    for month in range(4):
        items = bought(items, order_of(month * 30 * 24 * 3_600, "00004711", "00004712"), APART)
    assert len(encode_row(Basket(items))) < 75


MOMENTS = st.lists(st.integers(0, 400 * APART), min_size=1, max_size=12)


@given(moments=MOMENTS)
def test_a_product_is_read_as_it_was_bought_in_whatever_order_it_was_heard_of(
    moments: list[int],
) -> None:
    items: dict[str, Bought] = {}
    for at in moments:
        items = bought(items, order_of(at, "tea"), APART)
    kept = [it - BEGIN for it in items["tea"].moments]
    assert kept == sorted(set(kept), reverse=True)
    assert set(kept) <= set(moments)
    assert len(kept) <= PURCHASES_MAX
    assert all(gap >= APART for gap in items["tea"].gaps)
    assert product_of(items["tea"].moments, told=False) == items["tea"]
    # What is left out was too near to what is kept, or older than all of it.
    full = len(kept) == PURCHASES_MAX
    for at in set(moments) - set(kept):
        assert (full and at < kept[-1] + APART) or min(abs(at - it) for it in kept) < APART


@given(
    gaps=st.lists(st.integers(APART, 100 * APART), min_size=2, max_size=5),
    later=st.integers(0, 300 * APART),
)
def test_a_word_comes_before_what_is_due_and_never_after_it_is_missed(
    gaps: list[int], later: int
) -> None:
    item = Bought(BEGIN, gaps)
    rhythm = AGENT._rhythm(item)
    if rhythm is None:
        return
    assert min(gaps) <= rhythm.gap <= max(gaps)
    assert item.last < AGENT._remind(rhythm) <= rhythm.due < rhythm.over
    waits = AGENT._waiting({"tea": item}, (item.last + later) * SECOND)
    assert bool(waits) == (item.last + later < rhythm.over)
    assert not AGENT._waiting({"tea": Bought(item.last, gaps, told=True)}, item.last * SECOND)


def test_settings_that_contradict_each_other_are_refused() -> None:
    mistake = "ahead_days is 6, not less than gap_days_min, which is 5.0"
    with pytest.raises(ValueError, match=re.escape(mistake)):
        ReplenishmentDue(ahead_days=6)
