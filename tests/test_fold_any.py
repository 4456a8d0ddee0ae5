"""The fold is total: any event folds into any row, in any order, and the row keeps to its bounds."""

from random import Random
from typing import get_args

import pytest
from any_event import EVENT_TYPES, START, AnyEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clickstream import PageViewed
from schemas.codec import encode_row
from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import Item, OrderPlaced
from schemas.profiles import TriggerReport
from state.consent import open_channels
from state.customer import (
    BOUGHT_MAX,
    CART_MAX,
    CATEGORIES_MAX,
    EVENT_IDS_MAX,
    GAPS_MAX,
    PRODUCTS_MAX,
    RECENT_ORDERS_MAX,
    TRAITS_MAX,
    VIEWED_MAX,
    Customer,
    decode_customer,
)
from state.fold import ID_BYTES, fold, is_repeat
from state.grievance import Kind
from state.shop import Rhythm
from state.trail import TRAIL_MAX
from state.window import BUCKETS_MAX

# What the fold alone may come to. The longest ids that a schema allows, in the longest UTF-8.
USUAL_BYTES_MAX = 2_500
HOSTILE_BYTES_MAX = 80_000

SEEDS = st.lists(st.integers(0, 2**32), max_size=40)


def drawn(seeds: list[int]) -> list[Event]:
    return [AnyEvent(Random(seed)).draw() for seed in seeds]


def check_bounds(row: Customer) -> None:
    """Every list and every map of the profile is within its bound; nothing is below zero."""
    assert len(row.event_ids) <= EVENT_IDS_MAX * ID_BYTES
    for window in (row.orders, row.views):
        # Three numbers a bucket: when, how many, how much.
        assert len(window) <= BUCKETS_MAX * 3
        assert all(number >= 0 for number in window)
    assert len(row.gap_hours) <= GAPS_MAX
    assert len(row.cart) <= CART_MAX
    assert len(row.viewed) <= VIEWED_MAX
    assert len(row.bought) <= BOUGHT_MAX
    assert len(row.categories.weights) <= CATEGORIES_MAX
    assert len(row.products.weights) <= PRODUCTS_MAX
    assert len(row.recent_orders) <= RECENT_ORDERS_MAX
    assert len(row.consent) <= 3
    assert all(len(channels) <= 8 for channels in row.consent.values())
    assert len(row.responses) <= 7
    assert len(row.traits) <= TRAITS_MAX
    assert row.grievances.keys() <= {*get_args(Kind)}
    assert all(it.hour > 0 <= it.amount for it in row.grievances.values())
    assert len(row.trail) <= TRAIL_MAX
    assert row.refunded_cents >= 0
    assert row.cart_cents >= 0
    assert all(line.quantity > 0 for line in row.cart.values())
    assert row.ratings is None or row.ratings.count <= row.ratings.stars <= 5 * row.ratings.count


def test_no_field_of_a_row_was_forgotten_above() -> None:
    plain = {
        "version", "first_seen_at", "last_seen_at", "order_count", "spent_cents", "currency",
        "first_order_at", "last_order_at", "session", "cart_changed_at", "locale", "time_zone",
        "birthday", "profile_at", "case_closed_at", "deliveries", "country",
    }  # fmt: skip
    bounded = {
        "event_ids", "orders", "views", "gap_hours", "cart", "viewed", "bought", "categories",
        "products", "recent_orders", "consent", "responses", "traits", "refunded_cents", "ratings",
        "grievances", "trail",
    }  # fmt: skip
    of_the_engine = {
        "said", "timers", "memory", "touches", "held", "exposures", "visit_awaited_until",
        "portrait", "awaited", "key_ids",
    }  # fmt: skip
    assert set(Customer.__struct_fields__) == plain | bounded | of_the_engine


@given(seeds=SEEDS)
@settings(max_examples=200, deadline=None)
def test_any_event_folds_into_any_row(seeds: list[int]) -> None:
    row, rhythm = Customer(), Rhythm()
    for event in drawn(seeds):
        fold(row, event, rhythm)
        check_bounds(row)
    assert decode_customer("ann", encode_row(row)) == row


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_event_folds_into_an_empty_row_and_into_a_full_one(kind: type[Event]) -> None:
    any_event = AnyEvent(Random(7))
    full, rhythm = Customer(), Rhythm()
    for _ in range(300):
        fold(full, any_event.draw(), rhythm)
    for row in (Customer(), full):
        event = any_event.of(kind)
        fold(row, event, rhythm)
        check_bounds(row)
        if not issubclass(kind, TriggerReport):
            assert row.first_seen_at <= event.occurred_at <= row.last_seen_at


@pytest.mark.parametrize(
    ("name_length", "letter", "bytes_max"),
    [(8, "x", USUAL_BYTES_MAX), (128, "\U0010ffff", HOSTILE_BYTES_MAX)],
)
def test_after_thousands_of_events_the_row_is_within_its_bounds(
    name_length: int, letter: str, bytes_max: int
) -> None:
    any_event = AnyEvent(Random(1), names=500, name_length=name_length, letter=letter)
    row, rhythm = Customer(), Rhythm()
    longest = 0
    for number in range(5_000):
        event = any_event.draw()
        is_repeat(row, event.event_id)
        fold(row, event, rhythm)
        if number % 50 == 0:
            check_bounds(row)
            longest = max(longest, len(encode_row(row)))
    # Neither bound is so wide that it would hold anything.
    assert bytes_max / 4 < longest <= bytes_max


@given(seeds=SEEDS, order=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_what_adds_up_does_so_in_any_order_of_arrival(seeds: list[int], order: Random) -> None:
    # Windows grow coarse with the newest moment, so all orders of arrival end with the same one.
    end = START + 500 * DAY
    last: list[Event] = [
        PageViewed(event_id="v", occurred_at=end, customer_id="ann"),
        OrderPlaced(
            event_id="o", occurred_at=end, customer_id="ann", order_id="last", currency="EUR",
            products=(Item("tea"),),
        ),
    ]  # fmt: skip
    events = drawn(seeds)
    rows = []
    for _ in range(2):
        row = Customer()
        for event in (*events, *last):
            fold(row, event, Rhythm())
        rows.append(row)
        order.shuffle(events)
    assert added_up(rows[0]) == added_up(rows[1])


def added_up(row: Customer) -> list[object]:
    """What must not depend on the order of arrival."""
    return [
        row.first_seen_at, row.last_seen_at, row.first_order_at, row.last_order_at,
        row.order_count, row.spent_cents, row.orders, row.views, sorted(row.responses.items()),
        row.ratings and row.ratings.count,
        row.deliveries and (row.deliveries.delivered, row.deliveries.undelivered),
        [open_channels(row.consent, it, assumed=True) for it in ("marketing", "personalisation", "service")],
    ]  # fmt: skip
