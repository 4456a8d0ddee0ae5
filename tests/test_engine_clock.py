"""The engine's laws for time: ticks alone fire timers, in one order, and rows end in that order too."""

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from msgspec import Struct
from partition import Partition
from timeline import check

from agents.agent import Act, Agent, CancelTimer, Say, SetTimer, Timer, View
from agents.engine.intake import EngineSettings
from schemas.clickstream import PageViewed
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from schemas.journal import Tick
from schemas.profiles import ErasureRequested
from state.customer import TIMERS_MAX
from streams.simulated.story import moment

BEGIN = moment("2026-01-20 08:00")


class Rung(Struct, frozen=True):
    """The timer that rang."""

    name: str


class Alarm(Agent, frozen=True):
    """Sets the timers that a page's url names, as ``name@minutes``, and notes each that rings.

    ``name@off`` cancels one. A timer whose name ends in ``!`` rings again a minute later, once; the
    timer ``stuck`` is set for the beginning of time again and again.
    """

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"alarm": Rung}

    purpose: Any = "internal"
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Set them."""
        for name, _, minutes in (part.partition("@") for part in event.url.split(",") if part):
            yield (
                CancelTimer(name)
                if minutes == "off"
                else SetTimer(event.occurred_at + int(minutes) * MINUTE, name)
            )

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Ring."""
        yield Say(reason=timer.name, payload=Rung(timer.name))
        if timer.name.endswith("!"):
            yield SetTimer(timer.due_at + MINUTE, timer.name.removesuffix("!"))
        if timer.name == "stuck":
            yield SetTimer(0, "stuck")


def page(who: str, url: str, at: int = BEGIN, event_id: str = "") -> PageViewed:
    name = "anonymous_id" if who.startswith("anon:") else "customer_id"
    whose = {name: who.removeprefix("anon:")}
    return PageViewed(event_id=event_id or f"{who}-{url}-{at}", occurred_at=at, url=url, **whose)


def rung(said: list[Decision]) -> list[str]:
    return [f"{it.customer_id} {it.reason}" for it in said]


def minutes(count: float) -> Tick:
    return Tick(BEGIN + round(count * MINUTE))


def test_customers_come_in_the_order_of_their_first_timer_and_their_timers_of_due_and_name() -> (
    None
):
    shop = Partition(Alarm())

    shop.facts(page("cem", "a@1,z@3"), page("ann", "b@2,a@2"), page("bob", "c@2,b@1"))
    said = shop.facts(minutes(5), begin=3)

    assert rung(said) == ["bob b", "bob c", "cem a", "cem z", "ann a", "ann b"]
    assert {it.decided_at for it in said} == {BEGIN + 5 * MINUTE}
    assert [it.cause_at - BEGIN for it in said[:3]] == [MINUTE, 2 * MINUTE, MINUTE]


def test_a_timer_that_is_set_by_a_timer_takes_its_place_in_that_order() -> None:
    shop = Partition(Alarm())

    shop.facts(page("ann", "a!@1"), page("bob", "b@2,c@3"))

    assert rung(shop.facts(minutes(5), begin=2)) == ["ann a!", "ann a", "bob b", "bob c"]


@pytest.mark.parametrize("due_max", [1, 2, 3, 5])
def test_a_long_tick_is_done_in_chunks_and_nothing_shows(due_max: int) -> None:
    def run(due_max: int) -> tuple[list[str], dict[str, Any]]:
        shop = Partition(Alarm(), settings=EngineSettings(due_max=due_max))
        pages = [page(f"c{number % 7}", f"{number}!@{number % 4}") for number in range(20)]
        shop.facts(*pages)
        # Ticks at which timers of many customers are due exactly, events between them, and a tick
        # after all of them.
        facts: list[Event | Tick] = [minutes(1), page("c3", "x@1,0@off"), minutes(2), minutes(3)]
        said = shop.facts(*facts, minutes(9), begin=20)
        return rung(said), shop.state()

    assert run(due_max) == run(2_000)


def test_nothing_rings_before_a_tick_says_so() -> None:
    shop = Partition(Alarm())

    assert shop.facts(page("ann", "a@1"), page("bob", "", BEGIN + DAY)) == []
    assert shop.facts(minutes(0.99), begin=2) == []
    assert rung(shop.facts(minutes(1), begin=2)) == ["ann a"]
    assert shop.facts(minutes(1), minutes(2), begin=2) == []


def test_a_timer_that_is_set_anew_rings_at_the_new_moment_only_and_a_cancelled_one_never_timeline() -> (
    None
):
    check(
        """
        2026-01-20 08:00  ann  page_viewed url=a@10,b@10,c@10
        2026-01-20 08:05  ann  page_viewed url=a@10,b@1,c@off
        2026-01-20 08:06  ann               -> alarm reason=b
        2026-01-20 08:10  ann
        2026-01-20 08:15  ann               -> alarm reason=a
        2026-01-20 09:00  ann
        """,
        Alarm(),
    )


def test_the_clock_never_goes_back() -> None:
    shop = Partition(Alarm())

    said = shop.facts(minutes(60), page("ann", "a@10"), minutes(30))

    assert said == []  # The tick at 30 minutes is behind the clock, though a timer is due by then.
    # Nor does one that comes again bring it on: no time has passed.
    assert shop.facts(minutes(60), begin=1) == []
    assert rung(shop.facts(minutes(61), begin=2)) == ["ann a"]


