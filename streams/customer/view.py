"""What does a row say? The row of one customer in words that a reader knows, with sums worked out.

Moments are RFC 3339 here, None for never. Money is in minor units of the currency.
"""

from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from schemas.instant import to_text, to_text_if_ever
from state.consent import Consent
from state.customer import decode_customer
from streams.customer import coupons as coupon_view
from streams.customer import gate as gate_view
from streams.customer import row as customer_row
from streams.customer import shopping
from streams.customer.coupons import Kept
from streams.customer.gate import Counted, Deliveries, Reported, Told, Touched, Waiting
from streams.customer.memory import memories
from streams.customer.outlook import Outlook, outlook
from streams.customer.shopping import (
    CartLine,
    OpenOrder,
    Purchases,
    Ratings,
    Trod,
    Visit,
    Window,
)

_EPOCH = date(1970, 1, 1)


class Word(Struct, frozen=True):
    """The customer's last word on a purpose; channel ``*`` is all of them."""

    purpose: str
    channel: str
    granted: bool
    said_at: str | None


class Learned(Struct, frozen=True):
    """A trait that an agent has learned. confidence: how sure it is now, from 0 to 1."""

    trait: str
    value: str
    confidence: float
    learned_on: date


class Grieved(Struct, frozen=True):
    """What went wrong for the customer: the last of its kind; see ``state/grievance.py``."""

    kind: str
    at: str
    amount: int
    about: str


class Timer(Struct, frozen=True):
    """When an agent will look again; ``row`` is the engine's own, for the end of the row."""

    name: str
    due_at: str


class View(Struct, frozen=True, kw_only=True):
    """The whole view. clock_at: the moment from which days and windows are counted.

    awaited: products that agents wait for, with the names of these.
    """

    customer_id: str
    partition: int
    clock_at: str
    row_bytes: int
    first_seen_at: str | None
    last_seen_at: str | None
    birthday: date | None
    locale: str
    time_zone: str
    country: str
    traits: dict[str, str]
    portrait: list[Learned]
    consent: list[Word]
    currency: str
    purchases: Purchases
    windows: list[Window]
    gap_days: list[float]
    visit: Visit
    cart: list[CartLine]
    cart_cents: int
    viewed: list[str]
    bought: list[str]
    trail: list[Trod]
    categories: dict[str, float]
    products: dict[str, float]
    open_orders: list[OpenOrder]
    ratings: Ratings | None
    responses: dict[str, Reported]
    timers: list[Timer]
    awaited: dict[str, list[str]]
    said: list[Told]
    touches: list[Touched]
    held: list[Waiting]
    exposures: list[Counted]
    case_closed_at: str | None
    coupons: list[Kept]
    memory: dict[str, Any]
    deliveries: Deliveries | None
    grievances: list[Grieved]
    outlook: Outlook | None


async def look_up(redis_url: str, partitions: int, customer_id: str) -> View | None:
    """Read a customer's row; None where there is none. Raises StoreError and RowError."""
    kept = await customer_row.read(redis_url, partitions, customer_id)
    if kept.row is None:
        return None
    return view(customer_id, kept.partition, kept.row, kept.shop.clock_at)


def view(customer_id: str, partition: int, row: bytes, clock_at: int) -> View:
    """What a row says at a moment; clock_at 0 (no tick yet): when it was last heard of."""
    it = decode_customer(customer_id, row)
    at = clock_at or it.last_seen_at
    return View(
        customer_id=customer_id,
        partition=partition,
        clock_at=to_text(at),
        row_bytes=len(row),
        first_seen_at=to_text_if_ever(it.first_seen_at),
        last_seen_at=to_text_if_ever(it.last_seen_at),
        birthday=it.birthday,
        locale=it.locale,
        time_zone=it.time_zone,
        country=it.country,
        traits=it.traits,
        portrait=[
            Learned(
                name, trait.value, round(trait.confidence(at), 2),
                _EPOCH + timedelta(days=trait.day),
            )
            for name, trait in it.portrait.items()
        ],
        consent=_words(it.consent),
        currency=it.currency,
        purchases=shopping.purchases(it, at),
        windows=shopping.windows(it, at),
        gap_days=[round(hours / 24, 1) for hours in it.gap_hours],
        visit=shopping.visit(it),
        cart=shopping.cart(it),
        cart_cents=it.cart_cents,
        viewed=it.viewed[::-1],
        bought=it.bought[::-1],
        trail=shopping.trod(it),
        categories=_shares(it.categories.shares()),
        products=_shares(it.products.shares()),
        open_orders=shopping.open_orders(it),
        ratings=shopping.ratings(it),
        responses=gate_view.reported(it),
        timers=[
            Timer(name, to_text(due_at))
            for name, due_at in sorted(it.timers.items(), key=lambda timer: timer[1])
        ],
        awaited={name: list(agents) for name, agents in it.awaited.items()},
        said=[gate_view.told(kind, said) for kind, said in it.said.items()],
        touches=gate_view.touched(it),
        held=[gate_view.waiting(held) for held in it.held],
        exposures=gate_view.counted(it.exposures),
        case_closed_at=to_text_if_ever(it.case_closed_at),
        coupons=coupon_view.coupons(it.memory, at),
        memory=memories(it.memory),
        deliveries=gate_view.delivered(it),
        grievances=[
            Grieved(kind, to_text(grievance.at), grievance.amount, grievance.about)
            for kind, grievance in it.grievances.items()
        ],
        outlook=outlook(it.memory),
    )  # fmt: skip


def _words(consent: Consent) -> list[Word]:
    return [
        Word(purpose, channel, at > 0, to_text_if_ever(abs(at)))
        for purpose, said in consent.items()
        for channel, at in said.items()
    ]


def _shares(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 3) for name, share in shares.items()}
