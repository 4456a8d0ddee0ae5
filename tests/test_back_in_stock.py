"""Back in stock: who asked for a product is told once when it can be ordered, and nobody else is."""

import pytest
from partition import AGREED
from timeline import check

from agents.back_in_stock import BackInStock
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours

ASKS = BackInStock()
NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC", purposes=("service",))
QUIET = Gate(assume_consent=("service",), quiet_hours=NIGHT)


def test_a_timeline_of_a_request_that_is_answered_once() -> None:
    check(
        """
        2026-01-20 08:00  shop  stock_changed product=tea available=0
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  bob   stock_alert_requested product=pot
        2026-01-22 09:00  shop  stock_changed product=tea available=5 event_id=s2 \
            -> back_in_stock customer_id=ann products=tea reason=back_again waited_hours=48 \
            available=5 events=e3,s2
        2026-01-22 10:00  shop  stock_changed product=tea available=0
        2026-01-22 11:00  shop  stock_changed product=tea available=7
        2026-01-23 11:00  shop  stock_changed product=pot available=1 \
            -> back_in_stock customer_id=bob products=pot
        """,
        ASKS,
    )


def test_a_timeline_of_many_who_wait_and_are_told_in_order_of_their_ids() -> None:
    check(
        """
        2026-01-20 09:00  cem     stock_alert_requested product=tea
        2026-01-20 09:01  anon:7  stock_alert_requested product=tea
        2026-01-20 09:02  ann     stock_alert_requested product=tea
        2026-01-21 09:00  shop    stock_changed product=tea available=5 \
            -> back_in_stock customer_id=ann; back_in_stock customer_id=anon:7; \
            back_in_stock customer_id=cem
        """,
        ASKS,
    )


def test_a_timeline_of_more_of_what_is_there_anyway() -> None:
    check(
        """
        2026-01-20 08:00  shop  stock_changed product=tea available=3
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  shop  stock_changed product=tea available=30
        2026-01-20 11:00  shop  price_changed product=tea:1x500
        2026-01-20 12:00  shop  stock_changed product=tea available=0
        2026-01-20 13:00  shop  stock_changed product=tea available=3  -> back_in_stock customer_id=ann
        """,
        ASKS,
    )


def test_a_timeline_of_an_order_that_ends_the_wait() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 09:00  ann   stock_alert_requested product=pot
        2026-01-20 10:00  ann   order_placed products=tea,mug
        2026-01-21 09:00  shop  stock_changed product=tea available=5
        2026-01-21 09:01  shop  stock_changed product=pot available=5  -> back_in_stock products=pot
        """,
        ASKS,
    )


def test_a_timeline_of_an_order_and_a_request_that_arrive_the_other_way_round() -> None:
    check(
        """
        2026-01-20 10:00  ann   order_placed products=tea
        2026-01-20 10:01  ann   stock_alert_requested product=tea occurred_at=2026-01-20T09:30
        2026-01-20 11:00  bob   stock_alert_requested product=tea
        2026-01-20 11:01  bob   order_placed products=tea occurred_at=2026-01-20T10:30
        2026-01-21 09:00  shop  stock_changed product=tea available=5  -> back_in_stock customer_id=bob
        """,
        ASKS,
    )


def test_a_timeline_of_stock_that_overtakes_the_request() -> None:
    check(
        """
        2026-01-20 09:00:00  shop  stock_changed product=tea available=0
        2026-01-20 09:10:00  shop  stock_changed product=tea available=4
        2026-01-20 09:10:01  ann   stock_alert_requested product=tea occurred_at=2026-01-20T09:09 \
            event_id=a1  -> back_in_stock products=tea available=4 events=a1 waited_hours=0
        2026-01-20 09:11:00  bob   stock_alert_requested product=tea  (it is there: they see it)
        2026-01-20 09:20:00  shop  stock_changed product=tea available=5
        """,
        ASKS,
    )


def test_a_timeline_of_an_old_word_on_the_stock_that_comes_last() -> None:
    check(
        """
        2026-01-20 09:00  shop  stock_changed product=tea available=0
        2026-01-20 09:10  ann   stock_alert_requested product=tea
        2026-01-20 09:20  shop  stock_changed product=tea available=9 occurred_at=2026-01-20T08:59
        2026-01-20 13:00  shop  stock_changed product=tea available=9 occurred_at=2026-01-20T10:00 \
            -> suppressed back_in_stock reason=late
        """,
        ASKS,
    )


@pytest.mark.parametrize(("second", "told"), [(0, True), (1, False)])
def test_a_timeline_of_a_request_that_stands_for_so_many_days(second: int, told: bool) -> None:
    check(
        f"""
        2026-01-20 09:00     ann   stock_alert_requested product=tea
        2026-01-30 09:00:0{second}  shop  stock_changed product=tea available=5 \
            {"-> back_in_stock products=tea" if told else ""}
        2026-01-31 09:00     shop  stock_changed product=tea available=0
        2026-01-31 09:01     shop  stock_changed product=tea available=5
        """,
        BackInStock(valid_days=10),
    )


def test_a_timeline_of_a_second_request_after_the_first_is_answered() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 09:01  ann   stock_alert_requested product=tea
        2026-01-21 09:00  shop  stock_changed product=tea available=5  -> back_in_stock events=e3,e4
        2026-01-22 09:00  shop  stock_changed product=tea available=0
        2026-01-22 10:00  ann   stock_alert_requested product=tea event_id=again
        2026-01-23 09:00  shop  stock_changed product=tea available=5  -> back_in_stock events=again,e7
        """,
        ASKS,
    )


