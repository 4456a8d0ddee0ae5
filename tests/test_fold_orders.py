"""The fold: orders add up, gaps are told, money goes back once; what comes late undoes nothing."""

import pytest
from folded import at, event, folded, placed

from schemas import orders as order
from schemas.instant import DAY, HOUR
from schemas.orders import Item
from state import window
from state.customer import GAPS_MAX, RECENT_ORDER_KEPT, RECENT_ORDERS_MAX
from state.fold import fold
from state.shop import Rhythm


def test_orders_add_up_whatever_their_order_of_arrival() -> None:
    orders = [placed(f"{day:02} 08:00", f"o{day}", day) for day in (1, 9, 20)]
    for events in (orders, orders[::-1]):
        row = folded(*events)
        assert (row.order_count, row.spent_cents, row.currency) == (3, 30, "EUR")
        assert (row.first_order_at, row.last_order_at) == (at("01 08:00"), at("20 08:00"))
        assert window.total(row.orders, at("20 08:00"), 365 * DAY) == (3, 30)


def test_gaps_are_between_purchases_and_orders_within_twenty_hours_are_one() -> None:
    rhythm = Rhythm()
    orders = [placed(it) for it in ("01 08:00", "01 19:59", "02 07:58", "04 07:58", "05 07:58")]
    row = folded(*orders, rhythm=rhythm)
    assert row.gap_hours == [48, 24]
    assert rhythm.count == 2
    assert rhythm.days == pytest.approx(3, abs=0.01)
    assert rhythm.days_squared == pytest.approx(5, abs=0.01)


def test_whoever_orders_every_few_hours_has_no_gaps() -> None:
    row = folded(*(placed(at("01 00:00") + hour * HOUR) for hour in range(0, 10 * 24, 5)))
    assert row.gap_hours == []


def test_whoever_orders_every_day_has_a_gap_a_day_and_the_last_ones_are_kept() -> None:
    row = folded(*(placed(at("01 00:00") + day * DAY) for day in range(30)))
    assert row.gap_hours == [24] * GAPS_MAX


def test_a_late_order_does_not_reopen_a_gap_that_was_closed() -> None:
    row = folded(placed("01 08:00"), placed("21 08:00"), placed("11 08:00"), placed("25 08:00"))
    assert row.gap_hours == [20 * 24, 4 * 24]


def test_an_order_of_which_nothing_more_is_heard_is_let_go_when_the_next_one_comes() -> None:
    first, gap = at("01 08:00"), RECENT_ORDER_KEPT
    assert list(folded(placed(first, "old"), placed(first + gap, "new")).recent_orders) == [
        "old",
        "new",
    ]
    assert list(folded(placed(first, "old"), placed(first + gap + 1, "new")).recent_orders) == [
        "new"
    ]


def test_the_last_orders_stay_by_event_time_and_not_by_arrival() -> None:
    days = [10, 11, 12, 13, 14][: RECENT_ORDERS_MAX + 1]
    orders = [placed(f"{day} 08:00", f"o{day}") for day in days]
    late_first = [orders[-1], *orders[:-1]]
    assert sorted(folded(*late_first).recent_orders) == [f"o{day}" for day in days[1:]]


def test_an_order_is_open_until_it_is_delivered() -> None:
    shipped = event(order.OrderShipped, "21 08:00", order_id="o", promised_at=at("23 08:00"))
    row = folded(placed("20 08:00"), shipped)
    assert row.open_orders["o"].promised_at == at("23 08:00")
    fold(row, event(order.OrderDelivered, "22 08:00", order_id="o"), Rhythm())
    assert row.open_orders == {}
    assert row.recent_orders["o"].delivered_at == at("22 08:00")


def test_what_is_reported_of_an_order_that_we_do_not_know_changes_no_order() -> None:
    kinds = (order.OrderShipped, order.OrderDelivered, order.OrderCancelled)
    row = folded(*(event(kind, "21 08:00", order_id="x") for kind in kinds))
    assert (row.recent_orders, row.refunded_cents) == ({}, 0)


REFUNDS: list[tuple[list[int | None], int]] = [
    ([None], 1_000),
    ([300], 300),
    ([300, None], 1_000),
    ([1_200, None], 1_000),  # No more goes back than was paid.
    ([None, None], 1_000),
    ([0], 0),
]


@pytest.mark.parametrize(("refunds", "refunded_cents"), REFUNDS)
def test_a_refund_without_an_amount_is_of_what_is_left(
    refunds: list[int | None], refunded_cents: int
) -> None:
    events = (
        event(order.OrderRefunded, "21 08:00", order_id="o", refund_cents=it) for it in refunds
    )
    assert folded(placed("20 08:00"), *events).refunded_cents == refunded_cents


def test_a_cancelled_order_is_refunded_once() -> None:
    cancelled = event(order.OrderCancelled, "20 09:00", order_id="o")
    refunded = event(order.OrderRefunded, "20 09:30", order_id="o")
    assert folded(placed("20 08:00"), cancelled, refunded).refunded_cents == 1_000


def test_a_total_beyond_all_reason_is_refused_at_the_border() -> None:
    line = Item("tea", 100_000, 10**12)
    with pytest.raises(ValueError, match="add up to"):
        event(order.OrderPlaced, "20 08:00", order_id="o", products=(line,) * 9, currency="EUR")
