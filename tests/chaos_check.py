"""Did the crashes show? What workers made of the journal, beside what memory makes of it.

The journal as it stands goes once more through the engine, in memory and without any accident.
State and decisions depend on it and on the config only, so everything must be equal: the decisions
and their order, what is published, rows, timers, products, the shop's row, the counts.

Before that: each raw record must have got into the journal, or into the dead letters. And after it,
what was published must have kept the rules of the gate (``gate_rules``).
"""

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, cast

import msgspec
from chaos_shop import PARTITIONS, ChaosShop
from gate_rules import check_gate
from msgspec import Struct, field
from tables import events_applied, facts_among

from agents.engine.engine import Engine
from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import RAW_TOPICS, decode_outgoing, decode_record, raw_decoders
from schemas.decisions import Decision, Outgoing
from schemas.journal import Entry, Record, ShopEntry
from state.customer import decode_customer
from state.memory_table import MemoryTable
from state.shop import Shop
from state.table import Position
from state.waiting import entry
from streams.apply import apply
from streams.bootstrap import load_policy
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.topics import JOURNAL

TOLD_MAX = 20
BATCH = 500


class Verdict(Struct):
    """What was found: what is lost, missing, doubled, different or in breach has to be 0.

    events: raw records. lost: those that are neither in the journal nor in the dead letters.
    not_applied: events in the journal that no row has taken in, by the workers' own counts.
    missing: triggers and decisions that nobody published. decided_twice: what was published and is
    not what memory decides, or is another thing under the same id. published_twice: copies beyond
    the first of the same trigger or decision. row_mismatches: keys of Redis that differ.
    gate_breaches: rules of the gate that were broken. answers: what the gate said, and how often.
    counters, budgets, exposures: how many of them were the same in Redis and in memory.
    """

    events: int = 0
    carried_twice: int = 0
    lost: int = 0
    not_applied: int = 0
    triggers_expected: int = 0
    decisions_expected: int = 0
    missing: int = 0
    decided_twice: int = 0
    published_twice: int = 0
    row_mismatches: int = 0
    rows: int = 0
    gate_breaches: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    counters: int = 0
    budgets: int = 0
    exposures: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or changed."""
        return not any((
            self.lost, self.not_applied, self.missing, self.decided_twice, self.row_mismatches,
            self.gate_breaches,
        ))  # fmt: skip

    def tell(self, what: str) -> None:
        """Keep the first differences."""
        if len(self.differences) < TOLD_MAX:
            self.differences.append(what)


class Journal(Struct):
    """A journal partition as it stands in Kafka."""

    offsets: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


def check(shop: ChaosShop) -> Verdict:
    """Compare, when all workers have stopped."""
    verdict = Verdict()
    with Reader(Brokers(shop.settings.broker)) as reader:
        journals: dict[int, Journal] = defaultdict(Journal)
        for record in reader.to_the_end([JOURNAL]):
            journal = journals[record.partition() or 0]
            journal.offsets.append(record.offset() or 0)
            journal.records.append(decode_record(record.value() or b""))
    _check_carried(shop, journals, verdict)
    engine = load_policy(shop.settings).engine(PARTITIONS)
    published = _decisions(shop)
    expected: dict[str, Outgoing] = {}
    waiting: set[str] = set()
    for partition in range(PARTITIONS):
        key, journal = f"ebb:{{p{partition}}}:", journals[partition]
        end = Position.parse(shop.redis.get(key + "position"))
        table, decided = asyncio.run(_replayed(engine, partition, journal, end))
        _check_state(shop, partition, table, verdict)
        _check_applied(shop, partition, journal, verdict)
        expected |= {it.decision.id: it for it in decided}
        outbox = [decode_outgoing(it).decision for it in shop.redis.lrange(key + "outbox", 0, -1)]
        waiting |= {it.id for it in outbox}
        _check_gate(engine, table._of(partition), published[partition] + outbox, journal, verdict)
    _check_published(shop, expected, waiting, verdict)
    return verdict


def _decisions(shop: ChaosShop) -> dict[int, list[Decision]]:
    """What was published, by partition, as often as it was."""
    found: dict[int, list[Decision]] = defaultdict(list)
    with Reader(Brokers(shop.settings.broker)) as reader:
        for record in reader.to_the_end([DECISIONS]):
            decision = msgspec.json.decode(record.value() or b"", type=Decision)
            found[record.partition() or 0].append(decision)
    return found


def _check_gate(
    engine: Engine, here: Any, published: list[Decision], journal: Journal, verdict: Verdict
) -> None:
    """Hold what a partition has published to the rules of the gate, and count what was compared."""
    seen = check_gate(engine, here, published, journal.records)
    verdict.answers += seen.answers
    verdict.gate_breaches += len(seen.differences)
    for it in seen.differences:
        verdict.tell(it)
    verdict.counters += len(here.counters)
    verdict.budgets += len(msgspec.msgpack.decode(here.shop, type=Shop).budgets)
    verdict.exposures += sum(
        len(decode_customer(name, row).exposures) for name, row in here.customers.items()
    )


def _check_carried(shop: ChaosShop, journals: dict[int, Journal], verdict: Verdict) -> None:
    """Each raw record is in the journal, itself or as an event that is alike, or a dead letter.

    What happens to no one customer is in every partition.
    """
    sources: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    events: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, journal in journals.items():
        for it in journal.records:
            if isinstance(it, Entry | ShopEntry):
                place = it.source.topic, it.source.partition, it.source.offset
                sources[place].append(number)
                events[it.event.subject, it.event.event_id].add(number)
    verdict.carried_twice = sum(len(it) - len(set(it)) for it in sources.values())
    with Reader(Brokers(shop.settings.broker)) as reader:
        for record in reader.to_the_end(["dead-letters"]):
            headers = dict(record.headers() or [])
            source = (headers[f"source_{it}"] for it in ("topic", "partition", "offset"))
            topic, partition, offset = (_text(it) for it in source)
            sources[topic, int(partition), int(offset)] = [*journals]
        lost: dict[tuple[str, int], list[int]] = defaultdict(list)
        ends: Counter[tuple[str, int]] = Counter()
        for record in reader.to_the_end(RAW_TOPICS):
            verdict.events += 1
            topic, number, at = record.topic() or "", record.partition() or 0, record.offset() or 0
            ends[topic, number] = at + 1
            wanted = len(journals) if topic == "shop" else 1
            if len(set(sources[topic, number, at])) < wanted:
                fact = raw_decoders[topic].decode(record.value() or b"")
                if len(events[fact.subject, fact.event_id]) < wanted:
                    lost[topic, number].append(at)
        for which, offsets in lost.items():
            verdict.lost += len(offsets)
            verdict.tell(f"not in the journal: {which} {offsets} of {ends[which]}")


async def _replayed(
    engine: Engine, partition: int, journal: Journal, end: Position
) -> tuple[MemoryTable, list[Outgoing]]:
    """The partition as memory has it, when it has applied as much as Redis has."""
    table, decided = MemoryTable(), cast("list[Outgoing]", [])
    count = bisect_left(journal.offsets, end.offset)
    for begin in range(0, count, BATCH):
        position = await table.position(partition)
        batch = slice(begin, min(begin + BATCH, count))
        async for applied in apply(
            engine, table, partition, position, journal.offsets[batch], journal.records[batch],
            published=position.sequence,
        ):  # fmt: skip
            decided += applied.batch.outgoing
    return table, decided


def _check_state(shop: ChaosShop, partition: int, table: MemoryTable, verdict: Verdict) -> None:
    """Everything that Redis holds of a partition, key by key."""
    here, key, client = table._of(partition), f"ebb:{{p{partition}}}:", shop.redis
    position = Position.parse(client.get(key + "position"))
    if (position.offset, position.sequence) != (here.position.offset, here.position.sequence):
        verdict.row_mismatches += 1
        verdict.tell(f"p{partition}: position {position}, in memory {here.position}")
    _compare(
        f"p{partition} customers",
        {name.decode(): msgspec.msgpack.decode(row) for name, row in client.hgetall(key + "customers").items()},
        {name: msgspec.msgpack.decode(row) for name, row in here.customers.items()}, verdict,
    )  # fmt: skip
    _compare(
        f"p{partition} products",
        {name.decode(): msgspec.msgpack.decode(row) for name, row in client.hgetall(key + "products").items()},
        {name: msgspec.msgpack.decode(row) for name, row in here.products.items()}, verdict,
    )  # fmt: skip
    _compare(
        f"p{partition} ledgers",
        {name.decode(): msgspec.msgpack.decode(row) for name, row in client.hgetall(key + "ledgers").items()},
        {name: msgspec.msgpack.decode(row) for name, row in here.ledgers.items()}, verdict,
    )  # fmt: skip
    waiting = dict.fromkeys(it.decode() for it in client.zrange(key + "waiting", 0, -1))
    wanted = dict.fromkeys(entry(*pair) for pair in here.waiting)
    _compare(f"p{partition} waiting", dict(waiting), dict(wanted), verdict)
    _compare(
        f"p{partition} timers",
        {name.decode(): int(due) for name, due in client.zrange(key + "timers", 0, -1, withscores=True)},
        dict(here.due), verdict,
    )  # fmt: skip
    _compare(
        f"p{partition} counters",
        {name.decode(): int(count) for name, count in client.hgetall(key + "counters").items()},
        dict(here.counters), verdict,
    )  # fmt: skip
    shop_row = client.get(key + "shop")
    _compare(
        f"p{partition} shop", {"shop": shop_row and msgspec.msgpack.decode(shop_row)},
        {"shop": here.shop and msgspec.msgpack.decode(here.shop)}, verdict,
    )  # fmt: skip


def _check_applied(shop: ChaosShop, partition: int, journal: Journal, verdict: Verdict) -> None:
    """Each event of the journal was taken in: a replay cannot tell, it would leave out the same."""
    events = facts_among(journal.records)
    counters = shop.redis.hgetall(f"ebb:{{p{partition}}}:counters").items()
    count = events_applied({name.decode(): int(by) for name, by in counters})
    if count != len(events):
        verdict.not_applied += abs(len(events) - count)
        verdict.tell(f"p{partition}: {len(events)} events in the journal, {count} applied")


def _compare(
    what: str, found: dict[str, object], expected: dict[str, object], verdict: Verdict
) -> None:
    verdict.rows += len(expected)
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            verdict.row_mismatches += 1
            verdict.tell(f"{what} {name}: {found.get(name)}, in memory {expected.get(name)}")


def _check_published(
    shop: ChaosShop, expected: dict[str, Outgoing], waiting: set[str], verdict: Verdict
) -> None:
    """Trigger topics and decisions, as a reader of committed records sees them."""
    sent = {name: it for name, it in expected.items() if it.decision.outcome == "sent"}
    verdict.triggers_expected, verdict.decisions_expected = len(sent), len(expected)
    topics = [trigger_topic(kind) for kind in shop.kinds]
    with Reader(Brokers(shop.settings.broker)) as reader:
        for names, wanted in ((topics, sent), ([DECISIONS], expected)):
            seen: dict[str, list[bytes]] = defaultdict(list)
            for record in reader.to_the_end(names):
                headers = dict(record.headers() or [])
                seen[_text(headers["ce_id"])].append(record.value() or b"")
            _count(names[0], seen, wanted, waiting, verdict)


def _count(
    where: str, seen: dict[str, list[bytes]], wanted: Iterable[str], waiting: set[str],
    verdict: Verdict,
) -> None:  # fmt: skip
    for name in wanted:
        if name not in seen and name not in waiting:
            verdict.missing += 1
            verdict.tell(f"{where}: {name} was not published")
    wanted_names = set(wanted)
    for name, values in seen.items():
        verdict.published_twice += len(values) - 1
        if name not in wanted_names:
            verdict.decided_twice += 1
            verdict.tell(f"{where}: {name} is not what memory decides: {values[0][:300]!r}")
        elif len(set(values)) > 1:
            verdict.decided_twice += 1
            verdict.tell(f"{where}: {name} says two things: {values[:2]!r}")


def _text(header: str | bytes | None) -> str:
    return header.decode() if isinstance(header, bytes) else header or ""
