"""What can happen to an order? The raw topic ``orders``."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from schemas.clickstream import Quantity
from schemas.event import CENTS_MAX, Cents, Currency, Event, Id, Name
from schemas.instant import Instant, to_millis


class Item(Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of an order. price_cents is the price of one unit, as paid."""

    product_id: Id
    quantity: Quantity = 1
    price_cents: Cents = 0
    category: Name = ""
    name: Name = ""


Items = Annotated[tuple[Item, ...], Meta(min_length=1, max_length=1_000)]
Coupons = Annotated[tuple[Id, ...], Meta(max_length=20)]


class OrderPlaced(Event, frozen=True):
    """An order was placed (Segment: Order Completed).

    total_cents: what the customer pays, all in. Left out, it is the sum of the lines.
    coupons: the codes that were redeemed with it. referred_by: the customer whose link it came by.
    """

    order_id: Id
    products: Items
    currency: Currency
    total_cents: Cents | None = None
    coupons: Coupons = ()
    referred_by: Id | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.paid_cents > CENTS_MAX:
            raise ValueError(f"the lines add up to {self.paid_cents}; {CENTS_MAX} are allowed")

    @property
    def paid_cents(self) -> int:
        """What the customer pays, in minor units of ``currency``."""
        if self.total_cents is not None:
            return self.total_cents
        return sum(item.price_cents * item.quantity for item in self.products)


class OrderCancelled(Event, frozen=True):
    """An order was cancelled as a whole before it was delivered."""

    order_id: Id


class OrderRefunded(Event, frozen=True):
    """Money went back. refund_cents left out: the whole order. currency left out: the order's."""

    order_id: Id
    refund_cents: Cents | None = None
    currency: Currency | None = None
    products: Annotated[tuple[Item, ...], Meta(max_length=1_000)] = ()


class OrderShipped(Event, frozen=True):
    """An order left the warehouse. promised_at: when it should arrive."""

    order_id: Id
    promised_at: Instant | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.promised_at is not None:
            force_setattr(self, "promised_at", to_millis(self.promised_at))


class OrderDelivered(Event, frozen=True):
    """An order arrived."""

    order_id: Id


class PointsRedeemed(Event, frozen=True):
    """Points of the membership were spent, on an order or on something else."""

    points: Annotated[int, Meta(ge=1, le=10**9)]
    order_id: Id | None = None


Orders = (
    OrderPlaced | OrderCancelled | OrderRefunded | OrderShipped | OrderDelivered | PointsRedeemed
)
