"""What do storefronts publish in a simulation? A few customers' doings, some of them twice or wrong."""

from random import Random
from typing import Any

import msgspec
from any_event import SHOP_EVENT_TYPES, TOPIC_OF, AnyEvent
from msgspec import Struct
from storm_loop import START

from schemas.clickstream import CheckoutStarted, ProductAdded, ProductsSearched, ProductViewed
from schemas.codec import RAW_TOPICS
from schemas.event import Event
from schemas.instant import DAY, MINUTE
from schemas.journal import Tick
from schemas.orders import OrderDelivered, OrderPlaced
from schemas.profiles import (
    ConsentChanged,
    ErasureRequested,
    MessageBounced,
    MessageOpened,
    MessageUnsubscribed,
    ProfileUpdated,
)
from schemas.reviews import CaseClosed, ReviewPosted
from schemas.shop_events import PriceChanged, ShopEvent

#: What customers mostly do; one event in ten is of any kind.
USUAL: tuple[type[Event], ...] = (
    ProductAdded, ProductAdded, ProductAdded, ProductViewed, ProductViewed, OrderPlaced,
    OrderPlaced, OrderPlaced, OrderDelivered, ReviewPosted, CheckoutStarted, ProductsSearched,
)  # fmt: skip
#: What makes the gate think otherwise of them: one event in five.
WISHES: tuple[type[Event], ...] = (
    ProfileUpdated, ProfileUpdated, ConsentChanged, ConsentChanged, MessageBounced,
    MessageBounced, MessageOpened, MessageUnsubscribed, CaseClosed, ErasureRequested,
)  # fmt: skip
#: What the shop says of its products and of money: one event in five.
SHOP: tuple[type[ShopEvent], ...] = (*SHOP_EVENT_TYPES, PriceChanged)
# 08:00 UTC, eight seconds after the beginning, is 13:00 in Karachi and 13:30 in Kolkata: there it
# becomes quiet, and here it ends. In the two others it never is.
QUIET_HOURS = {"begin": "13:00", "end": "13:30", "time_zone": "Asia/Kolkata"}
ZONES = ("Asia/Kolkata", "Asia/Karachi", "Asia/Kathmandu", "America/New_York")
# What the calendar brings while a storm lasts. At 08:00 UTC it is 03:00 in New York.
OCCASIONS: dict[str, dict[str, Any]] = {
    "promotion": {
        "planned": [
            {"name": "one", "starts_at": "2026-01-20T07:59:58Z", "ends_at": "2026-01-20T08:00:10Z",
             "ending_hours": 6 / 3_600},
            {"name": "other", "starts_at": "2026-01-20T08:00:00Z",
             "ends_at": "2026-01-20T08:01:00Z", "ending_hours": 0},
        ],
    },
    "care_birthday": {"hour": 3},
}  # fmt: skip
# Of Norway's crown nothing is ever sold here: so the one that matters may take long to come.
RATES = (
    ("SEK", "EUR", "0.0875"), ("EUR", "SEK", "11.25"), ("NOK", "EUR", "0.0851"),
    ("NOK", "EUR", "0.0866"),
)  # fmt: skip
BIRTHDAY = "1990-01-20"
BROKEN = (b"", b"{", b'{"type":"order_paid"}', b'{"type":"product_viewed","event_id":"x"}')


class Published(Struct):
    """One raw record. at: seconds after the beginning. valid: whether it should be accepted."""

    at: float
    topic: str
    key: str
    value: bytes


