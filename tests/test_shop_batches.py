"""Batches, for the shop's ledgers: a log cut anywhere leaves the same ledgers and the same alerts."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from partition import Partition, cut, journal
from shop_ledgers import concluded, ledgers_of

from agents.agent import Agent
from agents.demand_gap import DemandGap
from agents.ops.lookout import Lookout
from agents.reputation import Reputation
from agents.sales import Sales
from agents.trend import Trend
from schemas.clickstream import ProductsSearched, ProductViewed
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.journal import Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced
from schemas.reviews import ReviewEdited, ReviewPosted
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
SHORT: dict[str, Any] = {"window_hours": 2, "lateness_minutes": 30, "windows_kept": 2}
LOOKOUTS: tuple[Lookout, ...] = (
    DemandGap(customers_min=1, names_max=8, **SHORT),
    Reputation(
        recent_windows=2, recent_min=1, usual_min=1, drop_min=0.1, z_min=0, products_max=8, **SHORT
    ),
    Trend(baseline_windows=2, interest_min=1, ratio_min=1, z_min=0, names_max=8, **SHORT),
)
AGENTS: tuple[Agent, ...] = (*LOOKOUTS, Sales(days_kept=30, split_days=28, categories_max=8))


def happened(number: int, at: int, kind: type[Event], who: int, name: int) -> Event:
    common: dict[str, Any] = {
        "event_id": f"e{number}", "occurred_at": at, "customer_id": f"c{who}",
    }  # fmt: skip
    item = Item(product_id=f"p{name}", price_cents=100 + number, category=f"k{name}")
    review = {"review_id": f"r{number // 3}", "product_id": f"p{name}", "rating": 1 + number % 5}
    more: dict[type[Event], dict[str, Any]] = {
        ProductViewed: {"product_id": f"p{name}", "category": f"k{name}"},
        ProductsSearched: {"query": f"q{name}", "result_count": 0},
        OrderPlaced: {"order_id": f"o{number}", "products": (item,), "currency": "EUR"},
        OrderCancelled: {"order_id": f"o{number - 1}"},
        ReviewPosted: review,
        ReviewEdited: review,
    }
    return kind(**common, **more[kind])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [ProductViewed, ProductsSearched, ReviewPosted] * 2
            + [ReviewEdited, OrderPlaced, OrderCancelled, Tick, Tick]
        ),
        st.sampled_from([0, 1, 2, 5, 30]),  # Ten minutes that pass.
        st.sampled_from([0, 0, 0, 1, 5, 20, 200]),  # And that it is late by.
        st.integers(0, 5),
        st.integers(0, 14),
    ),
    min_size=10,
    max_size=150,
)


def history(steps: list[Any]) -> list[Event | Tick]:
    at, facts = BEGIN, list[Event | Tick]()
    for number, (kind, on, late, who, name) in enumerate(steps):
        at += on * 10 * MINUTE
        facts.append(
            Tick(at) if kind is Tick
            else happened(number, at - late * 10 * MINUTE, kind, who, name)
        )  # fmt: skip
    return [*facts, Tick(at + HOUR)]


@settings(max_examples=75, deadline=None)
@given(STEPS, st.lists(st.integers(1, 20), max_size=40))
def test_any_log_cut_into_any_batches_leaves_the_same_ledgers(
    steps: list[Any], sizes: list[int]
) -> None:
    records = journal(history(steps))

    def run(batches: Iterable[Any]) -> Partition:
        partition = Partition(*AGENTS)
        for batch in batches:
            assert not partition.feed(batch)
        return partition

    whole = run([records])
    for other in (run(cut(records, sizes)), run(cut(records, [1] * len(records)))):
        assert other.state() == whole.state()


@settings(max_examples=75, deadline=None)
@given(STEPS)
def test_a_ledger_keeps_all_that_the_windows_need_which_it_keeps(steps: list[Any]) -> None:
    records = journal(history(steps))
    small, generous = Partition(*LOOKOUTS), Partition(*map(_generous, LOOKOUTS))
    for one in records:
        small.feed([one])
        generous.feed([one])
        for lookout in LOOKOUTS:
            wide = _generous(lookout)
            ledgers = ledgers_of([generous], wide)
            for window, alerts in concluded(lookout, small).items():
                assert alerts == wide.conclude(ledgers, window)


def _generous(lookout: Lookout) -> Lookout:
    return replace(lookout, windows_kept=50)


@settings(max_examples=60, deadline=None)
@given(STEPS, STEPS)
def test_what_follows_from_a_closed_window_is_the_same_whenever_it_is_asked(
    steps: list[Any], later: list[Any]
) -> None:
    facts = history(steps)
    partition = Partition(*AGENTS)
    partition.feed(journal(facts))
    before = {it.name: concluded(it, partition) for it in LOOKOUTS}
    # Some of what comes then is as late as can be, for the clock has gone on.
    partition.feed(journal(history(later), len(facts) + 1))
    for lookout in LOOKOUTS:
        after = concluded(lookout, partition)
        for window in before[lookout.name].keys() & after.keys():
            assert after[window] == before[lookout.name][window]