WISHES = """
    2026-01-20 09:00  ann   product_wishlisted product=tea
    2026-01-20 09:00  bob   product_added product=tea
    2026-01-21 09:00  shop  stock_changed product=tea available=5 {}
    """


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (ASKS, []),
        (BackInStock(of_wishlist=True), ["ann"]),
        (BackInStock(of_cart=True), ["bob"]),
        (BackInStock(of_wishlist=True, of_cart=True), ["ann", "bob"]),
    ],
)
def test_a_timeline_of_wishes_and_carts_that_count_if_the_shop_says_so(
    agent: BackInStock, told: list[str]
) -> None:
    decided = "; ".join(f"back_in_stock customer_id={it}" for it in told)
    check(WISHES.format(f"-> {decided}" if told else ""), agent)


def test_a_timeline_of_a_night_in_which_one_is_sold_out_again_and_another_comes_back() -> None:
    check(
        """
        2026-01-20 19:00     ann   stock_alert_requested product=tea
        2026-01-20 19:01     ann   stock_alert_requested product=pot
        2026-01-20 22:00     shop  stock_changed product=tea available=5  -> deferred back_in_stock
        2026-01-20 23:00     shop  stock_changed product=pot available=2 \
            -> suppressed back_in_stock reason=already_held
        2026-01-21 01:00     shop  stock_changed product=tea available=0
        2026-01-21 08:00:01  ann   -> back_in_stock products=pot
        2026-01-21 12:00     shop  stock_changed product=tea available=5  -> back_in_stock products=tea
        """,
        ASKS,
        gate=QUIET,
    )


def test_a_timeline_of_a_night_after_which_nothing_is_left() -> None:
    check(
        """
        2026-01-20 19:00     ann   stock_alert_requested product=tea
        2026-01-20 19:00     bob   stock_alert_requested product=tea
        2026-01-20 22:00     shop  stock_changed product=tea available=5 \
            -> deferred back_in_stock customer_id=ann; deferred back_in_stock customer_id=bob
        2026-01-20 22:30     bob   order_placed products=tea
        2026-01-21 01:00     shop  stock_changed product=tea available=0
        2026-01-21 08:00:01  ann   -> suppressed back_in_stock reason=reason_gone
        2026-01-21 08:00:01  bob   -> suppressed back_in_stock reason=reason_gone
        2026-01-21 12:00     shop  stock_changed product=tea available=1 \
            -> back_in_stock customer_id=ann
        """,
        ASKS,
        gate=QUIET,
    )


def test_a_timeline_of_who_has_not_agreed_and_does_later() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  shop  stock_changed product=tea available=5 \
            -> suppressed back_in_stock reason=no_consent
        2026-01-20 11:00  ann   consent_changed purpose=service
        2026-01-21 09:00  shop  stock_changed product=tea available=0
        2026-01-21 10:00  shop  stock_changed product=tea available=5  -> back_in_stock customer_id=ann
        """,
        ASKS,
        gate=Gate(),
    )


def test_a_timeline_of_who_is_held_out_and_counts_as_told() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  shop  stock_changed product=tea available=5 \
            -> held_out back_in_stock customer_id=ann
        2026-01-21 09:00  shop  stock_changed product=tea available=0
        2026-01-21 10:00  shop  stock_changed product=tea available=5
        """,
        BackInStock(purpose="marketing", holdout_share=0.5),
        gate=AGREED,
    )


def test_a_timeline_of_who_asks_and_is_forgotten() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  ann   erasure_requested
        2026-01-20 11:00  shop  stock_changed product=tea available=5
        """,
        ASKS,
    )


def test_a_timeline_of_an_event_of_the_shop_that_comes_twice() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  shop  stock_changed product=tea available=5 event_id=s  -> back_in_stock
        2026-01-20 10:01  ann   stock_alert_requested product=tea
        2026-01-20 10:02  shop  stock_changed product=tea available=0
        2026-01-20 10:03  shop  stock_changed product=tea available=5 event_id=s
        """,
        ASKS,
    )


def test_a_timeline_of_requests_that_arrive_in_the_wrong_order() -> None:
    check(
        """
        2026-01-20 09:00  ann   stock_alert_requested product=tea event_id=second
        2026-01-20 09:01  ann   stock_alert_requested product=tea event_id=first \
            occurred_at=2026-01-20T08:30
        2026-01-20 09:02  shop  stock_changed product=tea available=5 event_id=s \
            -> back_in_stock events=second,s
        """,
        ASKS,
    )


def test_a_timeline_of_an_answer_that_was_refused_and_is_told_while_its_request_stands() -> None:
    table = """
        2026-01-20 09:00  ann   stock_alert_requested product=tea
        2026-01-20 10:00  shop  stock_changed product=tea available=5 \
            -> suppressed back_in_stock reason=no_consent
        2026-01-20 11:00  ann   consent_changed purpose=service
        2026-01-29 09:00  ann   stock_alert_requested product=pot
        {day} 09:00  shop  stock_changed product=pot available=2 -> back_in_stock products={told}
        """
    check(table.format(day="2026-01-29", told="tea,pot"), BackInStock(valid_days=10), gate=Gate())
    check(table.format(day="2026-01-31", told="pot"), BackInStock(valid_days=10), gate=Gate())
