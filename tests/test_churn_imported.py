"""What does the churn score learn from a history that is imported? Also of those who never came back."""

import asyncio
from typing import Any

import pytest
from msgspec import Raw
from partition import Partition, journal

from agents.churn.habit import Habit, Silence
from agents.churn.lessons import HALF_LIFE_DAYS, Lesson, Lessons, fitted
from agents.churn_alert import ChurnAlert
from schemas.codec import encode_json
from schemas.decisions import Decision
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, ModelEntry, Record, Tick
from schemas.orders import Item, OrderPlaced
from state.ledger import Ledgers
from state.table import Needs

BEGIN = 19_000 * DAY
IMPORTED = 140
AGENT = ChurnAlert(purpose="internal", risk_min=0.5)


def orders(days: int = IMPORTED, buyers: int = 80) -> list[OrderPlaced]:
    """Half buy every five days for ever; the others stop for good, one after another."""
    return [
        OrderPlaced(
            event_id=f"c{who}-{day}", occurred_at=BEGIN + day * DAY + HOUR + who,
            customer_id=f"c{who}", order_id=f"c{who}-{day}", currency="EUR",
            products=(Item("tea", 1, 2_000),),
        )
        for day in range(days)
        for who in range(buyers)
        if (day + who) % 5 == 0 and (who % 2 or day < 10 + 1.5 * who)
    ]  # fmt: skip


def imported() -> Partition:
    """A shop whose past was imported on one day, and in which nobody has bought since."""
    partition, at = Partition(AGENT), BEGIN + IMPORTED * DAY
    partition.feed([Tick(at)])
    past: list[Record] = [
        Entry(it.event, it.source, at) for it in journal(orders()) if isinstance(it, Entry)
    ]
    assert partition.feed(past) == []
    return partition


def days_after(partition: Partition, days: range, *first: Record) -> list[Decision]:
    """What is decided in ticks on these days after the import."""
    ticks = [Tick(BEGIN + (IMPORTED + it) * DAY) for it in days]
    return partition.feed([*first, *ticks])


def lessons(partition: Partition) -> Any:
    loaded = asyncio.run(partition.table.load(0, Needs(ledgers=["churn_alert"])))
    return Ledgers(loaded.ledgers).read("churn_alert", Lessons)


def test_silences_that_no_order_ended_teach_within_a_horizon() -> None:
    partition = imported()
    before = lessons(partition)
    assert before.quiet == 0
    assert before.examples > 100
    days_after(partition, range(1, 29))
    learned = lessons(partition)
    # Forty have stopped; each was silent for one horizon at least, and counts for three at most.
    assert 40 < learned.quiet <= 3 * 40
    assert fitted([learned], AGENT.horizon_days) is not None


def test_what_an_imported_silence_teaches_counts_as_if_it_had_been_learned_then() -> None:
    live, late = Lessons(), Lessons()
    seen = Silence(Habit(), BEGIN, 28.0, (2.1, 33.0)).seen(3.0)
    early, newer = (Lesson(seen, it == 0, 19_000 + 300 * it, None, 28.0) for it in range(2))
    for ledger, entries in ((live, (early, newer)), (late, (newer, early))):
        for it in entries:
            ledger.enter(it)
    assert late.quiet == pytest.approx(0.5 ** (300 / HALF_LIFE_DAYS))
    assert (late.quiet, late.examples) == pytest.approx((live.quiet, live.examples))
    for one, two in (
        (live.squares, late.squares), (live.products, late.products), (live.sums, late.sums)
    ):  # fmt: skip
        assert one == pytest.approx(two)


def test_nobody_is_told_of_who_had_been_silent_too_long_by_then() -> None:
    partition = imported()
    days_after(partition, range(1, 29))
    model = fitted([lessons(partition)], AGENT.horizon_days)
    at = BEGIN + (IMPORTED + 29) * DAY
    entry = ModelEntry("churn_alert", "v", at, Raw(encode_json(model)))
    told = days_after(partition, range(29, 90), entry)
    by_now = {
        it.customer_id for it in orders() if it.occurred_at > at - 3 * AGENT.horizon_days * DAY
    }
    assert {it.customer_id for it in told}
    assert {it.customer_id for it in told} <= by_now
