"""How does what goes wrong come into the row? Only what a customer would take amiss, once a kind.

What the row cannot know is not here: prices are compared with those in the cart alone, and a stock
alert counts until the product was bought after all, for the row does not hear that it is back.
"""

from schemas import clickstream as click
from schemas import orders as order
from schemas.instant import DAY, HOUR
from schemas.reading import Reading
from schemas.reviews import Review
from state.customer import Customer, RecentOrder
from state.grievance import Grievance, Kind, grieve

# From here on it is one. A parcel that comes in the evening instead of at noon is none, nor is it a
# few cents, or a refund of the packaging.
LATE = 12 * HOUR
DEARER_PERCENT = 10
REFUND_PERCENT = 50

# Searches without a result that lie further apart are not looking for the same thing.
SEARCHES_WITHIN = 30 * DAY
QUERY_MAX = 40

_UNTIL_BOUGHT: tuple[Kind, ...] = ("dearer", "stock")


def arrived(customer: Customer, order_id: str, it: RecentOrder) -> None:
    """An order has arrived, or it is heard when it had been promised."""
    late = it.delivered_at - it.promised_at
    if it.delivered_at and it.promised_at and late >= LATE:
        grieve(customer.grievances, "late", it.delivered_at, late // HOUR, order_id)


def given_back(
    customer: Customer, event: order.OrderCancelled | order.OrderRefunded, cents: int | None
) -> None:
    """Money went back. Of an order that is not in the row it counts if it was all of it."""
    given = customer.recent_orders.get(event.order_id)
    percent = 100 if cents is None else 0
    if given is not None and given.paid_cents:
        percent = 100 * given.refunded_cents // given.paid_cents
    if percent >= REFUND_PERCENT:
        grieve(customer.grievances, "refund", event.occurred_at, percent, event.order_id)


def priced(customer: Customer, event: click.ProductEvent) -> None:
    """A price was seen: is it higher than that at which the product lies in the cart?"""
    line = customer.cart.get(event.product_id)
    if line is None or not line.price_cents or event.occurred_at < line.added_at:
        return
    if event.currency and event.currency != customer.currency:
        return
    percent = 100 * event.price_cents // line.price_cents - 100
    if percent >= DEARER_PERCENT:
        grieve(customer.grievances, "dearer", event.occurred_at, percent, event.product_id)


def missed(customer: Customer, event: click.StockAlertRequested) -> None:
    """A product was not to be had."""
    grieve(customer.grievances, "stock", event.occurred_at, 0, event.product_id)


def searched(customer: Customer, event: click.ProductsSearched) -> None:
    """A search: did it find nothing, and how often was that lately?"""
    if event.result_count != 0:
        return
    at, known = event.occurred_at, customer.grievances.get("search")
    if known is None or at - known.at > SEARCHES_WITHIN:
        customer.grievances["search"] = Grievance(at // HOUR, 1, event.query[:QUERY_MAX])
    elif known.at - at <= SEARCHES_WITHIN:
        known.amount += 1
        if at // HOUR >= known.hour:
            known.hour, known.about = at // HOUR, event.query[:QUERY_MAX]


def complained_of(customer: Customer, event: Review, reading: Reading) -> None:
    """What the last review complains of, as far as its text was read."""
    ratings = customer.ratings
    is_last = ratings is not None and ratings.last_review_id == event.review_id
    if ratings is not None and is_last and event.occurred_at >= ratings.last_at:
        ratings.last_issue = reading.issues[0] if reading.issues else ""


def bought(customer: Customer, event: order.OrderPlaced) -> None:
    """Products were bought: whatever was wrong with them before did not keep the customer off."""
    products = {it.product_id for it in event.products}
    for kind in _UNTIL_BOUGHT:
        known = customer.grievances.get(kind)
        if known is not None and known.about in products and event.occurred_at >= known.at:
            del customer.grievances[kind]
