"""How do tests say what happened to ann in January 2026, and what her row holds after it?"""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from schemas import clickstream as click
from schemas import orders as order
from schemas.event import Event
from schemas.orders import Item
from state.customer import Customer
from state.fold import fold
from state.shop import Rhythm

_numbers = count()


def at(text: str) -> int:
    """A moment of January 2026, UTC: a day and a time, such as ``20 08:00``."""
    day, clock = text.split()
    return round(
        datetime.fromisoformat(f"2026-01-{day}T{clock}").replace(tzinfo=UTC).timestamp() * 1000
    )


def event(kind: type[Event], when: str | int, **fields: Any) -> Event:
    moment = at(when) if isinstance(when, str) else when
    return kind(event_id=f"e{next(_numbers)}", customer_id="ann", occurred_at=moment, **fields)


def placed(when: str | int, order_id: str = "o", cents: int = 1_000, *products: str) -> Event:
    items = tuple(Item(it) for it in products or ("tea",))
    return event(
        order.OrderPlaced,
        when,
        order_id=order_id,
        products=items,
        currency="EUR",
        total_cents=cents,
    )


def added(when: str, product_id: str = "tea", quantity: int = 1) -> Event:
    return event(
        click.ProductAdded, when, product_id=product_id, quantity=quantity, price_cents=300
    )


def removed(when: str, product_id: str = "tea", quantity: int = 1) -> Event:
    return event(click.ProductRemoved, when, product_id=product_id, quantity=quantity)


def folded(*events: Event, rhythm: Rhythm | None = None) -> Customer:
    row = Customer()
    for it in events:
        fold(row, it, rhythm or Rhythm())
    return row
