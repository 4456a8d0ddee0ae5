"""Windows: a rolling count misses nothing young, holds nothing old, and never grows.

The model is a list that forgets nothing.
"""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instant import DAY, HOUR, MINUTE
from state import window
from state.window import BUCKETS_MAX, FIELDS, LEVELS, Window

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
YEAR = 365 * DAY

# Near each other, days apart, and years apart: each level of a window gets its share.
MOMENTS = st.one_of(
    st.integers(0, 3 * DAY), st.integers(0, 60 * DAY), st.integers(0, 3 * YEAR)
).map(lambda after: START + after)
ADDED = st.lists(st.tuples(MOMENTS, st.integers(0, 10_000)), min_size=1, max_size=60)
LENGTHS = st.one_of(
    st.sampled_from([HOUR, DAY, DAY + 1, 7 * DAY, 28 * DAY, 28 * DAY + 1, YEAR]),
    st.integers(1, YEAR),
)

Added = list[tuple[int, int]]


def filled(added: Added) -> tuple[Window, int]:
    """The window after all of that, and the newest moment in it."""
    held: Window = []
    newest = 0
    for at, amount in added:
        newest = max(newest, at)
        window.add(held, at, newest, amount)
    return held, newest


def width_for(length: int) -> int:
    """The width of the coarsest bucket that a window of this length is cut from."""
    return next(width for width, kept in LEVELS if length <= kept)


def after(added: Added, edge: int) -> tuple[int, int]:
    """What the list that forgets nothing says of all that came after a moment."""
    young = [amount for at, amount in added if at > edge]
    return len(young), sum(young)


def picture(held: Window) -> str:
    """A window as text: its buckets, newest last, each with the hour in which it begins.

    >>> picture([20_000 * 3 + 1, 2, 700])
    '1d 2024-10-04 00h: 2 (700)'
    """
    names = ("1h", "1d", "28d")
    lines = []
    for i in range(0, len(held), FIELDS):
        bucket, count, amount = held[i : i + FIELDS]
        start, level = divmod(bucket, len(LEVELS))
        begins = datetime.fromtimestamp(start * LEVELS[level][0] / 1000, UTC)
        lines.append(f"{names[level]} {begins:%Y-%m-%d %H}h: {count} ({amount})")
    return " | ".join(lines)


@given(added=ADDED, length=LENGTHS, later=st.integers(0, 400 * DAY))
@settings(max_examples=300, deadline=None)
def test_a_window_counts_all_that_is_younger_and_nothing_older_by_a_bucket(
    added: Added, length: int, later: int
) -> None:
    held, newest = filled(added)
    now = newest + later
    count, amount = window.total(held, now, length)
    count_min, amount_min = after(added, now - length)
    count_max, amount_max = after(added, now - length - width_for(length))
    assert count_min <= count <= count_max
    assert amount_min <= amount <= amount_max


