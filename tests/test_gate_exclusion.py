"""Exclusion and pause: nothing is sold while a case is open, not even on the record that opens it."""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import pytest
from timeline import check
from voices import Alarm, Care, Heard, News, Offer, Tip, Voice, agreed

from agents.agent import Act, Say, SetTimer, Timer, View
from agents.gate.gate import Exclusion, Gate
from agents.gate.holdout import Holdout
from schemas.clickstream import PageViewed
from schemas.instant import HOUR

AtOnce = Literal["suppress", "defer", "merge", "all"]
MODES: tuple[AtOnce, ...] = ("suppress", "defer", "merge", "all")


def case_open(**more: Any) -> Gate:
    """Nothing commercial for three days after a call, unless the case is closed."""
    return agreed(exclusions=(Exclusion(after="care", hours=72, until_closed=True),), **more)


def test_nothing_commercial_is_said_until_the_case_is_closed() -> None:
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=care         -> care
        2026-01-20 10:00  ann  page_viewed url=offer,alarm  -> alarm; \
            suppressed offer reason=excluded after=care hours_since=1 hours=72
        2026-01-20 10:00  bob  page_viewed url=offer        -> offer
        2026-01-20 11:00  ann  page_viewed url=tip          -> suppressed tip reason=excluded
        2026-01-20 11:30  ann  page_viewed url=care         -> care
        2026-01-20 12:00  ann  case_closed
        2026-01-20 12:01  ann  page_viewed url=offer        -> offer
        # Another case is another one.
        2026-01-20 13:00  ann  page_viewed url=care         -> care
        2026-01-20 14:00  ann  page_viewed url=offer        -> suppressed offer reason=excluded
        """,
        Alarm(priority=9), Care(), Offer(), Tip(),
        gate=case_open(),
    )  # fmt: skip


def test_a_case_that_nobody_closes_is_over_after_its_hours() -> None:
    check(
        """
        2026-01-20 09:00          ann  page_viewed url=care   -> care
        2026-01-23 08:59:59.999   ann  page_viewed url=offer  -> suppressed offer reason=excluded
        2026-01-23 09:00          ann  page_viewed url=offer  -> offer
        """,
        Care(), Offer(),
        gate=case_open(),
    )  # fmt: skip


def test_a_report_that_an_older_case_was_closed_does_not_end_a_newer_one() -> None:
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=care                             -> care
        2026-01-20 10:00  ann  case_closed occurred_at=2026-01-20T08:00         (late)
        2026-01-20 10:01  ann  page_viewed url=offer  -> suppressed offer reason=excluded
        2026-01-20 12:30  ann  case_closed occurred_at=2026-01-20T09:30         (late)
        2026-01-20 12:31  ann  page_viewed url=offer  -> offer
        """,
        Care(), Offer(),
        gate=case_open(),
    )  # fmt: skip


def test_without_until_closed_a_case_lasts_its_hours_whoever_closes_it() -> None:
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=care   -> care
        2026-01-20 10:00  ann  case_closed
        2026-01-20 10:01  ann  page_viewed url=offer  -> suppressed offer reason=excluded
        """,
        Care(), Offer(),
        gate=agreed(exclusions=(Exclusion(after="care", hours=2),)),
    )  # fmt: skip


@pytest.mark.parametrize("at_once", MODES)
def test_the_record_that_opens_a_case_sells_nothing_either(at_once: AtOnce) -> None:
    check(
        "2026-01-20 09:00  ann  page_viewed url=offer,care  -> care; suppressed offer reason=excluded",
        Offer(), Care(priority=1),
        gate=case_open(at_once=at_once),
    )  # fmt: skip


def test_an_exclusion_blocks_the_kinds_that_it_names_and_never_its_own() -> None:
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=news   -> news
        2026-01-20 09:01  ann  page_viewed url=offer  -> suppressed offer reason=excluded after=news
        2026-01-20 09:02  ann  page_viewed url=tip    -> tip
        2026-01-20 09:03  ann  page_viewed url=news   -> news
        2026-01-20 10:03  ann  page_viewed url=offer  -> offer
        """,
        News(), Offer(), Tip(),
        gate=agreed(exclusions=(Exclusion(after="news", hours=1, blocks=("offer",)),)),
    )  # fmt: skip


def test_what_was_held_out_or_refused_opens_a_case_only_if_it_would_have_been_sent() -> None:
    # Whoever is held out must meet the same rules afterwards as whoever is not.
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=news   -> held_out news
        2026-01-20 09:01  ann  page_viewed url=offer  -> suppressed offer reason=excluded
        2026-01-20 09:02  bob  consent_changed granted=false channel=email
        2026-01-20 09:03  bob  page_viewed url=news   -> suppressed news reason=no_consent
        2026-01-20 09:04  bob  page_viewed url=offer  -> offer channel=push
        """,
        News(holdout_share=0.5, channels=("email",)), Offer(holdout_share=0),
        gate=agreed(
            exclusions=(Exclusion(after="news", hours=1),),
            holdout=Holdout(share=0.5, over_all=0, key="held-0"),
        ),
    )  # fmt: skip


def test_an_exclusion_holds_on_the_same_record_also_for_who_has_the_higher_priority() -> None:
    check(
        """
        2026-01-20 09:00  ann  page_viewed url=care,offer  -> \
            suppressed offer reason=excluded after=care; care
        """,
        Care(), Offer(priority=90), gate=case_open(),
    )  # fmt: skip


class Twice(Voice, frozen=True):
    """Is woken twice at one moment, and says the same kind both times."""

    says: ClassVar = {"twice": Heard}
    pause_hours: float = 24.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Be woken twice."""
        yield SetTimer(customer.at + HOUR, "first")
        yield SetTimer(customer.at + HOUR, "second")

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Say which time it is."""
        yield Say(reason=timer.name, payload=Heard())


@pytest.mark.parametrize("at_once", MODES)
def test_a_pause_begins_with_what_is_sent_first_on_an_occasion(at_once: AtOnce) -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed
        2026-01-20 09:00  ann               -> twice reason=first; suppressed twice reason=paused
        """,
        Twice(),
        gate=agreed(at_once=at_once),
    )
