"""How does an event change the row? All that changes a profile is here and in ``fold_*.py``.

The law: the fold is total and needs no clock. Any event folds into any row, in any order of
arrival, by its own event time; what comes late corrects the past and does not undo what came after.
Whether anything is said about it is not decided here.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Protocol, get_args

from schemas import clickstream as click
from schemas import orders as order
from schemas import profiles as profile
from schemas import reviews as review
from schemas.event import Event
from state import fold_grievances, fold_orders, trail, visit, window
from state.consent import hear
from state.customer import (
    CART_MAX,
    CATEGORIES_MAX,
    EVENT_IDS_MAX,
    PRODUCTS_MAX,
    TRAITS_MAX,
    CartLine,
    Customer,
    Deliveries,
    Ratings,
    Responses,
)
from state.shop import Rhythm

ID_BYTES = 6

# What an action says about liking, against a view. The order matters more than the figures:
# Hu, Koren and Volinsky (ICDM 2008) weigh implicit feedback in the same spirit.
VIEWED_WEIGHT, ADDED_WEIGHT, WISHED_WEIGHT = 1.0, 3.0, 2.0


class HasIds(Protocol):
    """A row that knows its last events by their ids."""

    event_ids: bytes


def is_known(customer: Customer, event: Event) -> bool:
    """Whether the event is in the row already: by its id, or an order by its own."""
    if isinstance(event, order.OrderPlaced) and event.order_id in customer.recent_orders:
        return True
    # Reports come for those alone who were sent something. They must not push out of the row what
    # else is known of them, or who is held out would be counted by another rule.
    return type(event) not in REPORTS and is_repeat(customer, event.event_id)


def is_repeat(row: HasIds, event_id: str) -> bool:
    """Whether this event id is among the row's last ones; remembers it if not."""
    digest = blake2b(event_id.encode(), digest_size=ID_BYTES).digest()
    known = row.event_ids
    if digest in known and _begins_one(known, digest):
        return True
    if len(known) >= EVENT_IDS_MAX * ID_BYTES:
        known = known[ID_BYTES:]
    row.event_ids = known + digest
    return False


def _begins_one(known: bytes, digest: bytes) -> bool:
    """Whether a match begins at a multiple of 6; one that straddles two ids is chance."""
    return any(known[at : at + ID_BYTES] == digest for at in range(0, len(known), ID_BYTES))


def fold(customer: Customer, event: Event, rhythm: Rhythm) -> None:
    """Change the row by one event, and the shop's rhythm where it closes a gap."""
    at, kind = event.occurred_at, type(event)
    if kind in REPORTS:
        _reported(customer, event)  # type: ignore[arg-type]
        return
    if at > customer.last_seen_at:  # noqa: PLR1730 - max() would take five times as long
        customer.last_seen_at = at
    if at < customer.first_seen_at or not customer.first_seen_at:
        customer.first_seen_at = at
    if (viewed := _VISITS.get(kind)) is not None:
        if viewed:
            window.add(customer.views, at, customer.last_seen_at)
        visit.come(customer.session, at, viewed=viewed, added=kind is click.ProductAdded)
    if kind is order.OrderPlaced:
        fold_orders.ordered(customer, event, rhythm)  # type: ignore[arg-type]
    elif (change := _FOLDS.get(kind)) is not None:
        change(customer, event)


def _like(customer: Customer, event: click.ProductEvent, weight: float) -> None:
    at = event.occurred_at
    customer.products.add(event.product_id, weight, at, PRODUCTS_MAX)
    if event.category:
        customer.categories.add(event.category, weight, at, CATEGORIES_MAX)


def _viewed(customer: Customer, event: click.ProductViewed) -> None:
    visit.look(customer, event.product_id, event.occurred_at)
    _like(customer, event, VIEWED_WEIGHT)
    key = trail.VIEWED + event.product_id
    trail.add(customer.trail, key, event.occurred_at, customer.last_seen_at)
    if customer.cart:
        fold_grievances.priced(customer, event)


def _searched(customer: Customer, event: click.ProductsSearched) -> None:
    fold_grievances.searched(customer, event)
    query = " ".join(event.query.split()).casefold()[: trail.QUERY_MAX]
    if query:
        at = event.occurred_at
        trail.add(customer.trail, trail.SEARCHED + query, at, customer.last_seen_at)


def _added(customer: Customer, event: click.ProductAdded) -> None:
    at = event.occurred_at
    _like(customer, event, ADDED_WEIGHT)
    if at <= customer.last_order_at:
        return  # The order that emptied this cart was seen first.
    line = customer.cart.get(event.product_id)
    if line is None:
        customer.cart[event.product_id] = CartLine(event.quantity, event.price_cents, at)
        if len(customer.cart) > CART_MAX:
            del customer.cart[min(customer.cart, key=lambda it: customer.cart[it].added_at)]
    else:
        fold_grievances.priced(customer, event)
        line.quantity += event.quantity
        line.price_cents = event.price_cents or line.price_cents
        line.added_at = max(line.added_at, at)
    customer.currency = customer.currency or event.currency or ""
    customer.cart_changed_at = max(customer.cart_changed_at, at)


