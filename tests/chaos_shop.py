"""What is there to be hurt? A broker, a Redis behind a line, workers, and a simulated shop's load."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self
from zoneinfo import ZoneInfo

import redis
from chaos_proxy import Proxy
from hurry import write_hurried
from live_shop import until
from ports import free_port

from bench.apache_kafka import ApacheKafka
from config.settings import Settings, load_settings
from state.table import Position
from streams.bootstrap import load_policy
from streams.connection import Brokers
from streams.embedded import GUARD, HOST, Embedded
from streams.topics import Topics, wanted_topics

PARTITIONS = 4
RAW_PARTITIONS = 2
REDIS_SERVER = "/usr/bin/redis-server"
# Ticks tell that a partition is served; five a second measure a recovery to 0.2 s.
TICK_S = 0.2
# A command gives a broker that does not answer up after 10 s. One that was killed may take longer
# to come back where others want the CPU too, and the load has to go on afterwards.
PATIENT = (
    "from streams import main; from streams.commands import kafka;"
    " kafka._ACKNOWLEDGE_S = 120.0; main.run()"
)


class RedisServer(Protocol):
    """A Redis that can be killed and comes back with what its file holds."""

    redis_port: int
    appendfsync: str

    def kill_redis(self) -> None: ...

    def start_redis(self) -> None: ...


def why_no_redis() -> str | None:
    """Why Debian's Redis cannot be run here; None where it can."""
    return None if Path(REDIS_SERVER).exists() else f"{REDIS_SERVER}, Debian's Redis, is not here"


