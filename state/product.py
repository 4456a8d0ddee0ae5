"""What goes with this product? Co-occurrence, counted from the stream, in bounded space.

One row per product and journal partition. A partition learns from its own customers only, so that
its state depends on its own log and a replay counts the same. Newcomers find room until there are
twice as many neighbours as are kept; then the lightest half is let go at once. A count is never
too high, and one that was let go begins again at nothing (the idea of lossy counting: Manku and
Motwani, VLDB 2002).
"""

from msgspec import Struct

from schemas.clickstream import ProductAdded, ProductViewed
from schemas.event import Event
from schemas.orders import OrderPlaced

NEIGHBOURS_MAX = 24
# Pairs grow with the square of the lines: a wholesale order of 500 lines says little and would
# cost 250,000 updates. 12 lines are 132.
LINES_MAX = 12


class Product(Struct, array_like=True, gc=False):
    """orders: how many orders had it. neighbours: product id → in how many of those it was too."""

    orders: int = 0
    neighbours: dict[str, int] = {}


def learn(products: dict[str, Product], bought: list[str]) -> list[str]:
    """Count an order: every product in it, and every pair of them, both ways.

    bought: distinct product ids, in the order of the lines; those past ``LINES_MAX`` are left out.
    Returns the ones that were counted.
    """
    bought = bought[:LINES_MAX]
    for product_id in bought:
        product = products[product_id]
        product.orders += 1
        neighbours = product.neighbours
        for other in bought:
            neighbours[other] = neighbours.get(other, 0) + 1
        del neighbours[product_id]
        if len(neighbours) > 2 * NEIGHBOURS_MAX:
            heaviest = sorted(neighbours, key=lambda it: (-neighbours[it], it))[:NEIGHBOURS_MAX]
            product.neighbours = {it: neighbours[it] for it in heaviest}
    return bought


def named_in(event: Event) -> list[str]:
    """The products whose rows an event needs, each once, in the order of the lines."""
    if isinstance(event, OrderPlaced):
        return list(dict.fromkeys(item.product_id for item in event.products))
    return [event.product_id] if isinstance(event, (ProductViewed, ProductAdded)) else []
