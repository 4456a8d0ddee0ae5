"""Demand gaps: what enough customers look for in vain within a day is told once, and to the shop."""

import doctest

import pytest
from partition import Partition, journal
from shop_ledgers import concluded, ledger_of, ledgers_of, spread, told
from timeline import check

from agents import demand_gap
from agents.demand_gap import DemandGap, normalised
from agents.engine.intake import EngineSettings
from agents.ops.tally import NAME_MAX
from schemas.clickstream import ProductsSearched
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from streams.simulated.story import moment

GAP = DemandGap(customers_min=3)
BEGIN = moment("2026-01-20")


def searches(day: int, query: str, *customers: str, found: int | None = 0) -> list[Event | Tick]:
    at = BEGIN + day * DAY + 8 * HOUR
    return [
        ProductsSearched(
            event_id=f"{day}-{query}-{it}-{found}", customer_id=it, occurred_at=at + number, query=query,
            result_count=found,
        )
        for number, it in enumerate(customers)
    ]  # fmt: skip


def ticks(day: int, hours: int = 24) -> list[Event | Tick]:
    return [Tick(BEGIN + day * DAY + it * HOUR) for it in range(1, hours + 1)]


def test_a_timeline_of_searches_says_nothing_to_customers() -> None:
    check(
        """
        2026-01-20 08:00  ann  products_searched query="oat milk" result_count=0
        2026-01-20 08:01  ann  products_searched query="oat milk" result_count=0
        2026-01-20 08:02  bob  products_searched query=tea result_count=4
        2026-01-20 08:03  cem  products_searched query=tea
        2026-01-22 08:00  ann  products_searched query="oat milk" result_count=0
        """,
        GAP,
    )


def test_what_three_customers_look_for_in_vain_is_told_when_the_window_is_over() -> None:
    history = [*searches(0, "Oat-Milk", "ann", "bob", "cem"), *ticks(0), *ticks(1, 2)]
    [alert] = told(GAP, history)
    assert (alert.kind, alert.subject, alert.reason) == (
        "demand_gap",
        "oat milk",
        "searched_in_vain",
    )
    assert alert.payload == demand_gap.DemandGapPayload("oat milk", 3, 3)
    assert alert.evidence.values == {"customers": 3, "customers_before": 0}
    assert alert.evidence.thresholds == {"customers_min": 3}
    assert (alert.begins_at, alert.ends_at) == (BEGIN, BEGIN + DAY)


