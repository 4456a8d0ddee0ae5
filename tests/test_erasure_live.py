"""Erasure on real processes: what is personal is sealed, opened, destroyed, and does not come back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from command_line import Ebbtide, untouched
from confluent_kafka import Producer
from live_shop import Shop, now, open_shop, until

from schemas.clickstream import PageViewed, ProductsSearched, StockAlertRequested
from schemas.codec import encode_json
from schemas.event import Event
from schemas.journal import Entry
from schemas.profiles import ErasureRequested, ProfileUpdated
from schemas.reviews import QuestionAsked
from state.customer import Customer, decode_customer
from streams.commands.kafka import Reader
from streams.commands.publishing import TOPIC_OF
from streams.connection import Brokers
from streams.partitioner import partition_of
from streams.topics import CUSTOMER_KEYS, JOURNAL

pytestmark = pytest.mark.live

PARTITIONS = 4
SECRET = "a-long-random-text-for-the-tests-only"
WORDS = [
    b"1984-02-29", b"Rosalind", b"my parcel is in the lake", b"gift for a nurse", b"token=s3cr3t",
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One for all; each test has customers of its own."""
    with open_shop(tmp_path_factory.mktemp("shop"), privacy_key=SECRET) as shop:
        yield shop


@pytest.fixture
def of_shop(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Shop], Any]:
    """What runs commands with --json for a shop, and gives their answers and exit codes."""
    return lambda shop: contextmanager(commands)(shop, capfd, monkeypatch)


@pytest.fixture
def ebbtide(shop: Shop, of_shop: Callable[[Shop], Any]) -> Iterator[Any]:
    """Runs commands for the shop of all."""
    with of_shop(shop) as run:
        yield run


def commands(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., dict[str, Any]]]:
    with untouched(monkeypatch):
        for name in ("broker", "redis_url", "coupon_key", "privacy_key"):
            monkeypatch.setenv(f"EBBTIDE_{name.upper()}", getattr(shop.settings, name))
        command = Ebbtide(capfd)

        def run(*words: str) -> dict[str, Any]:
            code, told, complained = command(*words, "--json")
            answer: dict[str, Any] = msgspec.json.decode(told) if told else {}
            return answer | {"code": code, "complained": complained}

        yield run


def publish(shop: Shop, *events: Event) -> None:
    producer = Producer({"bootstrap.servers": shop.settings.broker})
    for event in events:
        producer.produce(TOPIC_OF[type(event)], encode_json(event), event.subject.encode())
    assert producer.flush(10) == 0


def personal(who: str, suffix: str = "") -> list[Event]:
    """One of each kind that says something personal."""
    at, ids = now(), (f"{who}{suffix}-{it}" for it in range(9))
    return [
        ProfileUpdated(
            event_id=next(ids), customer_id=who, occurred_at=at,
            birthday=msgspec.convert("1984-02-29", ProfileUpdated.__annotations__["birthday"]),
            traits={"name": "Rosalind"}, time_zone="Europe/Berlin",
        ),
        ProductsSearched(
            event_id=next(ids), customer_id=who, occurred_at=at, query="gift for a nurse"
        ),
        PageViewed(event_id=next(ids), customer_id=who, occurred_at=at, url="/x?token=s3cr3t"),
        QuestionAsked(
            event_id=next(ids), customer_id=who, occurred_at=at, question_id="q1",
            text="my parcel is in the lake", about="complaint",
        ),
    ]  # fmt: skip


def erasure(who: str, number: int = 1) -> ErasureRequested:
    return ErasureRequested(event_id=f"{who}-gone-{number}", customer_id=who, occurred_at=now())


def row(shop: Shop, who: str) -> Customer | None:
    with redis.Redis.from_url(shop.servers.redis_url) as it:
        key = f"ebb:{{p{partition_of(who, PARTITIONS)}}}:customers"
        found = it.hget(key, who)
    return None if found is None else decode_customer(who, found)


def is_known(shop: Shop, who: str, fields: int = 4) -> bool:
    """Whether all that was published of the customer is in the row."""
    it = row(shop, who)
    return it is not None and len(it.event_ids) >= 6 * fields


def in_redis(shop: Shop, name: str, who: str) -> bytes | None:
    with redis.Redis.from_url(shop.servers.redis_url) as it:
        found: bytes | None = it.hget(f"ebb:{{p{partition_of(who, PARTITIONS)}}}:{name}", who)
        return found


