"""What is looked at beside this product? Learned from visits while they go on, one look at a time.

The law: a product's row is enough to score by, and a look changes the rows of the product and of at
most three others of the visit. So what a visitor is shown next knows all looks before it.

A look at i after j counts for i in the row of j, and for j in the row of i, where a step further
back counts less (sequential rules: Ludewig and Jannach, "Evaluation of session-based recommendation
algorithms", UMUAI 2018; both ways, as nearest neighbours among visits would). And j takes over a
little of what is looked at beside i, and i of what is beside j: so a row knows of neighbours at two
steps and more, without which a fifth of all next looks cannot be foreseen (the successor
representation: Dayan, "Improving generalization for temporal difference learning", 1993).

Weights are whole 64ths of a look. They fade by event time, a look that comes late as if it had come
in time, and the lightest half of a row is let go when it is full. Figures of the constants: ADR 14.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from schemas.instant import DAY

#: One look, in the unit of the weights.
LOOK = 64
#: How many products a row keeps; newcomers find room until there are twice as many.
NEAR_MAX = 48
#: How many products of the visit learn from a look; further ones add little.
BACK_MAX = 3
#: By how many products of the visit is scored.
SCORED_BY_MAX = 5
#: What a look counts for the product before it, and the one before that; and for itself of those.
_ONWARDS = (64, 19, 6)
_BACKWARDS = (32, 22, 16)
#: How much of a look's weight goes to what is beside the product, too, and to how many of it.
_HANDED_ON, _HANDED_ON_MAX = 0.5, 10
#: After so many days half of a weight is left.
_HALF_LIFE_DAYS = 14
#: A product of the visit counts so much less than the one that came after it.
_FURTHER_BACK = 0.5
#: Weights count by their share of the looks of the row, and so many are added to those.
_PRIOR = 0.3
#: To look again at what is in view is likely; how often it was seen, times that.
_AGAIN, _AGAIN_AT_FIRST = 3.0, 0.6
#: And to go back to what was in view before.
_BACK_TO = 1.5


class Beside(Struct, array_like=True, gc=False):
    """near: product id → weight, nearly the heaviest first. looks: the weight of the looks alone.

    again: of looks at the product right after a look at it. day: of the newest look (UTC).
    """

    near: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    again: int = 0
    day: int = 0


class HasBeside(Protocol):
    """The row of a product."""

    beside: Beside | None


def learn(
    products: Mapping[str, HasBeside], visit: Sequence[str], product_id: str, at: int, *,
    hands_on: bool = True,
) -> list[str]:  # fmt: skip
    """Count a look at a product; returns those whose rows have changed.

    visit: what was looked at in the visit before it, each once, the newest first. hands_on: whether
    what is beside a product is handed on, which takes more than half of the time.
    """
    if not visit:
        return []
    today = at // DAY
    here = _of(products[product_id], today)
    if visit[0] == product_id:
        here.again += _late(here, today, LOOK)
        return [product_id]
    others = [it for it in visit[: BACK_MAX + 1] if it != product_id][:BACK_MAX]
    last = _of(products[others[0]], today)
    if hands_on:
        onwards = _handed_on(here, _late(last, today, _ONWARDS[0]))
        backwards = _handed_on(last, _late(here, today, _BACKWARDS[0]))
        _take_over(last, onwards, others[0])
        _take_over(here, backwards, product_id)
    for back, other in enumerate(others):
        there = _of(products[other], today)
        _count(there, product_id, _late(there, today, _ONWARDS[back]))
        _count(here, other, _late(here, today, _BACKWARDS[back]))
        _make_room(there)
    _make_room(here)
    return [product_id, *others]


def scores(products: Mapping[str, HasBeside], visit: Iterable[str]) -> dict[str, float]:
    """How likely each product is to be looked at next, by the visit up to now, the newest first.

    What was looked at already is scored too: visitors go back. Scores compare within one visit.
    """
    found: dict[str, float] = {}
    further = 1.0
    for place, product_id in enumerate(visit):
        if place >= SCORED_BY_MAX:
            break
        it = products[product_id].beside or _NOTHING
        share = further / ((it.looks + it.again) / LOOK + _PRIOR)
        per_look = share / LOOK
        if not found:
            found = {other: per_look * weight for other, weight in it.near.items()}
        else:
            for other, weight in it.near.items():
                found[other] = found.get(other, 0.0) + per_look * weight
        again = it.again / LOOK
        if not place:
            again = _AGAIN * (again + _AGAIN_AT_FIRST)
        else:
            again *= _BACK_TO
        if again:
            found[product_id] = found.get(product_id, 0.0) + share * again
        further *= _FURTHER_BACK
    return found


def _of(product: HasBeside, today: int) -> Beside:
    """What is beside a product, as of today; a late look finds it as it is, and counts less."""
    it = product.beside
    if it is None:
        it = product.beside = Beside(day=today)
    elif today > it.day:
        left = 0.5 ** ((today - it.day) / _HALF_LIFE_DAYS)
        faded = {name: int(it.near[name] * left) for name in _heaviest_first(it)}
        it.near = {name: weight for name, weight in faded.items() if weight}
        it.looks, it.again, it.day = int(it.looks * left), int(it.again * left), today
    return it


def _late(it: Beside, today: int, by: int) -> int:
    """What a look of this day counts for in a row: the less, the more days the row is ahead."""
    return by if today >= it.day else int(by * 0.5 ** ((it.day - today) / _HALF_LIFE_DAYS))


def _handed_on(it: Beside, weight: int) -> list[tuple[str, int]]:
    """What a look hands on of what is beside a product: of the first, which are the heaviest."""
    if not it.looks:
        return []
    each = _HANDED_ON * weight / it.looks
    first = [name for name, _ in zip(it.near, range(_HANDED_ON_MAX), strict=False)]
    return [(name, by) for name in first if (by := round(each * it.near[name]))]


def _take_over(it: Beside, handed: Iterable[tuple[str, int]], product_id: str) -> None:
    near = it.near
    for name, by in handed:
        if name != product_id:
            near[name] = near.get(name, 0) + by


def _count(it: Beside, product_id: str, by: int) -> None:
    if by:
        it.near[product_id] = it.near.get(product_id, 0) + by
        it.looks += by


def _make_room(it: Beside) -> None:
    if len(it.near) > 2 * NEAR_MAX:
        it.near = {name: it.near[name] for name in _heaviest_first(it)[:NEAR_MAX]}


def _heaviest_first(it: Beside) -> list[str]:
    near = it.near
    return sorted(near, key=lambda name: (-near[name], name))


_NOTHING = Beside()
