"""The end of a row: what it has in the ledgers goes out of them, however the row ends."""

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import pytest
from msgspec import Struct, field
from partition import Partition, cut, journal

from agents.agent import Act, Agent, Enter, Remember, View
from agents.engine.intake import EngineSettings
from schemas.clickstream import PageViewed
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Tick
from schemas.profiles import ErasureRequested
from state.ledger import Ledger
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
SETTINGS = EngineSettings(retention_days=10)


class Counted(Struct, frozen=True, array_like=True):
    """By how much, and who."""

    by: int = 0
    who: str = ""


class Guests(Ledger):
    """Who is here, and how often they were seen."""

    seen: dict[str, int] = field(default_factory=dict)

    def enter(self, entry: Counted) -> None:
        """Count somebody, or forget them."""
        self.seen[entry.who] = self.seen.get(entry.who, 0) + entry.by
        if not self.seen[entry.who]:
            del self.seen[entry.who]


class Porter(Agent, frozen=True):
    """Counts views, and takes them back at the end."""

    listens: ClassVar = (PageViewed,)
    keeps: ClassVar = Guests
    keeps_at_ticks: ClassVar = True
    purpose: Any = "internal"

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Count a view."""
        yield Enter(Counted(1, customer.id))
        yield Remember(Counted(customer.recall(Counted).by + 1))

    def on_end(self, customer: View) -> Iterable[Enter]:
        """Take all views back."""
        yield Enter(Counted(-customer.recall(Counted).by, customer.id))


class ForgetfulPorter(Porter, frozen=True):
    """Fails at the end."""

    def on_end(self, customer: View) -> Iterable[Enter]:
        """Fail."""
        raise RuntimeError("no idea")


def view(number: int, who: str, at: int) -> PageViewed:
    return PageViewed(event_id=f"e{number}", customer_id=who, occurred_at=at)


def facts(*last: Event | Tick) -> list[Event | Tick]:
    begin = [view(it, who, BEGIN) for it, who in enumerate(("ann", "ann", "bob"))]
    return [*begin, view(4, "bob", BEGIN + 9 * DAY), Tick(BEGIN + 9 * DAY), *last]


def guests(partition: Partition) -> dict[str, int]:
    return msgspec.msgpack.decode(partition.state()["ledgers"]["porter"], type=Guests).seen


ERASED = ErasureRequested(event_id="e9", customer_id="ann", occurred_at=BEGIN + 9 * DAY)


@pytest.mark.parametrize("last", [ERASED, Tick(BEGIN + 10 * DAY)], ids=["erasure", "silence"])
@pytest.mark.parametrize("sizes", [[], [1] * 9, [4, 1]])
def test_what_a_row_has_in_a_ledger_leaves_with_it(last: Event | Tick, sizes: list[int]) -> None:
    partition = Partition(Porter(), settings=SETTINGS)
    for batch in cut(journal(facts(last)), sizes):
        partition.feed(batch)
    assert partition.row("ann") is None
    assert guests(partition) == {"bob": 2}


def test_who_was_never_seen_takes_nothing_out() -> None:
    partition = Partition(Porter(), settings=SETTINGS)
    stranger = ErasureRequested(event_id="e9", customer_id="eve", occurred_at=BEGIN + 9 * DAY)
    partition.facts(*facts(stranger))
    assert guests(partition) == {"ann": 2, "bob": 2}


def test_an_agent_that_fails_at_the_end_is_on_record_and_the_row_ends() -> None:
    partition = Partition(ForgetfulPorter(), settings=SETTINGS)
    decided: list[Decision] = partition.facts(*facts(ERASED))
    assert [it.reason for it in decided] == ["agent_failed"]
    assert partition.row("ann") is None
