"""Reputation: a product whose ratings drop clearly below its own long run is told to the shop, once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from shop_ledgers import concluded, ledger_of, ledgers_of, spread, told
from timeline import check

from agents.reputation import Rated, Ratings, Reputation, ReputationAlertPayload, Stars
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.reviews import ReviewEdited, ReviewPosted
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
REPUTATION = Reputation(recent_windows=2, recent_min=3, usual_min=6, z_min=2)


def rated(day: float, ratings: list[int], product: str = "tea") -> list[Event]:
    """One review a customer, in the morning of a day."""
    at = round(BEGIN + day * DAY) + 8 * HOUR
    return [
        ReviewPosted(
            event_id=f"{product}-{day}-{it}", customer_id=f"c{it}-{product}-{day}",
            occurred_at=at + it, review_id=f"r{it}-{product}-{day}", product_id=product,
            rating=rating,
        )
        for it, rating in enumerate(ratings)
    ]  # fmt: skip


def ticks(first: int, last: int) -> list[Tick]:
    begin, end = BEGIN + first * DAY, BEGIN + (last + 1) * DAY
    return [Tick(at) for at in range(begin + HOUR, end + HOUR, HOUR)]


def days(*of: list[Event]) -> list[Event | Tick]:
    """A day after the other, and two hours more."""
    history: list[Event | Tick] = []
    for day, events in enumerate(of):
        history += [*events, *ticks(day, day)]
    return [*history, *ticks(len(of), len(of))[:2]]


def test_a_timeline_of_reviews_says_nothing_to_customers() -> None:
    check(
        """
        2026-01-20 08:00  ann  review_posted rating=5 product_id=tea review_id=r1
        2026-01-20 09:00  ann  review_edited rating=1 product_id=tea review_id=r1
        2026-01-25 08:00  bob  review_posted rating=1 product_id=tea occurred_at=2026-01-20
        """,
        REPUTATION,
    )


def test_ratings_that_drop_are_told_with_both_means_and_their_counts() -> None:
    history = days(rated(0, [5, 4, 5, 5]), rated(1, [4, 5]), [], rated(3, [2, 1, 2]), rated(4, [1]))
    [alert] = told(REPUTATION, history)
    assert (alert.subject, alert.reason) == ("tea", "ratings_dropped")
    assert (alert.begins_at - BEGIN) // DAY == 3
    assert alert.payload == ReputationAlertPayload("tea", 1.67, 3, 4.67, 6)
    assert alert.evidence.values["drop"] == 3.0
    assert alert.evidence.thresholds == {
        "drop_min": 0.7, "z_min": 2.0, "recent_min": 3, "usual_min": 6,
    }  # fmt: skip


def test_a_drop_is_told_again_only_when_it_was_over_in_between() -> None:
    good, bad = [5, 5, 4], [1, 2, 1]
    of = [good, good, bad, bad, bad, good, good, good, good, bad, bad]
    history = days(*(rated(day, ratings) for day, ratings in enumerate(of)))
    assert [(it.begins_at - BEGIN) // DAY for it in told(REPUTATION, history)] == [3, 10]


@pytest.mark.parametrize(
    ("usual", "recent"),
    [
        ([5, 5, 5, 5, 5], [1, 1, 1]),  # Too few to know what is usual.
        ([5, 5, 5, 5, 5, 5], [1, 1]),  # Too few recent ones.
        ([5, 5, 5, 5, 5, 5], [4, 5, 4]),  # Less than `drop_min`... and chance.
        ([1, 5, 1, 5, 1, 5], [2, 2, 2]),  # Chance: they differ widely.
        ([2, 2, 2, 2, 2, 2], [5, 5, 5]),  # Better.
    ],
)
def test_what_may_be_chance_is_not_told(usual: list[int], recent: list[int]) -> None:
    assert told(REPUTATION, days(rated(0, usual), [], rated(2, recent))) == []


@pytest.mark.parametrize(("day", "alerts"), [(2, 1), (1, 0)])
def test_the_recent_windows_end_at_the_very_boundary(day: int, alerts: int) -> None:
    """On day 3 the days 2 and 3 are recent: what came on day 1 belongs to the long run by then."""
    of: list[list[Event]] = [rated(0, [5] * 6), [], [], rated(3, [1])]
    of[day] = rated(day, [1] * 2)
    assert len(told(REPUTATION, days(*of))) == alerts


def test_an_edit_that_changes_the_rating_is_a_new_opinion_and_any_other_is_none() -> None:
    partition = Partition(REPUTATION)
    posted = rated(0, [5])[0]
    assert isinstance(posted, ReviewPosted)
    common: dict[str, Any] = {
        "customer_id": posted.customer_id, "review_id": posted.review_id, "product_id": "tea",
    }  # fmt: skip
    edits = [
        ReviewEdited(event_id=f"edit-{it}", occurred_at=BEGIN + 9 * HOUR + it, rating=rating, **common)
        for it, rating in enumerate((5, 2, 2))
    ]  # fmt: skip
    again = ReviewPosted(event_id="again", occurred_at=BEGIN + HOUR, rating=4, **common)
    partition.feed(journal([posted, *edits, again]))
    cell = ledger_of(partition, REPUTATION).products.cells["tea"]
    assert cell == [2, 0, 0, 0, 0, 2 * (BEGIN // DAY), 2, 7, 29]


def test_a_review_that_comes_too_late_counts_to_the_long_run_of_the_windows_after() -> None:
    late = rated(0, [5] * 6)
    history: list[Event | Tick] = [
        *ticks(0, 2),
        *late,
        *rated(3, [1, 2, 1]),
        *ticks(3, 3),
        *ticks(4, 4)[:2],
    ]
    partition = Partition(REPUTATION)
    partition.feed(journal(history))
    assert ledger_of(partition, REPUTATION).late == 6
    [alert] = concluded(REPUTATION, partition)[BEGIN // DAY + 3]
    assert alert.payload == ReputationAlertPayload("tea", 1.33, 3, 5.0, 6)


def test_what_a_closed_window_says_does_not_change_by_what_comes_later() -> None:
    history = days(rated(0, [5] * 6), [], rated(2, [1, 2, 1]))
    partition = Partition(REPUTATION)
    partition.feed(journal(history))
    window = BEGIN // DAY + 2
    before = concluded(REPUTATION, partition)[window]
    assert len(before) == 1
    offset = len([it for it in history if not isinstance(it, Tick)]) + 100
    later: list[Event | Tick] = [*rated(0.5, [5] * 9), *rated(3, [1] * 9), *ticks(4, 4)[2:]]
    partition.feed(journal(later, offset))
    assert concluded(REPUTATION, partition)[window] == before


def test_the_oldest_window_that_is_kept_still_knows_what_was_recent_before_it() -> None:
    bad = [1, 1, 1]
    history = days(rated(0, [5] * 6), [], rated(2, bad), [], rated(4, bad), [], [])
    assert [(it.begins_at - BEGIN) // DAY for it in told(REPUTATION, history)] == [2]
    partition = Partition(REPUTATION)
    partition.feed(journal([*history, *rated(7, [5])]))
    assert concluded(REPUTATION, partition)[BEGIN // DAY + 4] == []


REVIEWS = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(("tea", "jam", "soap")), st.integers(1, 5),
        st.integers(0, 40), st.integers(0, 60),
    ),
    max_size=120,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(REVIEWS)
def test_partitions_added_up_are_one_partition(
    reviews: list[tuple[int, str, int, int, int]],
) -> None:
    history: list[Event | Tick] = []
    at = BEGIN
    for number, (hours, product, rating, who, late) in enumerate(reviews):
        at += hours * HOUR
        history += [
            Tick(at),
            ReviewPosted(
                event_id=f"e{number}", customer_id=f"c{who}", occurred_at=at - late * HOUR,
                review_id=f"r{number}", product_id=product, rating=rating,
            ),
        ]  # fmt: skip
    history.append(Tick(at + 30 * HOUR))
    low = Reputation(recent_windows=2, recent_min=1, usual_min=1, drop_min=0.1, z_min=0)
    one = concluded(low, *spread(history, 1, low))
    assert concluded(low, *spread(history, 3, low)) == one


def test_of_a_product_that_is_let_in_late_no_more_is_missing_than_is_said() -> None:
    small = Reputation(products_max=8)
    ledger = Ratings()
    products = [f"p{it % 40}" if it % 3 else "tea" for it in range(600)]
    for number, product in enumerate(products):
        ledger.enter(Rated(small, product, 4, BEGIN + number * 20 * DAY // 600, BEGIN))
    assert len(ledger.products.cells) == 8
    counted = sum(it.count for it in small.parts([ledger], BEGIN // DAY + 30)["tea"])
    assert products.count("tea") - 600 / 8 <= counted <= products.count("tea")


def test_the_ledger_stays_as_small_as_it_says() -> None:
    ledger = Ratings()
    partition = Partition(REPUTATION)
    partition.feed(journal(days(*(rated(day, [5, 4]) for day in range(30)))))
    ledger = ledger_of(partition, REPUTATION)
    [cell] = ledger.products.cells.values()
    windows = REPUTATION.windows_kept + REPUTATION.looks_back + 2
    assert len(cell) <= 5 + 4 * windows
    without_a_tick = Partition(REPUTATION)
    without_a_tick.feed(journal([it for day in range(300) for it in rated(day, [5])]))
    [cell] = ledger_of(without_a_tick, REPUTATION).products.cells.values()
    assert len(cell) <= 5 + 8 * windows + 4
    assert cell[0] == 300


def test_in_windows_of_another_width_all_there_is_is_the_past() -> None:
    partition = Partition(REPUTATION)
    partition.feed(journal(days(rated(0, [5] * 6))))
    weekly = Reputation(window_hours=168, recent_windows=1, recent_min=3, usual_min=6, z_min=2)
    partition.engine = Partition(weekly).engine
    partition.feed(journal([*rated(9, [1] * 3), *ticks(9, 25)], 100))
    [ledger] = ledgers_of([partition], weekly)
    assert REPUTATION.conclude([ledger], BEGIN // DAY) == []
    said = [it for alerts in concluded(weekly, partition).values() for it in alerts]
    assert [it.payload for it in said] == [ReputationAlertPayload("tea", 1.0, 3, 5.0, 6)]


def test_stars_that_never_differed_may_differ_by_chance_all_the_same() -> None:
    assert Stars(4, 20, 100).variance == 0.5
    assert Stars(2, 6, 26).variance == 4.0
