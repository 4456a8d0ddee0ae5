"""What do we remember of one customer? The row: every field of it, each one bounded.

Rows are msgpack arrays, so the order of fields is the format: new fields go at the end, with a
default, and an old row loads. ``ROW_VERSION`` grows when an old reader would misread a row, or
would lose by writing it again what must not be lost. Version 2: what is held, exposures, touches.
Version 3: what is awaited, of which an index beside the rows knows too (``waiting.py``), and by
which keys events were sealed.
What changes a row when an event comes stands in ``fold.py``.
"""

import re
from datetime import date

import msgspec
from msgspec import Raw, Struct, field

from schemas.codec import DAMAGE
from schemas.instant import DAY, MINUTE
from state.affinity import Affinity
from state.consent import Consent
from state.exposure import Exposures
from state.grievance import Grievances
from state.held import Held, Touch
from state.portrait import Portrait
from state.trail import Trail
from state.window import Window

ROW_VERSION = 3

# Bounds, which keep a row small.
EVENT_IDS_MAX = 8
GAPS_MAX = 8
CART_MAX = 20
VIEWED_MAX = 8
BOUGHT_MAX = 5
CATEGORIES_MAX = 3
PRODUCTS_MAX = 2
RECENT_ORDERS_MAX = 3
TRAITS_MAX = 16
TIMERS_MAX = 64
KINDS_MAX = 64
AWAITED_MAX = 16
KEY_IDS_MAX = 4  # One, and one more for each time that Redis has lost it.

# An order of which nothing more is heard for so long is taken to have arrived, and is let go when
# the next one comes.
RECENT_ORDER_KEPT = 14 * DAY

# A locale's parts after the language: script, region, variants (RFC 5646, 2.1).
_REGION = re.compile(r"[-_]([A-Za-z]{2})(?=[-_]|$)")
SESSION_GAP = 30 * MINUTE  # The industry's customary session time-out (Google Analytics, Segment).


class Session(Struct, array_like=True, gc=False):
    """The visit under way, or the last one: it ends after 30 minutes without an event.

    products: how many of the last in ``Customer.viewed`` were looked at in it. adds: to the cart.
    """

    count: int = 0
    started_at: int = 0
    last_at: int = 0
    views: int = 0
    products: int = 0
    adds: int = 0


class CartLine(Struct, array_like=True, gc=False):
    """One product in the cart. added_at: when it was last added."""

    quantity: int
    price_cents: int
    added_at: int


class Original(Struct, array_like=True, gc=False):
    """What an order cost in the currency in which it was paid, and what of that went back."""

    paid_cents: int
    currency: str
    refunded_cents: int = 0


