"""RFM beside a model: as a plain sort of all customers would score them, and means taken anew.

The model keeps every customer's values, sorts them at each scoring, and adds up the members.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, cut, journal
from test_rfm import BEGIN, ledger, ordered, refunded, traits

from agents.rfm import Moved, Rfm, Scored, Standings
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, Tick
from schemas.profiles import ErasureRequested
from state.clusters import Point, Population, point_of
from state.sketch import RELATIVE_ERROR

WIDTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)

STEPS = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["order"] * 6 + ["refund", "erase"]),
        st.integers(1, 60_000),
        st.sampled_from([0, 0, 0, 40]),
    ),
    min_size=8,
    max_size=40,
)


def history(steps: Iterable[Any]) -> list[Event | Tick]:
    facts: list[Event | Tick] = []
    at, orders = BEGIN, dict[str, int]()
    for number, (days, who, what, cents, late) in enumerate(steps):
        at += days * DAY
        facts.append(Tick(at - HOUR))
        when = at - late * DAY
        if what == "erase":
            orders.pop(who, None)
            erased = ErasureRequested(event_id=f"e{number}", customer_id=who, occurred_at=at)
            facts.append(erased)
        elif what == "refund" and who in orders:
            facts.append(refunded(number, who, when, orders[who], cents))
        else:
            orders[who] = number
            facts.append(ordered(number, who, when, cents))
    return [*facts, Tick(at + DAY)]


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_each_score_is_that_of_a_plain_sort_within_the_bound(steps: list[Any]) -> None:
    partition = Partition(Rfm(customers_min=1, clusters=("good", "poor"), rescore_days=10_000))
    customers: dict[str, tuple[int, int, int]] = {}
    for record in journal(history(steps)):
        partition.feed([record])
        if not isinstance(record, Entry):
            continue
        who = record.event.subject
        row = partition.row(who)
        if row is None:
            customers.pop(who, None)
            continue
        net = max(0, row.spent_cents - row.refunded_cents)
        customers[who] = row.last_order_at // DAY, row.order_count, net
        scores = traits(partition, who)[0].split("-")
        for axis, score in enumerate(scores):
            values = [it[axis] for it in customers.values()]
            value = customers[who][axis]
            width = WIDTH if axis == 2 else 1
            low, high = plain_score(values, value / width), plain_score(values, value * width)
            assert low <= int(score) <= high


def plain_score(values: Sequence[float], value: float) -> int:
    """The fifth in which the middle rank of a value lies, among these."""
    below = sum(it < value - 1e-6 for it in values)
    equal = sum(abs(it - value) <= 1e-6 for it in values)
    return 1 + min(4, int(5 * (below + equal / 2) / len(values) + 1e-9))


@settings(max_examples=80, deadline=None)
@given(STEPS, st.lists(st.integers(1, 9), max_size=40))
def test_the_ledger_holds_the_customers_there_are_and_the_means_of_members(
    steps: list[Any], sizes: list[int]
) -> None:
    agent = Rfm(customers_min=3, clusters=("good", "poor"), rescore_days=25)
    records = journal(history(steps))
    partition = Partition(agent)
    for batch in cut(records, sizes):
        partition.feed(batch)
    at_once = Partition(agent)
    at_once.feed(records)
    assert at_once.state() == partition.state()

    found, population = ledger(partition), Population()
    members: list[list[Point]] = [[], []]
    for who in "abcdefgh":
        row = partition.row(who)
        if row is None or "rfm" not in row.memory:
            continue
        kept = msgspec.msgpack.decode(row.memory["rfm"], type=Scored)
        population.add(kept.day, kept.orders, kept.cents)
        if kept.cluster >= 0 and kept.generation == found.clusters.generation:
            members[kept.cluster].append(kept.point)
    assert found.population == population
    if found.clusters.generation:
        assert [it - 1 for it in found.clusters.sizes] == [len(it) for it in members]
        sums = [sum(point[axis] for point in it) for it in members for axis in range(3)]
        seeds = [found.clusters.sums[it] - sums[it] for it in range(6)]
        assert all(it >= 0 for it in seeds)


POINTS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 40), st.integers(0, 10**7)),
    min_size=12,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(POINTS)
def test_whoever_is_scored_is_in_the_cluster_whose_mean_is_nearest(
    customers: list[tuple[int, int, int]],
) -> None:
    standings, members, seeds = Standings(), list[list[Point]](), list[Point]()
    for age, orders, cents in customers:
        clusters = standings.clusters
        point = point_of(age, orders, cents)
        means = [mean([seed, *of]) for seed, of in zip(seeds, members, strict=True)]
        spreads = clusters.spreads
        far = [sum(((a - b) / s) ** 2 for a, b, s in zip(point, it, spreads, strict=True)) for it in means]  # fmt: skip
        expected = far.index(min(far)) if far else -1
        assert clusters.nearest(point) == expected
        after = Scored(orders, 20_000 - age, cents, age, expected, clusters.generation)
        standings.enter(Moved(Scored(), after, 20_000, 3, 6))
        if expected >= 0:
            members[expected].append(point)
        elif standings.clusters.generation:
            seeds = standings.population.seeds(3, 20_000)
            members = [[], [], []]


def mean(points: list[Point]) -> list[float]:
    return [sum(axis) / len(points) for axis in zip(*points, strict=True)]
