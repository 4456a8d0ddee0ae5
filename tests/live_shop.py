"""A shop for the live tests: a broker, a Redis, topics, and one worker that can be killed."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from ports import free_port

from config.settings import load_settings
from streams.bootstrap import load_policy
from streams.connection import Brokers
from streams.demo.path import PARTITIONS
from streams.embedded import Embedded
from streams.topics import Topics, wanted_topics

PROGRAM = ("-m", "streams.main")
# Up to which offset each partition was read, by broker and topic.
_read_up_to: dict[tuple[str, str], dict[int | None, Any]] = {}


class Shop:
    """Servers, topics and one worker that can be killed and started again.

    program: another than the shipped one, such as with more agents.
    """

    def __init__(
        self, folder: Path, servers: Embedded, port: int, *, program: Sequence[str] = PROGRAM,
        **settings: Any,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._program = program
        self.servers = servers
        self.settings = load_settings(
            {}, broker=servers.broker, coupon_key="test",
            web_port=port, transactions=False,
            session_timeout_s=2.0, heartbeat_s=0.3, rebalance_timeout_s=2.0,
            **({"redis_url": servers.redis_url} | settings),
        )  # fmt: skip
        self.kinds = load_policy(self.settings).kinds()
        Topics(Brokers(servers.broker)).create(
            wanted_topics(
                self.kinds, self.settings.group, journal_partitions=PARTITIONS, raw_partitions=1
            )
        )
        self.worker = self.start_worker()

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """Start the worker, again or for the first time."""
        fields = self.settings.__struct_fields__
        environment = {f"EBBTIDE_{it.upper()}": str(getattr(self.settings, it)) for it in fields}
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self._program, "worker"],
                env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill_worker(self) -> None:
        """Kill it as a power cut would, and start another."""
        self.worker.kill()
        self.worker.wait()
        self.worker = self.start_worker()

    def ready(self) -> bool:
        """Whether the worker says that it is."""
        try:
            url = f"http://127.0.0.1:{self.settings.web_port}/ready"
            with urllib.request.urlopen(url, timeout=1) as answer:
                return bool(json.load(answer)["ok"])
        except OSError:
            return False


@contextmanager
def open_shop(folder: Path, **settings: Any) -> Iterator[Shop]:
    """A shop whose worker is ready; all of it is ended afterwards."""
    with Embedded(folder) as servers:
        shop = Shop(folder, servers, free_port(), **settings)
        try:
            until(shop.ready, "the worker is ready")
            yield shop
        finally:
            shop.worker.terminate()
            shop.worker.wait(30)


def until(is_so: Callable[[], object], what: str, within_s: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.05)


def read(broker: str, topic: str, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Records of a topic until there are enough: from the start, and the next time from there on.

    Without a group, which would have to be joined first: that takes 3 s on the embedded broker.
    """
    read_up_to = _read_up_to.setdefault((broker, topic), {})
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": "tests", "enable.auto.commit": False,
         "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50}
    )  # fmt: skip
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign(
        [TopicPartition(topic, it, read_up_to.get(it, OFFSET_BEGINNING)) for it in partitions]
    )
    found: list[Any] = []

    def read_on() -> bool:
        for record in consumer.consume(500, 0.1):
            if record.error() is None:
                found.append(record)
                read_up_to[record.partition()] = (record.offset() or 0) + 1
        return enough(found)

    try:
        until(read_on, f"enough of {topic} is read")
    finally:
        consumer.close()
    return found


def now() -> int:
    """Wall time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
