"""How does a test have decisions on record? From a real engine, as they would stand on the topic.

No broker: the records are plain values, with what a reader asks of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import msgspec
import pytest
from command_line import FakeInRedis
from msgspec import Struct
from msgspec.structs import replace
from partition import Partition

from agents.agent import Act, Agent, Say, View
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.cloud_event import messages
from schemas.decisions import Decision, Evidence, Money
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ConsentChanged, MessageOpened, MessageSent
from state.customer import Customer
from state.shop import Shop
from streams.commands import kafka
from streams.commands.kafka import Bounds
from streams.connection import Brokers
from streams.customer import row as customer_row
from streams.partitioner import partition_of

PARTITIONS = 4
MORNING = 1_768_896_000_000  # 2026-01-20 08:00 UTC
EVENING = MORNING + 14 * HOUR
NIGHTS = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
#: Nobody is held out, but everybody is counted.
COUNTED = Holdout(share=1e-15, over_all=1e-15)
NIGHTLY = Gate(quiet_hours=NIGHTS, holdout=COUNTED)


class Offered(Struct, frozen=True):
    """What is offered."""

    value_cents: int
    currency: str


class Offer(Agent, frozen=True):
    """Makes an offer on every page that is viewed."""

    listens: ClassVar = (PageViewed,)
    says: ClassVar = {"offer": Offered}
    pause_hours: float = 0.0

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Make it."""
        yield Say(
            reason="page_viewed",
            payload=Offered(500, "EUR"),
            evidence=Evidence((event.event_id,), {"quiet_days": 44.2}, {"quiet_days_min": 7}),
            hands_out=Money(500, "EUR"),
        )


class Louder(Offer, frozen=True):
    """Makes it too, and goes first."""

    says: ClassVar = {"louder": Offered}
    priority: int = 9


def agrees(at: int = MORNING - HOUR, channel: Any = "email") -> ConsentChanged:
    return ConsentChanged(
        event_id="agrees", customer_id="ann", occurred_at=at, purpose="marketing",
        channel=channel, granted=True,
    )  # fmt: skip


def views(number: int, at: int) -> PageViewed:
    return PageViewed(event_id=f"view-{number}", customer_id="ann", occurred_at=at, url="/")


def orders(number: int, at: int) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"order-{number}", customer_id="ann", occurred_at=at, order_id=f"o-{number}",
        currency="EUR", products=(Item(product_id="tea", price_cents=1_250),),
    )  # fmt: skip


def answers(at: int) -> list[Event]:
    """A message that was sent by e-mail, and opened."""
    said: dict[str, Any] = {"customer_id": "ann", "message_id": "m", "channel": "email"}
    return [
        MessageSent(event_id="m-sent", occurred_at=at, **said),
        MessageOpened(event_id="m-opened", occurred_at=at + HOUR, **said),
    ]


def ticks(begin: int, end: int) -> list[Tick]:
    return [Tick(at) for at in range(begin, end + 1, HOUR)]


class History:
    """What agents and a gate made of some facts about ann."""

    def __init__(self, gate: Gate, *facts: Event | Tick, agents: Sequence[Agent] = ()) -> None:
        partition = Partition(*(agents or [Offer()]), gate=gate)
        self.gate = gate
        self.decided: list[Decision] = partition.facts(*facts)
        self.row: Customer | None = partition.row("ann")
        self.row_bytes: bytes | None = partition.table.rows(0).get("ann")
        self.shop_bytes: bytes = partition.state()["shop"]
        self.shop: Shop = msgspec.msgpack.decode(self.shop_bytes, type=Shop)


def many(count: int) -> list[Decision]:
    """Decisions about several customers, each with an id that says which it is."""
    (sent,) = History(Gate(holdout=COUNTED), agrees(), views(1, MORNING)).decided
    return [
        replace(sent, id=f"{number:032x}", customer_id=f"c{number}") for number in range(1, count)
    ]


class Recorded:
    """A record on `decisions`."""

    def __init__(self, key: bytes, value: bytes, partition: int, offset: int) -> None:
        self._key, self._value, self._partition, self._offset = key, value, partition, offset

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, MORNING + self._offset


def on_topic(decided: Iterable[Decision]) -> list[Any]:
    """Decisions as they stand on their topic, in one partition after the other."""
    found = []
    for offset, decision in enumerate(decided):
        record = messages(decision)[-1]
        partition = partition_of(decision.customer_id, PARTITIONS)
        found.append(Recorded(record.key, record.value, partition, offset))
    return sorted(found, key=Recorded.partition)


class FakeReader:
    """Reads from a list. read: how many records of which partitions were asked for."""

    records: ClassVar[list[Any]] = []
    read: ClassVar[list[int]] = []

    def __init__(self, brokers: Brokers) -> None:
        self.brokers = brokers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def bounds(self, topics: Sequence[str]) -> dict[tuple[str, int], Bounds]:
        return {(topics[0], it): Bounds(0, len(self.records)) for it in range(PARTITIONS)}

    def to_the_end(self, topics: Sequence[str], start: Sequence[Any] = ()) -> Iterator[Any]:
        places = [it.partition for it in start]
        for record in self.records:
            if not places or record.partition() in places:
                self.read.append(record.partition())
                yield record


class FakeRows(FakeInRedis):
    """A table of one row."""

    row: ClassVar[bytes | None] = None
    of_shop: ClassVar[bytes | None] = None

    async def customer(self, partition: int, customer_id: str) -> bytes | None:
        return self.row if customer_id == "ann" else None

    async def shop(self, partition: int) -> bytes | None:
        return self.of_shop


def put_in_place(monkeypatch: pytest.MonkeyPatch, history: History) -> None:
    """Let commands find a history where they look for a topic and a row."""
    monkeypatch.setattr(kafka, "Reader", FakeReader)
    monkeypatch.setattr(customer_row, "RedisTable", FakeRows)
    monkeypatch.setattr(FakeReader, "records", on_topic(history.decided))
    monkeypatch.setattr(FakeReader, "read", [])
    monkeypatch.setattr(FakeRows, "row", history.row_bytes)
    monkeypatch.setattr(FakeRows, "of_shop", history.shop_bytes)