@given(added=ADDED, order=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_of_arrival_does_not_matter(added: Added, order: Random) -> None:
    otherwise = added[:]
    order.shuffle(otherwise)
    assert filled(otherwise) == filled(added)


@given(added=ADDED)
@settings(max_examples=200, deadline=None)
def test_buckets_stand_in_order_and_none_is_there_twice(added: Added) -> None:
    held, _ = filled(added)
    named = [divmod(held[i], len(LEVELS)) for i in range(0, len(held), FIELDS)]
    buckets = [(-level, start) for start, level in named]
    assert buckets == sorted(set(buckets))


@given(added=ADDED)
@settings(max_examples=200, deadline=None)
def test_nothing_within_a_year_is_ever_lost_from_the_buckets(added: Added) -> None:
    held, newest = filled(added)
    assert sum(held[1::FIELDS]) >= after(added, newest - YEAR)[0]


FULL = filled(
    [
        (at, 1)
        for at in (*range(START - 400 * DAY, START, DAY), *range(START, START + 30 * HOUR, HOUR))
    ]
)


@given(added=ADDED)
@settings(max_examples=100, deadline=None)
def test_a_window_that_is_full_everywhere_keeps_to_its_bound(added: Added) -> None:
    full, newest = FULL
    held = full[:]
    # Three buckets short of the bound: the calendar never lets all levels overlap at once.
    assert len(held) == (BUCKETS_MAX - 3) * FIELDS
    for at, amount in added:
        newest = max(newest, at)
        window.add(held, at, newest, amount)
        assert len(held) <= BUCKETS_MAX * FIELDS


def test_an_event_is_in_an_hour_then_in_a_day_then_in_a_block_then_gone() -> None:
    held: Window = []
    window.add(held, START, START, 500)
    seen = [picture(held)]
    for days in (0, 1, 2, 28, 29, 365, 366, 400):
        aged = held[:]
        newest = START + days * DAY
        window.add(aged, newest, newest)
        seen.append(picture(aged))
    assert seen == [
        "1h 2026-01-20 08h: 1 (500)",
        "1h 2026-01-20 08h: 2 (500)",
        "1h 2026-01-20 08h: 1 (500) | 1h 2026-01-21 08h: 1 (0)",
        "1d 2026-01-20 00h: 1 (500) | 1h 2026-01-22 08h: 1 (0)",
        "1d 2026-01-20 00h: 1 (500) | 1h 2026-02-17 08h: 1 (0)",
        "28d 2026-01-15 00h: 1 (500) | 1h 2026-02-18 08h: 1 (0)",
        "28d 2026-01-15 00h: 1 (500) | 1h 2027-01-20 08h: 1 (0)",
        "28d 2026-01-15 00h: 1 (500) | 1h 2027-01-21 08h: 1 (0)",
        "1h 2027-02-24 08h: 1 (0)",
    ]


def test_a_late_event_finds_the_bucket_that_it_would_have_been_in() -> None:
    held: Window = []
    for days in (0, 20, 40):
        window.add(held, START + days * DAY, START + days * DAY, 100)
    newest = START + 40 * DAY
    window.add(held, START + 2 * DAY, newest, 5)
    window.add(held, START + 20 * DAY + HOUR, newest, 7)
    window.add(held, START + 30 * DAY, newest, 9)
    assert picture(held) == (
        "28d 2026-01-15 00h: 2 (105) | 1d 2026-02-09 00h: 2 (107) | 1d 2026-02-19 00h: 1 (9)"
        " | 1h 2026-03-01 08h: 1 (100)"
    )


def test_an_event_from_before_all_windows_leaves_no_trace() -> None:
    held: Window = []
    window.add(held, START, START, 100)
    before = held[:]
    window.add(held, START - 2 * YEAR, START, 100)
    assert held == before


@pytest.mark.parametrize(
    ("ago", "length", "counted"),
    [
        (0, DAY, True),
        (23 * HOUR, DAY, True),
        (24 * HOUR, DAY, True),  # On the edge, whose bucket counts whole.
        (24 * HOUR + 31 * MINUTE, DAY, False),
        (26 * HOUR, 7 * DAY, True),
        (7 * DAY + 9 * HOUR, 7 * DAY, False),
        (28 * DAY - 1, 28 * DAY, True),
        (29 * DAY, 28 * DAY, False),
        (364 * DAY, YEAR, True),
        (394 * DAY, YEAR, False),
    ],
)
def test_what_a_window_counts_at_half_past_eight(ago: int, length: int, counted: bool) -> None:
    now = START + 30 * MINUTE
    held: Window = []
    for at in (now - ago, now):
        window.add(held, at, now, 5)
    assert window.total(held, now, length) == ((2, 10) if counted else (1, 5))


def test_a_day_is_as_sharp_as_an_hour_though_coarser_buckets_reach_into_it() -> None:
    held: Window = []
    newest = START + 4 * HOUR  # Noon; the day bucket of yesterday ends twelve hours ago.
    yesterday = newest - 30 * HOUR
    window.add(held, yesterday, newest)
    assert picture(held) == "1d 2026-01-19 00h: 1 (0)"
    assert window.total(held, newest, DAY) == (0, 0)
    assert window.total(held, newest, 2 * DAY) == (1, 0)