def on(shop: Shop, topic: str) -> list[Any]:
    with Reader(Brokers(shop.settings.broker)) as reader:
        return list(reader.to_the_end([topic]))


def left_in(proof: dict[str, Any]) -> dict[str, int]:
    """Where something is left, and how much."""
    return {it["name"]: it["count"] for it in proof["places"] if it["state"] == "left"}


def destroyed(shop: Shop, who: str) -> bool:
    """Whether the topic's last word on every key of the customer is that it is destroyed."""
    last = {it.key(): it.value() for it in on(shop, CUSTOMER_KEYS)}
    its = [value for key, value in last.items() if key.rpartition(b"/")[0] == who.encode()]
    return bool(its) and not any(its)


def test_a_customer_is_sealed_erased_proved_to_be_gone_and_stays_so(
    shop: Shop, ebbtide: Any
) -> None:
    unopened = ebbtide("rebuild", "--dry-run")["unopened"]
    publish(shop, *personal("ann"), *personal("bob"))
    until(lambda: is_known(shop, "ann") and is_known(shop, "bob"), "both are known")
    ann = row(shop, "ann")
    assert ann is not None
    assert (str(ann.birthday), ann.traits) == ("1984-02-29", {"name": "Rosalind"})

    written = b"".join(it.value() for it in on(shop, JOURNAL))
    assert [it for it in WORDS if it in written] == []
    publish(shop, StockAlertRequested(
        event_id="wants", customer_id="ann", occurred_at=now(), product_id="tea"
    ))  # fmt: skip
    until(lambda: "index of who waits for what" in left_in(ebbtide("prove-erased", "ann")), "waits")

    publish(shop, erasure("ann"))
    until(lambda: row(shop, "ann") is None, "the row is gone")
    until(lambda: destroyed(shop, "ann"), "the topic says so")
    until(lambda: in_redis(shop, "destroying", "ann") is None, "nothing is left to do")
    proof = ebbtide("prove-erased", "ann")
    assert left_in(proof) == {}
    assert (proof["code"], proof["applied"], proof["sealed"]) == (0, True, 4)

    assert ebbtide("rebuild")["unopened"] == unopened + 4
    until(lambda: ebbtide("prove-erased", "ann")["code"] == 0, "it was erased once more")
    assert ebbtide("rebuild", "--dry-run")["differences"] == 0
    bob = row(shop, "bob")
    assert bob is not None
    assert (str(bob.birthday), bob.traits) == ("1984-02-29", {"name": "Rosalind"})
    assert ebbtide("prove-erased", "bob")["code"] == 1


def test_a_customer_who_comes_back_has_another_key(shop: Shop, ebbtide: Any) -> None:
    publish(shop, *personal("cleo"))
    until(lambda: is_known(shop, "cleo"), "cleo is known")
    first = row(shop, "cleo")
    publish(shop, erasure("cleo"))
    until(lambda: row(shop, "cleo") is None, "the row is gone")
    publish(shop, *personal("cleo", "-again"))
    until(lambda: is_known(shop, "cleo"), "cleo is known again")
    second = row(shop, "cleo")
    assert first is not None
    assert second is not None
    assert second.key_ids != first.key_ids
    assert second.traits == {"name": "Rosalind"}
    assert ebbtide("rebuild", "--dry-run")["differences"] == 0

    publish(shop, erasure("cleo", 2))
    until(lambda: row(shop, "cleo") is None, "the row is gone again")
    until(lambda: ebbtide("prove-erased", "cleo")["code"] == 0, "nothing is left")


def test_a_redis_that_lost_everything_is_filled_again(shop: Shop, ebbtide: Any) -> None:
    publish(shop, *personal("dora"), *personal("bert"))
    until(lambda: is_known(shop, "dora") and is_known(shop, "bert"), "both are known")
    publish(shop, erasure("bert"))
    until(lambda: destroyed(shop, "bert"), "bert's keys are destroyed")
    before = row(shop, "dora")
    with redis.Redis.from_url(shop.servers.redis_url) as it:
        it.flushall()
    publish(shop, PageViewed(event_id="wake", customer_id="cid", occurred_at=now()))
    until(lambda: is_known(shop, "dora"), "dora is known again")
    after = row(shop, "dora")
    assert before is not None
    assert after is not None
    assert (after.traits, after.birthday) == (before.traits, before.birthday)
    until(lambda: ebbtide("prove-erased", "bert")["code"] == 0, "nothing of bert came back")
    assert ebbtide("rebuild", "--dry-run")["differences"] == 0


