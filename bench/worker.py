"""How does an Ebbtide worker run in a benchmark? As for real, a process watched from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from bench.place import CONFIG, ROOT
from state.redis_table import key_of

_STOP_S = 30.0


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
