"""A street of three partitions in memory, and a leader that carries looks over: for tests of sharing."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
from partition import AGREED, SETTINGS, Partition, journal

from agents.engine.engine import Engine
from agents.product_recommendation import ProductRecommendation
from schemas.clickstream import ProductViewed
from schemas.codec import decode_record
from schemas.instant import DAY
from schemas.journal import Look, LooksEntry, LooksOf
from state.ledger import Ledgers
from state.popular import ALL, Popular
from state.shared_looks import SHARED_LOOKS, SharedLooks
from state.table import Loaded, Needs, StoreError
from streams.leader import Leader
from streams.learning.sharing import Sharer
from streams.producer import DeliveryError, Outbound

AT = 1_768_896_000_000
AGENT = ProductRecommendation()


def engine(partitions: int = 3, share_seconds: float = 10.0) -> Engine:
    often = msgspec.structs.replace(SETTINGS, share_seconds=share_seconds)
    return Engine([AGENT], AGREED, often, partitions)


class Street:
    """Three partitions in memory, and who carries looks over.

    fails: what does not succeed: load, or send, of which part arrives (part).
    """

    def __init__(self, **set_otherwise: Any) -> None:
        self.shops = [Partition(AGENT) for _ in range(3)]
        for it in self.shops:
            it.engine = engine(**set_otherwise)
        self.sent: list[tuple[int, bytes]] = []
        self.fails = ""
        self.leads = True
        self._events = 0

    async def load(self, partition: int, needs: Needs) -> Loaded:
        if self.fails == "load":
            raise StoreError("away")
        return await self.shops[partition].table.load(0, needs)

    async def send(self, records: Sequence[Outbound]) -> None:
        for it in records[:1] if self.fails == "part" else records:
            assert it.topic == "journal"
            assert it.partition is not None
            self.sent.append((it.partition, it.value or b""))
            self.shops[it.partition].feed([decode_record(it.value or b"")])
        if self.fails == "part":
            raise DeliveryError("away")

    def leader(self) -> Sharer:
        often = engine(share_seconds=0.01)
        leader = Leader(self, self, partitions=3, is_leader=lambda: self.leads)
        return Sharer(often, leader)

    def look(self, leader: Sharer) -> list[tuple[int, LooksEntry]]:
        """One round; the records of it, by partition."""
        before = len(self.sent)
        asyncio.run(leader.look())
        found = [(it, decode_record(value)) for it, value in self.sent[before:]]
        return [(it, entry) for it, entry in found if isinstance(entry, LooksEntry)]

    def visit(self, partition: int, visitor: str, *products: str, category: str = "") -> None:
        views = [
            ProductViewed(
                event_id=f"e{self._events + number}", occurred_at=AT + number,
                anonymous_id=visitor, product_id=it, category=category,
            )
            for number, it in enumerate(products)
        ]  # fmt: skip
        self._events += 100
        self.shops[partition].feed(journal(views, begin=self._events))

    def kept(self, partition: int) -> SharedLooks:
        rows = self.shops[partition].state()["ledgers"]
        return Ledgers({SHARED_LOOKS: rows.get(SHARED_LOOKS)}).read(SHARED_LOOKS, SharedLooks)

    def products(self, partition: int) -> dict[str, bytes]:
        found: dict[str, bytes] = self.shops[partition].state()["products"]
        return found

    def popular(self, partition: int) -> list[tuple[str, int]]:
        rows = self.shops[partition].state()["ledgers"]
        return Ledgers({AGENT.name: rows[AGENT.name]}).read(AGENT.name, Popular).best(ALL, 1)


def everybody_looks(street: Street) -> None:
    street.visit(0, "ann", "tent", "mat", "stove")
    street.visit(1, "bob", "lamp")
    street.visit(2, "cem", "rope")


def any_looks(rng: Random) -> LooksEntry:
    """A record with a look in another partition."""
    products = [f"product-{rng.randrange(9)}" for _ in range(rng.randrange(1, 6))]
    look = Look(rng.randrange(99), AT // DAY, "camping", products)
    return LooksEntry(rng.randrange(99), [LooksOf(rng.randrange(4), [look])])
