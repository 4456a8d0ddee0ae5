"""Won back: an order after a step is told with the step that it followed, once."""

import pytest
from coupons import ALERT, COUPON, Bell
from timeline import check

from agents.win_back_ladder import WinBackLadder
from agents.won_back import WonBack

LADDER = WinBackLadder(spent_cents_min=0)
STEPS = """
    2026-01-01 08:00  ann  order_placed total_cents=8000
    2026-01-31 08:00  ann  -> churn_alert
    2026-02-03 08:00  ann  -> win_back_reminder
    2026-02-07 08:00  ann  -> win_back_coupon
"""


AGENTS = Bell(), WonBack(follows=("bell",), within_days=30)


def test_timeline_an_order_is_told_with_the_last_step_before_it() -> None:
    decisions = check(
        STEPS
        + """
        2026-02-09 08:00  ann  order_placed order_id=back total_cents=6800 event_id=e-back \
            -> won_back reason=ordered_after_a_step order_id=back paid_cents=6800 currency=EUR \
               step=win_back_coupon after_days=2 steps=2 quiet_days=39
        2026-02-10 08:00  ann  order_placed
        2026-03-07 08:00  ann  -> noted win_back_coupon reason=expired_unused
        """,
        ALERT, COUPON, LADDER, WonBack(),
    )  # fmt: skip
    coupon, won = decisions[2], decisions[3]
    assert won.evidence.events == ("e-back", coupon.id)
    assert won.evidence.thresholds == {"within_days": 30.0}
    assert won.channel == ""


def test_timeline_an_order_without_a_step_is_none_of_its_business() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed
        2026-02-01 08:00  ann  order_placed
        """,
        *AGENTS,
    )


@pytest.mark.parametrize(
    ("when", "told"),
    [("2026-02-19 07:59:59", "-> won_back after_days=30"), ("2026-02-19 08:00", "")],
)
def test_timeline_an_order_that_comes_too_late_has_other_reasons(when: str, told: str) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  page_viewed  -> bell
        {when}  ann  order_placed {told}
        """,
        *AGENTS,
    )


def test_timeline_a_step_that_was_taken_after_the_order_is_not_what_it_followed() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed  -> bell
        2026-01-25 08:00  ann  page_viewed  -> bell
        2026-01-25 08:10  ann  order_placed occurred_at=2026-01-25T07:50 \
            -> won_back after_days=4.99 steps=1
        """,
        *AGENTS,
    )


def test_timeline_an_order_from_before_all_steps_was_brought_by_none() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed  -> bell
        2026-01-20 08:10  ann  order_placed occurred_at=2026-01-20T07:50
        2026-01-21 08:10  ann  order_placed
        """,
        *AGENTS,
    )


def test_timeline_a_late_order_from_before_the_silence_ends_nothing() -> None:
    check(
        """
        2026-01-10 08:00  ann  order_placed
        2026-01-20 08:00  ann  page_viewed  -> bell
        2026-01-21 08:00  ann  order_placed occurred_at=2026-01-02
        2026-01-22 08:00  ann  order_placed  -> won_back after_days=2
        """,
        *AGENTS,
    )


def test_timeline_of_many_steps_the_last_are_kept_in_mind() -> None:
    rows = "\n".join(f"2026-01-{day} 08:00  ann  page_viewed  -> bell" for day in range(10, 20))
    check(
        rows
        + """
        2026-01-20 08:00  ann  order_placed -> won_back steps=6 after_days=1 quiet_days=none
        """,
        *AGENTS,
    )
