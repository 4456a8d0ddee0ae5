"""Sketch: quantiles and ranks of the values there are now, each within one per cent of its value."""

import doctest
from bisect import bisect_left, bisect_right
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode_row
from state import sketch
from state.sketch import (
    BUCKETS_MAX,
    RELATIVE_ERROR,
    VALUE_MAX,
    Buckets,
    bucket_of,
    quintile,
    value_of,
)

VALUES = st.one_of(st.integers(0, 150), st.integers(0, 10**6), st.integers(0, VALUE_MAX))
#: What is put in (True) and what is taken out: the value, or the place of one that is in.
CHANGES = st.lists(st.tuples(st.booleans(), VALUES), min_size=1, max_size=120)
WIDTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)


def filled(changes: list[tuple[bool, int]]) -> tuple[Buckets, list[int]]:
    """The sketch after all of that, and a list that forgets nothing."""
    buckets, values = Buckets(), list[int]()
    for is_new, value in changes:
        if is_new or not values:
            buckets.add(bucket_of(value))
            values.append(value)
        else:
            buckets.remove(bucket_of(values.pop(value % len(values))))
    return buckets, sorted(values)


@given(VALUES)
def test_what_stands_for_a_value_is_within_one_per_cent_of_it(value: int) -> None:
    found = value_of(bucket_of(value))
    assert abs(found - value) <= RELATIVE_ERROR * value + 0.5
    assert value >= 99 or found == value


@given(VALUES, VALUES)
def test_a_higher_value_is_never_in_a_lower_bucket(one: int, other: int) -> None:
    assert (bucket_of(one) <= bucket_of(other)) == (one <= other) or bucket_of(one) == bucket_of(
        other
    )


@given(CHANGES, st.floats(0, 1))
@settings(max_examples=150)
def test_a_quantile_is_within_one_per_cent_of_that_of_a_sorted_list(
    changes: list[tuple[bool, int]], share: float
) -> None:
    buckets, values = filled(changes)
    if not values:
        assert buckets.quantile(share) == 0
        return
    exact = values[int(share * (len(values) - 1))]
    assert abs(value_of(buckets.quantile(share)) - exact) <= RELATIVE_ERROR * exact + 0.5


@given(CHANGES, VALUES)
@settings(max_examples=150)
def test_a_rank_lies_between_those_of_values_a_bucket_away(
    changes: list[tuple[bool, int]], value: int
) -> None:
    buckets, values = filled(changes)
    below, equal = buckets.rank(bucket_of(value))
    assert bisect_left(values, value / WIDTH - 1) <= below <= bisect_left(values, value)
    up_to = below + equal - 1
    assert bisect_right(values, value) <= up_to <= bisect_right(values, value * WIDTH + 1)


@given(CHANGES, VALUES)
def test_a_rank_after_a_move_is_that_of_what_was_moved(
    changes: list[tuple[bool, int]], value: int
) -> None:
    buckets, values = filled(changes)
    if not values:
        return
    old, new = bucket_of(values[value % len(values)]), bucket_of(value)
    foreseen = buckets.rank(new, old)
    buckets.remove(old)
    assert buckets.rank(new) == foreseen


@given(CHANGES)
def test_what_is_taken_out_leaves_no_trace(changes: list[tuple[bool, int]]) -> None:
    buckets, values = filled(changes)
    for value in values:
        buckets.remove(bucket_of(value))
    assert buckets == Buckets()


@given(CHANGES)
def test_a_sketch_is_read_as_it_was_written(changes: list[tuple[bool, int]]) -> None:
    buckets, _ = filled(changes)
    assert msgspec.msgpack.decode(encode_row(buckets), type=Buckets) == buckets


# Of a seed: to draw so many one by one takes longer than all that is asked of them.
@given(st.integers(BUCKETS_MAX, 1_500), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_beyond_the_most_buckets_the_lowest_become_one_and_can_still_be_taken_out(
    count: int, seed: int
) -> None:
    chance, buckets = Random(seed), Buckets()
    days = [chance.randrange(3 * BUCKETS_MAX) for _ in range(count)]
    for day in days:
        buckets.add(day)
        assert len(buckets.buckets) <= BUCKETS_MAX
    assert buckets.total == len(days) == sum(buckets.counts)
    ordered = sorted(days)
    for day in {it for it in days if it > buckets.floor}:
        below, up_to = bisect_left(ordered, day), bisect_right(ordered, day)
        assert buckets.rank(day) == (below, up_to - below + 1)
    chance.shuffle(days)
    for day in days:
        buckets.remove(day)
    assert (buckets.total, buckets.buckets, buckets.counts) == (0, [], [])


def test_what_is_below_the_floor_is_in_the_lowest_bucket_when_there_is_room_again() -> None:
    buckets = Buckets()
    for day in range(BUCKETS_MAX + 10):
        buckets.add(day)
    assert (buckets.floor, buckets.counts[0]) == (10, 11)
    buckets.remove(BUCKETS_MAX)
    buckets.add(3)
    assert (buckets.buckets[0], buckets.counts[0]) == (10, 12)
    buckets.remove(3)
    assert buckets.counts[0] == 11


def test_a_row_of_the_widest_sketch_stays_below_four_kilobytes() -> None:
    buckets = Buckets()
    for day in range(20_000, 22_000):
        buckets.add(day)
    assert len(buckets.buckets) == BUCKETS_MAX
    assert len(encode_row(buckets)) < 4_096


def test_taking_out_what_is_not_in_changes_nothing() -> None:
    buckets = Buckets()
    buckets.add(7)
    buckets.remove(8)
    buckets.remove(6)
    assert buckets == Buckets([7], [1], 0, 1)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_quintiles_cut_a_sorted_list_into_fifths(values: list[int]) -> None:
    values.sort()
    total = len(values)
    for value in values:
        below, up_to = bisect_left(values, value), bisect_right(values, value)
        middle = (below + up_to) / 2 / total
        assert quintile(below, up_to - below, total) == 1 + min(4, int(5 * middle + 1e-9))


def test_customers_who_are_all_different_are_shared_out_evenly() -> None:
    scores = [quintile(below, 1, 100) for below in range(100)]
    assert [scores.count(it) for it in (1, 2, 3, 4, 5)] == [20] * 5


def test_the_examples_in_the_docstrings_are_so() -> None:
    found = doctest.testmod(sketch)
    assert found.attempted
    assert not found.failed
