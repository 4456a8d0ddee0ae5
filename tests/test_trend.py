"""Trends: a category that rises above itself and the rest of the shop is told when that begins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partition import Partition, journal
from shop_ledgers import concluded, ledger_of, spread, told
from timeline import check

from agents.trend import Trend, TrendPayload
from schemas.clickstream import PageViewed, ProductViewed
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
TREND = Trend(baseline_windows=3, interest_min=10)


def views(day: int, **counts: int) -> list[Event]:
    at = BEGIN + day * DAY + 8 * HOUR
    return [
        ProductViewed(
            event_id=f"{day}-{category}-{it}", customer_id=f"c{it}", occurred_at=at + it,
            product_id=f"p{it}", category=category,
        )
        for category, count in counts.items()
        for it in range(count)
    ]  # fmt: skip


def ticks(day: int) -> list[Tick]:
    return [Tick(BEGIN + day * DAY + it * HOUR) for it in range(1, 25)]


def days(*of: dict[str, int]) -> list[Event | Tick]:
    """A day after the other, and two hours more."""
    history: list[Event | Tick] = []
    for day, counts in enumerate(of):
        history += [*views(day, **counts), *ticks(day)]
    return [*history, *ticks(len(of))[:2]]


def said(*of: dict[str, int], agent: Trend = TREND) -> list[tuple[int, str]]:
    return [((it.begins_at - BEGIN) // DAY, it.subject) for it in told(agent, days(*of))]


USUAL = {"tea": 12, "jam": 40}
RISEN = {"tea": 60, "jam": 40}


def test_a_timeline_of_views_says_nothing_to_customers() -> None:
    check(
        """
        2026-01-20 08:00  ann  product_viewed product=tea category=drinks
        2026-01-20 08:01  ann  product_viewed product=tea
        2026-01-20 08:02  bob  order_placed products=tea
        2026-01-23 08:00  ann  product_viewed product=tea category=drinks occurred_at=2026-01-20
        """,
        TREND,
    )


def test_a_category_that_rises_is_told_with_what_was_to_be_expected() -> None:
    [alert] = told(TREND, days(USUAL, USUAL, USUAL, USUAL, RISEN))
    assert (alert.subject, alert.reason) == ("tea", "category_rises")
    assert (alert.begins_at - BEGIN) // DAY == 4
    assert alert.payload == TrendPayload("tea", 60, 12.0, 5.0)
    assert alert.evidence.values == {"interest": 60, "ratio": 5.0, "z": 12.0}
    assert alert.evidence.thresholds == {"interest_min": 10, "ratio_min": 2.0, "z_min": 5.0}


def test_what_was_to_be_expected_grows_with_the_rest_of_the_shop() -> None:
    [alert] = told(TREND, days(*[USUAL] * 4, {"tea": 60, "jam": 80}))
    assert alert.payload == TrendPayload("tea", 60, 24.0, 2.5)


def test_a_rise_that_goes_on_is_told_once() -> None:
    more = {"tea": 300, "jam": 40}
    assert said(USUAL, USUAL, USUAL, USUAL, RISEN, more, more) == [(4, "tea")]
    assert said(*[USUAL] * 4, RISEN, *[USUAL] * 4, RISEN) == [(4, "tea"), (9, "tea")]


@pytest.mark.parametrize(
    ("usual", "now"),
    [
        ({"tea": 12, "jam": 40}, {"tea": 60, "jam": 200}),  # The whole shop rises.
        ({"tea": 12, "jam": 40}, {"tea": 12}),  # The others are gone.
        ({"tea": 12, "jam": 40}, {"tea": 23, "jam": 40}),  # Not twice as much.
        ({"tea": 1, "jam": 40}, {"tea": 9, "jam": 40}),  # Too few.
        ({"tea": 2, "jam": 40}, {"tea": 10, "jam": 40}),  # Chance.
    ],
)
def test_what_is_no_rise_of_the_category_is_not_told(
    usual: dict[str, int], now: dict[str, int]
) -> None:
    assert said(usual, usual, usual, usual, now) == []


def test_a_shop_of_one_category_rises_against_itself() -> None:
    assert said(*[{"tea": 12}] * 4, {"tea": 60}) == [(4, "tea")]


def test_what_is_new_rises_where_enough_look_at_it() -> None:
    assert said(*[{"jam": 40}] * 4, {"jam": 40, "tea": 30}) == [(4, "tea")]


def test_what_peaks_each_week_is_no_news() -> None:
    week = [USUAL] * 6 + [RISEN]
    weekly = Trend(baseline_windows=7, interest_min=10)
    assert said(*week, *week, *week, agent=weekly) == []


def test_no_rise_is_told_before_there_is_enough_to_compare_with() -> None:
    """The first day may have begun before we did, so it takes three more."""
    assert said(USUAL, USUAL, USUAL, RISEN, RISEN) == []


def test_an_order_is_worth_several_views_and_each_category_of_it_counts_once() -> None:
    partition = Partition(TREND)
    items = (
        Item(product_id="a", category="tea"), Item(product_id="b", category="tea"),
        Item(product_id="c", category="jam"), Item(product_id="d"),
    )  # fmt: skip
    partition.feed(
        journal(
            [
                *views(0, tea=2),
                ProductViewed(
                    event_id="none", customer_id="x", occurred_at=BEGIN + HOUR, product_id="p"
                ),
                PageViewed(event_id="page", customer_id="x", occurred_at=BEGIN + HOUR),
                OrderPlaced(
                    event_id="o", customer_id="x", occurred_at=BEGIN + HOUR, order_id="o",
                    currency="EUR", products=items,
                ),
            ]
        )
    )  # fmt: skip
    assert ledger_of(partition, TREND).open[BEGIN // DAY].cells == {"tea": [7, 0], "jam": [5, 0]}


def test_a_late_view_counts_where_it_belongs_or_nowhere() -> None:
    partition = Partition(TREND)
    late = views(0, tea=1)
    partition.feed(journal([*views(0, jam=1), *ticks(0), *late, Tick(BEGIN + 25 * HOUR)]))
    ledger = ledger_of(partition, TREND)
    assert ledger.summary(BEGIN // DAY).cells.keys() == {"jam", "tea"}
    later = [
        ProductViewed(
            event_id="later", customer_id="x", occurred_at=BEGIN + HOUR, product_id="p",
            category="tea",
        )
    ]  # fmt: skip
    partition.feed(journal(later, 100))
    ledger = ledger_of(partition, TREND)
    assert ledger.summary(BEGIN // DAY).bounds("tea") == (1, 1)
    assert (ledger.late, ledger.open, list(ledger.closed)) == (1, {}, [BEGIN // DAY])


COUNTS = st.lists(
    st.dictionaries(st.sampled_from(("tea", "jam", "soap")), st.integers(0, 40), max_size=3),
    min_size=4,
    max_size=8,
)


@settings(max_examples=30, deadline=None)
@given(COUNTS)
def test_partitions_added_up_are_one_partition(of: list[dict[str, int]]) -> None:
    keen = Trend(baseline_windows=2, interest_min=1, ratio_min=1, z_min=0)
    history = days(*of)
    one = concluded(keen, *spread(history, 1, keen))
    assert concluded(keen, *spread(history, 3, keen)) == one


def test_where_there_are_more_categories_than_are_kept_no_rise_is_invented() -> None:
    small = Trend(baseline_windows=3, interest_min=10, names_max=8)
    crowd = {f"c{it}": 5 for it in range(30)}
    assert said(*[crowd | {"tea": 12}] * 5, agent=small) == []
    assert said(*[crowd | {"tea": 12}] * 4, crowd | {"tea": 400}, agent=small) == [(4, "tea")]


def test_a_long_name_is_cut_and_stays_one_category() -> None:
    partition = Partition(TREND)
    partition.feed(journal(views(0, **{"x" * 200: 3})))
    assert ledger_of(partition, TREND).open[BEGIN // DAY].cells == {"x" * 64: [3, 0]}


def test_the_ledger_is_as_small_as_it_says() -> None:
    partition = Partition(Trend())
    for day in range(14):
        crowd = {f"{it}{'x' * 80}": 2 for it in range(100)}
        partition.feed(journal([*views(day, **crowd), *ticks(day)], day * 224))
    windows = Trend().windows_kept + Trend().looks_back + 2
    assert len(partition.state()["ledgers"]["trend"]) < windows * 64 * (64 + 10)
