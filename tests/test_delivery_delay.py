"""Delivery delays: once for each order, when its promise and the grace have passed undelivered."""

from typing import Any

import msgspec
from msgspec.structs import replace
from partition import Partition, journal
from timeline import check

from agents.delivery_delay import AWAITED_MAX, ENDED_MAX, DeliveryDelay
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from schemas.instant import DAY
from schemas.journal import ShopEntry, Source, Tick
from schemas.orders import Item, OrderDelivered, OrderPlaced, OrderRefunded, OrderShipped
from schemas.shop_events import RatePublished
from streams.simulated.story import moment

DELAY = DeliveryDelay(grace_hours=2)


def test_a_timeline_tells_of_the_delay_at_the_promise_and_the_grace() -> None:
    check(
        """
        2026-01-20 08:00:00      ann  order_placed order_id=o1 products=kettle:1x4900
        2026-01-21 08:00:00      ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 \
            event_id=sent
        2026-01-23 18:00:00      ann
        2026-01-23 19:59:59.999  ann
        2026-01-23 20:00:00      ann  -> delivery_delay reason=promise_passed order_id=o1 \
            promised_at=2026-01-23T18:00 shipped_at=2026-01-21T08:00 late_hours=2 events=sent \
            paid_cents=4900 currency=EUR
        2026-03-23 20:00:00      ann  (once, however long it goes on)
        """,
        DELAY,
    )


def test_a_timeline_with_a_delivery_within_the_grace_is_silent() -> None:
    check(
        """
        2026-01-20 08:00:00      ann  order_placed order_id=o1
        2026-01-21 08:00:00      ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-23 19:59:59.999  ann  order_delivered order_id=o1
        2026-01-30 08:00:00      ann
        """,
        DELAY,
    )


def test_a_timeline_with_a_late_delivery_puts_on_record_how_late_it_was() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 event_id=sent
        2026-01-23 20:00  ann  -> delivery_delay
        2026-01-25 18:00  ann  order_delivered order_id=o1 event_id=there \
            -> noted delivery_delay reason=delivered_late order_id=o1 late_hours=48 \
               events=sent,there
        2026-01-26 18:00  ann  order_delivered order_id=o1  (once)
        """,
        DELAY,
    )


def test_a_timeline_in_which_a_delivery_is_heard_of_too_late_takes_it_back_on_record() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-23 20:00  ann  -> delivery_delay
        2026-01-24 08:00  ann  order_delivered order_id=o1 occurred_at=2026-01-23T12:00 \
            -> noted delivery_delay reason=delivered_in_time late_hours=-6
        """,
        DELAY,
    )


def test_a_timeline_with_a_cancellation_or_the_whole_refund_is_silent_and_a_part_is_not() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=kettle:1x4900
        2026-01-20 08:00  bob  order_placed order_id=o2 products=kettle:1x4900
        2026-01-20 08:00  cem  order_placed order_id=o3 products=kettle:1x4900
        2026-01-20 08:00  dee  order_placed order_id=o4 products=kettle:1x4900
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-21 08:00  bob  order_shipped order_id=o2 promised_at=2026-01-23T18:00
        2026-01-21 08:00  cem  order_shipped order_id=o3 promised_at=2026-01-23T18:00
        2026-01-21 08:00  dee  order_shipped order_id=o4 promised_at=2026-01-23T18:00
        2026-01-22 08:00  ann  order_cancelled order_id=o1
        2026-01-22 08:00  bob  order_refunded order_id=o2
        2026-01-22 08:00  cem  order_refunded order_id=o3 refund_cents=900
        2026-01-22 08:00  dee  order_refunded order_id=o4 refund_cents=900
        2026-01-22 09:00  cem  order_refunded order_id=o3 refund_cents=4000  (that is all of it)
        2026-01-23 20:00  dee  -> delivery_delay order_id=o4
        2026-01-30 08:00  ann
        """,
        DELAY,
    )


def test_a_timeline_with_a_new_promise_waits_for_that_and_an_older_one_changes_nothing() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-22 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-25T18:00
        2026-01-22 09:00  ann  order_shipped order_id=o1  (says nothing of a promise)
        2026-01-22 10:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-20T20:00
        2026-01-25 20:00  ann  -> delivery_delay promised_at=2026-01-25T18:00
        2026-01-26 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-27T18:00
        2026-01-28 08:00  ann  (it was told of once)
        2026-01-28 18:00  ann  order_delivered order_id=o1 \
            -> noted delivery_delay reason=delivered_late late_hours=24
        """,
        DELAY,
    )


