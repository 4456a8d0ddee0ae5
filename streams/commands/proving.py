"""How is it shown that a customer is gone? Every place is looked into, and says what it has.

The law: a place is listed whether something is found there or not, and what cannot be looked into
is not called empty.
"""

from collections import Counter
from collections.abc import AsyncIterable, Iterable, Iterator
from typing import Any, Literal

from confluent_kafka import TopicPartition
from msgspec import Struct, field

from config.settings import Settings
from schemas import dead_letter
from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import DAMAGE, RAW_TOPICS, decode_outgoing, decode_record, encode_json
from schemas.event import ANONYMOUS
from schemas.instant import to_text
from schemas.journal import Entry
from schemas.personal import personal_in
from schemas.profiles import ErasureRequested
from state.redis_keys import RedisKeys
from state.redis_table import RedisTable
from state.redis_traces import RedisTraces, Trace
from streams.amounts import plural
from streams.commands import kafka
from streams.commands.progress import bar
from streams.connection import brokers_of, redis_url_of
from streams.partitioner import partition_of
from streams.privacy.cipher import Cipher, Damaged, PrivacyError, unseal
from streams.privacy.key_log import said
from streams.privacy.privacy import cipher_of
from streams.topics import CUSTOMER_KEYS, JOURNAL

State = Literal["nothing", "left", "expires"]

#: What there is in Redis, by the key's name, as people call it.
_IN_REDIS = {
    "customers": "row", "timers": "timers", "outbox": "outbox", "ledgers": "ledgers",
    "waiting": "index of who waits for what",
    "products": "products", "shop": "figures of the shop", "counters": "counters",
    "destroying": "keys to be destroyed", "keys": "keys",
}  # fmt: skip
_STAGED = "staged rows"
_OTHER = "other keys of Redis"


class Place(Struct):
    """A place, and what is there. expires: Kafka's retention or compaction removes it."""

    name: str
    state: State = "nothing"
    count: int = 0
    what: str = ""


class Proof(Struct):
    """What was found. erased_at: when the last erasure was asked for; None: it never was.

    applied: whether that has been applied. events, sealed: in the journal. left: places in which
    something is left.
    """

    customer_id: str
    partition: int
    erased_at: str | None = None
    applied: bool = False
    events: int = 0
    sealed: int = 0
    left: int = 0
    places: list[Place] = field(default_factory=list)


class _Logs:
    """Kafka's topics, as far as they are about a customer."""

    def __init__(self, settings: Settings, customer_id: str) -> None:
        self.brokers = brokers_of(settings)
        self.there = kafka.reach(self.brokers).require([JOURNAL, CUSTOMER_KEYS])
        self._key = customer_id.encode()
        # Publishers choose the key; what they publish says whose it is.
        self._quoted = encode_json(customer_id.removeprefix(ANONYMOUS))

    def of_partition(self, topic: str, partition: int) -> Iterator[Any]:
        """The records of a partition, up to its end as it is now."""
        yield from self._read(topic, [TopicPartition(topic, partition, 0)])

    def about(self, topic: str) -> Iterator[Any]:
        """The records of a topic that are about the customer, or name them."""
        for it in self._read(topic, []):
            subject = dict(it.headers() or ()).get("ce_subject")
            if self._key in (it.key(), subject) or self._quoted in (it.value() or b""):
                yield it

    def _read(self, topic: str, places: list[TopicPartition]) -> Iterator[Any]:
        with kafka.Reader(self.brokers) as reader, bar(topic, None) as step:
            for it in reader.to_the_end([topic], places):
                step(1)
                yield it


async def prove(settings: Settings, customer_id: str) -> Proof:
    """Look into all places. Raises TopicError and StoreError."""
    logs = _Logs(settings, customer_id)
    partition = partition_of(customer_id, logs.there[JOURNAL])
    proof = Proof(customer_id, partition)
    url = redis_url_of(settings)
    async with RedisTraces(url) as traces:
        proof.places += await _in_redis(traces.of(customer_id))
    async with RedisKeys(url) as keys:
        kept = (await keys.look(partition, [customer_id]))[customer_id].kept
    topic = _Keys(customer_id, logs.of_partition(CUSTOMER_KEYS, partition))
    proof.places += topic.places()
    opening = {it.id: it.wrapped for it in kept} | topic.live
    async with RedisTable(url) as table:
        position = await table.position(partition)
    journal = _Journal(proof, opening, cipher_of(settings), position.offset)
    proof.places += journal.places(logs.of_partition(JOURNAL, partition))
    proof.places += _letters(logs)
    proof.places += _expiring(logs)
    proof.left = sum(it.state == "left" for it in proof.places)
    return proof


