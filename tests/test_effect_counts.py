"""The effect: what customers do after a trigger is counted by campaign and arm, as it happens."""

from collections import Counter
from typing import Any

from effect_model import Model
from gate_logs import GATES, STEPS, Told
from hypothesis import given, settings
from partition import Partition
from timeline import check
from voices import Care, News, Offer, Tip, agreed

from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from schemas.journal import Tick
from streams.simulated.story import parse

#: Of this key's customers ann is held out of news and bob is not; over all nobody is.
HALVES = agreed(
    holdout=Holdout(share=0.5, over_all=0, key="halves-7"), outcome_days=2, at_once="all"
)


def counted(table: str, *voices: Any, gate: Gate = HALVES) -> dict[str, int]:
    """Run a timeline, and return what it counted of the effect."""
    check(table, *voices, gate=gate)
    shop = Partition(*voices, gate=gate)
    for row in parse(table):
        shop.facts(Tick(row.at), *(() if row.event is None else (row.event,)), begin=2 * row.number)
    counters: dict[str, int] = shop.state()["counters"]
    return {
        name.removeprefix("effect/"): by
        for name, by in counters.items()
        if name.startswith("effect/") and "/expected/" not in name
    }


def test_what_each_arm_does_within_the_window_is_counted_and_nothing_else() -> None:
    assert counted(
        """
        2026-01-20 07:00         bob  order_placed products=tea:1x999
        2026-01-20 08:00         ann  page_viewed url=news            -> held_out news
        2026-01-20 08:00         bob  page_viewed url=news            -> news
        2026-01-20 08:00         cem  order_placed
        2026-01-20 09:00         ann  product_viewed
        2026-01-20 09:30         ann  product_viewed
        2026-01-20 10:00         bob  order_placed products=tea:1x300
        2026-01-20 11:00         bob  order_placed products=tea:1x500 currency=USD
        2026-01-20 12:00         bob  order_placed products=tea:1x100
        # A second trigger begins nothing anew.
        2026-01-21 08:00         bob  page_viewed url=news            -> news
        2026-01-22 08:00         ann  order_placed products=tea:1x70  (the last moment of the window)
        2026-01-22 08:00:00.001  bob  order_placed products=tea:1x900
        """,
        News(),
    ) == {
        "news/held_out/customers": 1, "news/held_out/visited": 1, "news/held_out/orders": 1,
        "news/held_out/ordered": 1, "news/held_out/money/EUR": 70,
        "news/held_out/squares_high/EUR": 0, "news/held_out/squares_low/EUR": 4_900,
        "news/sent/customers": 1, "news/sent/visited": 1, "news/sent/orders": 3,
        "news/sent/messages": 2,
        "news/sent/ordered": 1, "news/sent/repeated": 1, "news/sent/money/EUR": 400,
        "news/sent/squares_high/EUR": 0, "news/sent/squares_low/EUR": 160_000,
        "news/sent/money/USD": 500,
        "news/sent/squares_high/USD": 0, "news/sent/squares_low/USD": 250_000,
    }  # fmt: skip


def test_what_goes_back_within_the_window_is_taken_off_whatever_order_it_is_of() -> None:
    found = counted(
        """
        2026-01-20 07:00  bob  order_placed order_id=before products=tea:1x5000
        2026-01-20 08:00  bob  page_viewed url=news       -> news
        2026-01-20 09:00  bob  order_placed order_id=one products=tea:1x40000
        2026-01-20 09:01  bob  order_refunded order_id=before
        2026-01-20 10:00  bob  order_refunded order_id=one refund_cents=15000
        2026-01-20 10:30  bob  order_refunded order_id=unheard refund_cents=15000
        2026-01-20 11:00  bob  order_placed order_id=two products=tea:1x70000
        2026-01-20 12:00  bob  order_cancelled order_id=one
        2026-01-20 12:01  bob  order_cancelled order_id=one
        2026-01-23 12:00  bob  order_cancelled order_id=two   (after the window)
        """,
        News(),
    )

    assert (found["news/sent/money/EUR"], found["news/sent/orders"]) == (50_000, 2)
    squares = found["news/sent/squares_high/EUR"] * 10**9 + found["news/sent/squares_low/EUR"]
    assert squares == 50_000**2


