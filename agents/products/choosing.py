"""What else might somebody want? Three answers, each a list of products with scores, best first.

The law: they read rows and a ledger, and nothing of a customer; who has what is left out by those
who ask.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from math import fsum

from msgspec import Struct

from state import beside
from state.popular import ALL, Popular
from state.product import Product


class Recommended(Struct, frozen=True):
    """One product, and how good it is, by the rule that chose it; see the list's ``reason``."""

    product_id: str
    score: float


def next_looks(
    visit: Mapping[str, Product], without: Container[str], products_max: int,
    gone: Container[str] = (),
) -> list[Recommended]:  # fmt: skip
    """What will be looked at next in a visit; scores are shares of all that comes into question.

    visit: rows of the products looked at up to now, the newest first; see ``state/beside.py``.
    without, gone: what is left out. There are two, for what is sold out may be much to copy.
    """
    scores = beside.scores(visit, visit)
    total = fsum(scores.values())
    left = {it: score for it, score in scores.items() if it not in without and it not in gone}
    best = _best(left, products_max)
    return [Recommended(it, round(score / total, 4)) for it, score in best]


def bought_together(
    products: Mapping[str, Product], at_hand: Iterable[str], together_min: int,
    without: Container[str], products_max: int, gone: Container[str] = (),
) -> list[Recommended]:  # fmt: skip
    """What was bought with them: the shares of the orders that had it too, added up."""
    scores: dict[str, float] = {}
    for product_id in dict.fromkeys(at_hand):
        product = products[product_id]
        for other, together in product.neighbours.items():
            if together >= together_min and other not in without and other not in gone:
                scores[other] = scores.get(other, 0.0) + together / product.orders
    return [Recommended(it, round(score, 4)) for it, score in _best(scores, products_max)]


def _best(scores: Mapping[str, float], most: int) -> list[tuple[str, float]]:
    """So many that have the highest scores, in their order; equals by name."""
    # Which score enough is found among numbers alone: to sort all with their names takes 60 µs.
    least = sorted(scores.values(), reverse=True)[:most][-1:] or [0.0]
    ranked = [pair for pair in scores.items() if pair[1] >= least[0]]
    ranked.sort(key=lambda pair: (-pair[1], pair[0]))
    return ranked[:most]


def popular(
    ledger: Popular,
    category: str,
    weight_min: int,
    without: Container[str],
    products_max: int,
    gone: Container[str] = (),
) -> list[Recommended]:
    """What is looked at most: in the category, and after that in all; scores are shares in all."""
    total = sum(weight for _, weight in ledger.best(ALL, 1)) or 1
    chosen: dict[str, Recommended] = {}
    for those in _of_category(ledger, category, weight_min):
        for product_id, weight in those:
            if product_id not in chosen and product_id not in without and product_id not in gone:
                score = round(weight / total, 4)
                chosen[product_id] = Recommended(product_id, score)
    return list(chosen.values())[:products_max]


def _of_category(
    ledger: Popular, category: str, weight_min: int
) -> Iterable[Sequence[tuple[str, int]]]:
    if category != ALL:
        yield ledger.best(category, weight_min)
    yield ledger.best(ALL, weight_min)
