"""The ladder's coupon: for those who deserve it, one at a time, and it ends like any other."""

import pytest
from coupons import ALERT, COUPON, Bell
from msgspec import Raw
from msgspec.structs import replace
from partition import Partition
from test_win_back_ladder import ALERTED, CODE, EXPIRED, LADDER, LARGER, REMINDED, climbed
from timeline import check

from agents.agent import Say, View
from agents.coupons.coupon import Coupon, CouponPayload
from agents.win_back_ladder import Climb, WinBackLadder
from schemas.codec import encode_row
from schemas.decisions import Evidence
from schemas.instant import DAY, to_text
from schemas.journal import Tick
from state.customer import Customer
from state.shop import Shop
from streams.simulated.story import moment, parse


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "win_back_larger_coupon value_cents=2000"),
        ({"spent_cents_min": 8_001}, "noted win_back_larger_coupon reason=spent_too_little"),
        ({"margin_share": 0.1}, "win_back_larger_coupon value_cents=800"),
        ({"margin_share": 0.05}, "noted win_back_larger_coupon reason=below_margin"),
        ({"value_cents_max": 700}, "win_back_larger_coupon value_cents=700"),
    ],
)
def test_timeline_it_is_for_those_whose_spend_deserves_it(
    changes: dict[str, float], told: str
) -> None:
    climbed(REMINDED + f"2026-02-20 08:00  ann  -> {told}", replace(LADDER, **changes))


def test_timeline_what_went_back_does_not_count_as_spent() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed total_cents=8000 order_id=tv
        2026-01-02 08:00  ann  order_refunded order_id=tv refund_cents=1
        2026-01-31 08:00  ann  -> churn_alert
        2026-02-03 08:00  ann  -> win_back_reminder
        2026-02-20 08:00  ann  -> noted win_back_larger_coupon reason=spent_too_little \
            spent_cents=7999
        """,
        ALERT,
        LADDER,
    )


def test_timeline_what_it_hands_out_counts_against_the_budget() -> None:
    climbed(
        REMINDED + "2026-02-20 08:00  ann  -> suppressed win_back_larger_coupon reason=over_budget",
        replace(LADDER, budget_cents={"EUR": 1_999}),
    )


def test_timeline_beside_the_small_coupon_the_larger_one_comes_after_its_end() -> None:
    check(
        ALERTED
        + REMINDED
        + """
        2026-02-07 08:00  ann  -> win_back_coupon value_cents=1200
        2026-03-04 08:00  ann  -> coupon_expiring
        2026-03-07 08:00  ann  -> noted win_back_coupon reason=expired_unused
        2026-03-10 08:00  ann  -> win_back_larger_coupon value_cents=2000
        2026-04-01 08:00  ann  -> win_back_last_call
        2026-04-07 08:00  ann  -> noted win_back_ladder reason=expired_unused
        """,
        ALERT, COUPON, WinBackLadder(spent_cents_min=8_000),
    )  # fmt: skip


def test_timeline_while_the_small_coupon_is_open_there_is_no_larger_one() -> None:
    check(
        ALERTED
        + REMINDED
        + """
        2026-02-07 08:00  ann  -> win_back_coupon
        2026-02-20 08:00  ann  -> noted win_back_larger_coupon reason=coupon_still_open
        2026-03-04 08:00  ann  -> coupon_expiring
        2026-03-07 08:00  ann  -> noted win_back_coupon reason=expired_unused
        2026-03-12 08:00  ann  -> win_back_last_call coupon=none
        """,
        ALERT, COUPON, LADDER,
    )  # fmt: skip


def test_timeline_the_coupon_is_redeemed_and_returned_like_any_other() -> None:
    climbed(
        REMINDED
        + LARGER
        + f"""
        2026-03-01 08:00  ann  order_placed order_id=back total_cents=6000 coupons={CODE} \
            -> noted win_back_ladder reason=redeemed code={CODE} value_cents=2000 order_id=back
        2026-03-02 08:00  ann  order_cancelled order_id=back \
            -> noted win_back_ladder reason=redemption_returned reopened=true
        2026-03-20 08:00  ann  {EXPIRED}
        """,
        replace(LADDER, reopens=True),
    )


def test_timeline_a_coupon_that_is_open_still_is_the_only_one() -> None:
    check(
        f"""
        2026-01-01 08:00  ann  order_placed total_cents=8000
        2026-01-02 08:00  ann  page_viewed  -> bell
        2026-01-05 08:00  ann  -> win_back_reminder
        2026-01-22 08:00  ann  -> win_back_larger_coupon
        2026-01-23 08:00  ann  order_placed total_cents=8000
        2026-01-24 08:00  ann  page_viewed  -> bell
        2026-01-27 08:00  ann  -> win_back_reminder
        2026-02-13 08:00  ann  -> noted win_back_larger_coupon reason=coupon_still_open \
            value_cents=2000
        2026-02-19 08:00  ann  {EXPIRED}
        2026-03-05 08:00  ann  -> win_back_last_call
        """,
        Bell(),
        replace(LADDER, after="bell", pause_hours=0),
    )


def test_one_that_was_held_back_does_not_leave_beside_another() -> None:
    at, placed = moment("2026-02-21 08:00"), moment("2026-01-01 08:00")
    other = Coupon("EBB-A", 500, at + 1, "EUR", placed)
    held = Say(
        kind="win_back_larger_coupon", reason="worth_a_larger_coupon",
        payload=CouponPayload("EBB-B", 2_000, "EUR", to_text(at + DAY)),
        evidence=Evidence(values={"last_order_at": to_text(placed)}),
    )  # fmt: skip

    def released(climb: Climb) -> Say | None:
        row = Customer(last_order_at=placed, memory={LADDER.name: Raw(encode_row(climb))})
        return LADDER.on_release(held, View("ann", at, row, Shop(), {}, agent=LADDER.name))

    assert released(Climb()) == held
    assert released(Climb(given=replace(other, expires_at=at))) == held
    assert released(Climb(given=other)) is None
    assert released(Climb(other_until=at)) == held
    assert released(Climb(other_until=at + 1)) is None


def test_an_order_that_redeems_it_leaves_no_timer_behind() -> None:
    partition = Partition(ALERT, LADDER)
    rows = parse(
        f"""
        2026-01-01 08:00  ann  order_placed total_cents=8000
        2026-03-01 08:00  ann  order_placed coupons={CODE}
        """
    )
    first, second = (row.event for row in rows)
    assert first is not None
    assert second is not None
    days = [Tick(moment(it)) for it in ("2026-01-31 08:00", "2026-02-03 08:00", "2026-02-20 08:00")]
    partition.facts(first, *days, second)
    assert (row := partition.row("ann"))
    assert set(row.timers) == {"churn_alert", "churn_alert/moment", "row"}
