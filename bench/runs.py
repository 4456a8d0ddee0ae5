"""How is one contender run once? On servers of its own; what it did is checked before it counts."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import redis
from msgspec import Struct

from bench import servers
from bench.meter import Measured
from config.settings import load_settings
from schemas.cloud_event import trigger_topic
from state.redis_table import key_of
from streams.bootstrap import load_policy
from streams.commands.kafka import Reader
from streams.connection import Brokers
from streams.embedded import Embedded
from streams.producer import Outbound
from streams.topics import JOURNAL

LIMIT_S = 900.0
_LOOK_EVERY_S = 0.05
ROOT = Path(__file__).parents[1]
CONFIG = Path(__file__).with_name("engine.toml")


class Contender(Struct, frozen=True):
    """Who takes part. share: of W's events it is given, because some would take hours.

    program: a module of ``bench.contenders``, run by ``python``; Ebbtide's worker without one.
    """

    name: str
    share: float
    fill: Callable[[Path, int], Iterator[Outbound]]
    program: str = ""
    topic: str = servers.SOURCE
    python: str = sys.executable


class Wrong(Exception):
    """A contender did not do its work; its figures mean nothing."""


def run(contender: Contender, path: Path, events: int, folder: Path) -> Measured:
    """Run it. Raises Wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = load_policy(load_settings({}, config=str(CONFIG))).kinds()
    with servers.servers(folder / "servers", kinds) as embedded:
        servers.fill(embedded.broker, contender.fill(path, events))
        if contender.program:
            return _program(contender, embedded, events, folder)
        return _worker(embedded, kinds, events, folder)


def make_environment() -> None:
    """The packages of contenders that need other ones than Ebbtide, in a place of their own."""
    if Path(PEERS).exists():
        return
    folder = Path(PEERS).parents[1]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    listed = Path(__file__).with_name("requirements.txt")
    subprocess.run([PEERS, "-m", "pip", "install", "-q", "-r", listed], check=True)


def _program(contender: Contender, embedded: Embedded, events: int, folder: Path) -> Measured:
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    words = {
        "broker": embedded.broker, "redis": embedded.redis_url, "topic": contender.topic,
        "out": servers.SINK, "group": "bench", "events": events, "result": result, "folder": folder,
    }  # fmt: skip
    command = [contender.python, "-m", f"bench.contenders.{contender.program}"]
    command += [f"--{name}={value}" for name, value in words.items()]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "EBBTIDE_CONFIG": str(CONFIG)},
        )  # fmt: skip
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Wrong(
            f"{contender.name} was not done in {LIMIT_S:.0f} s; its log is {log}"
        ) from error
    finally:
        process.kill()
    if not result.exists():
        raise Wrong(f"{contender.name} ended with {process.returncode}; its log is {log}")
    measured = msgspec.json.decode(result.read_bytes(), type=Measured)
    if measured.events != events or measured.total not in (0, events):
        raise Wrong(f"{contender.name} counts {measured.events} of {events}, {measured.total} kept")
    return measured


def _worker(embedded: Embedded, kinds: list[str], events: int, folder: Path) -> Measured:
    """Ebbtide's worker, watched from outside: from its first commit to its last publication."""
    settings = {
        "broker": embedded.broker, "redis_url": embedded.redis_url, "config": str(CONFIG),
        "clock": "feed", "transactions": "0", "web_port": str(embedded.kafka_port + 1),
    }  # fmt: skip
    environment = {f"EBBTIDE_{name.upper()}": value for name, value in settings.items()}
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.main", "worker"], stdout=output, stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )  # fmt: skip
    try:
        return _watch(psutil.Process(process.pid), embedded, kinds, events)
    finally:
        process.terminate()
        process.wait(30)


def _watch(process: psutil.Process, embedded: Embedded, kinds: list[str], events: int) -> Measured:
    rows: Any = redis.Redis.from_url(embedded.redis_url)
    deadline = time.monotonic() + LIMIT_S
    began: tuple[float, float, int] | None = None
    while True:
        applied, sent, waiting = _counts(rows)
        now, cpu = time.perf_counter(), _cpu_s(process)
        if began is None and applied:
            began = now, cpu, applied
        if applied == events and not waiting:
            break
        if time.monotonic() > deadline:
            raise Wrong(f"the worker has applied {applied} of {events} in {LIMIT_S:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    if began is None:
        raise Wrong("the worker was done before it was looked at: give it more events")
    wall, before, first = began
    published = _count_records(embedded.broker, [trigger_topic(it) for it in kinds])
    if published != sent:
        raise Wrong(f"{sent} triggers were decided, and {published} published")
    part = (events - first) / events
    rss = process.memory_info().rss / 2**20
    # What was applied at the first look is left out, and the rest is counted as if it were all.
    return Measured(events, sent, (now - wall) / part, (cpu - before) / part, rss, applied)


def _counts(rows: Any) -> tuple[int, int, int]:
    """Events applied, triggers decided, decisions that wait for publication."""
    applied = sent = waiting = 0
    for partition in range(servers.PARTITIONS):
        counters = {
            name.decode(): int(by)
            for name, by in rows.hgetall(key_of(partition, "counters")).items()
        }
        applied += sum(by for name, by in counters.items() if name.endswith("/applied"))
        sent += sum(by for name, by in counters.items() if name.endswith("/sent"))
        waiting += rows.llen(key_of(partition, "outbox"))
    return applied, sent, waiting


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _count_records(broker: str, topics: list[str]) -> int:
    with Reader(Brokers(broker)) as reader:
        return sum(1 for _ in reader.to_the_end(topics))


EBBTIDE = Contender("ebbtide, engage alone", 1.0, servers.as_journal)
END_TO_END = Contender("ebbtide, end to end", 1.0, servers.as_published)
PLAIN = Contender("plain loop (the bound)", 1.0, servers.as_journal, "plain_loop", JOURNAL)
PEERS = str(ROOT / "build" / "bench" / "venv" / "bin" / "python")
CONTENDERS = (
    EBBTIDE,
    END_TO_END,
    PLAIN,
    Contender("stock Faust, Redis per event", 0.02, servers.as_one_topic, "faust_per_event"),
    Contender("stock Faust, take + pipeline", 0.1, servers.as_one_topic, "faust_take"),
    Contender("Quix Streams", 0.5, servers.as_one_topic, "quix", python=PEERS),
    Contender("Bytewax", 0.5, servers.as_one_topic, "bytewax_flow", python=PEERS),
)
