"""Grievances: the last thing of each kind that went wrong, whatever the order of arrival."""

import doctest

import pytest
from folded import added, at, event, folded, placed

from schemas import clickstream as click
from schemas import orders as order
from schemas.codec import encode_row
from schemas.event import Event
from schemas.instant import DAY, HOUR
from state import grievance
from state.customer import Customer
from state.fold_grievances import LATE, QUERY_MAX, SEARCHES_WITHIN
from state.grievance import Grievance


def test_the_examples_in_the_docstrings_are_so() -> None:
    result = doctest.testmod(grievance)
    assert (result.failed, result.attempted > 0) == (0, True)


def known(row: Customer) -> dict[str, tuple[int, int, str]]:
    return {kind: (it.at, it.amount, it.about) for kind, it in row.grievances.items()}


# Late deliveries


def shipped(when: str, promised: str, order_id: str = "o") -> Event:
    return event(order.OrderShipped, when, order_id=order_id, promised_at=at(promised))


def delivered(when: str | int, order_id: str = "o") -> Event:
    return event(order.OrderDelivered, when, order_id=order_id)


@pytest.mark.parametrize(("late", "is_one"), [(-HOUR, False), (LATE - 1, False), (LATE, True)])
def test_a_delivery_is_late_from_twelve_hours_after_its_promise(late: int, is_one: bool) -> None:
    promised = at("23 08:00")
    row = folded(placed("20 08:00"), shipped("21 08:00", "23 08:00"), delivered(promised + late))
    assert known(row) == ({"late": (promised + late, 12, "o")} if is_one else {})


def test_the_promise_may_be_heard_of_after_the_delivery() -> None:
    row = folded(placed("20 08:00"), delivered("24 08:00"), shipped("21 08:00", "23 08:00"))
    assert known(row) == {"late": (at("24 08:00"), 24, "o")}


def test_the_newest_promise_counts_and_one_that_says_nothing_leaves_it() -> None:
    promises = [
        shipped("21 08:00", "23 08:00"), shipped("22 08:00", "26 08:00"),
        event(order.OrderShipped, "22 09:00", order_id="o"),
    ]  # fmt: skip
    for events in (promises, promises[::-1], [promises[1], promises[0], promises[2]]):
        row = folded(placed("20 08:00"), *events)
        known_order = row.recent_orders["o"]
        assert known_order.shipped_at == at("22 09:00")
        assert known_order.promised_at == at("26 08:00")
    row = folded(placed("20 08:00"), *promises, delivered("26 10:00"))
    assert (row.recent_orders["o"].promised_at, row.grievances) == (at("26 08:00"), {})


def test_of_two_late_deliveries_the_newer_one_stays_in_any_order() -> None:
    orders = [placed("10 08:00", "a"), placed("11 08:00", "b")]
    sent = [shipped("12 08:00", "13 08:00", it) for it in ("a", "b")]
    ends = [delivered("14 08:00", "a"), delivered("16 08:00", "b")]
    for end in (ends, ends[::-1]):
        assert known(folded(*orders, *sent, *end)) == {"late": (at("16 08:00"), 72, "b")}


# Money that goes back


@pytest.mark.parametrize(
    ("cents", "percent"), [([None], 100), ([499], 0), ([500], 50), ([250, 250], 50), ([2_000], 100)]
)
def test_a_refund_counts_from_half_of_the_order_on(cents: list[int | None], percent: int) -> None:
    refunds = [
        event(order.OrderRefunded, "22 08:00", order_id="o", refund_cents=it) for it in cents
    ]
    row = folded(placed("20 08:00", "o", 1_000), *refunds)
    assert known(row) == ({"refund": (at("22 08:00"), percent, "o")} if percent else {})


def test_a_cancelled_order_counts_and_so_does_one_that_the_row_has_let_go() -> None:
    for name in ("o", "long_ago"):
        row = folded(placed("20 08:00"), event(order.OrderCancelled, "21 08:00", order_id=name))
        assert known(row) == {"refund": (at("21 08:00"), 100, name)}
    part = event(order.OrderRefunded, "21 08:00", order_id="long_ago", refund_cents=900)
    assert folded(placed("20 08:00"), part).grievances == {}


