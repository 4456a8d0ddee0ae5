"""Referrals: one reward for each new customer, for their first order, and never a second one."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from test_import import past
from timeline import check

from agents.referral_reward import ReferralReward
from schemas.instant import DAY, MINUTE
from schemas.orders import Item, OrderCancelled, OrderPlaced
from streams.simulated.story import moment

REWARD = ReferralReward()
START = moment("2026-01-20")


def placed(at: int, order: str, **more: Any) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"e-{order}", customer_id="ann", occurred_at=at, order_id=order,
        products=(Item("tea", price_cents=900),), currency="EUR", **more,
    )  # fmt: skip


def test_a_timeline_of_a_first_order_that_names_who_is_to_be_rewarded() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed
        2026-01-20 08:10  ann  order_placed order_id=o1 products=tea:2x900 referred_by=bob \
            event_id=first -> referral_reward reason=first_order_by_referral referrer_id=bob \
               referee_id=ann order_id=o1 paid_cents=1800 currency=EUR events=first
        2026-01-21 08:10  ann  order_placed order_id=o2 referred_by=bob
        2026-01-22 08:10  ann  order_placed order_id=o3 referred_by=cem
        """,
        REWARD,
    )


def test_a_timeline_of_who_was_a_customer_before() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_placed order_id=o2 referred_by=bob
        """,
        REWARD,
    )


def test_a_timeline_of_a_first_order_that_is_cancelled_and_of_the_next_one() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 referred_by=bob -> referral_reward
        2026-01-20 09:00  ann  order_cancelled order_id=o1 \
            -> noted referral_reward reason=rewarded_order_cancelled order_id=o1
        2026-01-21 08:00  ann  order_placed order_id=o2 referred_by=bob
        2026-01-21 09:00  ann  order_cancelled order_id=o2
        """,
        REWARD,
    )


def test_a_timeline_of_those_who_refer_themselves_and_of_guests() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 referred_by=ann \
            -> noted referral_reward reason=self_referral referrer_id=ann referee_id=ann
        2026-01-20 08:00  bob  order_placed order_id=o2 anonymous_id=7f3 referred_by=anon:7f3 \
            -> noted referral_reward reason=self_referral
        2026-01-20 08:00  anon:7f3  order_placed order_id=o3 referred_by=7f3 \
            -> noted referral_reward reason=self_referral
        2026-01-20 08:00  anon:8a4  order_placed order_id=o4 referred_by=bob \
            -> noted referral_reward reason=referee_unknown
        2026-01-21 08:00  ann  order_placed order_id=o5 referred_by=bob
        """,
        REWARD,
    )


def test_a_timeline_of_first_orders_at_the_least_value() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=tea:1x1999 referred_by=eve \
            -> noted referral_reward reason=order_too_small paid_cents=1999
        2026-01-20 08:00  bob  order_placed order_id=o2 products=tea:1x2000 referred_by=eve \
            -> referral_reward
        """,
        ReferralReward(value_cents_min=2_000),
    )


def test_a_timeline_of_retries_by_event_and_by_order() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 event_id=e1 referred_by=bob -> referral_reward
        2026-01-20 08:01  ann  order_placed order_id=o1 event_id=e1 referred_by=bob
        2026-01-20 08:02  ann  order_placed order_id=o1 event_id=e2 referred_by=bob
        """,
        REWARD,
    )


def test_a_timeline_of_a_first_order_that_is_heard_of_after_the_second() -> None:
    check(
        """
        2026-01-20 08:10  ann  order_placed order_id=o2
        2026-01-20 08:11  ann  order_placed order_id=o1 referred_by=bob occurred_at=2026-01-20T08:00 \
            -> referral_reward order_id=o1
        2026-01-20 08:11  bob  page_viewed
        2026-01-20 08:12  cem  order_placed order_id=o4 referred_by=bob -> referral_reward order_id=o4
        2026-01-20 08:13  cem  order_placed order_id=o3 referred_by=dee occurred_at=2026-01-20T08:00 \
            -> noted referral_reward reason=already_rewarded referrer_id=dee
        """,
        REWARD,
    )


def test_a_timeline_of_a_first_order_that_is_heard_of_hours_late() -> None:
    check(
        """
        2026-01-20 12:00  bob  page_viewed
        2026-01-20 12:00  ann  order_placed order_id=o1 referred_by=bob occurred_at=2026-01-20T08:00 \
            -> suppressed referral_reward reason=late referrer_id=bob
        2026-01-20 13:00  ann  order_placed order_id=o2 referred_by=bob
        """,
        REWARD,
    )


def test_history_is_silent_and_who_ordered_in_it_is_no_new_customer() -> None:
    it = Partition(REWARD)
    assert it.feed(past(placed(START - 90 * DAY, "o1", referred_by="bob"), at=START)) == []
    assert it.facts(placed(START + DAY, "o2", referred_by="bob")) == []


ORDERS = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from([None, "ann", "bob", "cem"]), st.booleans()),
    max_size=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ORDERS)
def test_there_is_one_reward_at_most_whatever_is_ordered_cancelled_and_late(
    orders: list[tuple[int, str | None, bool]],
) -> None:
    facts: list[OrderPlaced | OrderCancelled] = []
    for number, (minutes, referrer, cancels) in enumerate(orders):
        at = START + minutes * MINUTE
        facts.append(placed(at, f"o{number}", referred_by=referrer))
        if cancels:
            facts.append(
                OrderCancelled(
                    event_id=f"c{number}", customer_id="ann", occurred_at=at, order_id=f"o{number}"
                )
            )
    said = Partition(REWARD).feed(journal(facts))
    sent = [it for it in said if it.outcome == "sent"]
    assert len(sent) <= 1
    if orders and orders[0][1] in ("bob", "cem"):
        assert len(sent) == 1
