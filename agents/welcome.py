"""Who has bought for the first time? They are welcomed once, whatever comes of that order."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, Say, View
from schemas.decisions import Evidence
from schemas.instant import DAY
from schemas.orders import OrderPlaced

PRODUCTS_MAX = 5


class WelcomePayload(Struct, frozen=True):
    """The first order. products: of what; paid_cents: in minor units of ``currency``."""

    order_id: str
    products: list[str]
    paid_cents: int
    currency: str


class Welcome(Agent, frozen=True):
    """It has no settings of its own."""

    listens: ClassVar = (OrderPlaced,)
    says: ClassVar = {"welcome": WelcomePayload}

    def on_event(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        """Welcome whoever has this one order; orders that go back have been placed all the same."""
        row = customer.row
        if row.order_count != 1:
            return
        products = dict.fromkeys(item.product_id for item in event.products)
        yield Say(
            reason="first_order",
            payload=WelcomePayload(
                event.order_id, [*products][:PRODUCTS_MAX], event.paid_cents, event.currency
            ),
            evidence=Evidence(
                events=(event.event_id,),
                values={
                    "orders": row.order_count,
                    "known_days": round((event.occurred_at - row.first_seen_at) / DAY, 2),
                },
            ),
        )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: not to somebody whose orders have all gone back."""
        row = customer.row
        went_back = 0 < row.spent_cents <= row.refunded_cents
        return None if went_back else held
