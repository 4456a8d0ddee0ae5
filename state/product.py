"""What goes with this product, how many of it are there, and at what price?

One row per product and journal partition. Stock and price are the shop's last word on them, by
event time. What goes with it is co-occurrence, counted from the stream, in bounded space: a
partition learns from its own customers only, so that its state depends on its own log and a replay
counts the same. Newcomers find room until there are
twice as many neighbours as are kept; then the lightest half is let go at once. A count is never
too high, and one that was let go begins again at nothing (the idea of lossy counting: Manku and
Motwani, VLDB 2002).
"""

from msgspec import Struct
from msgspec.structs import replace

from schemas.clickstream import (
    ProductAdded,
    ProductViewed,
    ProductWishlisted,
    StockAlertRequested,
)
from schemas.event import Event
from schemas.orders import OrderPlaced
from schemas.shop_events import PriceChanged, StockChanged
from state.beside import Beside

NEIGHBOURS_MAX = 24
AVAILABLE_MAX = 10**9
# Pairs grow with the square of the lines: a wholesale order of 500 lines says little and would
# cost 250,000 updates. 12 lines are 132.
LINES_MAX = 12

#: What is about one product, of which its row may say something.
_NAMING = (ProductViewed, ProductAdded, ProductWishlisted, StockAlertRequested)


class Product(Struct, array_like=True, gc=False):
    """orders: how many orders had it. neighbours: product id → in how many of those it was too.

    available: how many can be ordered. price_cents, currency: of one unit. stock_at, price_at:
    since when that is so, in epoch milliseconds; 0: nothing has been heard of it. event_ids: as in
    a customer's row. beside: what is looked at beside it, where an agent wants that.
    """

    orders: int = 0
    neighbours: dict[str, int] = {}
    available: int = 0
    stock_at: int = 0
    price_cents: int = 0
    currency: str = ""
    price_at: int = 0
    event_ids: bytes = b""
    beside: Beside | None = None


def changed(product: Product, event: StockChanged | PriceChanged) -> Product:
    """The row after an event; the same one where something newer is known already."""
    at = event.occurred_at
    if isinstance(event, StockChanged):
        if at < product.stock_at:
            return product
        # A journal may hold more than a row can be written with.
        return replace(product, available=min(event.available, AVAILABLE_MAX), stock_at=at)
    if at < product.price_at:
        return product
    return replace(product, price_cents=event.price_cents, currency=event.currency, price_at=at)


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
        before = neighbours.get
        for other in bought:
            neighbours[other] = before(other, 0) + 1
        del neighbours[product_id]
        if len(neighbours) > 2 * NEIGHBOURS_MAX:
            # By name, and then by count: a sort keeps the order of equals. A key that is a function
            # takes three times as long, and this runs for some five lines of an order.
            heaviest = sorted(neighbours)
            heaviest.sort(key=neighbours.__getitem__, reverse=True)
            product.neighbours = {it: neighbours[it] for it in heaviest[:NEIGHBOURS_MAX]}
    return bought


def named_in(event: Event) -> list[str]:
    """The products whose rows an event needs, each once, in the order of the lines."""
    if isinstance(event, OrderPlaced):
        return list(dict.fromkeys([item.product_id for item in event.products]))
    return [event.product_id] if isinstance(event, _NAMING) else []