class RecentOrder(Struct, array_like=True, gc=False):
    """One of the last orders. refunded_cents: what went back of it; all, if it was cancelled.

    original: where it was paid in another currency than the shop's.
    """

    placed_at: int
    paid_cents: int
    refunded_cents: int = 0
    shipped_at: int = 0
    promised_at: int = 0
    delivered_at: int = 0
    currency: str = ""
    original: Original | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way, as far as we heard."""
        is_refunded = 0 < self.paid_cents <= self.refunded_cents
        return not self.delivered_at and not is_refunded


class Ratings(Struct, array_like=True, gc=False):
    """The customer's ratings of products: how many, their sum, and the last review.

    last_issue: what that one complains of first, where a model has read it; else empty.
    """

    count: int = 0
    stars: int = 0
    last: int = 0
    last_at: int = 0
    last_review_id: str = ""
    last_issue: str = ""


class Responses(Struct, array_like=True, gc=False):
    """How the customer responds on one channel: counts of what automation reported back.

    bounced_at: the last time that a message could not be delivered for good. responded_at: the last
    time that one was opened or followed. unsubscribed_at: when the customer left the channel.
    """

    sent: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    unsubscribed: bool = False
    bounced_at: int = 0
    responded_at: int = 0
    unsubscribed_at: int = 0


class Deliveries(Struct, array_like=True, gc=False):
    """What the webhook sink reported of this customer's triggers.

    last_at, last_target, last_failure: of the newest report; no failure where it was delivered.
    """

    delivered: int = 0
    undelivered: int = 0
    last_at: int = 0
    last_target: str = ""
    last_failure: str = ""


class Said(Struct, array_like=True, gc=False):
    """What we decided last about one kind of trigger.

    sent_at: when the gate last let it pass. sent, held_out: how often it was, and was held out.
    refusal: the gate's last word, empty if it let the trigger pass. refused: how often it has said
    so again since that was recorded.
    """

    sent_at: int = 0
    sent: int = 0
    refusal: str = ""
    refused: int = 0
    held_out: int = 0


class Customer(Struct, array_like=True, gc=False):
    """The row. Moments are epoch milliseconds, 0 for never; money is minor units of ``currency``.

    event_ids: 6-byte hashes of the last 8 event ids, newest last, by which a retry is known.
    orders, views: rolling windows. order_count to last_order_at: recency, frequency, money.
    gap_hours: the last 8 gaps between purchases (orders within 20 hours are one purchase).
    bought: products bought last, newest last. said: decisions by kind. timers: when each is due, by
    ``agent`` or ``agent/name``. memory: each agent's own, by agent. profile_at: the newest profile.
    touches: what was sent lately, oldest first. held: what waits for a better moment. exposures: by
    campaign, what came of it. case_closed_at: when a complaint was taken care of. portrait: what
    agents have learned, by trait; ``traits`` are what the shop has told us. visit_awaited_until:
    until when a visit can be the first one after a trigger.
    grievances: the last thing of each kind that went wrong. trail: what was searched, looked at and
    bought last. awaited: products that agents wait for, newest last, each with the agents' names.
    key_ids: of the keys that what is personal in the events was sealed with, newest last.
    """

    version: int = ROW_VERSION
    first_seen_at: int = 0
    last_seen_at: int = 0
    event_ids: bytes = b""
    orders: Window = field(default_factory=list)
    views: Window = field(default_factory=list)
    order_count: int = 0
    spent_cents: int = 0
    refunded_cents: int = 0
    currency: str = ""
    first_order_at: int = 0
    last_order_at: int = 0
    gap_hours: list[int] = field(default_factory=list)
    session: Session = field(default_factory=Session)
    cart: dict[str, CartLine] = field(default_factory=dict)
    cart_changed_at: int = 0
    viewed: list[str] = field(default_factory=list)
    bought: list[str] = field(default_factory=list)
    categories: Affinity = field(default_factory=Affinity)
    products: Affinity = field(default_factory=Affinity)
    recent_orders: dict[str, RecentOrder] = field(default_factory=dict)
    ratings: Ratings | None = None
    consent: Consent = field(default_factory=dict)
    responses: dict[str, Responses] = field(default_factory=dict)
    locale: str = ""
    time_zone: str = ""
    birthday: date | None = None
    traits: dict[str, str] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    memory: dict[str, Raw] = field(default_factory=dict)
    profile_at: int = 0
    touches: list[Touch] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    exposures: Exposures = field(default_factory=dict)
    case_closed_at: int = 0
    visit_awaited_until: int = 0
    deliveries: Deliveries | None = None
    country: str = ""
    portrait: Portrait = field(default_factory=dict)
    grievances: Grievances = field(default_factory=dict)
    trail: Trail = field(default_factory=dict)
    awaited: dict[str, tuple[str, ...]] = field(default_factory=dict)
    key_ids: str = ""

    @property
    def market(self) -> str:
        """Where they live; else the region of their locale, if it has one; else empty.

        >>> Customer(locale="zh-Hant-TW").market, Customer(locale="en", country="IN").market
        ('TW', 'IN')
        """
        if self.country or not self.locale:
            return self.country
        found = _REGION.search(self.locale)
        return found[1].upper() if found else ""

    @property
    def next_due(self) -> int | None:
        """When the earliest timer is due; None where there is none."""
        return min(self.timers.values(), default=None)

    @property
    def open_orders(self) -> dict[str, RecentOrder]:
        """The recent orders that are still on their way."""
        return {it: order for it, order in self.recent_orders.items() if order.is_open}

    @property
    def cart_cents(self) -> int:
        """What the cart is worth, in minor units."""
        return sum(line.quantity * line.price_cents for line in self.cart.values())


class RowError(Exception):
    """A row cannot be read by this version."""


class _Head(Struct, array_like=True, gc=False):
    """What all versions of a row begin with."""

    version: int


_decode = msgspec.msgpack.Decoder(Customer).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode


def decode_customer(customer_id: str, row: bytes) -> Customer:
    """Read a row; one of an older version gets the defaults of the fields that it lacks.

    Raises RowError for a row that a newer version wrote, or one that is damaged.
    """
    try:
        customer = _decode(row)
    except DAMAGE as error:
        # A newer row may be laid out in a way that this version takes for damage.
        _refuse_newer(customer_id, _version_of(row))
        raise RowError(
            f"the row of {customer_id!r} is not readable ({error}): make the rows of its partition"
            " anew with `ebbtide rebuild --partition`"
        ) from error
    _refuse_newer(customer_id, customer.version)
    customer.version = ROW_VERSION
    return customer


def _refuse_newer(customer_id: str, version: int) -> None:
    if version > ROW_VERSION:
        raise RowError(
            f"the row of {customer_id!r} has version {version}, and this Ebbtide knows"
            f" {ROW_VERSION} at most: run the newer version, or rebuild the rows from the journal"
        )


def _version_of(row: bytes) -> int:
    try:
        return _decode_head(row).version
    except DAMAGE:
        return 0
