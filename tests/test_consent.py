"""Consent: the last word counts, for each purpose and channel, in whatever order it arrives."""

from itertools import permutations
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.profiles import Channel
from state.consent import Consent, hear, open_channels

CHANNELS = get_args(Channel)
ALL_BUT_SMS = [it for it in CHANNELS if it != "sms"]

Word = tuple[Channel | None, bool, int]

# What was said (channel or all, granted or withdrawn, when), and the channels that are open then.
WORDS: list[tuple[list[Word], list[str]]] = [
    ([], []),
    ([("sms", True, 1)], ["sms"]),
    ([(None, True, 1)], list(CHANNELS)),
    ([(None, False, 1)], []),
    ([("sms", False, 1)], []),
    ([(None, True, 1), ("sms", False, 2)], ALL_BUT_SMS),
    ([("sms", True, 1), (None, True, 2), ("sms", False, 3)], ALL_BUT_SMS),
    ([("sms", False, 1), (None, True, 2)], list(CHANNELS)),
    ([("sms", True, 1), (None, False, 2)], []),
    ([(None, False, 1), ("sms", True, 2)], ["sms"]),
    ([(None, True, 1), ("sms", False, 2), ("sms", True, 3)], list(CHANNELS)),
    ([("sms", True, 1), ("sms", False, 1)], []),
    ([("sms", True, 1), (None, False, 1)], []),
    ([("sms", False, 1), (None, True, 1)], ALL_BUT_SMS),
]


def heard(words: list[Word]) -> Consent:
    consent: Consent = {}
    for channel, granted, at in words:
        hear(consent, "marketing", channel, granted, at)
    return consent


@pytest.mark.parametrize(("words", "channels"), WORDS)
def test_the_last_word_counts(words: list[Word], channels: list[str]) -> None:
    for order in permutations(words):
        assert open_channels(heard(list(order)), "marketing", assumed=False) == channels


@given(
    words=st.lists(
        st.tuples(st.sampled_from([None, "sms", "email"]), st.booleans(), st.integers(1, 5)),
        max_size=6,
    ),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_the_order_of_arrival_does_not_matter(words: list[Word], order: Random) -> None:
    otherwise = words[:]
    order.shuffle(otherwise)
    assert heard(otherwise) == heard(words)


def test_what_was_said_of_one_purpose_says_nothing_of_another() -> None:
    assert open_channels(heard([(None, False, 1)]), "service", assumed=True) == list(CHANNELS)
