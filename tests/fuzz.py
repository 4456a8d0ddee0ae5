"""Does any input crash or hang what reads it? `make fuzz MINUTES=10`; a short run is in test_fuzz.py.

Each target takes bytes as somebody else may have left them: what storefronts publish, what stands in
the journal, in Redis, in a backup, in a file that an operator edits. It returns, or raises what its
docstring names, within a second.
"""

import argparse
import gzip
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import hypothesis
import structlog
import written_reviews
from any_event import SHOP_EVENT_TYPES, START, TOPIC_OF, AnyEvent
from damage import anything, from_seed
from faust.types import TP
from hypothesis import strategies as st
from learner import LargeOrder, Mean
from msgspec import Raw, Struct, msgpack
from partition import Partition
from storm import policy
from street import Street, any_looks
from test_rows import full_row

from agents.engine.batch import Batch
from config.settings import ConfigError, Settings, load_engine_file
from schemas.codec import RAW_TOPICS, decode_outgoing, encode_json, encode_row
from schemas.dead_letter import Refusal
from schemas.decisions import Decision, Mark, Outgoing
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Entry, LooksEntry, ModelEntry, ShopEntry, Source, Tick
from schemas.shop_events import ShopEvent
from state.customer import RowError, decode_customer
from state.product import Product
from state.redis_stage import Piece
from state.shop import Shop
from state.table import Loaded, Position, StoreError
from streams import publisher, snapshots
from streams.clock import Carried
from streams.commands import letters, repaired
from streams.commands.lines import Checker
from streams.commands.terminal import CommandError
from streams.connection import Brokers
from streams.engage import JournalError, decode_journal
from streams.ingest import Ingest
from streams.reviews import model as review_model
from streams.reviews.reader import Reader

LIMIT_S = 1.0
HERE = Path(__file__).parents[1]


class Target(Struct, frozen=True):
    """What reads bytes, and what good ones look like."""

    good: st.SearchStrategy[bytes]
    read: Callable[[bytes], object]


def event_bytes(rng: Random) -> bytes:
    """An event as a storefront would write it."""
    return encode_json(AnyEvent(rng).published(rng.choice(list(TOPIC_OF))))


def journal_bytes(rng: Random) -> bytes:
    """A record of the journal."""
    if rng.random() < 0.1:
        return encode_json(Tick(START + rng.randrange(400 * DAY)))
    source = Source("orders", rng.randrange(4), rng.randrange(99), START)
    if rng.random() < 0.1:
        body = encode_json(Mean(rng.random(), rng.randrange(99)))
        return encode_json(ModelEntry("large_order", "v", START, Raw(body)))
    if rng.random() < 0.1:
        return encode_json(any_looks(rng))
    if rng.random() < 0.1:
        change: Any = AnyEvent(rng).of(rng.choice(SHOP_EVENT_TYPES))
        return encode_json(ShopEntry(change, source))
    event: Any = AnyEvent(rng).draw()
    return encode_json(Entry(event, source))


def outgoing_bytes(rng: Random) -> bytes:
    """An entry of the outbox."""
    decision = Decision(
        id=f"{rng.getrandbits(64):x}", agent="churn_alert", kind="churn_alert", customer_id="ann",
        outcome="suppressed", reason="paused", cause="e", cause_at=START, decided_at=START,
    )  # fmt: skip
    return encode_json(Outgoing(1, START, decision, 7))


def backup_bytes(rng: Random) -> bytes:
    """A small backup, unpacked: a damaged gzip stream is told by its checksum alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup"
        header = snapshots.Header(created_at=START, journal="j", journal_partitions=1)
        with snapshots.Writer(path, header) as writer:
            writer.put(snapshots.Begin(0, "1:0:0"))
            row = encode_row(full_row(rng.randrange(5), 20))
            writer.put(snapshots.Some(Piece("customers", pairs=[(b"ann", row)])))
        return gzip.decompress(path.read_bytes())


_policy = policy(2_000)
_ingest = Ingest(Settings(), SimpleNamespace(), Carried(), 4)  # type: ignore[arg-type]


def read_raw(value: bytes) -> None:
    """Each raw record becomes one record: of the journal, where the engine takes it, or a letter.

    What is no customer's becomes one of each partition.
    """
    for topic in RAW_TOPICS:
        record = SimpleNamespace(value=value, key=None, offset=3, timestamp=START + 500 * DAY)
        written, _, counts, _ = _ingest._check(TP(topic, 0), [record])
        assert sum(counts.values()) == 1
        if not counts["carried"]:
            assert len(written) == 1
        else:
            fact = decode_journal("here", written[0].value)
            assert isinstance(fact, ShopEntry if topic == "shop" else Entry), fact
            places = [it.partition for it in written]
            assert places == (list(range(4)) if topic == "shop" else [None])
            partition = Partition(*_policy.agents, gate=_policy.gate, settings=_policy.settings)
            partition.feed([fact, Tick(fact.event.occurred_at + DAY)])


def read_journal(value: bytes) -> None:
    """A record of the journal; whatever models or looks it may bring, the partition goes on."""
    with suppress(JournalError):
        record = decode_journal("here", value)
        if isinstance(record, ModelEntry):
            Partition(LargeOrder()).feed([record])
        if isinstance(record, LooksEntry):
            Street().shops[0].feed([record])


def read_row(row: bytes) -> None:
    """A customer's row; one that can be read can be written and read again."""
    with suppress(RowError):
        customer = decode_customer("ann", row)
        assert encode_row(decode_customer("ann", encode_row(customer))) == encode_row(customer)