def test_a_timer_that_is_set_for_its_own_past_rings_once_a_tick_and_not_for_ever() -> None:
    shop = Partition(Alarm())

    shop.facts(page("ann", "stuck@1"))

    for at in (2, 60 * 24 * 365, 60 * 24 * 366):
        assert rung(shop.facts(minutes(at), begin=1)) == ["ann stuck"]


def test_a_timer_that_a_late_event_sets_for_the_past_is_suppressed_as_late_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann  page_viewed
        2026-01-22 08:00  ann  page_viewed occurred_at=2026-01-20T09:00 url=a@10,b@3000
        2026-01-22 09:00  ann  -> suppressed alarm reason=late cause_at=2026-01-20T09:10
        # What is due later than that is as good as any.
        2026-01-22 11:00  ann  -> alarm reason=b
        """,
        Alarm(),
    )


def test_a_timer_that_downtime_has_delayed_is_not_late_timeline() -> None:
    check(
        """
        2026-01-20 08:00  ann    page_viewed url=a@60
        2026-01-20 08:30  clock  stops
        2026-02-20 08:30  clock  goes_on
        2026-02-20 08:30  ann    -> alarm reason=a
        """,
        Alarm(),
    )


def test_a_chunk_does_not_make_the_timers_of_the_next_chunk_late() -> None:
    shop = Partition(Alarm(), settings=EngineSettings(due_max=1))

    shop.facts(minutes(0), *(page(who, "a@1") for who in ("ann", "bob", "cem", "dee")))
    said = shop.facts(Tick(BEGIN + 2 * DAY), begin=4)

    assert [it.outcome for it in said] == ["sent"] * 4


def test_more_timers_than_a_row_may_hold_are_refused_on_record() -> None:
    shop = Partition(Alarm())
    names = [f"t{number}" for number in range(TIMERS_MAX + 5)]

    said = shop.facts(page("ann", ",".join(f"{name}@{60}" for name in names)))
    again = shop.facts(page("ann", "t0@30"), begin=1)  # One that is there can still be moved.

    row = shop.row("ann")
    assert row is not None
    assert len(row.timers) == TIMERS_MAX
    assert {(it.outcome, it.reason) for it in said} == {("noted", "timers_full")}
    assert said[0].evidence.values == {"timer": f"alarm/t{TIMERS_MAX - 1}"}
    assert again == []
    assert row.timers["alarm/t0"] == BEGIN + 30 * MINUTE


def test_a_timer_of_an_agent_that_is_off_lapses() -> None:
    shop = Partition(Alarm())
    shop.facts(page("ann", "a@1"))
    shop.engine = Partition().engine

    assert shop.facts(minutes(5), begin=1) == []
    row = shop.row("ann")
    assert row is not None
    assert list(row.timers) == ["row"]


# Rows end.


def test_erasure_ends_the_row_its_timers_and_what_agents_remember() -> None:
    shop = Partition(Alarm())
    erasure = ErasureRequested(event_id="x", occurred_at=BEGIN + MINUTE, customer_id="ann")

    shop.facts(page("ann", "a@10,b@20"), page("bob", "a@10"))
    shop.facts(erasure, begin=2)

    assert shop.row("ann") is None
    assert list(shop.state()["due"]) == ["bob"]
    assert rung(shop.facts(minutes(60), begin=3)) == ["bob a"]


def test_an_erased_customer_who_comes_back_is_a_new_one() -> None:
    shop = Partition(Alarm())
    erasure = ErasureRequested(event_id="x", occurred_at=BEGIN, customer_id="ann")

    said = shop.facts(page("ann", "a@10"), erasure, page("ann", "b@20"), minutes(60))

    row = shop.row("ann")
    assert rung(said) == ["ann b"]
    assert row is not None
    assert row.session.count == 1


@pytest.mark.parametrize(("who", "days"), [("anon:7f3", 30), ("ann", 1095)])
def test_a_row_ends_after_long_silence(who: str, days: int) -> None:
    shop = Partition(Alarm())

    shop.facts(page(who, ""), Tick(BEGIN + days * DAY - 1))
    assert shop.row(who) is not None

    shop.facts(Tick(BEGIN + days * DAY), begin=1)
    assert shop.row(who) is None
    assert shop.state()["due"] == {}


def test_activity_moves_the_end_of_a_row() -> None:
    shop = Partition(Alarm())

    shop.facts(page("anon:7f3", ""), page("anon:7f3", "", BEGIN + 20 * DAY))
    shop.facts(Tick(BEGIN + 30 * DAY), Tick(BEGIN + 50 * DAY - 1), begin=2)
    assert shop.row("anon:7f3") is not None

    shop.facts(Tick(BEGIN + 50 * DAY), begin=2)
    assert shop.row("anon:7f3") is None


def test_a_row_that_ends_takes_its_timers_along() -> None:
    shop = Partition(Alarm(), settings=EngineSettings(anonymous_days=1))

    shop.facts(page("anon:7f3", "a@2000"))

    assert shop.facts(Tick(BEGIN + 9 * DAY), begin=1) == []
    assert shop.state()["due_order"] == []


def test_rows_and_timers_of_many_visitors_do_not_pile_up() -> None:
    shop = Partition(Alarm(), settings=EngineSettings(anonymous_days=1, due_max=7))

    for day in range(5):
        visits = [page(f"anon:{day}-{number}", "a@9999", BEGIN + day * DAY) for number in range(50)]
        shop.facts(*visits, Tick(BEGIN + day * DAY + HOUR), begin=50 * day)

    assert len(shop.table.rows(0)) == len(shop.state()["due"]) == 50  # Those of the last day.
