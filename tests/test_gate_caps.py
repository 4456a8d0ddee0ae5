"""Caps in the engine: several at once, shared by all agents, and not to be outrun by any order."""

import pytest
from timeline import check
from voices import Alarm, Care, News, Offer, Tip, agreed

from agents.gate.caps import Cap
from agents.gate.holdout import Holdout
from state.held import TOUCHES_MAX


def test_caps_per_customer_kind_and_channel_hold_side_by_side() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news   -> news channel=push
        2026-01-20 09:00  ann  page_viewed url=news   -> suppressed news reason=capped per=kind hours=12
        2026-01-20 09:01  ann  page_viewed url=offer  -> offer channel=push
        2026-01-20 10:00  ann  page_viewed url=tip    -> tip channel=email
        2026-01-20 20:00  ann  page_viewed url=tip    -> suppressed tip reason=capped per=customer \
            sent_max=3 hours=24
        # A window holds its last moment and not its first.
        2026-01-21 07:59:59.999  ann  page_viewed url=offer  -> suppressed offer reason=capped per=customer
        2026-01-21 08:00  ann  page_viewed url=offer  -> offer channel=push
        """,
        News(), Offer(), Tip(),
        gate=agreed(
            channels=("push", "email"),
            caps=(
                Cap(sent_max=1, hours=12, per="kind", kinds=("news",)),
                Cap(sent_max=2, hours=6, per="channel", channels=("push",)),
                Cap(sent_max=3, hours=24),
            ),
        ),
    )  # fmt: skip


def test_a_cap_is_shared_by_all_who_want_to_speak_on_one_record() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news,offer,tip  -> news; offer; \
            suppressed tip reason=capped
        2026-01-20 08:00  bob  page_viewed url=tip,news        -> news; tip
        """,
        News(), Offer(), Tip(),
        gate=agreed(at_once="all", caps=(Cap(sent_max=2, hours=1),)),
    )  # fmt: skip


def test_the_distance_between_two_triggers_is_kept_across_kinds_and_channels() -> None:
    check(
        """
        2026-01-20 08:00         ann  page_viewed url=news   -> news
        2026-01-20 09:30         ann  page_viewed url=offer  -> suppressed offer reason=too_soon \
            distance_hours=2 free_at=2026-01-20T10:00
        2026-01-20 09:59:59.999  ann  page_viewed url=tip    -> suppressed tip reason=too_soon
        2026-01-20 10:00         ann  page_viewed url=tip    -> tip
        """,
        News(), Offer(), Tip(),
        gate=agreed(distance_hours=2, caps=(Cap(sent_max=9, hours=24),)),
    )  # fmt: skip


def test_what_the_contract_asks_for_and_what_stays_in_the_shop_neither_counts_nor_waits() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news,care,alarm  -> news; care; alarm
        2026-01-20 08:01  ann  page_viewed url=news,care,alarm  -> suppressed news reason=too_soon; care; alarm
        2026-01-20 09:00  ann  page_viewed url=news             -> news
        """,
        News(), Care(), Alarm(),
        gate=agreed(distance_hours=1),
    )  # fmt: skip


def test_what_is_decided_later_for_an_earlier_moment_counts_all_that_is_near_it() -> None:
    check(
        """
        2026-01-20 07:59  ann  page_viewed url=x
        2026-01-20 08:00  ann  page_viewed url=news occurred_at=2026-01-20T08:30  -> news
        2026-01-20 08:01  ann  page_viewed url=offer                \
            -> suppressed offer reason=too_soon
        2026-01-20 09:29  ann  page_viewed url=offer
        2026-01-20 09:30  ann  page_viewed url=offer  -> offer refused_before=1
        """,
        News(), Offer(),
        gate=agreed(distance_hours=1),
    )  # fmt: skip


def test_an_event_that_comes_late_but_in_time_counts_from_when_its_trigger_leaves() -> None:
    # Decided for 07:30, it left at 08:00: the customer's distance begins there.
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news occurred_at=2026-01-20T07:30  \
            -> news decided_at=2026-01-20T07:30
        2026-01-20 08:59  ann  page_viewed url=news  -> suppressed news reason=too_soon
        2026-01-20 09:00  ann  page_viewed url=news  -> news
        """,
        News(),
        gate=agreed(distance_hours=1),
    )


@pytest.mark.parametrize(
    "cap",
    [
        Cap(sent_max=1, hours=1),
        Cap(sent_max=1, hours=1, per="channel"),
        Cap(sent_max=1, hours=1, channels=("push",)),
    ],
)
@pytest.mark.parametrize(("share", "fate"), [(0.0, ""), (0.5, "held_out")])
def test_whoever_is_held_out_meets_the_same_caps_as_if_they_had_been_sent_it(
    cap: Cap, share: float, fate: str
) -> None:
    check(
        f"""
        2026-01-20 08:00  ann  page_viewed url=news   -> {fate} news channel=push
        2026-01-20 08:01  ann  page_viewed url=offer  -> suppressed offer reason=capped
        """,
        News(holdout_share=share), Offer(),
        gate=agreed(
            channels=("push",), caps=(cap,), holdout=Holdout(share=0, over_all=0, key="held-0")
        ),
    )  # fmt: skip


def test_what_joins_another_trigger_counts_with_it_as_one_whoever_is_held_out() -> None:
    merging = agreed(
        at_once="merge",
        caps=(Cap(sent_max=2, hours=1),),
        holdout=Holdout(share=0, over_all=0, key="halves-7"),
    )
    for share, fate in ((0.0, "merged offer"), (0.5, "held_out offer")):
        check(
            f"""
            2026-01-20 08:00  ann  page_viewed url=news,offer  -> news; {fate}
            2026-01-20 08:01  ann  page_viewed url=news        -> news
            2026-01-20 08:02  ann  page_viewed url=news        -> suppressed news reason=capped
            """,
            News(priority=1), Offer(holdout_share=share),
            gate=merging,
        )  # fmt: skip


def test_a_row_that_can_count_no_more_lets_no_more_out_and_does_not_fail() -> None:
    sent = "\n".join(
        f"2026-01-20 08:{minute:02}  ann  page_viewed url=news  -> news"
        for minute in range(TOUCHES_MAX - 1)
    )
    check(
        f"""
        {sent}
        2026-01-20 08:40  ann  page_viewed url=news,offer  -> news; held_out offer
        2026-01-20 08:41  ann  page_viewed url=news        -> suppressed news reason=capped
        # As long as it would be counted with the first ones, and no longer.
        2026-01-20 09:59  ann  page_viewed url=news
        2026-01-20 10:00  ann  page_viewed url=news        -> news
        """,
        News(priority=1), Offer(holdout_share=0.5),
        gate=agreed(
            at_once="merge",
            caps=(Cap(sent_max=TOUCHES_MAX, hours=2),),
            holdout=Holdout(share=0, over_all=0, key="halves-7"),
        ),
    )  # fmt: skip


def test_the_pause_of_a_kind_and_the_caps_are_both_asked() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news  -> news
        2026-01-20 09:00  ann  page_viewed url=news  -> suppressed news reason=paused
        2026-01-20 10:00  ann  page_viewed url=news  -> suppressed news reason=too_soon
        2026-01-20 11:00  ann  page_viewed url=news  -> news
        """,
        News(pause_hours=2),
        gate=agreed(distance_hours=3),
    )
