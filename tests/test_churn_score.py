"""Churn score: exactly the shares that counting every household at every alert would give."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.score.alerts_journey import HORIZON, counts_of, lift_of, share_of
from schemas.instant import DAY
from streams.demo.churn_score import ChurnScore, churn_score

HOUSEHOLDS = st.sampled_from(["ann", "bob", "cem", "dee"])
# Few distinct moments, so that purchases, alerts and the ends of horizons often coincide.
MOMENTS = st.integers(0, 40)
PURCHASES = st.dictionaries(HOUSEHOLDS, st.lists(MOMENTS, max_size=8))
ALERTS = st.lists(st.tuples(HOUSEHOLDS, MOMENTS), max_size=12)


def by_counting(
    purchases: dict[str, list[int]], alerts: list[tuple[str, int]], horizon: int, end: int
) -> ChurnScore:
    def quiet(who: str, at: int) -> bool:
        return not any(at < it <= at + horizon for it in purchases.get(who, []))

    def known(at: int) -> Iterator[str]:
        return (who for who, own in purchases.items() if any(it <= at for it in own))

    scored = [(who, at) for who, at in alerts if at + horizon <= end]
    hits = [quiet(who, at) for who, at in scored]
    base = [quiet(who, at) for _, at in scored for who in known(at)]
    quiet_share = sum(hits) / len(hits) if hits else None
    base_share = sum(base) / len(base) if base else None
    lift = quiet_share / base_share if quiet_share is not None and base_share else None
    return ChurnScore(len(alerts), len(scored), quiet_share, base_share, lift)


@given(PURCHASES, ALERTS, st.integers(0, 30), st.integers(0, 60))
def test_the_score_is_what_counting_gives(
    purchases: dict[str, list[int]], alerts: list[tuple[str, int]], horizon: int, end: int
) -> None:
    assert churn_score(purchases, alerts, horizon, end) == by_counting(
        purchases, alerts, horizon, end
    )


def test_a_known_example() -> None:
    # Ann goes on day 10, Bob comes every week, Cem comes for the first time on day 50.
    purchases = {
        "ann": [0, 10 * DAY],
        "bob": [day * DAY for day in range(0, 100, 7)],
        "cem": [50 * DAY],
    }
    # Ann's alert is right. Bob's is not. Cem's comes too late to be judged.
    alerts = [("ann", 30 * DAY), ("bob", 60 * DAY), ("cem", 90 * DAY)]
    score = churn_score(purchases, alerts, horizon_ms=28 * DAY, data_end=100 * DAY)
    # On day 30 Ann of two is quiet; on day 60 Ann and Cem of three are.
    assert score == ChurnScore(
        alerts=3, scored=2, quiet_share=1 / 2, base_share=3 / 5, lift=(1 / 2) / (3 / 5)
    )


def test_a_purchase_at_the_alert_is_before_it_and_one_at_the_horizon_is_within() -> None:
    assert churn_score({"ann": [10]}, [("ann", 10)], 5, 15).quiet_share == 1
    assert churn_score({"ann": [0, 15]}, [("ann", 10)], 5, 15).quiet_share == 0
    assert churn_score({"ann": [0, 16]}, [("ann", 10)], 5, 16).quiet_share == 1


def test_an_alert_whose_horizon_ends_after_the_data_is_counted_and_not_scored() -> None:
    score = churn_score({"ann": [0]}, [("ann", 10)], 5, 14)
    assert score == ChurnScore(1, 0, None, None, None)


def test_no_alerts_have_no_score() -> None:
    assert churn_score({"ann": [0]}, [], 5, 100) == ChurnScore(0, 0, None, None, None)


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(HOUSEHOLDS, st.lists(MOMENTS, min_size=1, max_size=8), min_size=4),
    st.lists(st.tuples(HOUSEHOLDS, MOMENTS), min_size=1, max_size=12),
)
def test_what_is_scored_beside_the_plain_rules_is_what_the_demo_counts(
    purchases: dict[str, list[int]], alerts: list[tuple[str, int]]
) -> None:
    bought = {who: sorted(it * DAY for it in own) for who, own in purchases.items()}
    said = [(who, at * DAY) for who, at in alerts]
    end = 80 * DAY
    counted = churn_score(bought, said, HORIZON, end)
    counts, everybody = counts_of(bought, said, end), np.ones(len(bought))
    assert share_of(counts)(everybody) == counted.quiet_share
    if counted.lift is not None:
        assert abs(lift_of(counts)(everybody) - counted.lift) < 1e-12
