"""Did the storm show? The laws that hold at the end, whatever happened.

1. Each raw record is in the journal, or its double is, or it is a dead letter. What happens to no one
   customer is in every partition.
2. A tick stands behind all that had reached the raw topics by then.
3. What the table holds, and what was published, is what memory makes of the journal as it stands.
4. The journal without its repetitions, which is what calm would have made of the same arrivals,
   decides the same and leaves the same rows.
5. Where publication is in transactions each decision is out exactly once, otherwise at least once.
6. Each event that is in the journal was applied. A replay cannot tell: it would leave out the same.
7. What was published keeps the gate's rules, and is what was counted (``gate_rules``).
8. What could not be folded is a dead letter, and nothing else is that had been accepted.
"""

from collections import defaultdict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, cast

import msgspec
from faust.types import TP
from gate_rules import check_gate
from msgspec import Struct, field
from storm_outcome import Outcome
from storm_published import check_published
from storm_replay import Replay, replay
from storm_servers import Stored
from storm_world import World
from tables import events_applied, facts_among

from schemas.cloud_event import DECISIONS
from schemas.codec import decode_record, encode_json, raw_decoders
from schemas.dead_letter import TOPIC as DEAD_LETTERS
from schemas.decisions import Decision, Outgoing
from schemas.journal import Entry, Record, ShopEntry, Source, Tick
from state.memory_table import MemoryTable
from state.shop import decode_shop
from streams.partitioner import partition_of

_decode_decision = msgspec.json.Decoder(Decision).decode


class End(Struct):
    """What is left of a run: decisions in their order and rows, by journal partition.

    refused: the raw records of which nothing could be made.
    """

    decisions: dict[int, list[bytes]] = field(default_factory=dict)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    refused: set[tuple[str, int, int]] = field(default_factory=set)


def check(world: World, outcome: Outcome) -> End:
    """Hold a world that has come to rest to the laws."""
    outcome.digest = _digest(world)
    journals = {tp.partition: _journal(world, tp) for tp in world.journal}
    _check_carried(world, journals, outcome)
    end, expected = End(), cast("list[Decision]", [])
    for partition, records in journals.items():
        _check_ticks(world, partition, records, outcome)
        _check_applied(world, partition, records, outcome)
        whole = _replayed(world, partition, records)
        outcome.met += whole.met
        end.refused |= whole.refused
        _check_gate(world, partition, records, whole.decided, outcome)
        found, wanted = (_state(it, partition) for it in (world.redis.table, whole.table))
        _compare(f"p{partition}", found, wanted, outcome)
        unrepeated = _without_repetitions(records)
        # Where nothing was repeated it is the same log, which says the same again.
        repeats = len(unrepeated) < len(records)
        once = _replayed(world, partition, unrepeated) if repeats else whole
        end.rows[partition] = _rows(once.table, partition)
        end.decisions[partition] = [encode_json(it.decision) for it in once.decided]
        if [encode_json(it.decision) for it in whole.decided] != end.decisions[partition]:
            outcome.differences.append(f"p{partition}: decisions depend on repetitions")
        _compare(
            f"p{partition} without repetitions",
            _rows(whole.table, partition),
            end.rows[partition],
            outcome,
        )
        expected += [it.decision for it in whole.decided]
    check_published(world, expected, outcome)
    _check_refused(world, end.refused, outcome)
    return end


def compare_ends(stormy: End, calm: End, outcome: Outcome) -> None:
    """Hold a storm's end beside that of a calm run over the same feed.

    All but which raw records were seen: repetitions enter where the worker that knew them has died.
    """
    for rows in (*stormy.rows.values(), *calm.rows.values()):
        if rows["shop"] is not None:
            rows["shop"] = msgspec.structs.replace(decode_shop(rows["shop"]), carried={})
    if stormy.refused != calm.refused:
        outcome.differences.append(f"{stormy.refused} were refused, in calm {calm.refused}")
    for partition, decisions in calm.decisions.items():
        if stormy.decisions[partition] != decisions:
            outcome.differences.append(
                f"p{partition}: {len(stormy.decisions[partition])} decisions, in calm {len(decisions)},"
                " or others"
            )
        _compare(f"p{partition} in calm", stormy.rows[partition], calm.rows[partition], outcome)


def _digest(world: World) -> str:
    digest = blake2b(digest_size=8)
    for tp, log in sorted(world.kafka.logs.items()):
        for it in log:
            digest.update(repr((tp, it.offset, it.timestamp, it.key, it.value)).encode())
    return digest.hexdigest()


def _journal(world: World, tp: TP) -> list[tuple[Record, int]]:
    return [(decode_record(it.value or b""), it.timestamp) for it in world.kafka.logs[tp]]


def _check_carried(
    world: World, journals: dict[int, list[tuple[Record, int]]], outcome: Outcome
) -> None:
    places: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    events: dict[tuple[str, str], set[int]] = defaultdict(set)
    for partition, records in journals.items():
        for it, _ in records:
            if isinstance(it, Entry | ShopEntry):
                places[_place(it.source)].append(partition)
                events[it.event.subject, it.event.event_id].add(partition)
    outcome.carried_twice = sum(len(it) - len(set(it)) for it in places.values())
    ticks = {it.at for records in journals.values() for it, _ in records if isinstance(it, Tick)}
    dead = {_dead_letter_place(it) for it in world.kafka.logs[TP(DEAD_LETTERS, 0)]}
    for tp in world.raw:
        for record in world.kafka.logs[tp]:
            outcome.events += 1
            wanted = len(journals) if tp.topic == "shop" else 1
            place = tp.topic, tp.partition, record.offset
            if len(set(places[place])) >= wanted or place in dead:
                continue
            doubles = {name for name, it in events.items() if len(it) >= wanted}
            if not _is_double(raw_decoders[tp.topic].decode, record, doubles, ticks):
                outcome.differences.append(f"lost: {tp.topic}/{tp.partition}/{record.offset}")