def test_a_timeline_of_an_order_without_a_promise_is_silent() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1
        2026-03-20 08:00  ann
        """,
        DELAY,
    )


def test_a_timeline_with_the_end_before_the_shipping_is_silent() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-20 08:00  bob  order_placed order_id=o2 total_cents=0
        2026-01-21 09:00  ann  order_delivered order_id=o1
        2026-01-21 09:00  bob  order_cancelled order_id=o2
        2026-01-21 09:00  cem  order_delivered order_id=o3  (of which nothing was heard before)
        2026-01-21 09:01  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-21T08:00
        2026-01-21 09:01  bob  order_shipped order_id=o2 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-21T08:00
        2026-01-21 09:01  cem  order_shipped order_id=o3 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-21T08:00
        2026-01-30 08:00  ann
        """,
        DELAY,
    )


def test_a_timeline_in_which_the_promise_is_heard_of_after_a_late_delivery() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-25 18:00  ann  order_delivered order_id=o1
        2026-01-26 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-21T08:00 \
            -> noted delivery_delay reason=delivered_late late_hours=48
        """,
        DELAY,
    )


def test_a_timeline_of_an_order_that_the_row_has_let_go_is_watched_all_the_same() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed order_id=o1
        2026-01-02 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-25T18:00
        2026-01-20 08:00  ann  order_placed order_id=o2
        2026-01-20 08:01  ann  order_placed order_id=o3
        2026-01-25 20:00  ann  -> delivery_delay order_id=o1 paid_cents=none
        2026-01-28 18:00  ann  order_delivered order_id=o1 \
            -> noted delivery_delay reason=delivered_late late_hours=72
        """,
        DELAY,
    )