def test_the_window_is_over_at_the_very_minute_that_ends_the_lateness() -> None:
    history = searches(0, "tea", "ann", "bob", "cem")
    early = spread([*history, Tick(BEGIN + 25 * HOUR - 1)], 1, GAP)
    assert concluded(GAP, *early)[BEGIN // DAY - 1] == []
    assert BEGIN // DAY not in concluded(GAP, *early)
    over = spread([*history, Tick(BEGIN + 25 * HOUR)], 1, GAP)
    assert [it.subject for it in concluded(GAP, *over)[BEGIN // DAY]] == ["tea"]


def test_who_asks_again_and_again_is_one_customer() -> None:
    again: list[Event | Tick] = [
        ProductsSearched(
            event_id=f"e{it}", customer_id="ann", occurred_at=BEGIN + it, query="tea", result_count=0
        )
        for it in range(50)
    ]  # fmt: skip
    assert told(GAP, [*again, *ticks(0), *ticks(1, 2)]) == []


def test_who_asks_again_the_day_after_is_counted_that_day_too() -> None:
    history = [
        *searches(0, "tea", "ann", "bob"),
        *ticks(0),
        *searches(1, "tea", "ann", "bob", "cem"),
    ]
    [alert] = told(GAP, [*history, *ticks(1), *ticks(2, 2)])
    assert alert.begins_at == BEGIN + DAY
    assert alert.evidence.values == {"customers": 3, "customers_before": 2}


def test_a_gap_that_lasts_is_told_once_and_again_when_it_was_gone_for_a_window() -> None:
    history: list[Event | Tick] = []
    for day in range(6):
        history += [] if day == 3 else searches(day, "tea", "ann", "bob", "cem")
        history += ticks(day)
    said = [(it.begins_at - BEGIN) // DAY for it in told(GAP, [*history, *ticks(6, 2)])]
    assert said == [0, 4]


def test_the_oldest_window_that_is_kept_still_knows_the_one_before_it() -> None:
    history: list[Event | Tick] = []
    for day in range(5):
        history += [*searches(day, "tea", "ann", "bob", "cem"), *ticks(day)]
    partition = Partition(GAP)
    partition.feed(journal([*history[:-24], Tick(BEGIN + 4 * DAY + 9 * HOUR)]))
    partition.feed(journal(searches(4, "jam", "dee"), 500))
    today = BEGIN // DAY
    assert concluded(GAP, partition) == {today + 1: [], today + 2: [], today + 3: []}


def test_a_search_that_found_something_or_does_not_say_is_no_gap() -> None:
    history = [
        *searches(0, "tea", "ann", "bob", "cem", found=1),
        *searches(0, "jam", "ann", "bob", "cem", found=None),
        *searches(0, "?!", "ann", "bob", "cem"),
        *ticks(0),
        *ticks(1, 2),
    ]
    assert told(GAP, history) == []


def test_a_late_search_counts_in_its_own_window_while_that_is_open() -> None:
    """At 00:30 the day before is open still; at 01:30 it is closed, and the search counts nowhere."""
    seen = searches(0, "tea", "ann", "bob")
    for minutes, expected in ((30, ["tea"]), (90, [])):
        [late] = searches(0, "tea", "cem")
        arrives = [Tick(BEGIN + DAY + minutes * 60_000), late]
        partition = Partition(GAP)
        partition.feed(journal([*seen, *ticks(0), *arrives, *ticks(1, 3)[2:]]))
        assert [it.subject for it in concluded(GAP, partition)[BEGIN // DAY]] == expected
        assert ledger_of(partition, GAP).late == (minutes == 90)


def test_a_late_search_does_not_make_a_newer_one_count_twice() -> None:
    newer, again, late = [
        ProductsSearched(
            event_id=f"e{it}", customer_id="ann", occurred_at=at, query="tea", result_count=0
        )
        for it, at in enumerate((BEGIN + DAY, BEGIN + DAY + 2, BEGIN + DAY - 1))
    ]  # fmt: skip
    partition = Partition(GAP)
    partition.feed(journal([newer, late, again]))
    windows = ledger_of(partition, GAP).open
    assert [windows[BEGIN // DAY + it].bounds("tea") for it in (0, 1)] == [(1, 1), (1, 1)]


def test_a_storefront_that_retries_is_heard_once() -> None:
    [once] = searches(0, "tea", "ann")
    partition = Partition(GAP)
    partition.feed(journal([once, once]))
    assert ledger_of(partition, GAP).summary(BEGIN // DAY).bounds("tea") == (1, 1)


def test_in_a_window_of_another_width_counting_begins_anew() -> None:
    partition = Partition(GAP)
    partition.feed(journal(searches(0, "tea", "ann", "bob")))
    hourly = DemandGap(customers_min=2, window_hours=1)
    partition.engine = Partition(hourly).engine
    history = [*searches(0, "tea", "cem", "dee"), Tick(BEGIN + 11 * HOUR)]
    partition.feed(journal(history, 2))
    ledger = ledger_of(partition, hourly)
    assert ledger.width == HOUR
    assert GAP.conclude([ledger], BEGIN // DAY) == []
    [alert] = concluded(hourly, partition)[(BEGIN + 8 * HOUR) // HOUR]
    assert alert.subject == "tea"


def test_how_customers_are_spread_over_partitions_makes_no_difference() -> None:
    customers = [f"c{it}" for it in range(40)]
    history = [
        *searches(0, "tea", *customers), *searches(0, "jam", *customers[:9]),
        *searches(0, "soap", "c1", "c2"), *ticks(0), *ticks(1, 2),
    ]  # fmt: skip
    one = concluded(GAP, *spread(history, 1, GAP))
    assert [it.subject for it in one[BEGIN // DAY]] == ["tea", "jam"]
    for partitions in (2, 3, 7):
        rows = spread(history, partitions, GAP)
        assert len(ledgers_of(rows, GAP)) > 1
        assert concluded(GAP, *rows) == one


def test_where_more_is_searched_than_is_kept_only_what_is_certain_is_told() -> None:
    small = DemandGap(customers_min=5, names_max=8)
    history: list[Event | Tick] = []
    for number in range(300):  # Ever new queries, and between them one that many make.
        history += searches(0, f"x{number}", f"c{number}")
        if number % 6 == 0:
            history += searches(0, "tea", f"c{number}")
    rows = spread([*history, *ticks(0), *ticks(1, 2)], 3, small)
    alerts = concluded(small, *rows)[BEGIN // DAY]
    for alert in alerts:
        assert isinstance(alert.payload, demand_gap.DemandGapPayload)
        true = 50 if alert.subject == "tea" else 1
        assert alert.payload.customers <= true <= alert.payload.customers_max
        assert alert.payload.customers_max - alert.payload.customers <= 350 / 8
    assert [it.subject for it in alerts] == ["tea"]


def test_the_ledger_is_as_small_as_it_says() -> None:
    history = [
        it
        for day in range(10)
        for number in range(400)
        for it in searches(day, f"{number} {'x' * 90}", f"c{number}")
    ]
    partition = Partition(DemandGap(), settings=EngineSettings())
    for day in range(10):
        partition.feed(journal([*history[day * 400 : day * 400 + 400], *ticks(day)], day * 424))
    windows = DemandGap().windows_kept + DemandGap().looks_back + 2
    assert len(partition.state()["ledgers"]["demand_gap"]) < windows * 200 * (64 + 10)
    row = partition.row("c1")
    assert row is not None
    assert len(row.memory["demand_gap"]) <= 40


@pytest.mark.parametrize("query", ["x" * 10_000, "ﷺ" * 200, "e\u0301" * 100])
def test_a_query_of_any_length_has_a_short_name(query: str) -> None:
    assert 0 < len(normalised(query)) <= NAME_MAX


def test_the_examples_in_the_docstrings_are_so() -> None:
    assert doctest.testmod(demand_gap).attempted
    assert doctest.testmod(demand_gap).failed == 0


def test_a_history_without_a_tick_is_bounded() -> None:
    partition = Partition(GAP)
    partition.feed(journal([it for day in range(60) for it in searches(day, "tea", "ann")]))
    assert len(ledger_of(partition, GAP).open) <= GAP.open_max
