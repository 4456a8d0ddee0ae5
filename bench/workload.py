"""What do all contenders work on? W: the events of a shop with a few very busy customers.

80 % product_viewed, 12 % product_added, 5 % order_placed, 3 % review_posted; customers drawn by
Zipf's law with exponent 1.05; three days of event time for each million events. Events are those
that storefronts publish (docs/publish-events.md), 180 to 250 bytes of JSON each.
"""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from bench.place import BUILD, doing
from schemas.instant import DAY

ZIPF = 1.05
START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
SPAN = 3 * DAY  # Of a million events.
PRODUCTS, CATEGORIES = 2_000, 20
KINDS = {"product_viewed": 0.80, "product_added": 0.12, "order_placed": 0.05, "review_posted": 0.03}
TOPIC_OF = {
    "product_viewed": "clickstream", "product_added": "clickstream", "order_placed": "orders",
    "review_posted": "reviews",
}  # fmt: skip

_encode = msgspec.json.Encoder().encode


class Published(Struct, array_like=True):
    """A record as a storefront would publish it. key: the customer."""

    topic: str
    key: bytes
    value: bytes
    at: int


def events(count: int, customers: int, seed: int = 7) -> Iterator[Published]:
    """W, in order of time."""
    rng = Random(seed)
    weights = list(accumulate(rank**-ZIPF for rank in range(1, customers + 1)))
    ranks = list(range(customers))
    rng.shuffle(ranks)  # Who is busy says nothing about where they are.
    kinds = list(KINDS)
    shares = list(accumulate(KINDS.values()))
    tastes = [rng.randrange(CATEGORIES) for _ in range(customers)]
    step = SPAN / 1_000_000
    for number in range(count):
        who = ranks[rng.choices(range(customers), cum_weights=weights)[0]]
        kind = rng.choices(kinds, cum_weights=shares)[0]
        # Mostly what they like, now and then something near it.
        category = (tastes[who] + min(int(rng.expovariate(0.9)), 7)) % CATEGORIES
        product = f"product-{rng.randrange(PRODUCTS // CATEGORIES) * CATEGORIES + category:04}"
        at = START + round(number * step)
        event = {
            "type": kind, "event_id": f"e{number:09}", "customer_id": f"customer-{who:07}",
            "occurred_at": at, **_rest(rng, kind, number, product, f"category-{category:02}"),
        }  # fmt: skip
        yield Published(TOPIC_OF[kind], f"customer-{who:07}".encode(), _encode(event), at)


def _rest(rng: Random, kind: str, number: int, product: str, category: str) -> dict[str, object]:
    price = round(rng.lognormvariate(7.5, 0.7))
    match kind:
        case "order_placed":
            item = {
                "product_id": product, "category": category, "price_cents": price,
                "quantity": rng.randint(1, 3),
            }  # fmt: skip
            return {"order_id": f"o{number:09}", "currency": "EUR", "products": [item]}
        case "review_posted":
            words = "It came in time and does what it should."
            return {
                "review_id": f"r{number:09}", "product_id": product, "text": words,
                "rating": rng.randint(1, 5),
            }  # fmt: skip
        case _:
            return {
                "product_id": product, "category": category, "price_cents": price,
                "currency": "EUR",
            }  # fmt: skip


def on_disk(count: int, customers: int, seed: int = 7) -> Path:
    """W as a file, made once: msgpack after msgpack, read by ``read``."""
    path = BUILD / f"w-{count}-{customers}-{seed}.msgpack"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        under_way = path.with_suffix(".part")
        encode = msgspec.msgpack.Encoder().encode
        what = f"W: {count:,} events of {customers:,} customers"
        with doing(what), under_way.open("wb") as file:
            for event in events(count, customers, seed):
                content = encode(event)
                file.write(len(content).to_bytes(4, "big") + content)
        under_way.replace(path)
    return path


def read(path: Path) -> Iterator[Published]:
    """W from its file."""
    decode = msgspec.msgpack.Decoder(Published).decode
    with path.open("rb") as file:
        while head := file.read(4):
            yield decode(file.read(int.from_bytes(head, "big")))
