"""Heavy names: a summary is never more than N/k off, alone or merged, and no cut of the log shows."""

import doctest
from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode_row
from state import heavy
from state.heavy import Heavy, added

MAX = 8
NAMES = st.integers(0, 30).map(lambda it: f"n{min(it, it % 23)}")
ADDED = st.lists(st.tuples(NAMES, st.integers(0, 9)), max_size=200)


def summary_of(stream: list[tuple[str, int]]) -> Heavy:
    it = Heavy()
    for name, by in stream:
        it.add(name, by, MAX)
    return it


def weights_of(stream: list[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, by in stream:
        found[name] += by
    return found


@settings(max_examples=300, deadline=None)
@given(ADDED)
def test_a_summary_holds_the_truth_within_its_bounds(stream: list[tuple[str, int]]) -> None:
    it, weights = summary_of(stream), weights_of(stream)
    whole = sum(weights.values())
    assert it.total == whole
    assert len(it.cells) <= MAX
    assert it.missed * MAX <= whole
    for name, weight in weights.items():
        low, high = it.bounds(name)
        assert low <= weight <= high
        assert (high - low) * MAX <= whole
    if len(weights) <= MAX:
        assert {name: it.bounds(name) for name in weights} == {
            name: (weight, weight) for name, weight in weights.items()
        }


@settings(max_examples=300, deadline=None)
@given(st.lists(ADDED, min_size=1, max_size=5))
def test_merged_summaries_are_that_of_one_stream_within_the_bound(
    streams: list[list[tuple[str, int]]],
) -> None:
    together = [it for stream in streams for it in stream]
    weights, whole = weights_of(together), sum(by for _, by in together)
    merged, alone = added(map(summary_of, streams)), summary_of(together)
    missed = sum(summary_of(it).missed for it in streams)
    assert missed * MAX <= whole
    for name, weight in weights.items():
        low, high = merged.get(name, (0, missed))
        assert low <= weight <= high
        assert (high - low) * MAX <= whole
        assert abs(low - alone.bounds(name)[0]) * MAX <= whole
        assert abs(high - alone.bounds(name)[1]) * MAX <= whole


@settings(max_examples=200, deadline=None)
@given(ADDED, st.lists(st.integers(0, 200), max_size=5))
def test_writing_it_down_and_reading_it_again_changes_nothing_that_comes(
    stream: list[tuple[str, int]], cuts: list[int]
) -> None:
    it = Heavy()
    for number, (name, by) in enumerate(stream):
        if number in cuts:
            it = msgspec.msgpack.decode(encode_row(it), type=Heavy)
        it.add(name, by, MAX)
    assert encode_row(it) == encode_row(summary_of(stream))


@settings(max_examples=200, deadline=None)
@given(ADDED)
def test_of_the_lightest_the_one_that_came_first_makes_room(stream: list[tuple[str, int]]) -> None:
    it, plain = Heavy(), dict[str, int]()
    for name, by in stream:
        it.add(name, by, MAX)
        least = 0
        if name not in plain and len(plain) == MAX:
            least = plain.pop(min(plain, key=plain.__getitem__))  # The first one of several.
        plain[name] = plain.get(name, least) + by
        assert {known: cell[0] for known, cell in it.cells.items()} == plain
        assert list(it.cells) == list(plain)


def test_fewer_names_than_before_are_a_matter_of_the_next_new_one() -> None:
    it = summary_of([(f"n{number}", number + 1) for number in range(MAX)])
    it.add("new", 1, 2)
    assert set(it.cells) == {f"n{MAX - 1}", "new"}
    assert it.bounds("new") == (1, MAX)
    assert it.bounds("n0") == (0, MAX - 1)


def test_the_examples_in_the_docstrings_are_so() -> None:
    assert doctest.testmod(heavy).attempted
    assert doctest.testmod(heavy).failed == 0
