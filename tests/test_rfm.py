"""RFM and clusters: everybody is scored beside the customers there are now, in silence."""

import doctest
from collections.abc import Sequence

import msgspec
import pytest
from partition import Partition, journal
from timeline import check

from agents.engine.intake import EngineSettings
from agents.rfm import Rfm, Scored, Standings
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Entry, Tick
from schemas.orders import Item, OrderPlaced, OrderRefunded
from schemas.profiles import ErasureRequested
from state import clusters as clusters_module
from state.clusters import Clusters, Population, point_of
from streams.simulated.story import moment

BEGIN = moment("2026-01-01 08:00")
FEW = Rfm(customers_min=5, clusters=("good", "fair", "poor"))


def ordered(number: int, who: str, at: int, cents: int = 1_000) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"e{number}", customer_id=who, occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(Item(product_id="tea", price_cents=cents),),
    )  # fmt: skip


def refunded(number: int, who: str, at: int, order: int, cents: int | None = None) -> OrderRefunded:
    return OrderRefunded(
        event_id=f"e{number}", customer_id=who, occurred_at=at, order_id=f"o{order}",
        refund_cents=cents,
    )  # fmt: skip


def traits(partition: Partition, who: str) -> tuple[str, str]:
    row = partition.row(who)
    found = row.portrait if row else {}
    rfm, cluster = found.get("rfm"), found.get("cluster")
    return rfm.value if rfm else "", cluster.value if cluster else ""


def ledger(partition: Partition) -> Standings:
    return msgspec.msgpack.decode(partition.state()["ledgers"]["rfm"], type=Standings)


def five(last: Sequence[Event | Tick] = (), agent: Rfm = FEW) -> Partition:
    """A shop of five: each ordered a day later, once more often and for more than the one before."""
    partition = Partition(agent)
    facts: list[Event | Tick] = []
    for who in range(5):
        for again in range(who + 1):
            at = BEGIN + 10 * DAY + who * DAY + again * HOUR
            facts.append(ordered(10 * who + again, f"c{who}", at, 100 * (who + 1)))
    facts.sort(key=lambda it: it.occurred_at if not isinstance(it, Tick) else it.at)
    partition.facts(*facts, *last)
    return partition


def test_a_timeline_of_orders_is_scored_in_silence() -> None:
    check(
        """
        2026-01-01 08:00  ann  order_placed
        2026-01-02 08:00  bob  order_placed
        2026-01-03 08:00  bob  order_placed
        2026-01-04 08:00  ann  order_refunded order_id=order-2
        2026-01-05 08:00  eve  page_viewed
        2026-01-05 08:00  eve  order_refunded order_id=gone
        2026-06-05 08:00  eve  (scored again each month, and nothing is said)
        """,
        Rfm(customers_min=1),
    )


def test_the_scores_go_from_one_to_five_for_recency_frequency_and_money() -> None:
    partition = five([Tick(BEGIN + 50 * DAY)])
    assert [traits(partition, f"c{who}")[0] for who in range(5)] == [
        "1-1-1", "2-2-2", "3-3-3", "4-4-4", "5-5-5",
    ]  # fmt: skip


def test_nobody_is_scored_among_too_few() -> None:
    partition = five(agent=Rfm(customers_min=6))
    assert [traits(partition, f"c{who}") for who in range(5)] == [("", "")] * 5


def test_recency_ages_in_silence_and_is_scored_again_by_a_timer() -> None:
    at = BEGIN + 20 * DAY
    partition = five([ordered(100 + it, f"d{it}", at, 100) for it in range(20)])
    assert traits(partition, "c4")[0].startswith("5")
    partition.facts(Tick(BEGIN + 43 * DAY), begin=100)
    assert traits(partition, "c4")[0].startswith("5")
    partition.facts(Tick(BEGIN + 45 * DAY), begin=101)
    assert traits(partition, "c4")[0].startswith("1")
    row = partition.row("c4")
    assert row
    assert row.timers["rfm"] == BEGIN + 75 * DAY


def test_a_refund_takes_the_money_s_score_back() -> None:
    partition = five([Tick(BEGIN + 50 * DAY)])
    given_back = [refunded(200 + it, "c4", BEGIN + 50 * DAY, 40 + it) for it in range(2, 5)]
    partition.facts(*given_back, begin=100)
    assert traits(partition, "c4")[0] == "5-5-4"


def test_a_row_that_ends_is_compared_with_nobody() -> None:
    gone = [
        ErasureRequested(event_id=f"x{who}", customer_id=f"c{who}", occurred_at=BEGIN + 20 * DAY)
        for who in range(5)
    ]
    partition = five([gone[0]])
    assert ledger(partition).population.days.total == 4
    partition.facts(*gone[1:], begin=100)
    found = ledger(partition)
    assert found.population == Population()
    # The seeds alone are left, each as it was laid.
    assert found.clusters.sizes == [1, 1, 1]


