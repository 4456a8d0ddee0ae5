"""Affinity: what was liked lately weighs most, half as much after a month, in a handful of names.

The model is a list that forgets nothing, with every weight faded to the moment of the question.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import encode_row
from schemas.instant import DAY
from state.affinity import _UNIT, HALF_LIFE, Affinity

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
YEAR = 365 * DAY

# Each addition rounds by half a unit, and each rescaling once more.
ROUNDING = 1 / _UNIT

Liked = list[tuple[str, float, int]]

LIKED = st.lists(
    st.tuples(
        st.sampled_from(["tea", "cups", "pots", "cake"]),
        st.sampled_from([1.0, 2.0, 3.0, 5.0]),
        st.one_of(st.integers(0, 90 * DAY), st.integers(0, 5 * YEAR)).map(lambda it: START + it),
    ),
    min_size=1,
    max_size=40,
)


def grown(liked: Liked, names_max: int = 9) -> Affinity:
    affinity = Affinity()
    for name, weight, at in liked:
        affinity.add(name, weight, at, names_max)
    return affinity


def weight_at(affinity: Affinity, name: str, at: int) -> float:
    """What a name weighs at a moment, with a fresh view as the unit."""
    return affinity.weights.get(name, 0) / _UNIT * 2 ** ((affinity.day * DAY - at) / HALF_LIFE)


@given(liked=LIKED)
@settings(max_examples=200, deadline=None)
def test_every_weight_is_what_a_list_that_forgets_nothing_says(liked: Liked) -> None:
    affinity = grown(liked)
    newest = max(at for _, _, at in liked)
    for name in ("tea", "cups", "pots", "cake"):
        exact = sum(
            weight * 2 ** ((at - newest) / HALF_LIFE)
            for liked_name, weight, at in liked
            if liked_name == name
        )
        assert weight_at(affinity, name, newest) == pytest.approx(exact, abs=ROUNDING * len(liked))


@given(liked=LIKED, order=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_arrival_matters_by_no_more_than_rounding(liked: Liked, order: Random) -> None:
    otherwise = liked[:]
    order.shuffle(otherwise)
    newest = max(at for _, _, at in liked)
    for name, _, _ in liked:
        here = weight_at(grown(liked), name, newest)
        assert weight_at(grown(otherwise), name, newest) == pytest.approx(
            here, abs=2 * ROUNDING * len(liked)
        )


@given(liked=LIKED, names_max=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_there_are_never_more_names_than_allowed(liked: Liked, names_max: int) -> None:
    affinity = Affinity()
    for name, weight, at in liked:
        affinity.add(name, weight, at, names_max)
        assert len(affinity.weights) <= names_max
        assert min(affinity.weights.values(), default=0) >= 0


def test_a_weight_halves_in_a_month() -> None:
    affinity = grown([("tea", 4.0, START), ("cups", 2.0, START + HALF_LIFE)])
    assert affinity.shares() == {"cups": 0.5, "tea": 0.5}


def test_a_late_like_gets_what_is_left_of_it() -> None:
    affinity = grown([("cups", 1.0, START + 2 * HALF_LIFE), ("tea", 4.0, START)])
    assert affinity.shares() == {"cups": 0.5, "tea": 0.5}


def test_the_lightest_name_leaves_when_a_new_one_needs_its_place() -> None:
    affinity = grown([("tea", 5.0, START), ("cups", 1.0, START), ("pots", 3.0, START)], names_max=2)
    assert affinity.shares() == {"tea": 5 / 8, "pots": 3 / 8}


def test_a_newcomer_that_is_the_lightest_itself_does_not_push_anyone_out() -> None:
    affinity = grown([("tea", 5.0, START), ("cups", 3.0, START), ("pots", 1.0, START)], names_max=2)
    assert set(affinity.weights) == {"tea", "cups"}


def test_of_equal_names_the_first_in_the_alphabet_stays_and_stands_first() -> None:
    equal: Liked = [("tea", 1.0, START), ("cups", 1.0, START), ("pots", 1.0, START)]
    assert list(grown(equal).shares()) == ["cups", "pots", "tea"]
    assert set(grown(equal, names_max=2).weights) == {"cups", "pots"}


def test_an_order_of_many_lines_counts_as_a_whole() -> None:
    affinity = Affinity()
    for name, weight in {"tea": 1.0, "cups": 3.0, "pots": 2.0, "cake": 4.0}.items():
        affinity.add(name, weight, START, 2)
    assert affinity.shares() == {"cake": 4 / 7, "cups": 3 / 7}


def test_names_at_once_weigh_as_one_by_one_and_none_leave_all_as_it_is() -> None:
    names, late = [f"n{number % 5}" for number in range(12)], START + 2 * YEAR
    one_by_one = grown([*[(it, 5.0, START) for it in names], *[(it, 5.0, late) for it in names]], 3)
    at_once = Affinity()
    for at in (START, late):
        at_once.add_all(names, 5.0, at, 3)
        at_once.add_all([], 5.0, at + YEAR, 3)
    assert encode_row(at_once) == encode_row(one_by_one)


def test_shares_add_up_to_one_and_nothing_has_none() -> None:
    assert Affinity().shares() == {}
    shares = grown([("tea", 5.0, START), ("cups", 1.0, START), ("pots", 3.0, START)]).shares()
    assert sum(shares.values()) == pytest.approx(1)


def test_what_was_liked_years_ago_is_gone_at_the_next_rescaling() -> None:
    affinity = grown([("tea", 1.0, START), ("cups", 1.0, START + 3 * YEAR)])
    assert set(affinity.weights) == {"cups"}


def test_fifty_years_of_daily_likes_still_fit_a_row() -> None:
    affinity = Affinity()
    for day in range(50 * 365):
        affinity.add("tea", 5.0, START + day * DAY, 4)
    assert len(encode_row(affinity)) < 30
    # A daily weight of 5 with a half-life of 30 days settles at 5 / (1 - 2 ** (-1/30)), about 219.
    newest = START + (50 * 365 - 1) * DAY
    assert weight_at(affinity, "tea", newest) == pytest.approx(219, rel=0.01)


def test_two_customers_do_not_share_their_likes() -> None:
    Affinity().add("tea", 1.0, START, 4)
    assert Affinity().weights == {}
