"""What can a visitor do in the storefront? The raw topic ``clickstream``.

Names follow Segment's e-commerce spec v2 (Products Searched, Product Viewed, Product Added, …).
"""

from typing import Annotated

from msgspec import Meta

from schemas.event import Cents, Currency, Event, Id, Name, Text

Quantity = Annotated[int, Meta(ge=1, le=100_000)]


class PageViewed(Event, frozen=True):
    """A page that is not a product page."""

    url: Annotated[str, Meta(max_length=2_048)] = ""


class ProductsSearched(Event, frozen=True):
    """A search. result_count 0 means that the shop had nothing to show."""

    query: Text
    result_count: Annotated[int, Meta(ge=0, le=10**9)] | None = None


class ProductEvent(Event, frozen=True):
    """What the events about one product share."""

    product_id: Id
    category: Name = ""
    price_cents: Cents = 0
    currency: Currency | None = None


class ProductViewed(ProductEvent, frozen=True):
    """A product page was opened."""


class ProductAdded(ProductEvent, frozen=True):
    """A product was put into the cart."""

    quantity: Quantity = 1


class ProductRemoved(ProductEvent, frozen=True):
    """A product was taken out of the cart, or fewer of it are left there."""

    quantity: Quantity = 1


class ProductWishlisted(ProductEvent, frozen=True):
    """A product was put on a wish list."""


class StockAlertRequested(ProductEvent, frozen=True):
    """A product was not to be had, and the customer wants to hear when it is."""


class ProductShared(ProductEvent, frozen=True):
    """A product was shared. share_via: the network or channel."""

    share_via: Name = ""


class CheckoutStarted(Event, frozen=True):
    """The checkout was opened."""

    order_id: Id | None = None


Clickstream = (
    PageViewed
    | ProductsSearched
    | ProductViewed
    | ProductAdded
    | ProductRemoved
    | CheckoutStarted
    | ProductWishlisted
    | ProductShared
    | StockAlertRequested
)
