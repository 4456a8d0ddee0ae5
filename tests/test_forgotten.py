"""The outbox of who was erased: what waits keeps its place and its id, and says nothing any more."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from partition import AGREED, Partition, journal
from voices import News

from agents.gate.gate import Gate
from schemas.clickstream import PageViewed
from schemas.cloud_event import messages
from schemas.decisions import Decision, Mark, Outgoing, blank
from schemas.instant import HOUR
from schemas.profiles import ErasureRequested
from state.memory_table import MemoryTable
from state.table import Table
from streams.producer import Outbound
from streams.relay import Relay

NOON = 1_768_910_400_000  # 2026-01-20 12:00 UTC
OFTEN = msgspec.structs.replace(AGREED, distance_hours=0, caps=())


def page(who: str, hour: int, event_id: str = "") -> PageViewed:
    return PageViewed(
        event_id=event_id or f"{who}{hour}", customer_id=who, occurred_at=NOON + hour * HOUR,
        url="news",
    )  # fmt: skip


def erasure(who: str, hour: int) -> ErasureRequested:
    return ErasureRequested(event_id=f"x{hour}", customer_id=who, occurred_at=NOON + hour * HOUR)


def shop(gate: Gate = OFTEN) -> Partition:
    return Partition(News(), gate=gate)


def test_what_waits_when_its_customer_is_erased_says_nothing_and_keeps_its_place() -> None:
    it = shop()
    said = it.facts(page("ann", 0), page("bob", 0))
    it.facts(erasure("ann", 1), begin=2)
    first, second = it.outbox()
    assert (first.id, first.customer_id) == (said[0].id, "ann")
    assert (first.outcome, first.reason) == ("suppressed", "erased")
    assert bytes(first.payload) == b"{}"
    assert first.evidence.events == ()
    assert second == said[1]


def test_it_is_so_within_a_batch_too_and_counts_as_it_was_decided() -> None:
    one, by_one = shop(), shop()
    facts = [page("ann", 0), page("bob", 0), erasure("ann", 1), page("ann", 2)]
    said = one.feed(journal(facts))
    for record in journal(facts):
        by_one.feed([record])
    assert one.outbox() == by_one.outbox()
    assert one.state()["counters"] == by_one.state()["counters"]
    assert [it.reason for it in one.outbox()] == ["erased", said[1].reason, said[2].reason]
    assert one.state()["counters"]["decisions/news/sent"] == 3


def test_what_is_decided_after_the_erasure_is_said() -> None:
    it = shop()
    it.facts(erasure("ann", 0))
    said = it.facts(page("ann", 1), begin=1)
    assert it.outbox() == said
    assert said[0].outcome == "sent"


def test_nothing_of_the_trigger_is_published_and_the_record_names_no_words() -> None:
    it = shop()
    [decision] = it.facts(page("ann", 0))
    [record] = messages(blank(Outgoing(1, 0, decision)).decision)
    assert record.topic == "decisions"
    assert b"news" not in record.value.replace(b'"kind":"news"', b"").replace(
        b'"agent":"news"', b""
    )


class Publisher:
    """Publishes when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.out: list[bytes] = []

    async def begin(self) -> Mark:
        return Mark()

    async def publish(self, records: Sequence[Outbound], mark: Mark) -> None:
        await self.may.wait()
        self.out += [it.value or b"" for it in records]

    async def close(self) -> None:
        pass


def decided(sequence: int, who: str) -> Outgoing:
    decision = Decision(
        id=f"{sequence:032}", kind="news", agent="news", customer_id=who, cause="e", cause_at=NOON,
        decided_at=NOON, outcome="sent", reason="heard", payload=msgspec.Raw(b'{"text":"words"}'),
    )  # fmt: skip
    return Outgoing(sequence, 0, decision, sequence)


def test_what_waits_in_the_relays_memory_is_forgotten_too() -> None:
    async def ask() -> list[bytes]:
        publisher = Publisher()
        relay = Relay(0, cast(Table, MemoryTable()), cast(Any, publisher))
        await asyncio.sleep(0.05)
        relay.offer([decided(1, "bob")])
        await asyncio.sleep(0.05)  # It is at it, and cannot be called back.
        relay.offer([decided(2, "ann"), decided(3, "bob"), decided(4, "ann")])
        relay.forget({"ann": 3})
        publisher.may.set()
        while len(publisher.out) < 7:
            await asyncio.sleep(0.01)
        await relay.stop()
        return publisher.out

    out = asyncio.run(ask())
    records = [msgspec.json.decode(it, type=Decision) for it in out if b'"id"' in it]
    assert [(it.customer_id, it.reason) for it in records] == [
        ("bob", "heard"), ("ann", "erased"), ("bob", "heard"), ("ann", "heard"),
    ]  # fmt: skip
    assert len(out) == 7  # Three triggers: one of the four was not sent.


def test_a_relay_has_nothing_to_forget_of_others() -> None:
    async def ask() -> list[Outgoing]:
        publisher = SimpleNamespace(begin=lambda: asyncio.sleep(9, Mark()))
        relay = Relay(0, cast(Table, MemoryTable()), cast(Any, publisher))
        relay.offer([decided(1, "ann")])
        relay.forget({"bob": 9})
        waiting = list(relay._waiting)
        await relay.stop()
        return waiting

    assert asyncio.run(ask()) == [decided(1, "ann")]
