"""Ledgers: changed by entries alone, loaded where they are asked for, the same however a log is cut."""

from collections.abc import Iterable
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, field
from partition import Partition, cut, journal

from agents.agent import Act, Agent, Enter, Note, SetTimer, Timer, View
from schemas.clickstream import PageViewed, ProductViewed
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Tick
from state.customer import RowError
from state.ledger import Ledger, Ledgers

AT = 1_768_896_000_000


class Seen(Struct, frozen=True):
    """A page."""

    url: str


class Pages(Ledger):
    """How often each page was seen."""

    seen: dict[str, int] = field(default_factory=dict)

    def enter(self, entry: Seen) -> None:
        """Count it."""
        if entry.url == "/broken":
            raise KeyError(entry.url)
        self.seen[entry.url] = self.seen.get(entry.url, 0) + 1


class Counter(Agent, frozen=True):
    """Counts pages of all customers, and notes the count an hour later."""

    listens: ClassVar = (PageViewed,)
    keeps: ClassVar = Pages
    keeps_at_ticks: ClassVar = True

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Count, and say how often it was seen before."""
        yield Enter(Seen(event.url))
        yield Note(reason=f"{event.url} {customer.ledger(Pages).seen.get(event.url, 0)}")
        yield SetTimer(event.occurred_at + HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Say how many pages were seen by then."""
        yield Note(reason=f"{sum(customer.ledger(Pages).seen.values())} in all")


class Cheat(Agent, frozen=True):
    """Enters something without a ledger."""

    listens: ClassVar = (PageViewed,)

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Try it."""
        yield Enter(Seen(event.url))


def seen(number: int, customer_id: str, url: str) -> PageViewed:
    at = AT + number * 60_000
    return PageViewed(event_id=f"e{number}", occurred_at=at, customer_id=customer_id, url=url)


def test_a_ledger_adds_up_over_customers_and_batches() -> None:
    shop = Partition(Counter())
    said = shop.facts(seen(1, "ann", "/a"), seen(2, "bob", "/a"))
    said += shop.facts(seen(3, "ann", "/b"), begin=2)
    said += shop.facts(Tick(AT + 2 * HOUR), begin=3)
    assert [it.reason for it in said] == ["/a 0", "/a 1", "/b 0", "3 in all", "3 in all"]


def test_a_batch_in_which_the_agent_is_not_asked_leaves_the_ledger_alone() -> None:
    shop = Partition(Counter())
    shop.facts(seen(1, "ann", "/a"))
    viewed = ProductViewed(event_id="v", occurred_at=AT, customer_id="ann", product_id="tea")
    assert shop.engine.needs(journal([viewed])).ledgers == []
    assert shop.engine.needs(journal([seen(2, "ann", "/a")])).ledgers == ["counter"]
    assert shop.engine.needs(journal([Tick(AT)])).ledgers == ["counter"]
    before = dict(shop.state()["ledgers"])
    shop.facts(viewed, begin=1)
    assert shop.state()["ledgers"] == before


@given(
    facts=st.lists(
        st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["/a", "/b"])), max_size=12
    ),
    sizes=st.lists(st.integers(1, 4), max_size=12),
)
@settings(deadline=None)
def test_the_same_log_gives_the_same_ledger_however_it_is_cut(
    facts: list[tuple[str, str]], sizes: list[int]
) -> None:
    log: list[Event | Tick] = []
    for number, (customer_id, url) in enumerate(facts):
        log += [seen(number, customer_id, url), Tick(AT + number * 60_000)]
    records = journal([*log, Tick(AT + 9 * HOUR)])
    at_once, by_pieces = Partition(Counter()), Partition(Counter())
    said = at_once.feed(records)
    assert [it for batch in cut(records, sizes) for it in by_pieces.feed(batch)] == said
    assert by_pieces.state()["ledgers"] == at_once.state()["ledgers"]


def test_who_keeps_no_ledger_enters_nothing_and_a_broken_entry_stops_nobody() -> None:
    (failed,) = Partition(Cheat()).facts(seen(1, "ann", "/a"))
    assert failed.reason == "agent_failed"
    shop = Partition(Counter())
    said = shop.facts(seen(1, "ann", "/broken"), seen(2, "ann", "/a"))
    assert [it.reason for it in said] == ["agent_failed", "/broken 0", "/a 0"]


def test_a_damaged_ledger_is_reported_with_whose_it_is() -> None:
    with pytest.raises(RowError, match="the ledger 'counter' is not readable"):
        Ledgers({"counter": b"\xc1"}).read("counter", Pages)
