"""Rows kept in memory: given away once, of one position only, and never too many."""

from state.customer import Customer
from state.kept import HELD_NOTHING, Kept
from state.shop import Shop
from state.table import Position

HERE, FURTHER = Position(10, 0, 3), Position(20, 0, 3)


def kept(rows_max: int = 100, *names: str) -> Kept:
    rows = Kept(rows_max)
    rows.keep(HERE, Shop(), {name: Customer() for name in names})
    return rows


def names_in(rows: Kept, *names: str, position: Position = HERE) -> set[str]:
    return set(rows.take(position, names).customers)


def test_what_a_commit_left_need_not_be_read_again() -> None:
    held = kept(100, "ann", "bob").take(HERE, ["ann", "eve"])
    assert set(held.customers) == {"ann"}
    assert held.shop is not None


def test_a_row_that_was_given_away_is_not_here_until_a_commit_brings_it_back() -> None:
    rows = kept(100, "ann")
    assert names_in(rows, "ann") == {"ann"}
    assert rows.take(HERE, ["ann"]) == HELD_NOTHING
    rows.keep(FURTHER, Shop(), {"ann": Customer()})
    assert names_in(rows, "ann", position=FURTHER) == {"ann"}


def test_at_another_position_nothing_is_known() -> None:
    for elsewhere in (FURTHER, Position(10, 1, 3), Position(10, 0, 3, epoch=1), Position()):
        rows = kept(100, "ann")
        assert rows.take(elsewhere, ["ann"]) == HELD_NOTHING
        assert rows.take(HERE, ["ann"]) == HELD_NOTHING


def test_a_row_that_ended_is_not_kept() -> None:
    rows = Kept(100)
    rows.keep(HERE, Shop(), {"ann": None, "bob": Customer()})
    assert names_in(rows, "ann", "bob") == {"bob"}


def test_no_more_rows_are_kept_than_allowed_and_the_last_half_always() -> None:
    names = [f"customer-{number}" for number in range(50)]
    for rows_max in range(2, 40):
        found = names_in(kept(rows_max, *names), *names)
        assert len(found) <= rows_max
        assert set(names[-(rows_max // 2) :]) <= found
    assert names_in(kept(0, *names), *names) == set()
