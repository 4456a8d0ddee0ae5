"""Churn causes: what went wrong near the last order, the shop's own failures first, newest first."""

import doctest
from itertools import pairwise
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from timeline import check

from agents.churn import causes as churn_cause
from agents.churn.causes import PRECEDENCE, STRONG, CauseName, CauseRules, causes
from agents.churn_alert import ChurnAlert
from schemas.instant import DAY, HOUR
from state.customer import Customer, Ratings, RecentOrder
from state.grievance import Grievance, Grievances, Kind

ALERT = ChurnAlert(chance=0.99, quiet_days_min=30, cause_days=20, rating_max=2)
RULES = CauseRules(cause_days=20, rating_max=2, empty_searches_min=2)


def test_the_examples_in_the_docstrings_are_so() -> None:
    result = doctest.testmod(churn_cause)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_a_timeline_without_evidence_is_inactivity_and_says_no_more_than_before() -> None:
    (alert,) = check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-21 08:00  ann  review_posted rating=3
        2026-02-19 08:00  ann  -> churn_alert cause=inactivity other_causes=""
        """,
        ALERT,
    )
    assert [*alert.evidence.values] == ["quiet_days", "gap_days", "chance"]
    assert [*alert.evidence.thresholds] == ["chance", "quiet_days_min"]


def test_a_timeline_with_a_bad_review_names_it_with_what_was_said_and_how_long_ago() -> None:
    (alert,) = check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-30 08:00  ann  review_posted rating=1 review_id=r1
        2026-02-19 08:00  ann  -> churn_alert cause=bad_review rating=1 review_id=r1 \
            cause_days_ago=20 other_causes=""
        """,
        ALERT,
    )
    limits = {"chance": 0.99, "quiet_days_min": 30.0, "cause_days": 20.0, "rating_max": 2}
    assert alert.evidence.thresholds == limits


def test_a_timeline_in_which_the_review_was_edited_to_good_is_inactivity() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-25 08:00  ann  review_posted rating=1 review_id=r1
        2026-01-26 08:00  ann  review_edited rating=5 review_id=r1
        2026-02-19 08:00  ann  -> churn_alert cause=inactivity
        """,
        ALERT,
    )


def test_a_timeline_with_a_late_delivery_names_the_order_and_the_hours() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T08:00
        2026-01-25 08:00  ann  order_delivered order_id=o1
        2026-02-19 08:00  ann  -> churn_alert cause=late_delivery order_id=o1 late_hours=48 \
            has_arrived=true cause_days_ago=25
        """,
        ALERT,
    )


def test_a_timeline_with_a_delivery_in_time_is_inactivity_and_one_that_never_came_is_late() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-20 08:00  bob  order_placed order_id=o2
        2026-01-20 08:00  cem  order_placed order_id=o3
        2026-01-21 08:00  ann  order_shipped order_id=o1 promised_at=2026-01-23T08:00
        2026-01-21 08:00  bob  order_shipped order_id=o2 promised_at=2026-01-23T08:00
        2026-01-23 19:00  ann  order_delivered order_id=o1
        2026-02-19 08:00  ann  -> churn_alert cause=inactivity
        2026-02-19 08:00  bob  -> churn_alert cause=late_delivery late_hours=648 has_arrived=false
        2026-02-19 08:00  cem  -> churn_alert cause=inactivity  (nothing was promised)
        """,
        ALERT,
    )


def test_a_timeline_with_a_refund_and_one_with_a_small_one() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1 products=tea:1x1000
        2026-01-20 08:00  bob  order_placed order_id=o2 products=tea:1x1000
        2026-01-25 08:00  ann  order_refunded order_id=o1 refund_cents=600
        2026-01-25 08:00  bob  order_refunded order_id=o2 refund_cents=100
        2026-02-19 08:00  ann  -> churn_alert cause=refund refund_percent=60 order_id=o1
        2026-02-19 08:00  bob  -> churn_alert cause=inactivity
        """,
        ALERT,
    )


def test_a_timeline_with_a_price_that_rose_and_a_product_that_was_not_to_be_had() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-20 08:00  bob  order_placed
        2026-01-20 08:00  cem  order_placed
        2026-01-25 08:00  ann  product_added product=kettle:1x4000
        2026-01-26 08:00  ann  product_viewed product=kettle:1x4600
        2026-01-26 08:00  bob  stock_alert_requested product=kettle
        2026-01-26 08:00  cem  products_searched query=kettle result_count=0
        2026-01-27 08:00  ann  stock_alert_requested product=pan
        2026-01-27 08:00  cem  products_searched query=pan result_count=0
        2026-02-19 08:00  ann  -> churn_alert cause=out_of_stock product_id=pan other_causes=price \
            others_days_ago=24
        2026-02-19 08:00  bob  -> churn_alert cause=out_of_stock product_id=kettle
        2026-02-19 08:00  cem  -> churn_alert cause=out_of_stock empty_searches=2 query=pan
        """,
        ALERT,
    )


def test_a_timeline_in_which_one_search_in_vain_is_a_slip_of_the_keyboard() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-01-26 08:00  ann  products_searched query=ketle result_count=0
        2026-02-19 08:00  ann  -> churn_alert cause=inactivity
        """,
        ALERT,
    )


