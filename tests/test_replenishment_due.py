"""Replenishment: what is bought in a rhythm is told of shortly before it is due, once in a cycle."""

import msgspec
import pytest
from partition import AGREED, Partition, journal
from timeline import check

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.replenishment_due import (
    ReplenishmentDue,
)
from schemas.instant import DAY
from schemas.journal import Entry, Source, Tick
from streams.simulated.story import moment, parse

AGENT = ReplenishmentDue()

#: Coffee every thirty days or so; it is due on 2026-04-01 08:00, and told of two days earlier.
COFFEE = """
    2026-01-01 08:00  ann  order_placed products=coffee,filter order_id=o1
    2026-01-31 08:00  ann  order_placed products=coffee order_id=o2
    2026-03-02 08:00  ann  order_placed products=coffee,mug order_id=o3
"""
TOLD = "2026-03-30 08:00  ann  -> replenishment_due products=coffee\n"


def test_timeline_the_third_purchase_makes_a_rhythm_and_a_word_comes_before_it_is_due() -> None:
    (said,) = check(
        COFFEE
        + """
        2026-03-30 07:59:59  ann
        2026-03-30 08:00  ann  -> replenishment_due reason=due_by_own_rhythm products=coffee \
            gap_days=30,30 spread=0 purchases=3 left_days=2 expires_at=2026-04-10T08:00
        2026-12-30 08:00  ann
        """,
        AGENT,
    )
    assert msgspec.json.decode(said.payload) == {
        "products": [
            {
                "product_id": "coffee", "expected_at": "2026-04-01T08:00:00.000Z",
                "bought_at": "2026-03-02T08:00:00.000Z", "gap_days": 30.0, "purchases": 3,
            }
        ]
    }  # fmt: skip
    assert said.evidence.thresholds == {
        "purchases_min": 3, "spread_max": 0.3, "gap_days_min": 5.0, "ahead_days": 2.0,
    }  # fmt: skip


def test_timeline_two_purchases_are_no_rhythm_yet() -> None:
    check(COFFEE.rpartition("    2026-03-02")[0] + "2026-06-01 08:00  ann", AGENT)


@pytest.mark.parametrize(
    ("third", "told"),
    [
        # The gaps are 30 and 22 days, and each is 4 from their median of 26; then 7 from 23.
        ("2026-02-22 08:00", "-> replenishment_due gap_days=22,30 spread=0.154 left_days=2"),
        ("2026-02-16 08:00", ""),
    ],
)
def test_timeline_gaps_that_differ_too_much_are_no_rhythm(third: str, told: str) -> None:
    check(
        f"""
        2026-01-01 08:00  ann  order_placed products=coffee
        2026-01-31 08:00  ann  order_placed products=coffee
        {third}  ann  order_placed products=coffee
        2026-03-18 08:00  ann  {told}
        2026-06-18 08:00  ann
        """,
        AGENT,
    )


def test_timeline_one_holiday_does_not_disturb_a_rhythm() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed products=tea
        2026-01-11 08:00  ann  order_placed products=tea
        2026-01-21 08:00  ann  order_placed products=tea
        2026-01-29 08:00  ann  -> replenishment_due
        2026-03-01 08:00  ann  order_placed products=tea
        2026-03-09 08:00  ann  -> replenishment_due gap_days=39,10,10 spread=0 purchases=4
        """,
        AGENT,
    )


def test_timeline_what_is_bought_every_other_day_needs_no_word() -> None:
    days = "\n".join(
        f"2026-01-{day:02} 08:00  ann  order_placed products=milk" for day in range(1, 13, 2)
    )
    check(f"{days}\n2026-03-01 08:00  ann", AGENT)


def test_timeline_an_order_of_the_item_begins_the_cycle_anew() -> None:
    check(
        COFFEE
        + """
        2026-03-30 07:59  ann  order_placed products=coffee
        2026-04-27 07:59  ann  -> replenishment_due gap_days=28,30,30
        2026-04-28 07:00  ann  order_placed products=coffee
        2026-05-25 19:00  ann  -> replenishment_due
        """,
        AGENT,
    )


def test_timeline_an_order_of_something_else_does_not() -> None:
    check(COFFEE + "2026-03-20 08:00  ann  order_placed products=mug\n" + TOLD, AGENT)


def test_timeline_two_orders_within_a_day_are_one_purchase() -> None:
    check(COFFEE + "2026-03-03 03:59  ann  order_placed products=coffee\n" + TOLD, AGENT)


def test_timeline_what_is_due_a_little_later_is_told_of_with_it_and_only_then() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed products=coffee
        2026-01-03 08:00  ann  order_placed products=filter
        2026-01-05 08:00  ann  order_placed products=tea
        2026-01-31 08:00  ann  order_placed products=coffee
        2026-02-02 08:00  ann  order_placed products=filter
        2026-02-04 08:00  ann  order_placed products=tea
        2026-03-02 08:00  ann  order_placed products=coffee
        2026-03-04 08:00  ann  order_placed products=filter
        2026-03-06 08:00  ann  order_placed products=tea
        2026-03-30 08:00  ann  -> replenishment_due products=coffee,filter
        2026-04-03 08:00  ann  -> replenishment_due products=tea
        2026-06-03 08:00  ann
        """,
        AGENT,
    )


# What comes late, twice, or back --------------------------------------------------------------------


