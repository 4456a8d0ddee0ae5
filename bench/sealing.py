"""What does it cost to seal and to open? Microseconds an event, with personal fields and without.

    python -m bench.sealing

Ingest's check, Sealer and JSON on the one side, decoding, Opener and engine on the other. Keys and
topic are in memory, so what Redis and Kafka add, once a batch, is not in it. Medians of five.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from partition import AGREED
from privacy_world import Keys, Line, Redis, Steps, TopicOfKeys

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from config.settings import Settings
from schemas.clickstream import PageViewed, ProductsSearched, ProductViewed
from schemas.codec import decode_record, encode_json
from schemas.event import Event
from schemas.reviews import ReviewPosted
from state.memory_table import MemoryTable
from streams.apply import apply
from streams.clock import Carried
from streams.ingest import Ingest
from streams.privacy.cipher import Cipher
from streams.privacy.key_ring import KeyRing
from streams.privacy.privacy import privacy
from streams.producer import Outbound

EVENTS, CUSTOMERS, BATCH, ROUNDS = 20_000, 2_000, 1_000, 5
AT = 1_768_896_000_000


class _Sent:
    """Takes what ingest writes."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    async def send(self, records: Iterable[Outbound]) -> None:
        self.values += [it.value or b"" for it in records]


def events(kind: str, number: int) -> Event:
    """An event of a kind."""
    its: dict[str, Any] = {
        "event_id": f"e{number}", "occurred_at": AT + number,
        "customer_id": f"c{number % CUSTOMERS}",
    }  # fmt: skip
    match kind:
        case "product_viewed":
            return ProductViewed(product_id="tea", **its)
        case "page_viewed":
            return PageViewed(url="/account/orders?page=2&sort=newest", **its)
        case "products_searched":
            return ProductsSearched(query="green tea for two", **its)
        case _:
            text = "It leaks, and the lid does not fit. " * 5
            return ReviewPosted(review_id="r", product_id="tea", rating=4, text=text, **its)


async def once(kind: str, *, sealed: bool) -> tuple[float, float]:
    """Microseconds an event: into the journal, and out of it into rows."""
    steps, topic = Steps(), TopicOfKeys()
    line = Line(topic, steps)
    ring = KeyRing(Keys(Redis(), steps), line, line)
    parts = privacy(ring, Cipher("x" * 32) if sealed else None, 1)
    sent = _Sent()
    ingest = Ingest(Settings(), cast("Any", sent), Carried(), 1, parts.sealer)
    topics = {"review_posted": "reviews"}
    tp = TP(topics.get(kind, "clickstream"), 0)
    raw = [
        SimpleNamespace(value=encode_json(events(kind, it)), key=None, offset=it, timestamp=AT)
        for it in range(EVENTS)
    ]
    began = perf_counter()
    for begin in range(0, EVENTS, BATCH):
        await ingest.handle(tp, raw[begin : begin + BATCH])
    carried = perf_counter()
    engine, table = Engine([], AGREED, EngineSettings()), MemoryTable()
    for begin in range(0, EVENTS, BATCH):
        offsets = list(range(begin, begin + BATCH))
        records = [decode_record(it) for it in sent.values[begin : begin + BATCH]]
        opened = await parts.opener.open(0, offsets, records, EVENTS)
        position = await table.position(0)
        async for _ in apply(engine, table, 0, position, offsets, opened):
            pass
    return (carried - began) / EVENTS * 1e6, (perf_counter() - carried) / EVENTS * 1e6


def main() -> None:
    """Print a table."""
    print(f"{'event':<20}{'in':>8}{'sealed':>8}{'out':>8}{'opened':>8}   µs an event")
    for kind in ("product_viewed", "page_viewed", "products_searched", "review_posted"):
        plain = [asyncio.run(once(kind, sealed=False)) for _ in range(ROUNDS)]
        sealed = [asyncio.run(once(kind, sealed=True)) for _ in range(ROUNDS)]
        cells = [median(it[side] for it in its) for side in (0, 1) for its in (plain, sealed)]
        print(f"{kind:<20}" + "".join(f"{it:>8.1f}" for it in cells))


if __name__ == "__main__":
    main()