async def _in_redis(traces: AsyncIterable[Trace]) -> list[Place]:
    places = {name: Place(name) for name in (*_IN_REDIS.values(), _STAGED, _OTHER)}
    entries: dict[str, Counter[str]] = {name: Counter() for name in places}
    async for it in traces:
        if it.name == "outbox" and decode_outgoing(it.value).decision.reason == "erased":
            continue  # Its place is kept, and there is nothing in it.
        name = _STAGED if ":" in it.name else _IN_REDIS.get(it.name, _OTHER)
        places[name].state = "left"
        places[name].count += 1
        where = f"{it.entry} names them" if it.entry and it.entry != it.name else "an entry"
        entries[name][f"{where} in {it.name}/{it.partition}"] += 1
    for name, found in entries.items():
        places[name].what = ", ".join(list(found)[:3]) + (" and others" if len(found) > 3 else "")
    return list(places.values())


class _Keys:
    """What the topic says of the customer's keys. live: those that are not destroyed."""

    def __init__(self, customer_id: str, records: Iterable[Any]) -> None:
        self.live: dict[str, bytes] = {}
        self._old: Counter[str] = Counter()
        for record in records:
            it = said(record.key(), record.value())
            if it is None or it.customer_id != customer_id:
                continue
            if it.wrapped is None:
                self.live.pop(it.key_id, None)
            else:
                self.live[it.key_id] = it.wrapped
                self._old[it.key_id] += 1

    def places(self) -> list[Place]:
        """Keys that are there, and those that are said to be destroyed and stand there still."""
        here = Place("topic of keys")
        if self.live:
            keys = plural(len(self.live), "key")
            here = Place("topic of keys", "left", len(self.live), f"{keys} not destroyed")
        old = sum(count for key_id, count in self._old.items() if key_id not in self.live)
        waits = Place("topic of keys, before compaction")
        if old:
            what = f"{plural(old, 'record')} of destroyed keys, until the broker has compacted them"
            waits = Place(waits.name, "expires", old, what)
        return [here, waits]


class _Journal:
    """The customer's events. opening: keys that are left. position: what has been applied."""

    def __init__(
        self, proof: Proof, opening: dict[str, bytes], cipher: Cipher | None, position: int
    ) -> None:
        self._proof = proof
        self._opening = opening
        self._cipher = cipher
        self._position = position

    def places(self, records: Iterable[Any]) -> list[Place]:
        """What is personal in the journal and can be read."""
        proof, key = self._proof, self._proof.customer_id.encode()
        counts: Counter[str] = Counter()
        for record in records:
            entry = _entry(record.value()) if record.key() == key else None
            if entry is None:
                continue
            proof.events += 1
            if isinstance(entry.event, ErasureRequested):
                proof.erased_at = to_text(entry.event.occurred_at)
                proof.applied = (record.offset() or 0) < self._position
            if entry.sealed:
                proof.sealed += 1
                counts["opens"] += self._opens(entry)
            counts["clear"] += bool(personal_in(entry.event))
        return [
            _place("journal: sealed fields that can be opened", counts["opens"], "a key is left"),
            _place(
                "journal: personal fields in clear", counts["clear"],
                "published while nothing was sealed; only retention of the journal removes them",
            ),
        ]  # fmt: skip

    def _opens(self, entry: Entry) -> bool:
        """Whether a key is left that opens it; without the master key: whether there is one."""
        event, wrapped = entry.event, self._opening.get(entry.key_id)
        if wrapped is None:
            return False
        if self._cipher is None:
            return True
        try:
            key = self._cipher.unwrap(event.subject, entry.key_id, wrapped)
            unseal(key, event, entry.sealed)
        except Damaged:
            return False
        except PrivacyError:
            return True  # Not with this master key; with the right one it may.
        return True


def _letters(logs: _Logs) -> list[Place]:
    """Dead letters keep what was published as it was."""
    if dead_letter.TOPIC not in logs.there:
        return []
    offsets = [str(it.offset()) for it in logs.about(dead_letter.TOPIC)]
    shown = ", ".join(offsets[:5]) + (" and others" if len(offsets) > 5 else "")
    what = f"at {shown}: in clear, until retention removes them" if offsets else ""
    return [_place("dead letters", len(offsets), what)]


def _expiring(logs: _Logs) -> list[Place]:
    """What Kafka keeps for a while by itself, and nobody can take out of it."""
    kinds = [it for it in logs.there if it.startswith(trigger_topic(""))]
    places = []
    for name, topics in {
        "raw topics": [it for it in RAW_TOPICS if it in logs.there],
        "triggers": kinds,
        "decisions": [it for it in (DECISIONS,) if it in logs.there],
    }.items():
        count = sum(1 for topic in topics for _ in logs.about(topic))
        what = f"{plural(count, 'record')}, until retention removes them" if count else ""
        places.append(Place(name, "expires" if count else "nothing", count, what))
    return places


def _place(name: str, count: int, what: str) -> Place:
    return Place(name, "left", count, what) if count else Place(name)


def _entry(value: bytes | None) -> Entry | None:
    try:
        record = decode_record(value or b"")
    except DAMAGE:
        return None
    return record if isinstance(record, Entry) else None
