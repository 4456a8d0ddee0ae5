"""The watermark: what is committed is finished, with everything before it, in whatever order it ended."""

from hypothesis import given
from hypothesis import strategies as st

from streams.webhooks.parcel import Place
from streams.webhooks.watermark import Watermark

HERE, THERE = Place("triggers.a", 0), Place("triggers.a", 1)


def test_an_offset_waits_for_those_before_it() -> None:
    it = Watermark()
    for offset in (5, 6, 9):
        it.take(HERE, offset, offset * 1_000)
    it.finish(HERE, 6)
    assert (it.positions(), it.oldest()) == ({}, 5_000)
    it.finish(HERE, 5)
    # 7 and 8 hold no record: markers of transactions take offsets, too.
    assert (it.positions(), it.oldest()) == ({HERE: 7}, 9_000)
    it.finish(HERE, 9)
    assert (it.positions(), it.oldest()) == ({HERE: 10}, None)


def test_partitions_do_not_wait_for_each_other() -> None:
    it = Watermark()
    it.take(HERE, 1, 1)
    it.take(THERE, 7, 2)
    it.finish(THERE, 7)
    assert it.positions() == {THERE: 8}


def test_what_was_forgotten_does_not_count() -> None:
    it = Watermark()
    it.take(HERE, 1, 1)
    it.forget()
    it.finish(HERE, 1)
    assert (it.positions(), it.oldest()) == ({}, None)


@given(
    steps=st.lists(st.integers(1, 3), min_size=1, max_size=30),
    order=st.randoms(use_true_random=False),
    crash_after=st.integers(0, 30),
)
def test_a_crash_at_any_moment_loses_nothing(
    steps: list[int], order: object, crash_after: int
) -> None:
    offsets = [sum(steps[: it + 1]) for it in range(len(steps))]
    watermark = Watermark()
    for offset in offsets:
        watermark.take(HERE, offset, offset)
    ending = offsets[:]
    order.shuffle(ending)  # type: ignore[attr-defined]
    finished = set(ending[:crash_after])
    for offset in ending[:crash_after]:
        watermark.finish(HERE, offset)
    again = {it for it in offsets if it >= watermark.positions().get(HERE, 0)}
    assert set(offsets) - finished <= again
    # And no more than has to be: what is read again begins with something that is not finished.
    assert not again or min(again) not in finished
