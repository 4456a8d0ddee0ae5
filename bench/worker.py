"""How does an Ebbtide worker run in a benchmark? As for real, a process watched from outside."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
from msgspec import Struct

from bench.place import CONFIG, ROOT, Wrong
from state.redis_table import key_of
from streams.embedded import HOST

_STOP_S = 30.0
_LOOK_EVERY_S = 0.1


@contextmanager
def worker(
    broker: str, redis_url: str, web_port: int, log: Path, **settings: str
) -> Iterator[psutil.Process]:
    """A worker for the length of the ``with``. settings: more of its ``EBBTIDE_`` variables."""
    told = {
        "broker": broker, "redis_url": redis_url, "web_port": str(web_port),
        "config": str(CONFIG), **settings,
    }  # fmt: skip
    environment = {f"EBBTIDE_{name.upper()}": value for name, value in told.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.main", "worker"], stdout=output, stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )  # fmt: skip
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(_STOP_S)


def until_ready(ports: Sequence[int], within_s: float) -> None:
    """Return when the workers on these web ports say that they do their work. Raises Wrong."""
    deadline = time.monotonic() + within_s
    while not all(map(is_ready, ports)):
        if time.monotonic() > deadline:
            raise Wrong(f"not all workers were ready in {within_s:.0f} s")
        time.sleep(_LOOK_EVERY_S)


def is_ready(port: int) -> bool:
    """Whether the worker says that it does its work."""
    try:
        return bool(ask(port, "ready"))
    except OSError:
        return False


def ask(port: int, page: str) -> bytes:
    """A page of the worker. Raises OSError where it does not answer, or not well."""
    with urlopen(f"http://{HOST}:{port}/{page}", timeout=5) as answer:
        content: bytes = answer.read()
        return content


def cpu_s(process: psutil.Process) -> float:
    """The processor time that a process has taken so far."""
    times = process.cpu_times()
    return times.user + times.system


class Progress(Struct, frozen=True):
    """What the commits have counted. waiting: decisions that are not published."""

    applied: int = 0
    sent: int = 0
    waiting: int = 0


def progress(rows: Any, partitions: int) -> Progress:
    """How far all partitions have come, by the table. rows: a client of Redis."""
    applied = sent = waiting = 0
    for partition in range(partitions):
        counters = {
            name.decode(): int(by)
            for name, by in rows.hgetall(key_of(partition, "counters")).items()
        }
        applied += sum(by for name, by in counters.items() if name.endswith("/applied"))
        sent += sum(by for name, by in counters.items() if name.endswith("/sent"))
        waiting += rows.llen(key_of(partition, "outbox"))
    return Progress(applied, sent, waiting)
