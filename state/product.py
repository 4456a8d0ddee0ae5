"""What goes with this product? Co-occurrence, counted from the stream, in bounded space.

One row per product and journal partition. A partition learns from its own customers only, so that
its state depends on its own log and a replay counts the same. The heaviest neighbours are kept by
the Space-Saving rule (Metwally, Agrawal and El Abbadi, 2005): a newcomer takes the place of the
lightest and inherits its count, so a count is too high by at most that of the lightest.
"""

from msgspec import Struct

NEIGHBOURS_MAX = 24
# Pairs grow with the square of the lines: a wholesale order of 500 lines says little and would
# cost 250,000 updates. 16 lines are 240.
LINES_MAX = 16


class Product(Struct, array_like=True, gc=False):
    """orders: how many orders had it. neighbours: product id → in how many of those it was too."""

    orders: int = 0
    neighbours: dict[str, int] = {}

    def goes_with(self, floor: int) -> list[tuple[str, int]]:
        """Neighbours seen together at least ``floor`` times, most often first."""
        often = [pair for pair in self.neighbours.items() if pair[1] >= floor]
        return sorted(often, key=lambda pair: (-pair[1], pair[0]))


def learn(products: dict[str, Product], bought: list[str]) -> None:
    """Count an order: every product in it, and every pair of them, both ways.

    bought: distinct product ids, in the order of the lines; those past ``LINES_MAX`` are left out.
    """
    bought = bought[:LINES_MAX]
    for product_id in bought:
        product = products[product_id]
        product.orders += 1
        neighbours = product.neighbours
        for other in bought:
            if other == product_id:
                continue
            if other in neighbours:
                neighbours[other] += 1
            elif len(neighbours) < NEIGHBOURS_MAX:
                neighbours[other] = 1
            else:
                lightest = min(neighbours, key=neighbours.__getitem__)
                neighbours[other] = neighbours.pop(lightest) + 1