def _removed(customer: Customer, event: click.ProductRemoved) -> None:
    line = customer.cart.get(event.product_id)
    if line is None or event.occurred_at <= customer.last_order_at:
        return  # Nothing to take out, or it was taken out of a cart that has been ordered since.
    line.quantity -= event.quantity
    if line.quantity <= 0:
        del customer.cart[event.product_id]
    customer.cart_changed_at = max(customer.cart_changed_at, event.occurred_at)


def _wished(
    customer: Customer,
    event: click.ProductWishlisted | click.ProductShared | click.StockAlertRequested,
) -> None:
    _like(customer, event, WISHED_WEIGHT)
    if isinstance(event, click.StockAlertRequested):
        fold_grievances.missed(customer, event)


def _reviewed(customer: Customer, event: review.ReviewPosted) -> None:
    ratings = customer.ratings = customer.ratings or Ratings()
    ratings.count += 1
    ratings.stars += event.rating
    if event.occurred_at >= ratings.last_at:
        ratings.last = event.rating
        ratings.last_at = event.occurred_at
        ratings.last_review_id = event.review_id
        ratings.last_issue = ""


def _edited(customer: Customer, event: review.ReviewEdited) -> None:
    """Correct the last review; what an older one said is no longer known, and stays counted."""
    ratings = customer.ratings
    if ratings is None or event.review_id != ratings.last_review_id:
        return
    if event.occurred_at >= ratings.last_at:
        ratings.stars += event.rating - ratings.last
        ratings.last = event.rating
        ratings.last_at = event.occurred_at
        ratings.last_issue = ""


def _updated(customer: Customer, event: profile.ProfileUpdated) -> None:
    """Take what is said; a late update only fills in what is not known."""
    late = event.occurred_at < customer.profile_at
    for name in ("birthday", "locale", "time_zone", "country"):
        value = getattr(event, name)
        if value and not (late and getattr(customer, name)):
            setattr(customer, name, value)
    customer.traits = event.traits | customer.traits if late else customer.traits | event.traits
    for name in list(customer.traits)[:-TRAITS_MAX]:
        del customer.traits[name]
    customer.profile_at = max(customer.profile_at, event.occurred_at)


def _consented(customer: Customer, event: profile.ConsentChanged) -> None:
    at = event.occurred_at
    hear(customer.consent, event.purpose, event.channel, event.granted, at)


def _responded(customer: Customer, event: profile.Message) -> None:
    responses = customer.responses.setdefault(event.channel, Responses())
    at = event.occurred_at
    match event:
        case profile.MessageSent():
            responses.sent += 1
        case profile.MessageOpened():
            responses.opened += 1
            responses.responded_at = max(responses.responded_at, at)
        case profile.MessageClicked():
            responses.clicked += 1
            responses.responded_at = max(responses.responded_at, at)
        case profile.MessageBounced():
            responses.bounced += 1
            if event.permanent:
                responses.bounced_at = max(responses.bounced_at, at)
        case profile.MessageUnsubscribed():
            # Who leaves a channel has withdrawn consent to marketing on it, whatever the form says.
            responses.unsubscribed = True
            responses.unsubscribed_at = max(responses.unsubscribed_at, at)
            hear(customer.consent, "marketing", event.channel, granted=False, at=at)


def _closed(customer: Customer, event: review.CaseClosed) -> None:
    customer.case_closed_at = max(customer.case_closed_at, event.occurred_at)


def _reported(customer: Customer, event: profile.TriggerReport) -> None:
    """Count what we did ourselves: it is no sign of life, so nobody was seen."""
    it = customer.deliveries = customer.deliveries or Deliveries()
    failure = event.reason if isinstance(event, profile.TriggerUndelivered) else ""
    it.delivered += not failure
    it.undelivered += bool(failure)
    if event.occurred_at >= it.last_at:
        it.last_at, it.last_target, it.last_failure = event.occurred_at, event.target, failure


#: What the webhook sink reports, which is nothing that the customer did.
REPORTS = frozenset((profile.TriggerDelivered, profile.TriggerUndelivered))
#: What belongs to a visit, and whether it is a view. By type: it is asked of every event.
_VISITS = dict.fromkeys((*get_args(click.Clickstream), order.OrderPlaced), False)
_VISITS |= {click.ProductViewed: True, click.PageViewed: True}
_FOLDS: dict[type[Event], Callable[[Customer, Any], None]] = {
    click.ProductViewed: _viewed,
    click.ProductsSearched: _searched,
    click.ProductAdded: _added,
    click.ProductRemoved: _removed,
    click.ProductWishlisted: _wished,
    click.ProductShared: _wished,
    click.StockAlertRequested: _wished,
    order.OrderCancelled: fold_orders.cancelled,
    order.OrderRefunded: fold_orders.refunded,
    order.OrderShipped: fold_orders.shipped,
    order.OrderDelivered: fold_orders.delivered,
    review.ReviewPosted: _reviewed,
    review.ReviewEdited: _edited,
    review.CaseClosed: _closed,
    profile.ProfileUpdated: _updated,
    profile.ConsentChanged: _consented,
    profile.MessageSent: _responded,
    profile.MessageOpened: _responded,
    profile.MessageClicked: _responded,
    profile.MessageBounced: _responded,
    profile.MessageUnsubscribed: _responded,
}
