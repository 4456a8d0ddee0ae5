"""What does a customer do in the shop, and what do they buy? As a row says it, in words.

Moments are RFC 3339 here, None for never. Money is in minor units of the currency.
"""

from msgspec import Struct

from schemas.instant import DAY, to_text, to_text_if_ever
from state import trail, window
from state.customer import Customer

_DAYS = (1, 7, 28, 365)
_DID = {trail.SEARCHED: "searched", trail.VIEWED: "viewed", trail.BOUGHT: "bought"}


class Window(Struct, frozen=True):
    """What happened in the last so many days. paid_cents: for the orders."""

    days: int
    views: int
    orders: int
    paid_cents: int


class Purchases(Struct, frozen=True):
    """Recency, frequency, money."""

    recency_days: float | None
    orders: int
    spent_cents: int
    refunded_cents: int
    first_order_at: str | None
    last_order_at: str | None


class Visit(Struct, frozen=True):
    """The visit under way, or the last one. count: how many there have been."""

    count: int
    views: int
    started_at: str | None
    last_at: str | None


class CartLine(Struct, frozen=True):
    """A product in the cart."""

    product_id: str
    quantity: int
    price_cents: int
    added_at: str | None


class OpenOrder(Struct, frozen=True):
    """An order under way."""

    order_id: str
    placed_at: str | None
    paid_cents: int
    refunded_cents: int
    shipped_at: str | None
    promised_at: str | None


class Ratings(Struct, frozen=True):
    """Ratings of products: how many, their mean, and the last."""

    count: int
    mean: float
    last: int
    last_at: str | None


class Trod(Struct, frozen=True):
    """A thing on the customer's trail. what: ``searched``, ``viewed`` or ``bought``.

    last_at: the hour in which it came last. times, visits: how often, and on how many visits.
    """

    what: str
    name: str
    last_at: str
    times: int
    visits: int


def windows(it: Customer, at: int) -> list[Window]:
    """The last day, week, four weeks and year."""
    return [_window(it, at, days) for days in _DAYS]


def purchases(it: Customer, at: int) -> Purchases:
    """What they have bought altogether."""
    recency_days = round((at - it.last_order_at) / DAY, 2) if it.last_order_at else None
    return Purchases(
        recency_days, it.order_count, it.spent_cents, it.refunded_cents,
        to_text_if_ever(it.first_order_at), to_text_if_ever(it.last_order_at),
    )  # fmt: skip


def visit(it: Customer) -> Visit:
    """The newest one."""
    session = it.session
    began, ended = to_text_if_ever(session.started_at), to_text_if_ever(session.last_at)
    return Visit(session.count, session.views, began, ended)


def cart(it: Customer) -> list[CartLine]:
    """What is in it."""
    return [
        CartLine(product_id, line.quantity, line.price_cents, to_text_if_ever(line.added_at))
        for product_id, line in it.cart.items()
    ]


def open_orders(it: Customer) -> list[OpenOrder]:
    """Those that are on their way."""
    return [
        OpenOrder(
            order_id, to_text_if_ever(order.placed_at), order.paid_cents, order.refunded_cents,
            to_text_if_ever(order.shipped_at), to_text_if_ever(order.promised_at),
        )
        for order_id, order in it.open_orders.items()
    ]  # fmt: skip


def ratings(it: Customer) -> Ratings | None:
    """What they have rated; None for nothing."""
    if it.ratings is None:
        return None
    count = it.ratings.count
    mean = round(it.ratings.stars / max(1, count), 2)
    return Ratings(count, mean, it.ratings.last, to_text_if_ever(it.ratings.last_at))


def trod(it: Customer) -> list[Trod]:
    """The trail, the newest first."""
    newest_first = sorted(trail.steps(it.trail), key=lambda step: -step.last_at)
    return [
        Trod(_DID[step.kind], step.name, to_text(step.last_at), step.times, step.visits)
        for step in newest_first
    ]


def _window(it: Customer, at: int, days: int) -> Window:
    views, _ = window.total(it.views, at, days * DAY)
    orders, paid_cents = window.total(it.orders, at, days * DAY)
    return Window(days, views, orders, paid_cents)
