"""What has become of a product? Said to those who await it, with its rows before and after."""

from msgspec import Struct

from schemas.shop_events import PriceChanged, StockChanged
from state.product import Product


class ProductChange(Struct, frozen=True, gc=False):
    """A product has come back, is sold out, or has another price. before, after: its rows."""

    event: StockChanged | PriceChanged
    before: Product
    after: Product

    @property
    def product_id(self) -> str:
        """Which product."""
        return self.event.product_id

    @property
    def came_back(self) -> bool:
        """Whether it can be ordered again."""
        return self.before.available == 0 < self.after.available

    @property
    def sold_out(self) -> bool:
        """Whether it cannot be ordered any more."""
        return self.after.available == 0 < self.before.available
