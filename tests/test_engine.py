"""The engine's laws for events: count once, be silent about the past, outlive an agent's mistakes."""

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from msgspec import Struct
from partition import Partition
from timeline import check

from agents.agent import Act, Agent, Decided, Note, Remember, Say, SetTimer, Timer, View
from agents.gate.gate import Gate
from schemas.clickstream import PageViewed, ProductAdded, ProductViewed
from schemas.decisions import Evidence, decision_id
from schemas.instant import HOUR, MINUTE
from schemas.journal import Entry, Record, Source, Tick
from schemas.orders import Item, OrderPlaced
from state.customer import EVENT_IDS_MAX
from streams.simulated.story import moment

BEGIN = moment("2026-01-20 08:00")


class Heard(Struct, frozen=True):
    """What was heard."""

    url: str = ""


class Echo(Agent, frozen=True):
    """Says what it hears."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"echo": Heard}
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Say it."""
        yield Say(reason="heard", payload=Heard(event.url))


def view(event_id: str, at: int = BEGIN, who: str = "ann") -> PageViewed:
    return PageViewed(event_id=event_id, occurred_at=at, customer_id=who)


# An event counts once.


def test_an_event_id_counts_once_however_often_a_storefront_sends_it() -> None:
    shop = Partition(Echo())

    said = shop.facts(view("e1"), view("e1"), view("e2"))
    said += shop.facts(view("e1"), begin=3)

    assert [it.cause for it in said] == ["e1", "e2"]
    assert shop.state()["counters"]["records/page_viewed/duplicate"] == 2


def test_the_same_id_at_another_customer_is_another_event() -> None:
    said = Partition(Echo()).facts(view("e1", who="ann"), view("e1", who="bob"))

    assert [it.customer_id for it in said] == ["ann", "bob"]
    assert said[0].id != said[1].id


@pytest.mark.parametrize(
    ("others", "times"), [(EVENT_IDS_MAX - 1, 1), (EVENT_IDS_MAX, 2), (EVENT_IDS_MAX + 1, 2)]
)
def test_a_retry_is_known_while_its_id_is_among_the_last_that_the_row_keeps(
    others: int, times: int
) -> None:
    between = [view(f"other-{number}") for number in range(others)]

    said = Partition(Echo()).facts(view("e1"), *between, view("e1"))

    assert [it.cause for it in said].count("e1") == times
    assert len({it.id for it in said if it.cause == "e1"}) == 1  # Consumers can still tell.


def entry(event_id: str, partition: int, offset: int, appended_at: int) -> Record:
    return Entry(view(event_id), Source("clickstream", partition, offset, appended_at))


def test_a_raw_record_that_ingest_carries_over_twice_counts_once() -> None:
    shop = Partition(Echo())

    shop.feed([entry("e5", 0, 5, 100), entry("e6", 0, 6, 90), entry("e7", 0, 7, 110)])
    said = shop.feed([entry("e5", 0, 5, 100), entry("again", 0, 6, 90), entry("e8", 0, 8, 105)])
    other_partition = shop.feed([entry("e9", 1, 5, 100)])

    assert [it.cause for it in said] == ["e8"]
    assert [it.cause for it in other_partition] == ["e9"]


def test_a_raw_topic_that_was_made_anew_begins_at_offset_0_again() -> None:
    shop = Partition(Echo())

    shop.feed([entry("e1", 0, 900, 100)])
    said = shop.feed([entry("e2", 0, 0, 200), entry("e3", 0, 1, 190), entry("e2", 0, 0, 200)])

    assert [it.cause for it in said] == ["e2", "e3"]


# What is late is folded, and nothing is said about it.


def test_a_late_event_counts_and_what_it_would_cause_is_suppressed_timeline() -> None:
    check(
        """
        2026-01-20 08:00  bob  page_viewed                             -> echo
        2026-01-20 12:00  ann  page_viewed occurred_at=2026-01-20T08:00 \
            -> suppressed echo reason=late decided_at=2026-01-20T08:00
        2026-01-20 12:01  ann  page_viewed occurred_at=2026-01-20T08:01
        2026-01-20 12:02  ann  page_viewed                             -> echo refused_before=1
        """,
        Echo(),
    )


def test_an_event_is_late_when_it_is_older_than_the_clock_by_more_than_the_lateness() -> None:
    said = Partition(Echo()).facts(
        Tick(BEGIN), view("in-time", BEGIN - HOUR), view("late", BEGIN - HOUR - 1)
    )

    assert [(it.cause, it.outcome) for it in said] == [("in-time", "sent"), ("late", "suppressed")]


# Agents that fail, and agents that listen to agents.


class Faulty(Agent, frozen=True):
    """Remembers, waits, and then makes the mistake that ``mistake`` makes."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"faulty": Heard}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Make the mistake that the event's url names."""
        yield Remember(Heard("this must not stay"))
        yield SetTimer(BEGIN + HOUR)
        yield from MISTAKES[event.url](customer)


def raises(customer: View) -> Iterable[Any]:
    raise KeyError("no such thing")


