"""Visits: the products that belong to the one under way, whatever comes late or again."""

from folded import at
from hypothesis import given
from hypothesis import strategies as st

from schemas.instant import MINUTE
from state import visit
from state.customer import SESSION_GAP, VIEWED_MAX, Customer

BEGIN = at("20 08:00")


def after(*looks: tuple[int, str]) -> Customer:
    """A row after looks, each told by the minute and the product; without one it is a page."""
    row = Customer()
    for minute, product_id in looks:
        moment = BEGIN + minute * MINUTE
        visit.come(row.session, moment, viewed=True)
        if product_id:
            visit.look(row, product_id, moment)
    return row


def test_the_products_of_a_visit_are_told_newest_first_and_each_once() -> None:
    row = after((0, "tea"), (1, "jam"), (2, "tea"))
    assert visit.under_way(row, BEGIN + 3 * MINUTE) == ["tea", "jam"]


def test_another_visit_begins_with_nothing_also_where_it_begins_with_a_page() -> None:
    assert visit.under_way(after((0, "tea"), (60, "jam")), BEGIN + 61 * MINUTE) == ["jam"]
    assert visit.under_way(after((0, "tea"), (60, "")), BEGIN + 61 * MINUTE) == []
    assert after((0, "tea"), (60, "jam")).viewed == ["tea", "jam"]


def test_half_an_hour_after_the_last_event_nothing_is_under_way() -> None:
    row = after((0, "tea"), (20, ""))
    assert visit.under_way(row, BEGIN + 20 * MINUTE + SESSION_GAP) == ["tea"]
    assert visit.under_way(row, BEGIN + 20 * MINUTE + SESSION_GAP + 1) == []


def test_what_comes_late_of_a_visit_that_is_over_goes_before_the_one_under_way() -> None:
    row = after((0, "pot"), (100, "tea"), (101, "jam"), (10, "mug"))
    assert row.viewed == ["pot", "mug", "tea", "jam"]
    assert visit.products_of(row) == ["jam", "tea"]
    assert visit.products_of(after((100, "tea"), (101, "jam"), (10, "tea"))) == ["jam", "tea"]


def test_what_comes_late_of_the_visit_under_way_is_in_it() -> None:
    assert visit.products_of(after((10, "tea"), (5, "jam"), (0, "mug"))) == ["mug", "jam", "tea"]


def test_what_was_seen_in_an_earlier_visit_moves_into_this_one() -> None:
    row = after((0, "tea"), (1, "jam"), (100, "pot"), (101, "tea"))
    assert row.viewed == ["jam", "pot", "tea"]
    assert visit.products_of(row) == ["tea", "pot"]


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from([*"abcdefghijkl", ""]))))
def test_a_row_names_each_product_once_and_a_visit_is_a_part_of_it(
    looks: list[tuple[int, str]],
) -> None:
    row = after(*looks)
    assert len(row.viewed) == len(set(row.viewed)) <= VIEWED_MAX
    assert 0 <= row.session.products <= len(row.viewed)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcdefghijkl")), min_size=1))
def test_in_order_it_holds_the_last_products_of_the_visit(looks: list[tuple[int, str]]) -> None:
    minute, told, current = 0, list[tuple[int, str]](), list[str]()
    for gap, product_id in looks:
        current = [] if gap == 3 else current
        minute += 31 if gap == 3 else gap
        current = [product_id, *(it for it in current if it != product_id)]
        told.append((minute, product_id))
    assert visit.products_of(after(*told)) == current[:VIEWED_MAX]