def _check_applied(
    world: World, partition: int, records: list[tuple[Record, int]], outcome: Outcome
) -> None:
    events = facts_among(it for it, _ in records)
    count = events_applied(world.redis.table._of(partition).counters)
    # One that comes again after many others may be applied again: docs/adr/0002.
    if count < len(events):
        outcome.differences.append(f"p{partition}: {count} of {len(events)} events were applied")


def _check_gate(
    world: World, partition: int, records: list[tuple[Record, int]], decided: list[Outgoing],
    outcome: Outcome,
) -> None:  # fmt: skip
    published = [_decode_decision(record.value or b"")
                 for tp, log in sorted(world.kafka.logs.items()) if tp.topic == DECISIONS
                 for record in log
                 if partition_of((record.key or b"").decode(), len(world.journal)) == partition]  # fmt: skip
    # Where an erasure came before the publication, only memory knows what was decided.
    known = {it.decision.id: it.decision for it in decided}
    published = [known.get(it.id, it) if it.reason == "erased" else it for it in published]
    seen = check_gate(
        world.plan.engine, world.redis.table._of(partition), published, [it for it, _ in records]
    )
    outcome.answers += seen.answers
    outcome.differences += [f"p{partition}, {it}" for it in seen.differences]


def _check_refused(world: World, refused: set[tuple[str, int, int]], outcome: Outcome) -> None:
    letters = {_dead_letter_place(it) for it in world.kafka.logs[TP(DEAD_LETTERS, 0)]
               if dict(it.headers)["reason"] == b"rate_missing"}  # fmt: skip
    for what, places in (("no", refused - letters), ("a needless", letters - refused)):
        outcome.differences += [
            f"{what} dead letter of {topic}/{partition}/{offset}"
            for topic, partition, offset in sorted(places)
        ]


def _is_double(
    decode: Callable[[bytes], Any], record: Stored, events: set[tuple[str, str]], ticks: set[int]
) -> bool:
    """Whether the journal has another record that says the same."""
    try:
        fact = decode(record.value or b"")
    except msgspec.MsgspecError:
        return False  # It should be a dead letter.
    if isinstance(fact, Tick):
        return fact.at in ticks
    return (fact.subject, fact.event_id) in events


def _check_ticks(
    world: World, partition: int, records: list[tuple[Record, int]], outcome: Outcome
) -> None:
    """Every new event that follows a tick had not reached the raw topics at the tick's time.

    A repeated one may: whoever knew that it was repeated has died, and the row knows it too.
    """
    if world.plan.settings.clock == "feed":
        return
    clock_at = 0
    seen: set[tuple[str, str]] = set()
    for record, _ in records:
        if isinstance(record, Tick):
            clock_at = max(clock_at, record.at)
        if not isinstance(record, Entry | ShopEntry):
            continue
        source, event = record.source, (record.event.subject, record.event.event_id)
        if source.appended_at < clock_at and event not in seen:
            late = f"{source.topic}/{source.partition}/{source.offset}"
            outcome.differences.append(f"p{partition}: {late} comes after a tick that is later")
        seen.add(event)


def _without_repetitions(records: list[tuple[Record, int]]) -> list[tuple[Record, int]]:
    """Each raw record where it came first. Ticks stay: saying the time twice is no harm."""
    kept: list[tuple[Record, int]] = []
    carried: set[tuple[str, int, int]] = set()
    for record, at in records:
        if isinstance(record, Entry | ShopEntry):
            if _place(record.source) in carried:
                continue
            carried.add(_place(record.source))
        kept.append((record, at))
    return kept


def _replayed(world: World, partition: int, records: list[tuple[Record, int]]) -> Replay:
    return replay(world.plan.engine, partition, [it for it, _ in records])


def _state(table: MemoryTable, partition: int) -> dict[str, Any]:
    here = table._of(partition)
    counters = {f"counter {name}": count for name, count in here.counters.items()}
    return _rows(table, partition) | counters | {"position": here.position}


def _rows(table: MemoryTable, partition: int) -> dict[str, Any]:
    """All that does not depend on repetitions: everything but how many records came."""
    here = table._of(partition)
    counters = {f"counter {name}": count for name, count in here.counters.items()
                if not name.startswith("records/")}  # fmt: skip
    return counters | {
        "shop": here.shop,
        **{f"customer {name}": row for name, row in here.customers.items()},
        **{f"product {name}": row for name, row in here.products.items()},
        **{f"timer {name}": at for name, at in here.due.items()},
        **{f"ledger {name}": row for name, row in here.ledgers.items()},
        "waiting": here.waiting,
    }


def _compare(what: str, found: dict[str, Any], wanted: dict[str, Any], outcome: Outcome) -> None:
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            outcome.differences.append(
                f"{what}: {name} is {found.get(name)}, not {wanted.get(name)}"
            )


def _place(source: Source) -> tuple[str, int, int]:
    return source.topic, source.partition, source.offset


def _dead_letter_place(letter: Stored) -> tuple[str, int, int]:
    headers = dict(letter.headers)
    return (
        headers["source_topic"].decode(),
        int(headers["source_partition"]),
        int(headers["source_offset"]),
    )
