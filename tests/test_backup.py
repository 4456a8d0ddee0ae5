"""Can the state be kept elsewhere, brought back and made anew, while a worker goes on?"""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from command_line import Ebbtide, untouched
from confluent_kafka import Producer
from live_shop import Shop, open_shop, until
from test_pipeline import run as run_history

from schemas.cloud_event import DECISIONS
from state.customer import ROW_VERSION
from state.table import Position
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.demo.path import PARTITIONS
from streams.demo.progress import Progress
from streams.snapshots import Begin, End, Header, SnapshotError, Writer, read, verify

CUSTOMERS = 292  # Of 300, those who have bought something.


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a worker that has applied a history, and goes on."""
    with open_shop(tmp_path_factory.mktemp("shop"), clock="feed") as shop:
        run_history(shop, Progress())
        yield shop


@pytest.fixture
def ebbtide(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs a command with --json; its answer and its exit code."""
    with untouched(monkeypatch):
        monkeypatch.setenv("EBBTIDE_BROKER", shop.settings.broker)
        monkeypatch.setenv("EBBTIDE_REDIS_URL", shop.settings.redis_url)
        monkeypatch.setenv("EBBTIDE_COUPON_KEY", shop.settings.coupon_key)
        command = Ebbtide(capfd)

        def run(*words: str) -> dict[str, Any]:
            code, told, complained = command(*words, "--json")
            answer: dict[str, Any] = msgspec.json.decode(told) if told else {}
            return answer | {"code": code, "complained": complained}

        yield run


def client(shop: Shop) -> Any:
    return redis.Redis.from_url(shop.servers.redis_url)


def everything(shop: Shop) -> dict[bytes, bytes]:
    """A dump of each key of each partition, when none changes any more."""
    all_published(shop)
    with client(shop) as it:
        return {key: it.dump(key) for key in it.keys("ebb:{p*")}


def all_published(shop: Shop) -> None:
    """Wait until no decision waits to be."""
    with client(shop) as it:
        until(lambda: not it.keys("ebb:{p*}:outbox"), "all decisions are published")


def decisions(shop: Shop) -> int:
    """How many have been published, when none waits to be."""
    all_published(shop)
    with Reader(Brokers(shop.settings.broker)) as reader:
        return sum(1 for _ in reader.to_the_end([DECISIONS]))


def spoil(shop: Shop) -> None:
    """Give two customers the same row, and lose a third."""
    with client(shop) as it:
        one, two, three = it.hkeys("ebb:{p1}:customers")[:3]
        it.hset("ebb:{p1}:customers", one, it.hget("ebb:{p1}:customers", two))
        it.hdel("ebb:{p1}:customers", three)


@pytest.mark.live
def test_an_audit_finds_nothing_when_all_is_well(shop: Shop, ebbtide: Any) -> None:
    before = everything(shop)
    audit = ebbtide("rebuild", "--dry-run")
    assert audit["code"] == 0
    assert (audit["differences"], audit["customers"]) == (0, CUSTOMERS)
    assert everything(shop) == before


@pytest.mark.live
def test_rows_that_were_spoiled_are_found_and_made_anew_in_silence(
    shop: Shop, ebbtide: Any
) -> None:
    before, said = everything(shop), decisions(shop)
    spoil(shop)
    audit = ebbtide("rebuild", "--dry-run", "--partition", "1")
    assert (audit["code"], audit["differences"]) == (1, 2)
    assert audit["examples"][1].endswith("is missing")
    assert ebbtide("rebuild")["customers"] == CUSTOMERS
    assert ebbtide("rebuild", "--dry-run")["differences"] == 0
    assert everything(shop).keys() == before.keys()
    assert decisions(shop) == said
    goes_on(shop)


@pytest.mark.live
def test_a_backup_is_restored_into_an_empty_redis(shop: Shop, ebbtide: Any, tmp_path: Path) -> None:
    file, said = tmp_path / "backup.gz", decisions(shop)
    assert ebbtide("backup", str(file))["customers"] == CUSTOMERS
    assert file.stat().st_mode & 0o077 == 0
    with client(shop) as it:
        it.flushall()
    ebbtide("restore", str(file), "--back")  # The worker may have gone further in the meantime.
    until(lambda: ebbtide("rebuild", "--dry-run")["differences"] == 0, "Redis is as it was")
    assert decisions(shop) == said
    goes_on(shop)