def test_a_row_that_ends_in_silence_is_compared_with_nobody() -> None:
    partition = Partition(FEW, settings=EngineSettings(retention_days=100))
    partition.facts(ordered(1, "ann", BEGIN), ordered(2, "bob", BEGIN + 50 * DAY))
    partition.facts(Tick(BEGIN + 101 * DAY), begin=10)
    assert partition.row("ann") is None
    assert ledger(partition).population.days.total == 1


def test_imported_history_is_scored_and_goes_on_ageing() -> None:
    now = BEGIN + 400 * DAY
    partition = Partition(FEW)
    partition.facts(Tick(now))
    orders = [ordered(it, f"c{it}", BEGIN + it * DAY, 100 * it) for it in range(6)]
    entries = [Entry(it.event, it.source, now) for it in journal(orders) if isinstance(it, Entry)]
    assert partition.feed(entries) == []
    assert traits(partition, "c5")[0] == "5-3-5"
    row = partition.row("c5")
    assert row
    assert row.timers["rfm"] == now + 30 * DAY


def test_an_old_order_that_comes_late_counts_and_is_not_recent() -> None:
    partition = five()
    partition.facts(ordered(300, "c4", BEGIN, 100_000), begin=100)
    row = partition.row("c4")
    assert row
    kept = msgspec.msgpack.decode(row.memory["rfm"], type=Scored)
    assert (kept.orders, kept.day, kept.cents) == (6, (BEGIN + 14 * DAY) // DAY, 102_500)


def test_other_names_lay_other_seeds_and_nobody_is_counted_twice() -> None:
    partition = five()
    partition.engine = Partition(Rfm(customers_min=5, clusters=("good", "poor"))).engine
    partition.facts(*(ordered(400 + it, f"c{it}", BEGIN + 30 * DAY) for it in range(5)), begin=100)
    found = ledger(partition)
    assert (found.clusters.generation, len(found.clusters.sizes)) == (2, 2)
    # Whoever was scored first laid the seeds, and is no member before the next time.
    assert sum(found.clusters.sizes) - 2 == 4


def test_the_best_place_is_of_who_came_lately_often_and_for_much() -> None:
    clusters = Clusters()
    clusters.seed([point_of(300, 1, 500), point_of(2, 20, 90_000), point_of(40, 4, 9_000)])
    clusters.spreads = [1_000, 1_000, 1_000]
    assert [clusters.place(it) for it in range(3)] == [2, 0, 1]
    assert [clusters.nearest(point_of(*it)) for it in ((200, 1, 900), (5, 12, 50_000))] == [0, 1]


def test_a_cluster_that_has_lost_its_members_gets_another_seed() -> None:
    clusters, point = Clusters(), point_of(300, 1, 500)
    clusters.seed([point_of(2, 20, 90_000), point_of(90, 2, 2_000)])
    clusters.move(0, point, 1)
    clusters.seed_again([point_of(9, 9, 9), point_of(40, 4, 4_000)])
    assert clusters.sums == [
        *map(sum, zip(point_of(2, 20, 90_000), point, strict=True)),
        *point_of(40, 4, 4_000),
    ]
    clusters.move(0, point, -1)
    clusters.seed_again([point_of(9, 9, 9), point_of(40, 4, 4_000)])
    assert clusters.sums[:3] == [*point_of(9, 9, 9)]


def test_seeds_are_laid_again_on_the_next_day_alone() -> None:
    partition = five([Tick(BEGIN + 12 * DAY)])
    before = ledger(partition).clusters
    at = BEGIN + 60 * DAY
    partition.facts(ordered(500, "c0", at, 90_000), begin=100)
    partition.facts(ordered(501, "c1", at + HOUR, 90_000), begin=101)
    found = ledger(partition).clusters
    assert found.generation == before.generation == 1
    assert found.spread_on == at // DAY
    assert found.spreads != before.spreads


def test_of_two_clusters_that_bought_alike_the_one_that_came_lately_is_better() -> None:
    clusters = Clusters()
    clusters.seed([point_of(300, 4, 9_000), point_of(2, 4, 9_000)])
    assert [clusters.place(it) for it in range(2)] == [1, 0]


def test_two_clusters_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two of them have one name"):
        Rfm(clusters=("good", "good"))


def test_a_market_has_no_clusters_of_its_own() -> None:
    with pytest.raises(ValueError, match=r"markets.NL sets \['clusters'\]: a partition has one"):
        Rfm(markets={"NL": {"clusters": ["good", "poor"]}})


def test_the_examples_in_the_docstrings_are_so() -> None:
    found = doctest.testmod(clusters_module)
    assert found.attempted
    assert not found.failed
