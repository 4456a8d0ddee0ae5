"""Bad input never stops anything and never vanishes: it becomes a dead letter that says what to fix.

A thousand spoiled records among a thousand good ones, through a real broker and a real worker.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from confluent_kafka import Producer
from live_shop import now, open_shop, read, until

from schemas.dead_letter import TOPIC as DEAD_LETTERS
from schemas.instant import HOUR
from state.redis_table import RedisTable
from streams.demo.path import PARTITIONS

pytestmark = pytest.mark.live

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
GOOD = BAD_COUNT = 1_000

# What is wrong with it, and the reason that must be given.
Spoil = Callable[[dict[str, Any]], bytes]
BAD: list[tuple[str, Spoil]] = [
    ("not_json", lambda event: json.dumps(event).encode()[:-9]),
    ("not_json", lambda event: b"\xff\xfe" + json.dumps(event).encode()),
    ("not_json", lambda event: b""" {"type": 'order_placed'} """),
    ("empty", lambda event: b""),
    ("too_large", lambda event: json.dumps(event | {"text": "x" * 300_000}).encode()),
    ("unknown_type", lambda event: json.dumps(event | {"type": "order_teleported"}).encode()),
    ("unknown_type", lambda event: json.dumps(_without(event, "type")).encode()),
    ("unknown_type", lambda event: json.dumps(event | {"type": "order_placed"}).encode()),
    ("missing_field", lambda event: json.dumps(_without(event, "review_id")).encode()),
    ("no_customer", lambda event: json.dumps(_without(event, "customer_id")).encode()),
    ("invalid_field", lambda event: json.dumps(event | {"rating": "five"}).encode()),
    ("invalid_field", lambda event: json.dumps(event | {"rating": 6}).encode()),
    ("invalid_field", lambda event: json.dumps(event | {"occurred_at": START // 1000}).encode()),
    (
        "zone_missing",
        lambda event: json.dumps(event | {"occurred_at": "2026-01-20T08:00:00"}).encode(),
    ),
    ("not_json", lambda event: json.dumps([event]).encode()),
    ("from_the_future", lambda event: json.dumps(event | {"occurred_at": now() + HOUR}).encode()),
    ("tick_not_allowed", lambda event: json.dumps({"type": "tick", "at": START}).encode()),
]


def _without(event: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != field}


def test_a_thousand_spoiled_records_are_dead_letters_and_every_good_one_is_applied(
    tmp_path: Path,
) -> None:
    random = Random(1)
    sent: list[tuple[str, bytes]] = []
    for number in range(BAD_COUNT):
        reason, spoil = BAD[number % len(BAD)]
        sent.append((reason, spoil(review(f"bad-{number}"))))
    good = [("", json.dumps(review(f"good-{number}")).encode()) for number in range(GOOD)]
    mixed = random.sample([*sent, *good], len(sent) + len(good))

    with open_shop(tmp_path) as shop:
        producer = Producer({"bootstrap.servers": shop.servers.broker, "linger.ms": 5})
        for _, value in mixed:
            producer.produce("reviews", value, b"key")
        producer.flush()
        letters = read(shop.servers.broker, DEAD_LETTERS, lambda it: len(it) >= BAD_COUNT)
        until(lambda: applied(shop.servers.redis_url) >= GOOD, "every good review is applied")
        assert shop.ready()

    assert len(letters) == BAD_COUNT
    assert applied_exactly(letters, mixed) == Counter(reason for reason, _ in sent)


def review(event_id: str) -> dict[str, Any]:
    return {
        "type": "review_posted", "event_id": event_id, "customer_id": f"c{len(event_id)}",
        "occurred_at": START, "review_id": event_id, "product_id": "p", "rating": 5,
    }  # fmt: skip


def applied(redis_url: str) -> int:
    async def count() -> int:
        async with RedisTable(redis_url) as table:
            counters = [await table.counters(partition) for partition in range(PARTITIONS)]
        names = ("records/review_posted/applied", "records/review_posted/late")
        return sum(it.get(name, 0) for it in counters for name in names)

    return asyncio.run(count())


def applied_exactly(letters: list[Any], mixed: list[tuple[str, bytes]]) -> Counter[str]:
    """The reasons of the dead letters, each of which stands for the record at its source offset."""
    reasons: Counter[str] = Counter()
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers()}
        expected, value = mixed[int(headers["source_offset"])]
        assert headers["source_topic"] == "reviews"
        assert (letter.value() or b"") == value, "the original bytes"
        assert headers["reason"] == expected, headers["detail"]
        assert headers["detail"]
        assert headers["hint"]
        reasons[headers["reason"]] += 1
    return reasons
