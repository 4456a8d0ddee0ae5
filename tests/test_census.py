"""The sample of customers: drawn when they come, kept as they are, bounded whatever happens."""

from math import log

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.census import KEYS, Census, Counted, Left, key_of

MONTH = 30 * 24


def counted(
    who: int | str, hour: int, repeats: int = 0, is_new: bool = True, **other: int
) -> Counted:
    given = {"first_hour": hour, "last_hour": hour, "net_cents": 500, "first_cents": 400}
    given |= {"limit": 100, "kept_days": 365} | other
    return Counted(key=key_of(str(who)), repeats=repeats, is_new=is_new, **given)


def keys(census: Census) -> list[bytes]:
    return [it.key for it in census]


def test_a_customer_is_known_as_they_are_now() -> None:
    census = Census()
    census.enter(counted("ann", 1_000))
    census.enter(counted("ann", 1_000, 1, last_hour=1_000 + 240, net_cents=900))
    census.enter(counted("ann", 1_000, 2, last_hour=1_000 + 480, net_cents=700))
    (ann,) = census
    assert (ann.first_hour, ann.last_hour, ann.repeats) == (1_000, 1_480, 2)
    assert (ann.net_cents, ann.first_cents) == (700, 400)
    assert ann.log_ages == pytest.approx(log(10) + log(20))


def test_the_lowest_hashes_stay_in_whatever_order_they_come() -> None:
    census, other = Census(), Census()
    for who in range(1_000):
        census.enter(counted(who, 1_000))
        other.enter(counted(999 - who, 1_000))
    lowest = sorted(key_of(str(who)) for who in range(1_000))[:100]
    assert keys(census) == keys(other) == lowest
    assert census.open_below == int.from_bytes(sorted(key_of(str(it)) for it in range(1_000))[100])


def test_whoever_was_not_let_in_at_first_is_not_let_in_for_coming_again() -> None:
    census = Census()
    census.enter(counted("ann", 1_000, 0, is_new=False))
    census.enter(counted("ann", 1_000, 1, is_new=False))
    assert len(census) == 0


def test_who_had_bought_before_is_let_in_at_first_sight_and_it_is_noted() -> None:
    census = Census()
    census.enter(counted("bob", 1_000 + 2_400))
    census.enter(counted("ann", 1_000, 4, last_hour=1_000 + 4_800))
    census.enter(counted("ann", 1_000, 5, is_new=False, last_hour=1_000 + 7_200))
    ann, bob = sorted(census, key=lambda it: it.first_hour)
    assert census.began_hour == 1_000 + 2_400
    assert (ann.repeats, ann.joined, ann.began_hour) == (5, 4, census.began_hour)
    assert ann.log_ages == pytest.approx(3 * log(100) + log(200) + log(300))
    assert (bob.repeats, bob.joined) == (0, 0)


def test_who_had_bought_before_and_was_displaced_does_not_come_in_again() -> None:
    census = Census()
    for who in range(300):
        census.enter(counted(who, 1_000, 3, last_hour=2_000))
    before = keys(census)
    for who in range(300):
        census.enter(counted(who, 1_000, 4, is_new=False, last_hour=3_000))
    assert keys(census) == before == sorted(key_of(str(who)) for who in range(300))[:100]


def test_a_customer_who_is_forgotten_leaves() -> None:
    census = Census()
    census.enter(counted("ann", 1_000))
    census.enter(counted("bob", 1_000))
    census.enter(Left(key_of("ann")))
    census.enter(Left(key_of("nobody")))
    assert keys(census) == [key_of("bob")]


def test_those_long_silent_make_room_for_new_customers() -> None:
    census = Census()
    for who in range(300):
        census.enter(counted(who, 1_000))
    new = range(300, 900)
    for who in new:
        census.enter(counted(who, 1_000 + 13 * MONTH))
    # The door was opened again, and nobody was left who had been silent for a year.
    assert {it.first_hour for it in census} == {1_000 + 13 * MONTH}
    assert len(census) == 100
    assert census.open_below > KEYS * 100 // (len(new) + 100)


def test_it_is_written_and_read_as_one_piece() -> None:
    census = Census()
    for who in range(1_000):
        census.enter(counted(who, 1_000, limit=1_000))
    row = msgspec.msgpack.encode(census)
    assert len(row) <= 28 * 1_000 + 20
    assert list(msgspec.msgpack.decode(row, type=Census)) == list(census)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 40), st.integers(0, 90_000), st.booleans()),
        max_size=300,
    )
)
def test_it_stays_in_order_and_in_bounds(steps: list[tuple[int, int, int, bool]]) -> None:
    census = Census()
    for who, repeats, hour, leaves in steps:
        left = Left(key_of(str(who)))
        census.enter(
            left
            if leaves
            else counted(who, hour, repeats, repeats % 3 > 0, last_hour=hour // 2, limit=100)
        )
        assert len(census) <= 100
        assert keys(census) == sorted(set(keys(census)))
        assert 0 <= census.open_below <= KEYS
        assert all(it.last_hour >= it.first_hour for it in census)