def test_a_timeline_with_two_orders_due_at_once_tells_of_both() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-20 08:01  ann  order_placed order_id=o2
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-21 08:00  ann  order_shipped order_id=o2 promised_at=2026-01-23T18:00
        2026-01-23 20:00  ann  -> delivery_delay order_id=o1 ; delivery_delay order_id=o2
        """,
        DELAY,
    )


def test_a_timeline_with_downtime_tells_of_no_order_that_has_arrived_meanwhile() -> None:
    check(
        """
        2026-01-20 08:00  ann    order_placed order_id=o1
        2026-01-20 08:00  bob    order_placed order_id=o2
        2026-01-21 08:00  ann    order_shipped order_id=o1 promised_at=2026-01-23T18:00
        2026-01-21 08:00  bob    order_shipped order_id=o2 promised_at=2026-01-23T18:00
        2026-01-22 08:00  clock  stops
        2026-01-23 17:00  ann    order_delivered order_id=o1
        2026-01-25 08:00  clock  goes_on
        2026-01-25 08:00  bob    -> delivery_delay late_hours=38
        """,
        DELAY,
    )


def test_a_timeline_with_a_promise_that_is_heard_of_long_after_it_has_passed() -> None:
    check(
        """
        2026-01-28 08:00  bob  page_viewed
        2026-01-29 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T18:00 \
            occurred_at=2026-01-21T08:00
        2026-01-29 09:00  ann  -> suppressed delivery_delay reason=late
        """,
        DELAY,
    )


def test_a_timeline_in_which_the_night_holds_it_back_tells_it_as_it_is_in_the_morning() -> None:
    night = QuietHours(begin="21:00", end="08:00", time_zone="UTC", purposes=("service",))
    history = """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T20:00
        2026-01-23 22:00  ann  -> deferred delivery_delay reason=quiet_hours
        {}
    """
    gate = Gate(assume_consent=("service",), quiet_hours=night)
    check(
        history.format("2026-01-24 08:01  ann  -> delivery_delay late_hours=12.02"),
        DELAY,
        gate=gate,
    )
    arrived = """2026-01-24 07:00  ann  order_delivered order_id=o1 \
            -> noted delivery_delay reason=delivered_late
        2026-01-24 08:01  ann  -> suppressed delivery_delay reason=reason_gone"""
    check(history.format(arrived), DELAY, gate=gate)


def test_a_timeline_with_more_orders_than_are_watched_notes_which_one_falls_out() -> None:
    sent = [
        f"2026-01-20 08:{it:02}  ann  order_shipped order_id=o{it} promised_at=2026-01-2{it}T18:00"
        for it in range(1, AWAITED_MAX + 1)
    ]
    told = [f"2026-01-2{it} 18:00  ann  -> delivery_delay order_id=o{it}" for it in range(1, 8)]
    check(
        f"""
        {chr(10).join(sent)}
        2026-01-20 09:00  ann  order_shipped order_id=new promised_at=2026-01-27T06:00 \
            -> noted delivery_delay reason=too_many_open order_id=o8
        {chr(10).join(told[:6])}
        2026-01-27 06:00  ann  -> delivery_delay order_id=new
        {told[6]}
        2026-01-28 08:00  ann  order_shipped order_id=last promised_at=2026-01-29T18:00 \
            -> noted delivery_delay reason=too_many_open order_id=o1
        2026-01-29 18:00  ann  -> delivery_delay order_id=last
        """,
        replace(DELAY, grace_hours=0),
    )


def test_what_has_ended_before_it_was_heard_of_is_remembered_within_a_bound() -> None:
    at = moment("2026-01-20 08:00")
    partition = Partition(DELAY)
    partition.facts(
        *(
            OrderDelivered(event_id=f"e{it}", customer_id="ann", occurred_at=at, order_id=f"o{it}")
            for it in range(3 * ENDED_MAX)
        )
    )
    row = partition.row("ann")
    assert row is not None
    assert len(bytes(row.memory["delivery_delay"])) < 6 * ENDED_MAX


def test_nothing_is_remembered_of_the_refund_of_an_order_that_is_long_over() -> None:
    at = moment("2026-01-20 08:00")
    partition = Partition(DELAY)
    partition.facts(OrderRefunded(event_id="e", customer_id="ann", occurred_at=at, order_id="old"))
    row = partition.row("ann")
    assert row is not None
    assert row.memory == {}


def test_an_order_is_told_of_with_what_was_paid_for_it_in_its_own_currency() -> None:
    at = moment("2026-01-20 08:00")
    rate = RatePublished(event_id="r", occurred_at=at, currency="SEK", per="EUR", rate="0.09")
    common: dict[str, Any] = {"customer_id": "ann", "order_id": "o1"}
    placed = OrderPlaced(
        event_id="e1", occurred_at=at + 1, currency="SEK",
        products=(Item("tea", price_cents=10_000),), **common,
    )  # fmt: skip
    sent = OrderShipped(event_id="e2", occurred_at=at + 2, promised_at=at + DAY, **common)
    log = [ShopEntry(rate, Source("shop", 0, 0, at)), *journal([placed, sent, Tick(at + 2 * DAY)])]
    (told,) = Partition(DELAY, settings=EngineSettings(currency="EUR")).feed(log)
    payload = msgspec.json.decode(told.payload)
    assert (payload["paid_cents"], payload["currency"]) == (10_000, "SEK")