def test_a_timeline_in_which_what_the_shop_did_stands_before_what_came_later() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-22 08:00  ann  review_posted rating=2
        2026-01-24 08:00  ann  order_refunded order_id=o1
        2026-01-28 08:00  ann  stock_alert_requested product=pan
        2026-02-19 08:00  ann  -> churn_alert cause=refund other_causes=bad_review,out_of_stock \
            others_days_ago=28,22
        """,
        ALERT,
    )


def test_a_timeline_in_which_of_one_day_the_first_in_the_order_of_precedence_counts() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed order_id=o1
        2026-01-22 08:00  ann  review_posted rating=2
        2026-01-22 20:00  ann  order_refunded order_id=o1
        2026-02-19 08:00  ann  -> churn_alert cause=bad_review other_causes=refund
        """,
        ALERT,
    )


def test_a_timeline_counts_what_was_before_the_last_order_and_after_it_but_not_too_far() -> None:
    check(
        """
        2026-01-01 07:59  bob  review_posted rating=1
        2026-01-01 08:00  ann  review_posted rating=1
        2026-01-21 08:00  ann  order_placed
        2026-01-21 08:00  bob  order_placed
        2026-01-21 08:00  cem  order_placed
        2026-01-21 08:00  dee  order_placed
        2026-02-10 08:00  cem  review_posted rating=1
        2026-02-10 08:01  dee  review_posted rating=1
        2026-02-20 08:00  ann  -> churn_alert cause=bad_review
        2026-02-20 08:00  bob  -> churn_alert cause=inactivity
        2026-02-20 08:00  cem  -> churn_alert cause=bad_review
        2026-02-20 08:00  dee  -> churn_alert cause=inactivity
        """,
        ALERT,
    )


def test_a_timeline_in_which_the_review_arrives_late_names_it_all_the_same() -> None:
    check(
        """
        2026-01-20 08:00  ann  order_placed
        2026-02-10 08:00  ann  review_posted rating=1 occurred_at=2026-01-25
        2026-02-19 08:00  ann  -> churn_alert cause=bad_review cause_days_ago=25.33
        """,
        ALERT,
    )


KINDS: dict[Kind, str] = {
    "late": "late_delivery", "refund": "refund", "dearer": "price", "stock": "out_of_stock",
    "search": "out_of_stock",
}  # fmt: skip
LAST_ORDER = 1_000 * DAY
AT = LAST_ORDER + 60 * DAY


@given(
    grievances=st.dictionaries(
        st.sampled_from([*KINDS]),
        st.builds(Grievance, st.integers(-1_000, 1_000).map(lambda it: LAST_ORDER // HOUR + it)),
    ),
    review=st.none() | st.tuples(st.integers(1, 5), st.integers(-40, 40)),
    promised=st.none() | st.integers(-40, 40),
)
def test_the_first_cause_is_the_newest_failure_of_the_shop_or_else_the_newest_other_thing(
    grievances: Grievances, review: tuple[int, int] | None, promised: int | None
) -> None:
    row = Customer(last_order_at=LAST_ORDER, grievances=grievances)
    expected = {(KINDS[kind], it.at) for kind, it in grievances.items() if kind != "search"}
    if review:
        rating, day = review
        row.ratings = Ratings(1, rating, rating, LAST_ORDER + day * DAY, "r")
        if rating <= RULES.rating_max:
            expected.add(("bad_review", row.ratings.last_at))
    if promised is not None:
        row.recent_orders["o"] = RecentOrder(LAST_ORDER, 1, promised_at=LAST_ORDER + promised * DAY)
        expected.add(("late_delivery", LAST_ORDER + promised * DAY))
    expected = {it for it in expected if abs(it[1] - LAST_ORDER) <= 20 * DAY}

    found = causes(row, AT, RULES)

    newest = {name: max(at for it, at in expected if it == name) for name, _ in expected}
    if not expected:
        assert [(it.name, it.at) for it in found] == [("inactivity", LAST_ORDER)]
        return
    assert {it.name: it.at for it in found} == newest
    for one, other in pairwise(found):
        ranks = [
            (it.name in STRONG, it.at // DAY, -PRECEDENCE.index(it.name)) for it in (one, other)
        ]
        assert ranks[0] > ranks[1]


def test_every_cause_has_its_place_in_the_order() -> None:
    assert get_args(CauseName) == PRECEDENCE
