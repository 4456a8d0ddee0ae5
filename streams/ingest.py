"""How does a raw record get into the journal? Checked, once, under its customer's key.

What happens to no one customer (``ShopEvent``) goes to every partition of the journal instead.

The law: every raw record ends in the journal, in the dead letters, or in the count of duplicates,
and it is acknowledged to Kafka only after one of these is certain. After a crash some are carried
over twice; engage sees that by their source.

Duplicates (a storefront that retries: same customer, same event_id) are known here as far as a
bounded memory of the last ``dedupe_events_max`` ids of this worker goes. The memory is this
process's own: a restart begins with an empty one. Behind it stands the row's memory of the
customer's last 8 event ids, which no restart loses.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter, time_ns
from typing import Any, get_args

from faust.types import TP

from config.settings import Settings
from schemas.codec import DAMAGE, encode_json, raw_decoders
from schemas.dead_letter import REQUEUED_FOR, RateReason, Refusal, refusal_of
from schemas.event import Event
from schemas.instant import SECOND, to_text
from schemas.journal import Entry, ShopEntry, Source, Tick
from schemas.reading import SPOKEN
from schemas.shop_events import ShopEvent
from streams import metrics
from streams.clock import Carried
from streams.dead_letters import dead_letter_of
from streams.privacy.sealer import Sealer
from streams.producer import Outbound, Producer
from streams.reviews.door import TextReader, with_readings
from streams.topics import JOURNAL

#: Subject and event id; the topic too where the subject is no customer, who may have the same id.
EventKey = tuple[str, ...]

_LATER = frozenset(it.encode() for it in get_args(RateReason))


class Ingest:
    """Carries raw partition batches over into the journal."""

    def __init__(
        self, settings: Settings, producer: Producer, carried: Carried, journal_partitions: int,
        sealer: Sealer | None = None, reader: TextReader | None = None,
    ) -> None:  # fmt: skip
        self._bytes_max = settings.event_bytes_max
        self._tolerance_ms = round(settings.future_tolerance_seconds * SECOND)
        self._takes_ticks = settings.clock == "feed"
        self._producer = producer
        self._carried = carried
        self._journal_partitions = journal_partitions
        self._known = KnownEvents(settings.dedupe_events_max)
        self._sealer = sealer
        self._reader = reader
        self._spoken = SPOKEN if reader is not None else frozenset()

    async def handle(self, tp: TP, records: list[Any]) -> None:
        """Carry one batch over.

        Raises DeliveryError where Kafka did not take it all, StoreError where Redis has to say by
        which key something is sealed, and does not.
        """
        metrics.BATCH_RECORDS.labels("ingest").observe(len(records))
        started = perf_counter()
        outbound, new, counts, personal = self._check(tp, records)
        metrics.time_stage("decode", (checked := perf_counter()) - started)
        if personal and self._sealer is not None:
            sealed = await self._sealer.seal([*personal.values()])
            for place, entry in zip(personal, sealed, strict=True):
                outbound[place] = _written(entry)
            metrics.time_stage("seal", (now := perf_counter()) - checked)
            checked = now
        await self._producer.send(outbound)
        metrics.time_stage("publish", perf_counter() - checked)
        # Only now: what was not acknowledged must not count as known when the batch comes again.
        self._known.add(new)
        self._carried.carried_over(tp, records[-1].offset + 1, records[-1].timestamp)
        _count(tp.topic, counts)

    def _check(
        self, tp: TP, records: Sequence[Any]
    ) -> tuple[list[Outbound], list[EventKey], Counter[str], dict[int, Entry]]:
        """What to write, which events are new, and how many records met which fate.

        And what is to be sealed first: its places among what is to be written.
        """
        decode = raw_decoders[tp.topic].decode
        now = time_ns() // 1_000_000
        latest = now + self._tolerance_ms
        outbound: list[Outbound] = []
        new: dict[EventKey, None] = {}
        counts: Counter[str] = Counter()
        personal: dict[int, Entry] = {}
        told: dict[int, Entry] = {}
        spoken = self._spoken
        concerns = _never if self._sealer is None else self._sealer.concerns
        for record in records:
            fact = self._accept(decode, record.value, latest)
            if isinstance(fact, Refusal):
                counts[fact.reason] += 1
                metrics.DEAD_LETTERS.labels(fact.reason).inc()
                outbound.append(dead_letter_of(tp, record, fact))
            elif isinstance(fact, Tick):
                outbound += self._everywhere(encode_json(fact))
            else:
                subject, is_the_shops = fact.subject, isinstance(fact, ShopEvent)
                key: EventKey = (subject, fact.event_id)
                if is_the_shops:
                    key = (*key, tp.topic)
                if key in new or (key in self._known and not _is_sent_again(record)):
                    counts["duplicate"] += 1
                    continue
                new[key] = None
                counts["carried"] += 1
                # A publisher's clock may be ahead; later records must not seem older than these.
                appended_at = min(record.timestamp, now)
                source = Source(tp.topic, tp.partition, record.offset, appended_at)
                if is_the_shops:
                    shop_entry = ShopEntry(fact, source)  # type: ignore[arg-type]
                    outbound += self._everywhere(encode_json(shop_entry), subject.encode())
                else:
                    entry = Entry(fact, source)  # type: ignore[arg-type]
                    if concerns(fact):  # type: ignore[arg-type]
                        personal[len(outbound)] = entry
                    if spoken and type(fact) in spoken and fact.text:  # type: ignore[union-attr]
                        told[len(outbound)] = entry
                    outbound.append(_written(entry))
        if told and self._reader is not None:
            self._read(self._reader, told, outbound, personal)
        return outbound, list(new), counts, personal

    def _read(
        self, reader: TextReader, told: dict[int, Entry], outbound: list[Outbound],
        personal: dict[int, Entry],
    ) -> None:  # fmt: skip
        """Put beside each text what a model reads in it, before any of it is sealed."""
        started = perf_counter()
        for place, entry in zip(told, with_readings(reader, [*told.values()]), strict=True):
            outbound[place] = _written(entry)
            if place in personal:
                personal[place] = entry
        metrics.time_stage("read", perf_counter() - started)

    def _everywhere(self, value: bytes, key: bytes | None = None) -> list[Outbound]:
        """The same record for every partition of the journal."""
        return [
            Outbound(JOURNAL, value, key, None, partition)
            for partition in range(self._journal_partitions)
        ]

    def _accept(
        self, decode: Callable[[bytes], Any], value: bytes | None, latest: int
    ) -> Event | ShopEvent | Tick | Refusal:
        """The event, or why it is none."""
        if not value:
            return Refusal("empty", "the record has no value")
        if len(value) > self._bytes_max:
            return Refusal("too_large", f"{len(value)} bytes; {self._bytes_max} are allowed")
        try:
            fact: Event | ShopEvent | Tick = decode(value)
        except DAMAGE as error:
            return refusal_of(error)
        if isinstance(fact, Tick) and not self._takes_ticks:
            return Refusal("tick_not_allowed", "a tick on a raw topic, and the clock is `wall`")
        if isinstance(fact, (Event, ShopEvent)) and fact.occurred_at > latest:
            return Refusal(
                "from_the_future",
                f"occurred_at {to_text(fact.occurred_at)} is later than"
                f" {to_text(latest)}, our clock and the tolerance - at `$.occurred_at`",
            )
        return fact


def _is_sent_again(record: Any) -> bool:
    """Whether it was accepted before, and nothing could be made of it then.

    Here it is known, and in its row it is not.
    """
    return any(name == REQUEUED_FOR and value in _LATER for name, value in record.headers or ())


class KnownEvents:
    """The last event ids, in bounded memory: two generations, of which the older is let go whole.

    At least ``events_max / 2`` ids are remembered, and at most ``events_max``.
    """

    def __init__(self, events_max: int) -> None:
        self._generation_max = max(1, events_max // 2)
        self._young: set[EventKey] = set()
        self._old: set[EventKey] = set()

    def __contains__(self, key: EventKey) -> bool:
        return key in self._young or key in self._old

    def add(self, keys: Sequence[EventKey]) -> None:
        """Remember these."""
        for key in keys:
            if len(self._young) >= self._generation_max:
                self._young, self._old = set(), self._young
            self._young.add(key)


def _written(entry: Entry) -> Outbound:
    return Outbound(JOURNAL, encode_json(entry), entry.event.subject.encode())


def _never(_: Event) -> bool:
    return False


def _count(topic: str, counts: Counter[str]) -> None:
    for fate, count in counts.items():
        if fate in ("carried", "duplicate"):
            metrics.EVENTS.labels(topic, fate).inc(count)
        else:
            metrics.EVENTS.labels(topic, "dead_letter").inc(count)
