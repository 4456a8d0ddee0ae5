"""What is looked at beside a product: learned look by look, in bounded space, and it fades."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode_row
from schemas.instant import DAY, HOUR
from state.beside import BACK_MAX, LOOK, NEAR_MAX, Beside, learn, scores
from state.product import Product

AT = 20_000 * DAY


def looked(
    *visits: str, at: int = AT, products: dict[str, Product] | None = None
) -> dict[str, Product]:
    """Rows after visits, each told by one letter a look."""
    rows = {} if products is None else products
    for visit in visits:
        before: list[str] = []
        for product_id in visit:
            rows.setdefault(product_id, Product())
            learn(rows, before, product_id, at)
            before = [product_id, *(it for it in before if it != product_id)]
    return rows


def near(rows: dict[str, Product], product_id: str) -> dict[str, int]:
    it = rows[product_id].beside
    return it.near if it else {}


def ranked(rows: dict[str, Product], *visit: str) -> list[str]:
    """All that comes into question, best first. The visit is told newest first."""
    found = scores({it: rows[it] for it in visit}, visit)
    return sorted(found, key=lambda it: (-found[it], it))


def test_what_comes_after_counts_more_than_what_came_before() -> None:
    rows = looked("ab")
    assert near(rows, "a") == {"b": LOOK}
    assert near(rows, "b") == {"a": LOOK // 2}


def test_a_look_counts_for_three_products_before_it_the_last_one_most() -> None:
    rows = looked("abcde")
    assert near(rows, "d")["e"] > near(rows, "c")["e"] > near(rows, "b")["e"] > 0
    assert rows["e"].beside is not None
    assert rows["e"].beside.looks == 32 + 22 + 16
    assert BACK_MAX == 3
    # It may yet come to be known by way of another: by what d knows of e, and a of d.
    assert "e" not in near(rows, "a")


def test_a_product_takes_over_what_is_looked_at_beside_the_next_one() -> None:
    rows = looked("bc", "bc", "ab")
    assert near(rows, "a").keys() == {"b", "c"}
    assert near(rows, "a")["b"] > near(rows, "a")["c"]
    assert ranked(rows, "a")[:2] == ["a", "b"]


def test_a_look_at_what_is_in_view_counts_as_another_one_of_itself() -> None:
    rows = looked("ab", "aab")
    assert rows["a"].beside is not None
    assert (rows["a"].beside.again, near(rows, "a")) == (LOOK, {"b": 2 * LOOK})
    assert ranked(rows, "a") == ["a", "b"]


def test_the_last_look_says_most_of_the_next_one() -> None:
    rows = looked("ax", "ax", "by", "by")
    assert [it for it in ranked(rows, "b", "a") if it in "xy"] == ["y", "x"]
    assert [it for it in ranked(rows, "a", "b") if it in "xy"] == ["x", "y"]


def test_half_of_a_weight_is_left_after_a_fortnight_and_nothing_in_the_end() -> None:
    rows = looked("ab", "ab")
    looked("ac", at=AT + 14 * DAY, products=rows)
    assert near(rows, "a") == {"b": LOOK, "c": LOOK + near(rows, "a")["c"] - LOOK}
    looked("ac", at=AT + 400 * DAY, products=rows)
    assert "b" not in near(rows, "a")


def test_of_a_product_that_nobody_has_looked_at_beside_others_it_is_itself_alone() -> None:
    assert ranked({"a": Product()}, "a") == ["a"]
    assert learn({"a": Product()}, [], "a", AT) == []


VISITS = st.lists(st.lists(st.integers(0, 150), min_size=1, max_size=30), max_size=20)


@given(VISITS, st.integers(0, 40 * 24))
def test_a_row_is_bounded_whatever_is_looked_at(visits: list[list[int]], hours: int) -> None:
    rows: dict[str, Product] = {}
    for number, visit in enumerate(visits):
        names = "".join(chr(0x4E00 + it) for it in visit)
        looked(names, at=AT + number * hours * HOUR, products=rows)
    # All look at one product last: no row has seen more.
    looked(*(f"{chr(0x4E00 + it)}!" for it in range(150)), products=rows)
    for name, row in rows.items():
        it = row.beside or Beside()
        assert len(it.near) <= 2 * NEAR_MAX
        assert name not in it.near
        assert all(weight > 0 for weight in it.near.values())
    longest = len(encode_row(rows["!"]))
    assert longest < 2 * NEAR_MAX * (4 + 5) + 60


@given(VISITS)
def test_scores_do_not_depend_on_what_else_there_is(visits: list[list[int]]) -> None:
    rows = looked(*("".join(chr(0x4E00 + it) for it in visit) for visit in visits))
    visit = list(rows)[:5]
    assert scores(rows, visit) == scores({it: rows[it] for it in visit}, visit)


def test_a_look_that_comes_late_counts_as_if_it_had_come_in_time() -> None:
    late = looked("ab", "aa", at=AT - 14 * DAY, products=looked("ac", "bd", at=AT))
    assert near(late, "a")["b"] == LOOK // 2
    assert near(late, "b")["a"] == LOOK // 4
    assert late["a"].beside is not None
    assert (late["a"].beside.again, late["a"].beside.day) == (LOOK // 2, AT // DAY)


def test_of_old_history_nothing_counts_where_the_row_knows_of_today() -> None:
    rows = looked(*["ab"] * 20, "aa", at=AT - 700 * DAY, products=looked("ac", at=AT))
    assert near(rows, "a") == {"c": LOOK}
    assert rows["a"].beside is not None
    assert (rows["a"].beside.looks, rows["a"].beside.again) == (LOOK, 0)
