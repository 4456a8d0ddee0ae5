"""Priority: who speaks when several want to at once, and what becomes of those who do not."""

from collections.abc import Iterable
from typing import ClassVar

import pytest
from timeline import check
from voices import Alarm, Care, Chain, Heard, News, Offer, Tip, Voice, agreed

from agents.agent import Act, Say, SetTimer, Timer, View
from agents.gate.caps import Cap
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.decisions import decision_id
from schemas.instant import HOUR

#: Of this key's customers ann is held out of news.
NEWS_HELD_OUT = Holdout(share=0, over_all=0, key="held-0")
NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")


def test_the_most_important_speaks_and_the_others_are_outranked() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=tip,offer,news  -> news; \
            suppressed offer reason=outranked by=news priority=1; \
            suppressed tip reason=outranked by=news priority=0
        2026-01-20 08:01  ann  page_viewed url=tip             -> tip refused_before=0
        """,
        Tip(), Offer(priority=1), News(priority=2),
        gate=agreed(),
    )  # fmt: skip


def test_of_equals_the_one_comes_first_that_comes_first_in_the_settings() -> None:
    table = (
        "2026-01-20 08:00  ann  page_viewed url=news,offer  -> {}; suppressed {} reason=outranked"
    )

    check(table.format("news", "offer"), News(), Offer(), gate=agreed())
    check(table.format("offer", "news"), Offer(), News(), gate=agreed())


def test_only_what_sells_takes_the_floor_or_needs_it() -> None:
    check(
        "2026-01-20 08:00  ann  page_viewed url=alarm,care,news,tip  -> alarm; care; news; "
        "suppressed tip reason=outranked by=news",
        Alarm(priority=9), Care(priority=8), News(priority=7), Tip(),
        gate=agreed(),
    )  # fmt: skip
    check(
        "2026-01-20 08:00  ann  page_viewed url=alarm,care,news  -> news; care; alarm",
        Alarm(), Care(priority=1), News(priority=7),
        gate=agreed(),
    )  # fmt: skip


def test_who_is_refused_does_not_have_the_floor() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news        -> news
        2026-01-20 08:01  ann  page_viewed url=news,offer  -> suppressed news reason=paused; offer
        2026-01-20 08:02  ann  consent_changed channel=push granted=false
        2026-01-20 10:00  ann  page_viewed url=news,offer  -> suppressed news reason=no_consent; offer
        """,
        News(priority=1, pause_hours=1, channels=("push",)), Offer(),
        gate=agreed(),
    )  # fmt: skip


def test_the_others_wait_their_turn_one_after_the_other() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=tip,offer,news event_id=e1 -> news; \
            deferred offer reason=outranked by=news until=2026-01-20T10:00; deferred tip
        2026-01-20 09:00  ann
        2026-01-20 10:00  ann  -> offer cause=e1 decided_at=2026-01-20T10:00; \
            deferred tip reason=outranked by=offer until=2026-01-20T12:00 cause=e1
        # What is said on the next record is another occasion.
        2026-01-20 12:00  ann  page_viewed url=news -> tip cause=e1; news
        """,
        Tip(), Offer(priority=1), News(priority=2),
        gate=agreed(at_once="defer", defer_hours=2),
    )  # fmt: skip


def test_what_waits_for_different_moments_leaves_at_different_moments() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=news,offer  -> news; deferred offer until=2026-01-20T10:00
        2026-01-20 09:00  ann  page_viewed url=news,tip    -> news; deferred tip until=2026-01-20T11:00
        2026-01-20 10:00  ann                              -> offer
        2026-01-20 11:00  ann                              -> tip
        """,
        Tip(), Offer(), News(priority=2),
        gate=agreed(at_once="defer", defer_hours=2),
    )  # fmt: skip


def test_all_speak_at_once_where_the_settings_say_so() -> None:
    check(
        "2026-01-20 08:00  ann  page_viewed url=news,offer  -> offer; news",
        News(), Offer(priority=1),
        gate=agreed(at_once="all"),
    )  # fmt: skip


def test_the_others_join_the_first_in_one_message_and_are_heard_of_too() -> None:
    news, offer, tip, *_ = check(
        """
        2026-01-20 08:00  ann  page_viewed url=news,offer,tip event_id=e1  -> news channel=push; \
            merged offer reason=with_news channel=push; merged tip reason=with_news; \
            noted chain reason=heard_news; noted chain reason=heard_offer; noted chain reason=heard_tip
        2026-01-20 09:00  ann  -> chain; noted chain reason=heard_chain
        """,
        Tip(), Offer(priority=1), News(priority=2), Chain(),
        gate=agreed(at_once="merge"),
    )  # fmt: skip

    assert [(it.id, it.kind, it.reason) for it in news.merged] == [
        (offer.id, "offer", "heard"),
        (tip.id, "tip", "heard"),
    ]
    assert [it.payload for it in news.merged] == [offer.payload, tip.payload]
    assert offer.id == decision_id("offer", "offer", "ann", "e1")
    assert (offer.merged, tip.merged) == ((), ())


