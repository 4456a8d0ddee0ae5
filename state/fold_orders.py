"""How do orders change the row? What was bought, in which rhythm, and what went back."""

from schemas import orders as order
from schemas.instant import HOUR
from state import fold_grievances, trail, window
from state.customer import (
    BOUGHT_MAX,
    CATEGORIES_MAX,
    GAPS_MAX,
    PRODUCTS_MAX,
    RECENT_ORDER_KEPT,
    RECENT_ORDERS_MAX,
    Customer,
    RecentOrder,
)
from state.shop import Rhythm

# What an order says about liking, against a page view's 1; the others stand in ``fold.py``.
ORDERED_WEIGHT = 5.0

# Orders nearer to each other than this are one purchase: somebody forgot the milk. Not a whole day,
# or whoever comes every day at about the same time would have no rhythm.
ONE_PURCHASE = 20 * HOUR


def ordered(customer: Customer, event: order.OrderPlaced, rhythm: Rhythm) -> None:
    """An order was placed: it counts, it closes a gap, and it empties the cart as of its moment."""
    at, paid = event.occurred_at, event.paid_cents
    customer.order_count += 1
    customer.spent_cents += paid
    customer.currency = event.currency
    if not customer.first_order_at or at < customer.first_order_at:
        customer.first_order_at = at
    _close_gap(customer, at, rhythm)
    customer.last_order_at = max(customer.last_order_at, at)
    window.add(customer.orders, at, customer.last_seen_at, paid)
    _bought(customer, event)
    if customer.grievances:
        fold_grievances.bought(customer, event)
    for product_id in [it for it, line in customer.cart.items() if line.added_at <= at]:
        del customer.cart[product_id]
    if not customer.cart:
        customer.cart_changed_at = 0
    _keep_recent(customer, event.order_id, RecentOrder(at, paid, currency=event.currency))


def _bought(customer: Customer, event: order.OrderPlaced) -> None:
    """Remember what was bought last, and that it is liked."""
    at = event.occurred_at
    products = dict.fromkeys([item.product_id for item in event.products])
    categories: dict[str, int] = {}
    for item in event.products:
        if item.category:
            categories[item.category] = categories.get(item.category, 0) + 1
    customer.products.add_all(products, ORDERED_WEIGHT, at, PRODUCTS_MAX)
    for category, lines in categories.items():
        customer.categories.add(category, ORDERED_WEIGHT * lines, at, CATEGORIES_MAX)
    trail.buy(customer.trail, products, at, customer.last_seen_at)
    before = [product_id for product_id in customer.bought if product_id not in products]
    customer.bought = [*before, *products][-BOUGHT_MAX:]


def _keep_recent(customer: Customer, order_id: str, placed: RecentOrder) -> None:
    """Put an order among the recent ones; those too old, or too many, are let go."""
    orders = customer.recent_orders
    orders[order_id] = placed
    newest = max(order.placed_at for order in orders.values())
    for old in [it for it, o in orders.items() if o.placed_at < newest - RECENT_ORDER_KEPT]:
        del orders[old]
    while len(orders) > RECENT_ORDERS_MAX:
        del orders[min(orders, key=lambda it: orders[it].placed_at)]


def _close_gap(customer: Customer, at: int, rhythm: Rhythm) -> None:
    """Note the time since the last order, unless they are one purchase.

    A late order does not reopen a gap that was closed: gaps are kept, not the orders between them.
    """
    last = customer.last_order_at
    if last and at - last >= ONE_PURCHASE:
        customer.gap_hours.append((at - last) // HOUR)
        del customer.gap_hours[:-GAPS_MAX]
        rhythm.add(at - last)


def cancelled(customer: Customer, event: order.OrderCancelled) -> None:
    """An order was cancelled: what was paid goes back."""
    _give_back(customer, event.order_id, None)
    fold_grievances.given_back(customer, event, None)


def refunded(customer: Customer, event: order.OrderRefunded) -> None:
    """Money went back, for the whole order or a part of it."""
    _give_back(customer, event.order_id, event.refund_cents)
    fold_grievances.given_back(customer, event, event.refund_cents)


def _give_back(customer: Customer, order_id: str, cents: int | None) -> None:
    """Count what goes back, but never more than was paid; None: all that has not gone back yet.

    An order that is too old to be in the row gives back what is said, and nothing if nothing is.
    """
    given = customer.recent_orders.get(order_id)
    if given is None:
        customer.refunded_cents += cents or 0
        return
    rest = given.paid_cents - given.refunded_cents
    back = rest if cents is None else min(cents, rest)
    given.refunded_cents += back
    customer.refunded_cents += back


def shipped(customer: Customer, event: order.OrderShipped) -> None:
    """A recent order is on its way. The newest promise counts, by event time."""
    sent = customer.recent_orders.get(event.order_id)
    if sent is None:
        return
    if event.occurred_at >= sent.shipped_at:
        sent.shipped_at = event.occurred_at
        sent.promised_at = event.promised_at or sent.promised_at
    elif not sent.promised_at:
        sent.promised_at = event.promised_at or 0
    fold_grievances.arrived(customer, event.order_id, sent)


def delivered(customer: Customer, event: order.OrderDelivered) -> None:
    """A recent order arrived."""
    arrived = customer.recent_orders.get(event.order_id)
    if arrived is not None:
        arrived.delivered_at = event.occurred_at
        fold_grievances.arrived(customer, event.order_id, arrived)
