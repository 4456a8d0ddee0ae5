"""The trail: what came again is counted, what was bought is no look any more, and it never grows.

The model is a list that forgets nothing.
"""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from folded import at, event, folded, placed
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import clickstream as click
from schemas.codec import encode_row
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from state import trail
from state.customer import Customer
from state.trail import APART, BOUGHT, KEPT, QUERY_MAX, SEARCHED, TRAIL_MAX, VIEWED, Step, Trail

START = at("01 00:00")


def viewed(when: str | int, product_id: str = "tea") -> Event:
    return event(click.ProductViewed, when, product_id=product_id)


def searched(when: str, query: str) -> Event:
    return event(click.ProductsSearched, when, query=query)


def told(row: Customer) -> list[tuple[str, str, int, int]]:
    return [(it.kind, it.name, it.times, it.visits) for it in trail.steps(row.trail)]


def test_searches_looks_and_purchases_stand_in_the_order_in_which_they_came() -> None:
    row = folded(
        searched("20 08:00", "  Green\n TEA "), viewed("20 08:01", "sencha"),
        viewed("20 08:02", "mug"), placed("20 08:03", "o", 900, "pot"), searched("20 08:04", " "),
    )  # fmt: skip
    assert told(row) == [
        (SEARCHED, "green tea", 1, 1), (VIEWED, "sencha", 1, 1), (VIEWED, "mug", 1, 1),
        (BOUGHT, "pot", 1, 1),
    ]  # fmt: skip
    assert [it.last_at for it in trail.steps(row.trail)] == [at("20 08:00")] * 4


@pytest.mark.parametrize(("hours", "visits"), [(0, 1), (APART - 1, 1), (APART, 2), (KEPT, 2)])
def test_what_comes_again_hours_later_is_another_visit(hours: int, visits: int) -> None:
    row = folded(viewed("01 08:59"), viewed(at("01 08:00") + hours * HOUR))
    assert told(row) == [(VIEWED, "tea", 2, visits)]


def test_after_a_month_a_look_begins_anew_and_a_purchase_counts_on() -> None:
    later = at("01 08:00") + (KEPT + 1) * HOUR
    assert told(folded(viewed("01 08:00"), viewed(later))) == [(VIEWED, "tea", 1, 1)]
    again = folded(placed("01 08:00", "a"), placed(later, "b"))
    assert told(again) == [(BOUGHT, "tea", 2, 2)]


def test_an_order_takes_off_the_looks_before_it_and_not_those_after_it() -> None:
    looks = viewed("20 08:00", "tea"), viewed("20 08:00", "mug"), viewed("20 08:00", "jam")
    row = folded(*looks, placed("20 09:00", "o", 900, "tea", "mug"))
    assert [it[:2] for it in told(row)] == [(VIEWED, "jam"), (BOUGHT, "tea"), (BOUGHT, "mug")]
    late = folded(*looks, placed("20 07:59", "o", 900, "tea"))
    assert (VIEWED, "tea", 1, 1) in told(late)
    same_hour = folded(*looks, placed("20 08:00", "o", 900, "tea"))
    assert (VIEWED, "tea", 1, 1) not in told(same_hour)


def test_an_order_of_many_lines_leaves_room_for_looks() -> None:
    products = [f"p{it}" for it in range(40)]
    row = folded(viewed("20 08:00", "tea"), placed("20 09:00", "o", 900, *products))
    assert [it[1] for it in told(row)] == ["tea", *products[: trail.BOUGHT_MAX]]


def test_what_rested_longest_makes_room_and_what_came_again_stays() -> None:
    looks = [viewed(at("01 00:00") + it * HOUR, f"p{it}") for it in range(TRAIL_MAX)]
    row = folded(*looks, viewed("02 00:00", "p0"), viewed("02 01:00", "new"))
    names = [it[1] for it in told(row)]
    assert names == [*(f"p{it}" for it in range(2, TRAIL_MAX)), "p0", "new"]


def test_what_comes_late_is_counted_where_it_stands_and_pushes_out_nothing() -> None:
    looks = [viewed(at("10 00:00") + it * HOUR, f"p{it}") for it in range(TRAIL_MAX)]
    row = folded(*looks, viewed("02 00:00", "late"), viewed("02 00:00", "p0"))
    assert told(row)[0] == (VIEWED, "p0", 2, 1)
    assert next(trail.steps(row.trail)).last_at == at("10 00:00")
    assert "late" not in [it[1] for it in told(row)]
    assert [it[1] for it in told(folded(looks[0], viewed("02 00:00", "late")))] == ["p0", "late"]


def test_looks_of_a_time_are_those_at_products_that_were_looked_at_in_it() -> None:
    row = folded(
        viewed("01 08:00", "old"), viewed("08 07:59", "tea"), viewed("10 08:00", "mug"),
        viewed("10 08:01", "mug"), searched("10 08:02", "pot"), placed("10 08:03", "o", 900, "jam"),
    )  # fmt: skip
    counts = [trail.looks_since(row.trail, at(it)) for it in ("01 08:00", "08 07:30", "08 08:00")]
    assert counts == [4, 3, 2]


def test_counts_end_somewhere_and_a_query_is_cut() -> None:
    row = folded(
        *(viewed(START + it * 9 * HOUR) for it in range(100)), searched("20 08:00", "ß" * 99)
    )
    assert told(row) == [(VIEWED, "tea", 63, 15), (SEARCHED, "s" * QUERY_MAX, 1, 1)]


def test_a_usual_trail_takes_no_more_than_150_bytes() -> None:
    ids = [f"{it:08}" for it in range(TRAIL_MAX)]
    row = folded(*(viewed("20 08:00", it) for it in ids))
    assert len(encode_row(row.trail)) <= 151
    assert len(encode_row(Customer().trail)) == 1


VISITED = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.integers(0, 10 * DAY // MINUTE)), max_size=60
)


def by_the_list(looks: Iterable[tuple[str, int]]) -> set[tuple[str, int, int, int]]:
    """Times, visits and the last hour of each name, of looks in the order of time."""
    hours: dict[str, list[int]] = {}
    for name, at_ in looks:
        hours.setdefault(name, []).append(at_ // HOUR)
    return {
        (name, len(it), 1 + sum(b - a >= APART for a, b in pairwise(it)), it[-1])
        for name, it in hours.items()
    }


@given(visited=VISITED)
@settings(max_examples=200, deadline=None)
def test_the_trail_counts_as_the_list_does(visited: list[tuple[str, int]]) -> None:
    looks = [
        (name, START + minutes * MINUTE) for name, minutes in sorted(visited, key=lambda it: it[1])
    ]
    held: Trail = {}
    for name, at_ in looks:
        trail.add(held, VIEWED + name, at_, at_)
    found: list[Step] = list(trail.steps(held))
    assert {(it.name, it.times, it.visits, it.last_at // HOUR) for it in found} == by_the_list(
        looks
    )
    assert [it.last_at for it in found] == sorted(it.last_at for it in found)
