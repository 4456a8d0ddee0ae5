"""How does an event in another currency look in the shop's own? Before anything is made of it.

The law: rows, agents, caps on money and the report of the effect see one currency; the journal has
what was published, and the row keeps of a recent order what it cost. What goes back of an order
goes back at the order's own rate, so an order that goes back as a whole leaves nothing.
"""

from collections.abc import Callable
from fractions import Fraction

from msgspec.structs import replace

from schemas.clickstream import ProductAdded
from schemas.event import CENTS_MAX, Event
from schemas.orders import Item, OrderPlaced, OrderRefunded
from state import rates
from state.customer import Customer, Original, RecentOrder
from state.rates import rounded

#: What one unit of a currency was worth at a moment; None where no rate is known.
RateOn = Callable[[str, int], Fraction | None]

#: The events whose amounts count; all others may stand in any currency.
AMOUNTS = frozenset((OrderPlaced, OrderRefunded, ProductAdded))


class RateMissingError(Exception):
    """No rate is known for the date of an amount. The message says of which currency."""


class AmountTooLargeError(Exception):
    """An amount is more in the shop's currency than any may be; perhaps its rate is a mistake."""


def exchanged(event: Event, row: Customer, shop: str, rate_on: RateOn) -> Event:
    """The event with its amounts in the shop's currency.

    Raises RateMissingError and AmountTooLargeError.
    """
    match event:
        case OrderRefunded():
            return _refunded(event, row, shop, rate_on)
        case OrderPlaced() if event.currency != shop:
            ratio = _ratio(event.currency, event.occurred_at, rate_on)
            paid = converted(event.paid_cents, ratio, event.currency, shop)
            lines = _lines(event.products, ratio, event.currency, shop)
            return replace(event, currency=shop, products=lines, total_cents=paid)
        case ProductAdded(currency=str(currency), price_cents=cents) if currency != shop and cents:
            ratio = _ratio(currency, event.occurred_at, rate_on)
            worth = converted(cents, ratio, currency, shop)
            return replace(event, currency=shop, price_cents=worth)
    return event


def keep_original(row: Customer, published: Event, event: Event) -> None:
    """Note in a recent order what it cost, and what of that has gone back.

    published: as the storefront wrote it. event: as it was folded.
    """
    if published is event or not isinstance(published, OrderPlaced | OrderRefunded):
        return
    order = row.recent_orders.get(published.order_id)
    if order is None:
        return
    if isinstance(published, OrderPlaced):
        order.original = Original(published.paid_cents, published.currency)
    elif order.original is not None and published.refund_cents is not None:
        order.original.refunded_cents += published.refund_cents


def _refunded(event: OrderRefunded, row: Customer, shop: str, rate_on: RateOn) -> OrderRefunded:
    cents = event.refund_cents
    if cents is None:
        return event  # All that has not gone back, whatever it is worth.
    order = row.recent_orders.get(event.order_id)
    original = order and order.original
    if order and original and event.currency in (None, original.currency):
        return replace(event, currency=shop, refund_cents=_back(order, original, cents))
    if event.currency is None or event.currency == shop:
        return event
    ratio = _ratio(event.currency, event.occurred_at, rate_on)
    return replace(event, currency=shop, refund_cents=converted(cents, ratio, event.currency, shop))


def _back(order: RecentOrder, original: Original, cents: int) -> int:
    """What so much of the original is worth: of all that has gone back, less what has before."""
    if not original.paid_cents:
        return 0
    gone = min(original.refunded_cents + cents, original.paid_cents)
    worth = rounded(Fraction(gone * order.paid_cents, original.paid_cents))
    return max(0, worth - order.refunded_cents)


def _lines(
    products: tuple[Item, ...], ratio: Fraction, currency: str, shop: str
) -> tuple[Item, ...]:
    return tuple(
        replace(it, price_cents=converted(it.price_cents, ratio, currency, shop)) for it in products
    )


def converted(cents: int, ratio: Fraction, currency: str, shop: str) -> int:
    """What an amount is worth. Raises AmountTooLargeError."""
    worth = rates.converted(cents, ratio, currency, shop)
    if worth > CENTS_MAX:
        raise AmountTooLargeError(f"{cents} {currency} are {worth} {shop}")
    return worth


def _ratio(currency: str, at: int, rate_on: RateOn) -> Fraction:
    ratio = rate_on(currency, at)
    if ratio is None:
        raise RateMissingError(currency)
    return ratio
