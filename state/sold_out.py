"""Which products cannot be had? The newest of them, for whoever recommends what else there is.

The law: by the shop's last word on each product, by event time. There is room for 2,000; of more,
the one that has been known longest is let go. Rows of products know it of all, but a batch has
those rows alone that its events name.
"""

from collections.abc import Mapping

from msgspec import Struct

from schemas.instant import HOUR
from state.ledger import Ledger, Ledgers
from state.product import Product

#: The ledger of the partition, after which no agent may be called.
SOLD_OUT = "sold_out"
PRODUCTS_MAX = 2_000


class Stocked(Struct, frozen=True, gc=False):
    """An entry: a product's row after the shop has said how many there are."""

    product_id: str
    product: Product


class SoldOut(Ledger):
    """products: since when each cannot be had, in hours since 1970, the newest last."""

    products: dict[str, int] = {}

    def enter(self, entry: Stocked) -> None:
        """Note it; or that it can be had again."""
        product, products = entry.product, self.products
        if product.available:
            products.pop(entry.product_id, None)
        elif entry.product_id not in products:
            products[entry.product_id] = product.stock_at // HOUR
            if len(products) > PRODUCTS_MAX:
                del products[next(iter(products))]


def sold_out(ledgers: Ledgers) -> Mapping[str, int]:
    """What is known to be sold out, by a batch's ledgers."""
    return ledgers.read(SOLD_OUT, SoldOut).products


def note(ledgers: Ledgers, product_id: str, product: Product) -> None:
    """Enter what the shop has said of a product, if that is news."""
    if (product.available == 0) != (product_id in sold_out(ledgers)):
        ledgers.enter(SOLD_OUT, SoldOut, Stocked(product_id, product))