class DebianRedis:
    """Debian's redis-server with an append-only file."""

    def __init__(self, folder: Path) -> None:
        self.appendfsync = "everysec"
        self.redis_port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start_redis()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_redis()

    def start_redis(self) -> None:
        """Start it, for the first time or again."""
        options = {"--port": self.redis_port, "--bind": HOST, "--dir": self._folder, "--save": "",
                   "--appendonly": "yes", "--appendfsync": self.appendfsync}  # fmt: skip
        words = [str(word) for option in options.items() for word in option]
        command = [REDIS_SERVER, *words]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()), *command],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        client = redis.Redis(port=self.redis_port)
        until(lambda: _answers(client), "Redis answers")

    def kill_redis(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Worker:
    """One worker, which can be killed, frozen and woken."""

    def __init__(self, number: int, settings: Settings, folder: Path) -> None:
        self.number = number
        self.settings = settings
        fields = settings.__struct_fields__
        environment = {f"EBBTIDE_{it.upper()}": str(getattr(settings, it)) for it in fields}
        with (folder / f"worker-{number}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.main", "worker"],
                env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def has_partitions(self) -> bool:
        """Whether the group has given it its share, which may be none."""
        url = f"http://{HOST}:{self.settings.web_port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return "group" not in json.load(answer)["troubles"]
        except urllib.error.HTTPError as error:
            return "group" not in json.load(error)["troubles"]
        except OSError:
            return False


class ChaosShop:
    """Servers, topics, workers and load. redis: a client of the Redis itself, past the proxy."""

    def __init__(
        self, folder: Path, broker: str, servers: RedisServer, proxy: Proxy,
        kafka: ApacheKafka | None, **settings: Any,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.servers = servers
        self.proxy = proxy
        self.kafka = kafka
        self.redis: Any = redis.Redis(port=servers.redis_port, socket_timeout=5)
        config = folder / "engine.toml"
        write_hurried(config, quiet_hours=_quiet_now(), at_once="defer")
        self.settings = load_settings(
            {}, broker=broker, redis_url=f"redis://{HOST}:{proxy.port}/0", config=str(config),
            coupon_key="chaos", tick_seconds=TICK_S, transactions=kafka is not None, **settings,
        )  # fmt: skip
        self.kinds = load_policy(self.settings).kinds()
        Topics(Brokers(broker)).create(
            wanted_topics(
                self.kinds, self.settings.group, journal_partitions=PARTITIONS,
                raw_partitions=RAW_PARTITIONS,
            )
        )  # fmt: skip
        self.workers: list[Worker] = []
        self.started = 0

    def start_worker(self) -> Worker:
        """One worker more, on a port of its own."""
        self.started += 1
        settings = self.settings.__class__(
            **{it: getattr(self.settings, it) for it in self.settings.__struct_fields__}
            | {"web_port": free_port()}
        )
        worker = Worker(self.started, settings, self.folder)
        self.workers.append(worker)
        return worker

    def end_worker(self, worker: Worker, *, within_s: float = 30.0) -> int:
        """Ask it to stop; its exit code."""
        self.workers.remove(worker)
        worker.send(signal.SIGTERM)
        return worker.process.wait(within_s)

    def is_settled(self) -> bool:
        """Whether no rebalance is under way, and none is to come."""
        return all(worker.has_partitions() for worker in self.workers)

    def offsets(self) -> dict[int, Position | None]:
        """Where each journal partition stands; None where Redis does not answer."""
        found: dict[int, Position | None] = {}
        for partition in range(PARTITIONS):
            try:
                text = self.redis.get(f"ebb:{{p{partition}}}:position")
                found[partition] = Position.parse(text)
            except redis.RedisError:
                found[partition] = None
        return found

    @contextmanager
    def load(self, *, seed: int, rate: float, customers: int) -> Iterator["Load"]:
        """A simulated shop publishes until the end of the ``with``."""
        load = Load(self, seed=seed, rate=rate, customers=customers)
        try:
            yield load
        finally:
            load.stop()

    def stop(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()


class Load:
    """`ebbtide simulate` as a process."""

    def __init__(self, shop: ChaosShop, *, seed: int, rate: float, customers: int) -> None:
        words = ["simulate", "--customers", customers, "--rate", rate, "--seed", seed,
                 "--days", 3, "--seconds", 0, "--broker", shop.settings.broker, "--json"]  # fmt: skip
        self._log = shop.folder / "simulate.log"
        self._output = self._log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", PATIENT, *map(str, words)],
            stdout=self._output, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def is_on(self) -> bool:
        """Whether it still publishes."""
        return self._process.poll() is None

    def stop(self) -> None:
        """No more events."""
        if self.is_on():
            self._process.send_signal(signal.SIGINT)
        self._process.wait(60)
        self._output.close()

    def last_words(self) -> str:
        """The end of what it said."""
        return self._log.read_text("utf-8", "replace")[-1_000:]


@contextmanager
def open_embedded(folder: Path, **settings: Any) -> Iterator[ChaosShop]:
    """A shop on the embedded broker and Redis."""
    with ExitStack() as stack:
        servers = stack.enter_context(Embedded(folder / "servers"))
        proxy = stack.enter_context(Proxy(servers.redis_port))
        shop = ChaosShop(folder, servers.broker, servers, proxy, None, **settings)
        stack.callback(shop.stop)
        yield shop


@contextmanager
def open_apache(folder: Path, **settings: Any) -> Iterator[ChaosShop]:
    """A shop on Apache Kafka and Debian's Redis."""
    with ExitStack() as stack:
        kafka = stack.enter_context(ApacheKafka(folder / "kafka"))
        servers = stack.enter_context(DebianRedis(folder / "redis"))
        proxy = stack.enter_context(Proxy(servers.redis_port))
        shop = ChaosShop(folder, kafka.broker, servers, proxy, kafka, **settings)
        stack.callback(shop.stop)
        yield shop


def show_json(path: Path, what: dict[str, Any]) -> None:
    """Write a result where people look for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(what, indent=2) + "\n", "utf-8")


def _quiet_now() -> dict[str, str]:
    """Quiet hours in Central Europe, where most simulated customers are, that end within minutes."""
    zone = ZoneInfo("Europe/Berlin")
    end = datetime.now(zone) + timedelta(seconds=90)
    return {"begin": f"{end - timedelta(minutes=3):%H:%M}", "end": f"{end:%H:%M}",
            "time_zone": zone.key}  # fmt: skip


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        time.sleep(0.05)
        return False
