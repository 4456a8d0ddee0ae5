"""What do storefronts publish in a simulation? A few customers' doings, some of them twice or wrong."""

from random import Random

import msgspec
from any_event import TOPIC_OF, AnyEvent
from msgspec import Struct
from storm_loop import START

from schemas.clickstream import CheckoutStarted, ProductAdded, ProductViewed
from schemas.codec import RAW_TOPICS
from schemas.event import Event
from schemas.instant import DAY, MINUTE
from schemas.journal import Tick
from schemas.orders import OrderDelivered, OrderPlaced
from schemas.profiles import ErasureRequested
from schemas.reviews import ReviewPosted

#: What customers mostly do; one event in five is of any kind.
USUAL: tuple[type[Event], ...] = (
    ProductAdded, ProductAdded, ProductViewed, OrderPlaced, OrderPlaced, OrderDelivered,
    ReviewPosted, CheckoutStarted,
)  # fmt: skip
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
    published: list[Published] = []
    for at in times:
        published.append(_event(rng, at, f"c{rng.randrange(customers)}"))
        if rng.random() < 0.08:  # A storefront that did not hear the broker's answer.
            published.append(msgspec.structs.replace(rng.choice(published[-3:]), at=at))
    for i in range(1, len(published)):
        if rng.random() < 0.05:
            one, two = published[i - 1], published[i]
            one.value, one.topic, one.key, two.value, two.topic, two.key = (
                two.value, two.topic, two.key, one.value, one.topic, one.key,
            )  # fmt: skip
    if ticks:
        published += [_tick(rng, at) for at in range(1, int(seconds) + 20)]
        published.sort(key=lambda it: it.at)
    return published


def _event(rng: Random, at: float, customer: str) -> Published:
    if rng.random() < 0.03:
        return Published(at, rng.choice(RAW_TOPICS), customer, rng.choice(BROKEN))
    any_event = AnyEvent(rng, names=4)
    kind = rng.choice(USUAL) if rng.random() < 0.8 else rng.choice(list(TOPIC_OF))
    if kind is ErasureRequested and rng.random() < 0.7:
        kind = OrderPlaced
    fields = any_event.published(kind)
    late = rng.choice([0] * 20 + [2 * MINUTE, 3 * 60 * MINUTE, -DAY])
    fields |= {"customer_id": customer, "occurred_at": START + int(at * 1_000) - late}
    return Published(at, TOPIC_OF[kind], customer, msgspec.json.encode(fields))


def _tick(rng: Random, at: float) -> Published:
    value = msgspec.json.encode(Tick(START + int(at * 1_000)))
    return Published(at, rng.choice(RAW_TOPICS), "", value)
