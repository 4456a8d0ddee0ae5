"""Answers: only what is said about the trigger ends it; the rest is tried again, after a pause."""

from random import Random

import pytest

from streams.webhooks.answers import RETRY_AFTER_MAX_S, Answer, answered, backoff_s

# Status, Retry-After; what it is called, what follows, whether it speaks against the target, rest.
MEANINGS = [
    (200, None, "delivered", "delivered", False, 0),
    (204, None, "delivered", "delivered", False, 0),
    (301, None, "refused", "refused", False, 0),
    (307, None, "refused", "refused", False, 0),
    (400, None, "refused", "refused", False, 0),
    (401, None, "refused", "refused", False, 0),
    (404, None, "refused", "refused", False, 0),
    (422, None, "refused", "refused", False, 0),
    (408, None, "error", "again", True, 0),
    (425, None, "error", "again", True, 0),
    (410, None, "gone", "gone", False, 0),
    (429, None, "busy", "again", False, 0),
    (429, "7", "busy", "again", False, 7),
    (500, None, "error", "again", True, 0),
    (501, None, "error", "again", True, 0),
    (502, None, "error", "again", True, 0),
    (503, None, "error", "again", True, 0),
    (503, "30", "busy", "again", False, 30),
    (504, None, "error", "again", True, 0),
]


@pytest.mark.parametrize(
    ("status", "retry_after", "ending", "meaning", "is_failure", "rest_s"), MEANINGS
)
def test_an_answer_means(
    status: int, retry_after: str | None, ending: str, meaning: str, is_failure: bool, rest_s: int
) -> None:
    it = answered(status, "", retry_after)
    assert (it.ending, it.meaning, it.is_failure, it.retry_after_s) == (
        ending, meaning, is_failure, rest_s,
    )  # fmt: skip
    assert it.reached


def test_who_could_not_be_reached_has_not_got_it_and_who_was_late_perhaps_has() -> None:
    assert not Answer(0, "unreachable", "").reached
    assert Answer(0, "timeout", "").reached
    assert Answer(0, "broken", "").reached


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("0", 0), (" 5 ", 5), ("3600", 3600), ("3601", RETRY_AFTER_MAX_S), ("9" * 5_000, RETRY_AFTER_MAX_S),
        ("-1", 0), ("1.5", 0), ("soon", 0), ("", 0), ("٣", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
    ],
)  # fmt: skip
def test_a_retry_after_is_bounded_and_may_be_anything(text: str, wait_s: float) -> None:
    assert answered(429, "", text).retry_after_s == wait_s


def test_the_receivers_own_words_are_kept() -> None:
    assert answered(422, "no such template").detail == "answered 422: no such template"


def test_pauses_are_drawn_between_nothing_and_a_bound_that_doubles() -> None:
    uniform = Random(1).uniform
    for tries in range(1, 100):
        drawn = [backoff_s(tries, 1.0, 300.0, uniform) for _ in range(200)]
        bound = min(300.0, 2.0 ** (tries - 1))
        assert 0 <= min(drawn) < bound * 0.1
        assert bound * 0.9 < max(drawn) <= bound
    assert backoff_s(10_000, 1.0, 300.0, uniform) <= 300.0
