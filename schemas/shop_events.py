"""What happens in the shop as a whole, and to no one customer? The raw topic ``shop``.

Such an event goes to every partition of the journal, for each customer may have to hear of it.
"""

from fractions import Fraction
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from schemas.event import Cents, Currency, Id, snake_case
from schemas.instant import EARLIEST, LATEST, Instant, to_millis

# Decimal text, because a binary fraction is none of the rates that a bank publishes. Not zero.
Rate = Annotated[
    str,
    Meta(
        pattern=r"^(?!0+(\.0+)?$)[0-9]{1,12}(\.[0-9]{1,12})?$(?!\n)",
        max_length=25,
        description="A decimal number above zero, as text.",
    ),
]


class ShopEvent(
    Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag_field="type",
    tag=snake_case,
):
    """The envelope of what happens in the shop.

    event_id: unique for each fact about the same product or currency. Who publishes it again sends
    the same id, and it counts once.
    occurred_at: when it happened (event time): RFC 3339 with a zone, or epoch milliseconds.
    """

    event_id: Id
    occurred_at: Instant

    def __post_init__(self) -> None:
        at = self.occurred_at
        if type(at) is not int or not EARLIEST <= at < LATEST:
            force_setattr(self, "occurred_at", to_millis(at))

    @property
    def subject(self) -> str:
        """What it is about, by whose order events come: the key of the raw record."""
        raise NotImplementedError


class ProductChanged(ShopEvent, frozen=True):
    """What the events share that change a product."""

    product_id: Id

    @property
    def subject(self) -> str:
        """The product."""
        return self.product_id


class StockChanged(ProductChanged, frozen=True):
    """There are more or fewer of a product. available: how many can be ordered now."""

    available: Annotated[int, Meta(ge=0, le=10**9)]


class PriceChanged(ProductChanged, frozen=True):
    """A product has another price. price_cents: of one unit, from now on."""

    price_cents: Cents
    currency: Currency


class RatePublished(ShopEvent, frozen=True):
    """What a currency is worth in another one.

    rate: one unit of ``currency`` is so many units of ``per``.
    """

    currency: Currency
    per: Currency
    rate: Rate

    @property
    def subject(self) -> str:
        """The currency."""
        return self.currency

    @property
    def ratio(self) -> Fraction:
        """The rate, exactly.

        >>> RatePublished("SEK", "EUR", "0.0875", event_id="e1", occurred_at=EARLIEST).ratio
        Fraction(7, 80)
        """
        return Fraction(self.rate)


ShopEvents = StockChanged | PriceChanged | RatePublished