# Prices


def seen(when: str, cents: int, product_id: str = "tea", currency: str | None = "EUR") -> Event:
    return event(
        click.ProductViewed, when, product_id=product_id, price_cents=cents, currency=currency
    )


@pytest.mark.parametrize(("cents", "percent"), [(329, 0), (330, 10), (600, 100), (0, 0), (100, 0)])
def test_a_product_in_the_cart_is_dearer_from_a_tenth_on(cents: int, percent: int) -> None:
    row = folded(placed("10 08:00"), added("20 08:00"), seen("21 08:00", cents))
    assert known(row) == ({"dearer": (at("21 08:00"), percent, "tea")} if percent else {})


def test_putting_it_in_again_at_a_higher_price_is_seen_too() -> None:
    again = event(click.ProductAdded, "21 08:00", product_id="tea", price_cents=600)
    row = folded(added("20 08:00"), again)
    assert known(row) == {"dearer": (at("21 08:00"), 100, "tea")}


def test_what_is_not_in_the_cart_or_in_another_currency_or_older_is_not_compared() -> None:
    others = [
        seen("21 08:00", 900, "pot"), seen("21 08:00", 900, currency="JPY"), seen("19 08:00", 900)
    ]  # fmt: skip
    row = folded(placed("10 08:00"), added("20 08:00"), *others)
    assert row.grievances == {}


# What was not to be had


def asked_for(when: str, product_id: str = "tea") -> Event:
    return event(click.StockAlertRequested, when, product_id=product_id)


def test_a_stock_alert_counts_until_the_product_is_bought_after_all() -> None:
    assert known(folded(asked_for("20 08:00"))) == {"stock": (at("20 08:00"), 0, "tea")}
    for bought in (placed("21 08:00", "o", 1_000, "tea", "pot"), placed("20 08:00")):
        assert folded(asked_for("20 08:00"), bought).grievances == {}
    for other in (placed("21 08:00", "o", 1_000, "pot"), placed("19 08:00")):
        assert list(folded(asked_for("20 08:00"), other).grievances) == ["stock"]


def test_a_dearer_product_that_is_bought_all_the_same_is_no_grievance() -> None:
    dearer = (placed("10 08:00"), added("20 08:00"), seen("21 08:00", 600))
    assert folded(*dearer, placed("21 09:00", "o2")).grievances == {}
    assert list(folded(*dearer, placed("21 09:00", "o2", 1_000, "pot")).grievances) == ["dearer"]


def searched(when: str | int, query: str = "kettle", results: int | None = 0) -> Event:
    return event(click.ProductsSearched, when, query=query, result_count=results)


def test_searches_that_find_nothing_are_counted_and_the_words_of_the_last_are_kept() -> None:
    searches = [searched("20 08:00", "x" * 99), searched("21 08:00"), searched("21 09:00", "pan")]
    for events in (searches, searches[::-1]):
        row = folded(*events, searched("22 08:00", results=3), searched("22 09:00", results=None))
        assert known(row) == {"search": (at("21 09:00"), 3, "pan")}
    assert known(folded(searches[0]))["search"] == (at("20 08:00"), 1, "x" * QUERY_MAX)


def test_a_search_that_lies_far_apart_begins_another_count() -> None:
    first = at("01 08:00")
    for gap, times in ((SEARCHES_WITHIN, 2), (SEARCHES_WITHIN + HOUR, 1)):
        events = [searched(first), searched(first + gap)]
        assert folded(*events).grievances["search"].amount == times
        assert folded(*events[::-1]).grievances["search"].amount == times


def test_what_went_wrong_takes_few_bytes_and_nothing_takes_one() -> None:
    row = folded(placed("20 08:00"))
    before = len(encode_row(row))
    row.grievances["late"] = Grievance(at("20 08:00") // HOUR, 30, "o-10007")
    assert len(encode_row(row)) - before < 25
    assert encode_row(folded(placed(at("20 08:00") + DAY)).grievances) == b"\x80"