def test_a_crash_between_the_commit_and_the_destruction_leaves_no_key(
    shop: Shop, ebbtide: Any
) -> None:
    publish(shop, *personal("elsa"))
    until(lambda: is_known(shop, "elsa"), "elsa is known")
    elsa = row(shop, "elsa")
    assert elsa is not None
    shop.worker.kill()
    shop.worker.wait()
    # What the commit leaves, and nobody has come to do yet.
    partition = partition_of("elsa", PARTITIONS)
    with redis.Redis.from_url(shop.servers.redis_url) as it:
        it.hset(f"ebb:{{p{partition}}}:destroying", "elsa", elsa.key_ids)
        it.hdel(f"ebb:{{p{partition}}}:customers", "elsa")
    assert not destroyed(shop, "elsa")
    shop.worker = shop.start_worker()
    until(lambda: destroyed(shop, "elsa"), "the next owner has destroyed it")
    until(lambda: in_redis(shop, "keys", "elsa") is None, "and Redis has let go of it")
    assert in_redis(shop, "destroying", "elsa") is None


def test_a_worker_without_the_key_stops_and_says_so(shop: Shop) -> None:
    publish(shop, *personal("fay"))
    until(lambda: is_known(shop, "fay"), "fay is known")
    shop.worker.terminate()
    shop.worker.wait(30)
    log, own = shop.folder / "worker.log", shop.settings
    with redis.Redis.from_url(shop.servers.redis_url) as it:
        it.flushall()
    for key, says in (("", "EBBTIDE_PRIVACY_KEY is not set"), ("x" * 40, "is not the one that")):
        log.write_text("")
        shop.settings = msgspec.structs.replace(own, privacy_key=key)
        worker = shop.start_worker()
        assert worker.wait(60) != 0
        assert says in log.read_text()
    shop.settings = own
    shop.worker = shop.start_worker()
    until(lambda: is_known(shop, "fay"), "with the key it goes on")


def test_events_of_the_journal_say_no_more_than_they_must(shop: Shop) -> None:
    publish(shop, *personal("gina"))
    until(lambda: is_known(shop, "gina"), "gina is known")
    decode = msgspec.json.Decoder(Entry).decode
    events = [decode(it.value()) for it in on(shop, JOURNAL) if it.key() == b"gina"]
    assert [bool(it.sealed) for it in events] == [True] * 4
    by_type = {type(it.event): it.event for it in events}
    assert by_type[ProfileUpdated] == ProfileUpdated(
        event_id="gina-0", customer_id="gina", time_zone="Europe/Berlin",
        occurred_at=by_type[ProfileUpdated].occurred_at,
    )  # fmt: skip


def test_history_is_sealed_too_and_what_could_not_be_read_is_found(
    of_shop: Callable[[Shop], Any], tmp_path: Path
) -> None:
    # In a shop of its own: an import counts all that is applied in the meantime.
    with open_shop(tmp_path, privacy_key=SECRET) as shop, of_shop(shop) as ebbtide:
        check_history(shop, ebbtide, tmp_path / "history.jsonl")


def check_history(shop: Shop, ebbtide: Any, file: Path) -> None:
    file.write_bytes(
        b"".join(encode_json(it) + b"\n" for it in (*personal("hedi"), *personal("hedi")))
    )
    done = ebbtide("import", str(file), "--wait")
    assert (done["imported"], done["repeated"]) == (4, 4)
    assert done["applied"] == {"imported": 4, "duplicate": 0}
    assert ebbtide("import", str(file), "--wait")["applied"] == {"imported": 0, "duplicate": 4}
    hedi = row(shop, "hedi")
    assert hedi is not None
    assert hedi.traits == {"name": "Rosalind"}
    written = b"".join(it.value() for it in on(shop, JOURNAL))
    assert [it for it in WORDS if it in written] == []

    producer = Producer({"bootstrap.servers": shop.settings.broker})
    producer.produce(
        "profiles", b'{"type":"profile_updated","customer_id":"hedi","traits":{"a":1}}'
    )
    producer.flush(10)
    publish(shop, erasure("hedi"))
    until(lambda: destroyed(shop, "hedi"), "the keys are destroyed")
    until(lambda: in_redis(shop, "destroying", "hedi") is None, "nothing is left to do")
    only_a_letter = {"dead letters": 1}
    until(lambda: left_in(ebbtide("prove-erased", "hedi")) == only_a_letter, "the letter is found")
    assert ebbtide("prove-erased", "hedi")["code"] == 1
