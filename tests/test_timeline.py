"""Timelines: a table that does not tell what happened fails, and says in which row."""

from collections.abc import Iterable
from typing import ClassVar

import pytest
from msgspec import Struct
from timeline import check

from agents.agent import Act, Agent, Note, Say, SetTimer, Timer, View
from schemas.clickstream import PageViewed
from schemas.decisions import Evidence
from schemas.instant import HOUR
from streams.simulated.story import parse


class GreetingPayload(Struct, frozen=True):
    """What the greeting says."""

    visits: int
    products: list[str]


class Greeting(Agent, frozen=True):
    """Greets two hours after a page view, and notes each view."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"greeting": GreetingPayload}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Wait two hours."""
        yield Note(reason="seen")
        yield SetTimer(event.occurred_at + 2 * HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Greet."""
        payload = GreetingPayload(customer.row.session.count, ["tea", "milk"])
        yield Say(reason="came", payload=payload, evidence=Evidence(values={"hours": 2.0}))


TRUE = """
2026-01-20 08:00  ann  page_viewed  -> noted greeting reason=seen  (a comment)
2026-01-20 10:00  ann               -> greeting visits=1 products=tea,milk hours=2 reason=came
# A line that is left out.
2026-01-20 11:00  ann  page_viewed  -> noted greeting
2026-01-20 13:00  ann               -> suppressed greeting reason=paused
2026-02-20 13:00  ann               (a month of silence)
"""


def test_a_table_that_tells_what_happened_passes_and_returns_the_decisions() -> None:
    outcomes = [decision.outcome for decision in check(TRUE, Greeting())]

    assert outcomes == ["noted", "sent", "noted", "suppressed"]


@pytest.mark.parametrize(
    ("told", "instead", "complaint"),
    [
        ("-> greeting", "", "10:00:00  ann\n    nobody expected: sent greeting reason=came"),
        ("(a month of silence)", "-> greeting", "line 7: 2026-02-20 13:00  ann"),
        ("(a month of silence)", "-> greeting", "sent greeting did not come"),
        ("visits=1", "visits=2", "line 3: .*\n    visits is 1, not 2"),
        ("products=tea,milk", "products=tea", "products is tea,milk, not tea"),
        ("hours=2", "minutes=2", "greeting has no 'minutes'; it has agent, "),
        ("suppressed greeting", "greeting", "line 6: .*\n    sent greeting did not come"),
        ("reason=paused", "reason=no_consent", "reason is paused, not no_consent"),
        ("2026-01-20 10:00", "2026-01-20 10:30", "nobody expected: sent greeting"),
        ("2026-01-20 10:00", "2026-01-20 09:59", "nobody expected: sent greeting"),
    ],
)
def test_a_table_that_tells_it_otherwise_fails_and_names_the_row(
    told: str, instead: str, complaint: str
) -> None:
    table = TRUE.replace(told, instead, 1)
    if not instead:
        table = "\n".join(line.partition("-> greeting")[0] for line in TRUE.splitlines())

    with pytest.raises(AssertionError, match=complaint):
        check(table, Greeting())


def test_an_agent_that_remembers_between_batches_is_found_out() -> None:
    calls: list[int] = []

    class Forgetful(Greeting, frozen=True):
        def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
            calls.append(1)
            yield Note(reason="first" if len(calls) == 1 else "again", kind="greeting")

    table = "2026-01-20 08:00  ann  page_viewed  -> noted forgetful reason=first"

    with pytest.raises(AssertionError, match="one batch decides otherwise"):
        check(table.replace("forgetful", "greeting"), Forgetful())


def test_time_between_the_rows_passes_hour_by_hour() -> None:
    check(
        """
        2026-01-20 08:10  ann  page_viewed  -> noted greeting
        2026-01-20 10:10  ann               -> greeting decided_at=2026-01-20T10:10
        """,
        Greeting(),
    )
    # Due at 10:10, which is no row: the tick at 11:00 fires it.
    with pytest.raises(AssertionError, match="2026-01-20 11:00:00  ann"):
        check(
            """
            2026-01-20 08:10  ann  page_viewed  -> noted greeting
            2026-01-20 12:00  ann
            """,
            Greeting(),
        )


def test_a_stopped_clock_fires_nothing_until_it_goes_on() -> None:
    check(
        """
        2026-01-20 08:00  ann    page_viewed  -> noted greeting
        2026-01-20 09:00  clock  stops
        2026-01-20 12:00  ann    page_viewed  -> noted greeting
        2026-01-22 09:00  clock  goes_on
        2026-01-22 09:00  ann                 -> greeting visits=2
        """,
        Greeting(),
    )


def test_fields_that_a_row_leaves_out_get_plain_values() -> None:
    (row,) = parse("2026-01-20 08:00  ann  order_placed products=milk:2x199,bread coupons=A,B")

    assert row.event is not None
    assert row.event.event_id == "e1"
    assert [
        (it.product_id, it.quantity, it.price_cents)
        for it in row.event.products  # type: ignore[union-attr]
    ] == [("milk", 2, 199), ("bread", 1, 1000)]
    assert row.event.coupons == ("A", "B")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2026-01-20 08:00", "a row is: moment, customer"),
        ("2026-01-20 08:00  ann  page_veiwed", "page_veiwed"),
        ("2026-01-20 08:00  ann  page_viewed price=3", "page_viewed has no field 'price'"),
        ("2026-01-20 08:00  ann  order_placed products=milk:x", "is not product:QUANTITY"),
        ("2026-01-20 08:00  ann  review_posted rating=6", "rating"),
        ("2026-01-20 08:00  clock  strikes", "the clock stops or goes_on"),
        ("2026-01-20 08:00  ann\n2026-01-20 07:00  ann", "not in order of time"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_mistake_of_the_test(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(line)
