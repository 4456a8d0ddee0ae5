"""The coupon of a first purchase offer: one at a time, redeemed, returned and ended like any other."""

import msgspec
from msgspec.structs import replace
from partition import Partition
from test_first_purchase_offer import CODE, COUPON, LOOKS, TOLD, offered

from agents.gate.gate import Gate
from schemas.journal import Entry, Source, Tick
from streams.simulated.story import parse


def test_timeline_the_coupon_is_redeemed_by_the_first_order_and_returned_with_it() -> None:
    used = f"order_placed order_id=o1 total_cents=3000 coupons={CODE}"
    decisions = offered(
        TOLD
        + f"""
        2026-01-24 08:00  ann  {used} -> noted first_purchase_offer reason=redeemed code={CODE} \
            value_cents=500 paid_cents=3000
        2026-01-25 08:00  ann  order_refunded order_id=o1 \
            -> noted first_purchase_offer reason=redemption_returned reopened=false
        2026-03-25 08:00  ann
        """
    )
    assert decisions[0].campaign == "first_purchase_offer"
    assert msgspec.json.decode(decisions[0].payload)["coupon"] == {
        "code": CODE, "value_cents": 500, "currency": "EUR",
        "expires_at": "2026-02-05T08:10:00.000Z",
    }  # fmt: skip


def test_timeline_a_coupon_that_nobody_uses_ends_once() -> None:
    offered(
        TOLD
        + f"""
        2026-02-05 08:09:59  ann
        2026-02-05 08:10  ann  -> noted first_purchase_offer reason=expired_unused code={CODE}
        2026-02-06 08:10  ann  order_placed coupons={CODE} \
            -> noted first_purchase_offer reason=redeemed_after_expiry
        """
    )


def test_timeline_while_a_coupon_is_open_there_is_no_other() -> None:
    offered(
        TOLD
        + f"""
        2026-01-25 08:00  ann  product_viewed product=kettle event_id=again
        2026-01-26 08:00  ann  -> noted first_purchase_offer reason=coupon_still_open code={CODE} \
            events=again
        2026-02-05 08:10  ann  -> noted first_purchase_offer reason=expired_unused
        """,
        replace(COUPON, pause_hours=0),
    )


def test_timeline_who_shops_in_another_currency_gets_the_offer_without_it() -> None:
    offered(
        """
        2026-01-21 08:11  ann  product_added product=mug:1x900
        2026-01-22 08:11  ann  -> first_purchase_offer coupon=none
        """,
        replace(COUPON, currency="SEK"),
    )


def test_timeline_what_it_hands_out_counts_against_the_budget() -> None:
    offered(
        "2026-01-22 08:10  ann  -> suppressed first_purchase_offer reason=over_budget",
        replace(COUPON, budget_cents={"EUR": 499}),
    )


def test_an_order_leaves_no_timer_behind_and_old_history_is_an_order_too() -> None:
    rows = parse(
        LOOKS
        + f"""
        2026-01-22 08:10  ann
        2026-01-23 08:00  ann  order_placed coupons={CODE}
        """
    )
    looks, order = [it.event for it in rows[:3] if it.event], rows[4].event
    assert order is not None
    partition = Partition(COUPON)

    partition.facts(*looks)
    waiting = partition.row("ann")
    partition.facts(Tick(rows[3].at), order, begin=3)
    redeemed = partition.row("ann")
    assert waiting is not None
    assert redeemed is not None
    assert (set(waiting.timers), set(redeemed.timers)) == ({COUPON.name, "row"}, {"row"})

    ordered = Partition(COUPON)
    ordered.facts(*looks)
    ordered.facts(replace(order, coupons=(), event_id="o"), begin=3)
    assert (row := ordered.row("ann"))
    assert set(row.timers) == {"row"}

    other = Partition(COUPON)
    other.facts(*looks)
    old = replace(order, occurred_at=rows[0].at - 1)
    history = Entry(old, Source("history", 0, 0, 0), imported_at=rows[2].at)  # type: ignore[arg-type]
    assert other.feed([history, Tick(rows[3].at)]) == []


def test_timeline_an_offer_that_is_not_sent_puts_no_coupon_into_anybodys_hands() -> None:
    offered(
        f"""
        2026-01-22 08:10  ann  -> suppressed first_purchase_offer reason=no_consent
        2026-01-24 08:00  ann  order_placed coupons={CODE}
        2026-03-24 08:00  ann
        """,
        gate=Gate(),
    )