def test_more_may_go_back_than_was_paid_since() -> None:
    found = counted(
        """
        2026-01-20 07:00  bob  order_placed order_id=before products=tea:1x5000
        2026-01-20 08:00  bob  page_viewed url=news       -> news
        2026-01-20 09:01  bob  order_refunded order_id=before
        """,
        News(),
    )

    assert found["news/sent/money/EUR"] == -5_000
    squares = found["news/sent/squares_high/EUR"] * 10**9 + found["news/sent/squares_low/EUR"]
    assert squares == 5_000**2


def test_what_is_all_taken_back_leaves_the_same_counters_in_whatever_batches() -> None:
    found = counted(
        """
        2026-01-20 08:00  bob  page_viewed url=news       -> news
        2026-01-20 09:00  bob  order_placed order_id=one
        2026-01-20 09:01  bob  order_cancelled order_id=one
        """,
        News(),
    )

    assert found["news/sent/money/EUR"] == 0


def test_events_count_by_when_they_happened_however_late_they_come() -> None:
    found = counted(
        """
        2026-01-20 08:00  bob  page_viewed url=news       -> news
        2026-01-21 08:00  bob  order_placed occurred_at=2026-01-20T08:00 products=tea:1x1
        2026-01-23 08:00  bob  order_placed occurred_at=2026-01-21T08:00 products=tea:1x20
        """,
        News(),
    )

    assert (found["news/sent/orders"], found["news/sent/money/EUR"]) == (1, 20)


def test_an_order_that_was_heard_of_before_the_trigger_is_no_outcome_and_its_return_is() -> None:
    # The order is the later one, and came first.
    found = counted(
        """
        2026-01-20 08:00  bob  order_placed order_id=early occurred_at=2026-01-20T08:04 products=tea:1x70
        2026-01-20 08:01  bob  page_viewed url=news        -> news
        2026-01-20 09:00  bob  order_placed order_id=later products=tea:1x100
        2026-01-20 09:01  bob  order_cancelled order_id=early
        """,
        News(),
    )

    assert (found["news/sent/orders"], found["news/sent/money/EUR"]) == (1, 30)


def test_each_campaign_counts_for_itself_and_the_one_over_all_counts_all_of_them() -> None:
    everybody = agreed(holdout=Holdout(share=1e-9, over_all=1e-9), at_once="all")
    found = counted(
        """
        2026-01-20 08:00  ann  page_viewed url=news,care   -> news; care
        2026-01-20 09:00  ann  order_placed products=tea:1x1
        2026-01-20 10:00  ann  page_viewed url=offer,tip   -> offer; tip
        2026-01-20 11:00  ann  order_placed products=tea:1x20
        """,
        News(), Offer(campaign="spring"), Tip(holdout_share=0), Care(),
        gate=everybody,
    )  # fmt: skip

    money = {name: by for name, by in found.items() if name.endswith("money/EUR")}
    assert money == {"*/sent/money/EUR": 21, "news/sent/money/EUR": 21, "spring/sent/money/EUR": 20}


def test_who_is_held_out_of_all_is_in_the_arm_over_all_and_in_no_other() -> None:
    found = counted(
        """
        2026-01-20 08:00  cem  page_viewed url=news        -> held_out news
        2026-01-20 09:00  cem  order_placed
        """,
        News(),
        gate=agreed(holdout=Holdout(share=0.4, over_all=0.2, key="logs-284")),
    )

    assert {it.rsplit("/", 1)[0] for it in found if "orders" in it or "customers" in it} == {
        "*/held_out"
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STEPS, GATES)
def test_the_counters_are_what_lists_that_forget_nothing_add_up_to(
    steps: list[Any], gate: Gate
) -> None:
    told, model = Told(steps, gate), Model(gate)
    for step in told.steps:
        if not isinstance(step.fact, Tick):
            model.hear(step.fact)
        for it in step.said:
            model.decide(step.left_at(it), it)

    counts = Counter[str]()
    for name, by in told.partition.state()["counters"].items():
        if name.startswith("effect/") and "/expected/" not in name:
            weight = 10**9 if "/squares_high/" in name else 1
            plain = name.removeprefix("effect/").replace("squares_high", "squares")
            counts[plain.replace("squares_low", "squares")] += by * weight
    assert not_nothing(counts) == not_nothing(model.counters())


def not_nothing(counts: Counter[str]) -> dict[str, int]:
    """Those that are not 0: a counter of nothing need not be there."""
    return {name: by for name, by in counts.items() if by}