def test_what_may_not_be_said_by_itself_joins_nothing() -> None:
    (news, *_) = check(
        """
        2026-01-20 08:00  ann  page_viewed url=offer      -> offer
        2026-01-20 08:01  ann  consent_changed purpose=personalisation channel=push granted=false
        2026-01-20 08:02  ann  page_viewed url=news,offer,tip \
            -> news channel=push; suppressed offer reason=paused; suppressed tip reason=outranked
        """,
        News(priority=1), Offer(pause_hours=1), Tip(),
        gate=agreed(at_once="merge"),
    )  # fmt: skip

    assert news.merged == ()


@pytest.mark.parametrize(
    ("gate", "fate"),
    [
        (agreed(at_once="suppress"), "suppressed offer reason=outranked"),
        (agreed(at_once="merge"), "suppressed offer reason=outranked"),
        (agreed(at_once="defer", defer_hours=999), "deferred offer reason=outranked"),
        (agreed(at_once="all"), "offer"),
    ],
)
def test_a_winner_who_is_held_out_has_the_floor_as_if_it_were_sent(gate: Gate, fate: str) -> None:
    check(
        f"2026-01-20 08:00  ann  page_viewed url=news,offer  -> held_out news; {fate}",
        News(priority=1, holdout_share=0.5), Offer(),
        gate=agreed(at_once=gate.at_once, defer_hours=gate.defer_hours, holdout=NEWS_HELD_OUT),
    )  # fmt: skip


def test_a_loser_who_is_held_out_joins_nothing() -> None:
    (offer, *_) = check(
        "2026-01-20 08:00  ann  page_viewed url=news,offer,tip  -> offer; held_out news; merged tip",
        News(priority=1, holdout_share=0.5), Offer(priority=2), Tip(),
        gate=agreed(at_once="merge", holdout=NEWS_HELD_OUT),
    )  # fmt: skip

    assert [it.kind for it in offer.merged] == ["tip"]


class Late(Voice, frozen=True):
    """Speaks an hour after a view, by a timer."""

    says: ClassVar = {"late": Heard}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Wait."""
        yield SetTimer(event.occurred_at // HOUR * HOUR + HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Speak."""
        yield Say(reason="woken", payload=Heard())


class Later(Late, frozen=True):
    """The same, more important."""

    says: ClassVar = {"later": Heard}
    priority: int = 5


def test_all_timers_that_one_tick_finds_due_are_one_occasion() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed
        2026-01-20 08:00  bob  page_viewed
        2026-01-20 09:00  ann  -> later; merged late
        2026-01-20 09:00  bob  -> later; merged late
        """,
        Late(), Later(),
        gate=agreed(at_once="merge"),
    )  # fmt: skip


def test_what_leaves_in_the_morning_is_one_occasion_with_the_caps_and_the_priorities_of_it() -> (
    None
):
    table = """
        2026-01-20 22:00     ann  page_viewed url=tip    -> deferred tip
        2026-01-20 23:00     ann  page_viewed url=offer  -> deferred offer
        2026-01-20 23:30     ann  page_viewed url=news   -> deferred news
        2026-01-21 08:00:01  ann                         -> {}
        """
    voices = (Tip(), Offer(priority=1), News(priority=2))
    quiet = {"quiet_hours": NIGHT}

    check(
        table.format("news; suppressed offer reason=outranked; suppressed tip reason=outranked"),
        *voices,
        gate=agreed(**quiet),
    )
    check(
        table.format("news; merged offer; merged tip"),
        *voices,
        gate=agreed(at_once="merge", **quiet),
    )
    check(
        table.format("news; offer; suppressed tip reason=capped"),
        *voices,
        gate=agreed(at_once="all", caps=(Cap(sent_max=2, hours=24),), **quiet),
    )
    check(
        table.format("news; deferred offer; deferred tip")
        + "2026-01-21 09:00:01  ann  -> offer; deferred tip\n2026-01-21 10:00:01  ann  -> tip",
        *voices,
        gate=agreed(at_once="defer", defer_hours=1, **quiet),
    )
