"""What else might somebody want? Three answers, each a list of products with scores, best first.

The law: they read rows and a ledger, and nothing of a customer; who has what is left out by those
who ask.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

from msgspec import Struct

from state import beside
from state.popular import ALL, Popular
from state.product import Product


class Recommended(Struct, frozen=True):
    """One product, and how good it is, by the rule that chose it; see the list's ``reason``."""

    product_id: str
    score: float


def next_looks(
    visit: Mapping[str, Product], without: Container[str], products_max: int
) -> list[Recommended]:
    """What will be looked at next in a visit; scores are shares of all that comes into question.

    visit: rows of the products looked at up to now, the newest first; see ``state/beside.py``.
    """
    scores = beside.scores(visit, visit)
    total = sum(scores.values())
    # Sorted with what is left out, which is little: to look each up first would take longer.
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    chosen = []
    for product_id, score in ranked:
        if product_id not in without:
            chosen.append(Recommended(product_id, round(score / total, 4)))
            if len(chosen) == products_max:
                break
    return chosen


def bought_together(
    products: Mapping[str, Product], at_hand: Iterable[str], together_min: int,
    without: Container[str], products_max: int,
) -> list[Recommended]:  # fmt: skip
    """What was bought with them: the shares of the orders that had it too, added up."""
    scores: dict[str, float] = {}
    for product_id in dict.fromkeys(at_hand):
        product = products[product_id]
        for other, together in product.neighbours.items():
            if together >= together_min and other not in without:
                scores[other] = scores.get(other, 0.0) + together / product.orders
    ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Recommended(it, round(score, 4)) for it, score in ranked[:products_max]]


def popular(
    ledger: Popular, category: str, weight_min: int, without: Container[str], products_max: int
) -> list[Recommended]:
    """What is looked at most: in the category, and after that in all; scores are shares in all."""
    total = sum(weight for _, weight in ledger.best(ALL, 1)) or 1
    chosen: dict[str, Recommended] = {}
    for those in _of_category(ledger, category, weight_min):
        for product_id, weight in those:
            if product_id not in without and product_id not in chosen:
                score = round(weight / total, 4)
                chosen[product_id] = Recommended(product_id, score)
    return list(chosen.values())[:products_max]


def _of_category(
    ledger: Popular, category: str, weight_min: int
) -> Iterable[Sequence[tuple[str, int]]]:
    if category != ALL:
        yield ledger.best(category, weight_min)
    yield ledger.best(ALL, weight_min)
