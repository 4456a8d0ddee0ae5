"""Thanks: once for each good review, and for one that was edited to a good one."""

import doctest

from hypothesis import given
from hypothesis import strategies as st
from timeline import check

from agents.feedback import heard
from agents.feedback.heard import KEPT_MAX, Heard
from agents.gate.gate import Gate
from agents.gate.quiet_hours import QuietHours
from agents.thank_you import ThankYou

THANKS = ThankYou(pause_hours=0)


def test_a_timeline_of_four_stars_and_five_and_of_less() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=4 product_id=kettle order_id=o1 \
            text="Boils." event_id=good -> thank_you reason=good_review rating=4 review_id=r1 \
               product_id=kettle order_id=o1 has_text=true events=good
        2026-01-25 08:00  bob  review_posted rating=5 -> thank_you rating=5 has_text=false
        2026-01-25 08:00  cem  review_posted rating=3
        2026-01-25 08:00  dee  review_posted rating=1
        """,
        THANKS,
    )


def test_a_timeline_of_edits_that_do_not_repeat_it() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=5 event_id=e1 -> thank_you
        2026-01-25 08:01  ann  review_posted review_id=r1 rating=5 event_id=e1
        2026-01-25 09:00  ann  review_edited review_id=r1 rating=5
        2026-01-25 10:00  ann  review_edited review_id=r1 rating=1
        2026-01-25 11:00  ann  review_edited review_id=r1 rating=5
        """,
        THANKS,
    )


def test_a_timeline_of_an_edit_from_bad_to_good() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=2
        2026-01-26 08:00  ann  review_edited review_id=r1 rating=4 -> thank_you review_id=r1
        2026-01-27 08:00  ann  review_edited review_id=r1 rating=5
        """,
        THANKS,
    )


def test_a_timeline_of_versions_that_arrive_in_the_wrong_order() -> None:
    check(
        """
        2026-01-25 08:10  ann  review_edited review_id=r1 rating=5 -> thank_you
        2026-01-25 08:11  ann  review_posted review_id=r1 rating=2 occurred_at=2026-01-25T08:00
        2026-01-25 08:12  ann  review_edited review_id=r1 rating=5
        2026-01-25 08:12  bob  review_edited review_id=r1 rating=1
        2026-01-25 08:13  bob  review_posted review_id=r1 rating=5 occurred_at=2026-01-25T08:00
        """,
        THANKS,
    )


def test_a_timeline_of_stars_alone_where_a_text_is_wanted() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=5
        2026-01-25 08:01  ann  review_edited review_id=r1 rating=5 text="   "
        2026-01-25 08:02  ann  review_edited review_id=r1 rating=5 text="Fine." -> thank_you
        """,
        ThankYou(needs_text=True),
    )


def test_a_timeline_of_five_reviews_in_an_hour_and_one_word_of_thanks() -> None:
    check(
        """
        2026-01-25 08:00  ann  review_posted review_id=r1 rating=5 -> thank_you
        2026-01-25 08:01  ann  review_posted review_id=r2 rating=5 -> suppressed thank_you reason=paused
        2026-01-25 08:02  ann  review_posted review_id=r3 rating=5
        2026-01-26 08:00  ann  review_posted review_id=r4 rating=5 -> thank_you
        """,
        ThankYou(),
    )


def test_a_timeline_of_a_review_that_arrives_days_late() -> None:
    check(
        """
        2026-01-25 08:00  bob  page_viewed
        2026-01-28 08:00  ann  review_posted rating=5 occurred_at=2026-01-25 \
            -> suppressed thank_you reason=late
        """,
        THANKS,
    )


def test_a_timeline_of_a_review_that_turns_bad_while_the_thanks_wait_for_the_morning() -> None:
    quiet = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
    check(
        """
        2026-01-25 22:00  ann  review_posted review_id=r1 rating=5 -> deferred thank_you
        2026-01-25 22:00  bob  review_posted review_id=r2 rating=5 -> deferred thank_you
        2026-01-25 23:00  bob  review_edited review_id=r2 rating=1
        2026-01-26 09:00  ann  -> thank_you
        2026-01-26 09:00  bob  -> suppressed thank_you reason=reason_gone
        """,
        THANKS,
        gate=Gate(assume_consent=("marketing",), quiet_hours=quiet),
    )


VERSIONS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12)


@given(VERSIONS)
def test_what_was_told_once_is_acted_on_once_in_whatever_order_it_comes(
    versions: list[tuple[int, bool]],
) -> None:
    memory, acted = Heard(), 0
    newest = (-1, False)
    for second, fits in versions:
        memory, acts = memory.hear("r1", second * 1_000, fits=fits)
        acted += acts
        if second >= newest[0]:
            newest = second, fits
        assert memory.still_fits("r1") == newest[1]
    assert acted <= 1
    assert acted or not newest[1]


def test_the_memory_is_bounded_and_its_example_is_so() -> None:
    memory = Heard()
    for number in range(KEPT_MAX + 5):
        memory, acts = memory.hear(f"r{number}", number * 1_000, fits=True)
        assert acts
    assert len(memory.versions) == KEPT_MAX
    assert doctest.testmod(heard).failed == 0
