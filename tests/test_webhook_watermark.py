"""The watermark: what is committed is finished, with everything before it, in whatever order it ended."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.webhooks.parcel import Place
from streams.webhooks.watermark import AHEAD_MAX, Watermark, finished_ahead

HERE, THERE = Place("triggers.a", 0), Place("triggers.a", 1)


def offset_of(it: Watermark, place: Place = HERE) -> int:
    return it.positions()[place].offset


def test_an_offset_waits_for_those_before_it() -> None:
    it = Watermark()
    for offset in (5, 6, 9):
        it.take(HERE, offset, offset * 1_000)
    it.finish(HERE, 6)
    assert (offset_of(it), it.oldest()) == (5, 5_000)
    it.finish(HERE, 5)
    # 7 and 8 hold no record: markers of transactions take offsets, too.
    assert (offset_of(it), it.oldest()) == (9, 9_000)
    it.finish(HERE, 9)
    assert (offset_of(it), it.oldest()) == (10, None)


def test_partitions_do_not_wait_for_each_other() -> None:
    it = Watermark()
    it.take(HERE, 1, 1)
    it.take(THERE, 7, 2)
    it.finish(THERE, 7)
    assert (offset_of(it), offset_of(it, THERE)) == (1, 8)


def test_what_was_forgotten_does_not_count() -> None:
    it = Watermark()
    it.take(HERE, 1, 1)
    it.forget()
    it.finish(HERE, 1)
    assert (it.positions(), it.oldest()) == ({}, None)


@given(
    steps=st.lists(st.integers(1, 3), min_size=1, max_size=60),
    order=st.randoms(use_true_random=False),
    crash_after=st.integers(0, 60),
)
def test_a_crash_at_any_moment_loses_nothing_and_repeats_nothing_that_was_committed(
    steps: list[int], order: Random, crash_after: int
) -> None:
    offsets = [sum(steps[: it + 1]) for it in range(len(steps))]
    watermark = Watermark()
    for offset in offsets:
        watermark.take(HERE, offset, offset)
    ending = offsets[:]
    order.shuffle(ending)
    for offset in ending[:crash_after]:
        watermark.finish(HERE, offset)
    position = watermark.positions()[HERE]
    left_out = finished_ahead(position.offset, position.ahead)
    again = {it for it in offsets if it >= position.offset} - left_out
    assert again == set(ending[crash_after:])


def test_what_goes_along_with_a_commit_fits_into_it() -> None:
    it = Watermark()
    for offset in range(AHEAD_MAX + 100):
        it.take(HERE, offset, offset)
    assert it.ahead() == AHEAD_MAX + 100
    for offset in range(1, AHEAD_MAX + 100):
        it.finish(HERE, offset)
    position = it.positions()[HERE]
    assert len(position.ahead) <= 4_096
    assert finished_ahead(0, position.ahead) == set(range(1, AHEAD_MAX))


@pytest.mark.parametrize("damaged", ["%", "hello world", "é"])
def test_what_cannot_be_read_says_nothing(damaged: str) -> None:
    assert finished_ahead(5, damaged) == set()
