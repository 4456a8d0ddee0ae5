"""Deferral at its bounds: a kind is held once, a row holds so many, and no agent's mistake shows."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec
import pytest
from partition import Partition
from timeline import check
from voices import Alarm, Heard, News, Offer, Voice, agreed

from agents.agent import Act, Agent, Note, Say, SetTimer, View
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.instant import HOUR
from schemas.journal import Tick
from state.customer import TIMERS_MAX
from state.held import HELD_MAX
from streams.simulated.story import moment

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
NIGHTS = agreed(quiet_hours=NIGHT, at_once="all")
EVENING, MORNING = moment("2026-01-20 22:00"), moment("2026-01-21 08:00:01")


def test_a_kind_is_held_once_and_more_of_it_is_refused_with_one_record() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news event_id=first  -> deferred news
        2026-01-20 22:10     ann  page_viewed url=news  -> suppressed news reason=already_held
        2026-01-20 22:20     ann  page_viewed url=news
        2026-01-20 22:30     ann  page_viewed url=news
        2026-01-21 08:00:01  ann                        -> news cause=first refused_before=2
        2026-01-21 08:00:02  ann  page_viewed url=news  -> news refused_before=0
        """,
        News(),
        gate=NIGHTS,
    )


def test_each_refusal_is_told_of_once_also_where_a_deferral_tells_of_it() -> None:
    check(
        """
        2026-01-20 20:00     ann  page_viewed url=news  -> news
        2026-01-20 20:10     ann  page_viewed url=news  -> suppressed news reason=paused
        2026-01-20 20:20     ann  page_viewed url=news
        2026-01-20 22:00     ann  page_viewed url=news  -> deferred news refused_before=1
        2026-01-21 08:00:01  ann                        -> news refused_before=0
        """,
        News(pause_hours=1),
        gate=NIGHTS,
    )


class Choir(Agent, frozen=True):
    """Says as many kinds as there are voices in it, each once on a page view."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {f"voice_{it}": Heard for it in range(HELD_MAX + 2)}
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """All at once."""
        for kind in self.says:
            yield Say(reason="sung", payload=Heard(), kind=kind)


def test_a_row_holds_so_many_kinds_and_the_others_are_refused() -> None:
    shop = Partition(Choir(), gate=NIGHTS)

    evening = shop.facts(PageViewed(event_id="e1", occurred_at=EVENING, customer_id="ann"))
    morning = shop.facts(Tick(MORNING))

    assert [(it.outcome, it.reason) for it in evening] == [
        *[("deferred", "quiet_hours")] * HELD_MAX,
        *[("suppressed", "too_many_held")] * 2,
    ]
    assert [it.kind for it in morning] == [f"voice_{it}" for it in range(HELD_MAX)]
    assert {it.outcome for it in morning} == {"sent"}


def test_of_the_held_and_the_new_the_more_important_find_room() -> None:
    choir, offer = Choir(), Offer(priority=1, pause_hours=0)
    shop = Partition(choir, offer, gate=msgspec.structs.replace(NIGHTS, at_once="defer"))
    day = PageViewed(event_id="e1", occurred_at=MORNING, customer_id="ann", url="offer")

    said = shop.facts(day)
    assert [it.outcome for it in said] == ["sent", *["deferred"] * HELD_MAX, *["suppressed"] * 2]
    # The first of them leaves, and the others wait anew: there is room for all, and none is lost.
    said = shop.facts(Tick(MORNING + 24 * HOUR))
    assert [it.outcome for it in said] == ["sent", *["deferred"] * (HELD_MAX - 1)]
    assert len({it.id for it in shop.outbox()}) == len(shop.outbox())


class Busy(Voice, frozen=True):
    """Sets as many timers as a row takes, and speaks."""

    says: ClassVar = {"busy": Heard}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Set them."""
        for number in range(TIMERS_MAX):
            yield SetTimer(customer.at + 99 * HOUR, str(number))
        yield Say(reason="heard", payload=Heard())


def test_a_row_full_of_timers_still_wakes_what_it_holds() -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed  -> noted busy reason=timers_full timer=busy/63; \
            deferred busy
        2026-01-21 08:00:01  ann               -> busy
        """,
        Busy(),
        gate=NIGHTS,
    )


class Fickle(Agent, frozen=True):
    """Answers a release as ``ANSWERS`` says."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"fickle": Heard, "other": Heard}
    pause_hours: float = 0.0
    answer: str = ""

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Say something that is not of the agent's own name."""
        yield Say(reason="heard", payload=Heard(), kind="other")

    def on_release(self, held: Say, customer: View) -> Any:
        """Make a mistake."""
        return ANSWERS[self.answer](held)


def fails(held: Say) -> Say:
    raise KeyError("no such thing")


ANSWERS: dict[str, Callable[[Say], Any]] = {
    "fails": fails,
    "its_own_name_as_the_kind": lambda held: msgspec.structs.replace(held, kind=""),
    "a_kind_it_does_not_say": lambda held: msgspec.structs.replace(held, kind="third"),
    "half_an_expiry": lambda held: msgspec.structs.replace(held, expires_at=1.5),
    "a_timer": lambda held: SetTimer(MORNING + HOUR),
    "a_note": lambda held: Note(reason="noted", kind="other"),
    "a_generator": lambda held: iter([held]),
    "words": lambda held: "later",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_agent_that_answers_wrongly_loses_what_it_said_and_nothing_else(answer: str) -> None:
    check(
        """
        2026-01-20 22:00     ann  page_viewed url=news,alarm  -> deferred other; deferred news; alarm
        2026-01-21 08:00:01  ann  -> suppressed other reason=agent_failed cause=e2; news
        """,
        Fickle(answer=answer), News(), Alarm(),
        gate=NIGHTS,
    )  # fmt: skip