def read_others(row: bytes) -> None:
    """The shop's row, and a product's."""
    for shop, tea in ((row, None), (None, row)):
        with suppress(RowError):
            Batch(Loaded(Position(), shop, {}, {"tea": tea}, [], due_cut=False), None)


def read_position(text: bytes) -> None:
    """Where a partition stands."""
    with suppress(StoreError):
        Position.parse(text)


def read_outgoing(entry: bytes) -> None:
    """An entry of the outbox: the relay logs whatever is wrong with it, and tries again."""
    with suppress(Exception):
        decode_outgoing(entry)


def read_letter(value: bytes) -> None:
    """A dead letter, listed: its value, and headers that somebody else wrote."""
    record: Any = SimpleNamespace(
        value=lambda: value, key=lambda: value[:9], timestamp=lambda: (1, START), offset=lambda: 1,
        headers=lambda: [("reason", value[:20]), ("source_offset", value[20:30])],
    )  # fmt: skip
    assert encode_json(letters._letter(record))


def read_repaired(line: bytes) -> None:
    """A line of a file with repaired letters."""
    with suppress(CommandError):
        repaired._parsed("letters.jsonl", 1, line)


def read_backup(content: bytes) -> None:
    """A backup."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "backup"
        path.write_bytes(gzip.compress(content, 1))
        with suppress(snapshots.SnapshotError):
            snapshots.verify(path)


def read_config(content: bytes) -> None:
    """engine.toml."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.toml"
        path.write_bytes(content)
        with suppress(ConfigError):
            load_engine_file(str(path))


def read_line(line: bytes) -> None:
    """A line of a file that is published or imported."""
    assert isinstance(Checker(Settings()).check(line), Event | ShopEvent | Refusal)


def read_review_model(content: bytes) -> None:
    """A model of reviews, and a body in place of its own with the right hash; whatever passes reads."""
    digest = blake2b(content, digest_size=review_model.DIGEST_SIZE).digest()
    for file in (content, review_model.MAGIC + digest + content):
        with suppress(review_model.ReviewModelError):
            assert len(Reader(*review_model.parse(file, "reviews.ebb")).read(["it broke"])) == 1


_letter_line = letters.Letter(
    at="", offset=1, reason="not_json", detail="", hint="", source_topic="orders",
    source_partition=0, source_offset=1, key=None, value='{"type":"order_placed"}',
)  # fmt: skip
_mark = publisher.Marks(Brokers("nowhere:1"), "j").record(0, Mark()).value or b""

TARGETS = {
    "raw": Target(from_seed(event_bytes), read_raw),
    "journal": Target(from_seed(journal_bytes), read_journal),
    "row": Target(from_seed(lambda it: encode_row(full_row(it.randrange(20), 40))), read_row),
    "shop": Target(st.sampled_from([encode_row(Shop()), encode_row(Product())]), read_others),
    "position": Target(st.just(b"120:3:7"), read_position),
    "outgoing": Target(from_seed(outgoing_bytes), read_outgoing),
    "mark": Target(st.just(_mark), publisher._decode),
    "letter": Target(from_seed(event_bytes), read_letter),
    "repaired": Target(st.just(encode_json(_letter_line)), read_repaired),
    "backup": Target(from_seed(backup_bytes), read_backup),
    "config": Target(st.just((HERE / "config/engine.toml").read_bytes()), read_config),
    "line": Target(from_seed(event_bytes), read_line),
    "review_model": Target(st.just(msgpack.encode(written_reviews.small())), read_review_model),
}


def fuzz(name: str, seed: int, inputs: int) -> float:
    """Let a target read; the longest it took for one input (seconds). Raises what it raises."""
    longest = 0.0

    def read(data: bytes) -> None:
        nonlocal longest
        began = time.perf_counter()
        TARGETS[name].read(data)
        longest = max(longest, took := time.perf_counter() - began)
        assert took < LIMIT_S, f"{took:.1f} s"

    checked = hypothesis.settings(
        max_examples=inputs, deadline=None, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )(hypothesis.seed(seed)(hypothesis.given(anything(TARGETS[name].good))(read)))  # fmt: skip
    checked()
    return longest


def quiet() -> None:
    """Nothing is logged: refusals are what is wanted here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> int:
    """Run by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1, help="to begin with")
    parser.add_argument("--target", choices=TARGETS, help="this one only")
    parser.add_argument("--inputs", type=int, default=500, help="of each target and seed")
    args = parser.parse_args()
    quiet()
    names = [args.target] if args.target else list(TARGETS)
    until, seed = time.monotonic() + 60 * args.minutes, args.seed
    inputs: Counter[str] = Counter()
    longest: dict[str, float] = dict.fromkeys(names, 0.0)
    while time.monotonic() < until:
        for name in names:
            try:
                longest[name] = max(longest[name], fuzz(name, seed, args.inputs))
            except BaseException:
                print(f"\nAgain: make fuzz ARGS='--target {name} --seed {seed}'", file=sys.stderr)
                raise
            inputs[name] += args.inputs
        seed += 1
    for name in names:
        print(f"{name:<10}{inputs[name]:>12,} inputs, {longest[name] * 1_000:8.1f} ms at most")
    print(
        f"{sum(inputs.values()):,} inputs with seeds {args.seed} to {seed - 1}: no crash, no hang"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