@pytest.mark.live
def test_what_is_further_than_the_backup_is_left_as_it_is(
    shop: Shop, ebbtide: Any, tmp_path: Path
) -> None:
    file = tmp_path / "backup.gz"
    ebbtide("backup", str(file))
    goes_on(shop)
    before = everything(shop)
    left = ebbtide("restore", str(file))
    assert (left["further"], left["code"]) == (list(range(PARTITIONS)), 1)
    assert everything(shop) == before
    restored = ebbtide("restore", str(file), "--back")
    assert (restored["further"], restored["customers"]) == ([], CUSTOMERS)
    goes_on(shop)


@pytest.mark.live
def test_a_damaged_file_changes_nothing(shop: Shop, ebbtide: Any, tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    ebbtide("backup", str(file))
    whole, before = file.read_bytes(), everything(shop)
    file.write_bytes(whole[: len(whole) // 2])
    refused = ebbtide("restore", str(file), "--back")
    assert refused["code"] == 1
    assert "not a whole backup" in refused["complained"]
    assert everything(shop) == before


@pytest.mark.live
def test_a_partition_that_is_not_there_is_a_wrong_option(ebbtide: Any) -> None:
    refused = ebbtide("rebuild", "--partition", "99")
    assert refused["code"] == 2
    assert f"0 to {PARTITIONS - 1}" in refused["complained"]


def goes_on(shop: Shop) -> None:
    """The worker applies what comes next, in every partition."""
    with client(shop) as it:
        position = {p: Position.parse(it.get(f"ebb:{{p{p}}}:position")) for p in range(PARTITIONS)}
        tick(shop)
        until(
            lambda: all(
                Position.parse(it.get(f"ebb:{{p{p}}}:position")) > position[p] for p in position
            ),
            "the worker goes on",
        )


def tick(shop: Shop) -> None:
    """One tick more, a minute later each time."""
    with client(shop) as it:
        count = it.incr("test:ticks")
    producer = Producer({"bootstrap.servers": shop.settings.broker})
    value = msgspec.json.encode({"type": "tick", "at": 1_768_896_000_000 + count * 60_000})
    producer.produce("orders", value)
    producer.flush(10)


# The file by itself


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    header = Header(created_at=1, journal="j", journal_partitions=2)
    with Writer(file, header) as writer:
        writer.put(Begin(0, "5:0:1"))
        writer.put(Begin(1, "7:0:2"))
    assert verify(file) == (header, {0: "5:0:1", 1: "7:0:2"})
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("where", [0, 11, 40, -9, -5, -1])
def test_a_changed_byte_is_seen(tmp_path: Path, where: int) -> None:
    file = tmp_path / "backup.gz"
    with Writer(file, Header(created_at=1, journal="j", journal_partitions=1)) as writer:
        writer.put(Begin(0, "5:0:1"))
    content = bytearray(file.read_bytes())
    content[where] ^= 0x10
    file.write_bytes(content)
    with pytest.raises(SnapshotError):
        verify(file)


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    newer = Header(row_version=ROW_VERSION + 1, created_at=1, journal="j", journal_partitions=1)
    with Writer(file, newer):
        pass
    with pytest.raises(SnapshotError, match="newer version"):
        verify(file)


def test_a_file_that_somebody_else_wrote_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    file.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(SnapshotError):
        list(read(file))
    content = msgspec.msgpack.encode(End(0))
    file.write_bytes(gzip.compress(len(content).to_bytes(4, "big") + content))
    with pytest.raises(SnapshotError, match="not a backup"):
        list(read(file))


def test_what_could_not_be_finished_does_not_stand_under_its_name(tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    header = Header(created_at=1, journal="j", journal_partitions=1)
    with pytest.raises(OSError, match="gone"), Writer(file, header):
        raise OSError("gone")
    assert list(tmp_path.iterdir()) == []