MISTAKES: dict[str, Any] = {
    "raises": raises,
    "half_a_millisecond": lambda _: [SetTimer(BEGIN + 0.5)],  # type: ignore[arg-type]
    "the_year_3000": lambda _: [SetTimer(10**18)],
    "every_half_a_millisecond": lambda _: [SetTimer(BEGIN + HOUR, every=0.5)],  # type: ignore[arg-type]
    "every_less_than_none": lambda _: [SetTimer(BEGIN + HOUR, every=-1)],
    "half_an_expiry": lambda _: [
        Say(reason="x", payload=Heard(), expires_at=1.5)  # type: ignore[arg-type]
    ],
    "one_kind_twice": lambda _: [Say(reason=it, payload=Heard()) for it in ("x", "y")],
    "undeclared_kind": lambda _: [Say(reason="x", payload=Heard(), kind="other")],
    "payload_of_objects": lambda _: [Note(reason="x", payload=Heard(object()))],  # type: ignore[arg-type]
    "evidence_of_maps": lambda _: [
        Note(reason="x", evidence=Evidence(values={"x": {}}))  # type: ignore[dict-item]
    ],
    "not_an_act": lambda _: ["say something"],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_agent_s_mistake_is_put_on_record_and_the_others_go_on(mistake: str) -> None:
    shop = Partition(Faulty(), Echo())
    event = PageViewed(event_id="e1", occurred_at=BEGIN, customer_id="ann", url=mistake)

    said = shop.facts(event, view("e2", BEGIN + 1, who="bob"), Tick(BEGIN + 2 * HOUR))

    assert [(it.agent, it.customer_id, it.outcome, it.reason) for it in said[:2]] == [
        ("faulty", "ann", "noted", "agent_failed"),
        ("echo", "ann", "sent", "heard"),
    ]
    row = shop.row("ann")
    assert row is not None
    assert (row.memory, list(row.timers)) == ({}, ["row"])  # All of its acts or none.
    assert shop.outbox() == said


class Careless(Agent, frozen=True):
    """Yields an object that is no act, and that nothing in two processes has in common."""

    listens: ClassVar = (PageViewed,)

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Make the mistake."""
        yield object()  # type: ignore[misc]


def test_a_mistake_is_put_on_record_in_the_same_words_in_every_replay() -> None:
    (said,) = Partition(Careless()).facts(view("e1"))

    assert said.evidence.values == {"error": "TypeError: a object is not an act"}


class Follower(Agent, frozen=True):
    """Notes every trigger that it hears of, and would like to add one at once."""

    listens: ClassVar = (Decided,)
    says: ClassVar = {"follower": Heard}

    def on_event(self, event: Decided, customer: View) -> Iterable[Act]:
        """Follow."""
        yield Note(reason=f"heard_{event.kind}_{event.reason}", evidence=Evidence((event.id,)))
        yield Say(reason="me_too", payload=Heard())
        yield SetTimer(event.decided_at + HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Speak later."""
        yield Say(reason="later", payload=Heard())


def test_a_trigger_reaches_those_who_listen_and_they_may_answer_later_but_not_at_once_timeline() -> (
    None
):
    echo, note, *_ = check(
        """
        2026-01-20 08:00  ann  page_viewed  -> echo; noted follower reason=heard_echo_heard; \
            suppressed follower reason=follows_a_trigger
        2026-01-20 09:00  ann               -> follower reason=later; \
            noted follower reason=heard_follower_later; \
            suppressed follower reason=follows_a_trigger
        2026-01-20 10:00  ann               -> suppressed follower reason=paused
        """,
        Echo(),
        Follower(),
    )

    assert note.evidence.events == (echo.id,)


def test_a_trigger_that_was_not_sent_is_not_heard_of_timeline() -> None:
    check(
        "2026-01-20 08:00  ann  page_viewed  -> suppressed echo reason=no_consent",
        Echo(),
        Follower(purpose="internal"),
        gate=Gate(),
    )


class Looker(Agent, frozen=True):
    """Notes the products that it can see."""

    listens: ClassVar = (ProductViewed, ProductAdded, OrderPlaced)
    reads_products: ClassVar = True

    def on_event(self, event: Any, customer: View) -> Iterable[Act]:
        """Note them."""
        yield Note(reason=",".join(customer.products))


def test_an_agent_sees_the_products_of_its_event_and_no_others() -> None:
    items = (Item("tea"), Item("jam"), Item("tea"))
    common: dict[str, Any] = {"occurred_at": BEGIN, "customer_id": "ann"}

    said = Partition(Looker()).facts(
        ProductViewed(event_id="e1", product_id="milk", **common),
        OrderPlaced(event_id="e2", order_id="o1", products=items, currency="EUR", **common),
        ProductAdded(event_id="e3", product_id="jam", **common),
    )

    assert [it.reason for it in said] == ["milk", "tea,jam", "jam"]


def test_a_decision_s_id_is_derived_from_agent_kind_customer_and_cause() -> None:
    (said,) = Partition(Echo()).facts(view("e1", BEGIN + MINUTE))

    assert said.id == decision_id("echo", "echo", "ann", "e1")
    assert (said.cause_at, said.decided_at) == (BEGIN + MINUTE, BEGIN + MINUTE)