def test_timeline_a_purchase_that_is_heard_of_late_finds_its_place() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed products=coffee
        2026-03-02 08:00  ann  order_placed products=coffee
        2026-03-10 08:00  ann  order_placed products=coffee occurred_at=2026-01-31T08:00
        2026-03-30 08:00  ann  -> replenishment_due gap_days=30,30
        """,
        AGENT,
    )


def test_timeline_a_late_purchase_from_before_the_last_one_begins_no_cycle() -> None:
    check(
        COFFEE
        + TOLD
        + """
        2026-03-31 08:00  ann  order_placed products=coffee occurred_at=2025-12-02T08:00
        2026-06-01 08:00  ann
        """,
        AGENT,
    )


def test_timeline_an_order_that_is_heard_of_after_the_word_ends_the_cycle_all_the_same() -> None:
    check(
        COFFEE
        + TOLD
        + """
        2026-03-30 08:30  ann  order_placed products=coffee occurred_at=2026-03-30T07:50
        2026-04-27 07:50  ann  -> replenishment_due
        """,
        AGENT,
    )


def test_timeline_a_rhythm_that_is_found_out_when_it_is_missed_is_not_told() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed products=coffee
        2026-01-31 08:00  ann  order_placed products=coffee
        2026-04-20 08:00  ann  order_placed products=coffee occurred_at=2026-03-02T08:00 order_id=o
        2026-05-20 08:00  ann
        """,
        AGENT,
    )


def test_timeline_a_storefront_that_retries_is_counted_once() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed products=coffee order_id=o1
        2026-01-31 08:00  ann  order_placed products=coffee order_id=o2 event_id=e2
        2026-02-01 08:00  ann  order_placed products=coffee order_id=o2 event_id=e3
        2026-03-02 08:00  bob  order_placed products=coffee
        2026-06-02 08:00  ann
        """,
        AGENT,
    )


@pytest.mark.parametrize("back", ["order_cancelled", "order_refunded"])
def test_timeline_an_order_that_went_back_does_not_count(back: str) -> None:
    check(f"{COFFEE}2026-03-03 08:00  ann  {back} order_id=o3\n2026-06-03 08:00  ann", AGENT)


def test_timeline_the_cycle_before_a_cancelled_order_goes_on() -> None:
    check(
        COFFEE
        + """
        2026-03-10 08:00  ann  order_placed products=coffee order_id=o4
        2026-03-11 08:00  ann  order_cancelled order_id=o4
        """
        + TOLD,
        AGENT,
    )
    check(
        COFFEE
        + TOLD
        + """
        2026-03-31 08:00  ann  order_placed products=coffee order_id=o4
        2026-04-01 08:00  ann  order_cancelled order_id=o4 (its word has been said)
        2026-06-01 08:00  ann
        """,
        AGENT,
    )


@pytest.mark.parametrize(
    "part", ["order_refunded order_id=o3 refund_cents=1", "order_cancelled order_id=o9"]
)
def test_timeline_a_part_that_went_back_or_an_unknown_order_changes_nothing(part: str) -> None:
    check(f"{COFFEE}2026-03-03 08:00  ann  {part}\n{TOLD}", AGENT)


@pytest.mark.parametrize(
    ("happens", "then"),
    [
        ("order_placed products=coffee", "suppressed replenishment_due reason=reason_gone"),
        ("order_placed products=mug", "replenishment_due products=coffee"),
    ],
)
def test_timeline_what_was_bought_in_the_night_is_left_out_in_the_morning(
    happens: str, then: str
) -> None:
    quiet = QuietHours(begin="07:00", end="12:00", time_zone="UTC")
    check(
        COFFEE
        + f"""
        2026-03-30 08:00  ann  -> deferred replenishment_due reason=quiet_hours
        2026-03-30 10:00  ann  {happens}
        2026-03-30 12:00:01  ann  -> {then}
        """,
        AGENT,
        gate=Gate(
            assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), quiet_hours=quiet
        ),
    )


def test_a_rhythm_that_was_cancelled_leaves_no_timer_behind() -> None:
    events = [row.event for row in parse(COFFEE) if row.event]
    back = parse("2026-03-03 08:00  ann  order_cancelled order_id=o3")[0].event
    assert back is not None
    partition = Partition(AGENT)
    partition.facts(*events)
    assert (row := partition.row("ann"))
    assert set(row.timers) == {AGENT.name, "row"}
    partition.facts(back, begin=3)
    assert (row := partition.row("ann"))
    assert set(row.timers) == {"row"}


def test_old_history_is_silent_and_the_rhythm_in_it_is_known() -> None:
    events = [row.event for row in parse(COFFEE)]
    known = moment("2026-03-10")
    imported = [
        Entry(it, Source("history", 0, number, 0), imported_at=known)  # type: ignore[arg-type]
        for number, it in enumerate(events)
    ]
    partition = Partition(AGENT, gate=AGREED)
    assert partition.feed([Tick(known), *imported]) == []
    (said,) = partition.feed(journal([Tick(moment("2026-03-30 08:00"))]))
    assert (said.kind, said.outcome) == ("replenishment_due", "sent")

    late = Partition(AGENT, gate=AGREED)
    after = moment("2026-03-31")
    imported = [msgspec.structs.replace(it, imported_at=after) for it in imported]
    assert late.feed([Tick(after), *imported, Tick(after + 90 * DAY)]) == []