def feed(
    rng: Random, *, seconds: float, events: int, customers: int, ticks: bool
) -> list[Published]:
    """Events in the order of their publication, with a tick each second where ``ticks``."""
    times = sorted(rng.random() * seconds for _ in range(events))
    # Others in every storm: who is held out goes by the id.
    zones = {f"c{rng.randrange(10_000)}": ZONES[it % len(ZONES)] for it in range(customers)}
    published: list[Published] = []
    for at in times:
        customer = rng.choice(list(zones))
        # Drawn from a seed of its own, so that a type of event more leaves all others as they are.
        published.append(_event(Random(rng.getrandbits(64)), at, customer, zones[customer]))
        if rng.random() < 0.08:  # A storefront that did not hear the broker's answer.
            published.append(msgspec.structs.replace(rng.choice(published[-3:]), at=at))
    for i in range(1, len(published)):
        if rng.random() < 0.05:
            one, two = published[i - 1], published[i]
            one.value, one.topic, one.key, two.value, two.topic, two.key = (
                two.value, two.topic, two.key, one.value, one.topic, one.key,
            )  # fmt: skip
    if ticks:
        published += [_tick(rng, at) for at in range(1, int(seconds) + 20, rng.choice([1, 2, 3]))]
        published.sort(key=lambda it: it.at)
    return published


def _event(rng: Random, at: float, customer: str, zone: str) -> Published:
    if rng.random() < 0.03:
        return Published(at, rng.choice(RAW_TOPICS), customer, rng.choice(BROKEN))
    any_event = AnyEvent(rng, names=4)
    kinds = rng.choices((USUAL, WISHES, list(TOPIC_OF), SHOP), (7, 2, 1, 3))[0]
    kind = rng.choice(kinds)
    if kind is ErasureRequested and rng.random() < 0.5:
        kind = OrderPlaced
    fields = any_event.published(kind)
    _price(rng, fields)
    if kind is ProductsSearched:
        fields["result_count"] = rng.choice([0, 9])
    if kind in SHOP_EVENT_TYPES or kind is ProductAdded:
        _quote(rng, fields)
    _promise(rng, at, fields)
    if kind is ProfileUpdated:
        fields["time_zone"] = zone
        fields["birthday"] = BIRTHDAY
    if kind is ConsentChanged:
        fields["purpose"] = rng.choice(["marketing", "marketing", "personalisation"])
        fields["granted"] = rng.random() < 0.3
    if kind in (ConsentChanged, MessageBounced, MessageUnsubscribed):
        fields["channel"] = rng.choice(["push", "email"])
    if kind is ConsentChanged and rng.random() < 0.5:
        fields["channel"] = None
    late = rng.choice([0] * 20 + [2 * MINUTE, 3 * 60 * MINUTE, -DAY])
    fields["occurred_at"] = START + int(at * 1_000) - late
    if kind in SHOP_EVENT_TYPES:
        key = fields.get("product_id") or fields["currency"]
    else:
        key = fields["customer_id"] = customer
    return Published(at, TOPIC_OF[kind], key, msgspec.json.encode(fields))


def _price(rng: Random, fields: dict[str, Any]) -> None:
    """Let amounts be of the two currencies that budgets are in."""
    if "currency" in fields:
        fields["currency"] = rng.choice(["EUR", "EUR", "EUR", "SEK"])
    if "total_cents" in fields:
        fields["total_cents"] = rng.choice([0, 1_999, 3_999, 29_900])


def _quote(rng: Random, fields: dict[str, Any]) -> None:
    """Let a product be sold out or dear, and cheaper later, and a rate be that of one of two."""
    if "price_cents" in fields:
        fields["price_cents"] = rng.choice([0, 999, 1_999, 3_999])
    if "available" in fields:
        fields["available"] = rng.choice([0, 5, 7])
    if "rate" in fields:
        fields["currency"], fields["per"], fields["rate"] = rng.choice(RATES)


def _promise(rng: Random, at: float, fields: dict[str, Any]) -> None:
    """Let a promise be one that can be kept or broken while the storm lasts."""
    if "promised_at" in fields:
        fields["promised_at"] = START + int(at * 1_000) + rng.choice([1_000, 5_000])


def _tick(rng: Random, at: float) -> Published:
    value = msgspec.json.encode(Tick(START + int(at * 1_000)))
    return Published(at, rng.choice(RAW_TOPICS), "", value)
