"""What has to run for the demo? Servers, topics and a worker, each ended again at the end."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from config.settings import DEFAULT_CONFIG, Settings, load_settings
from schemas.event import Event
from schemas.journal import Tick
from streams.bootstrap import load_policy
from streams.commands.terminal import CommandError, err
from streams.commands.worker_process import WorkerProcess
from streams.connection import Brokers
from streams.demo.path import PARTITIONS, run_in_memory, run_through_kafka
from streams.demo.progress import Progress, Summary
from streams.demo.view import show
from streams.embedded import Embedded
from streams.topics import Topics, wanted_topics

T = TypeVar("T")

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.2


async def in_memory(history: Iterable[Event | Tick], total: int, folder: Path) -> Summary:
    """The history through the engine alone."""
    progress = Progress()
    engine = load_policy(_settings(folder)).engine(PARTITIONS)
    return await _shown(run_in_memory(history, engine, progress), progress, total)


async def through_kafka(history: Iterable[Event | Tick], total: int, folder: Path) -> Summary:
    """The history through a broker, a worker and Redis."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Embedded(folder) as servers:
        settings = _settings(folder, broker=servers.broker, redis_url=servers.redis_url)
        policy = load_policy(settings)
        Topics(Brokers(settings.broker)).create(
            # One raw partition gives the orders one order, so that every run decides the same.
            wanted_topics(
                policy.kinds(), settings.group, journal_partitions=PARTITIONS, raw_partitions=1
            )
        )
        async with _worker(settings, folder):
            progress = Progress()
            run = run_through_kafka(history, settings.broker, settings.redis_url, policy, progress)
            return await _shown(run, progress, total)


def _settings(folder: Path, **servers: str) -> Settings:
    """The shipped settings, but for a feed's clock and the consent that is not in the data."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = DEFAULT_CONFIG.read_text("utf-8")
    assumed = shipped.replace('assume_consent = ["service"]', _ASSUMED)
    if assumed == shipped:
        raise CommandError(f"{DEFAULT_CONFIG}: the demo does not find where consent is assumed")
    config = folder / "engine.toml"
    config.write_text(assumed, "utf-8")
    return load_settings(
        {}, config=str(config), clock="feed", coupon_key="demo", web_port=_free_port(), **servers
    )


@asynccontextmanager
async def _worker(settings: Settings, folder: Path) -> AsyncIterator[None]:
    """A worker process that is ready."""
    environment = os.environ | {
        "EBBTIDE_BROKER": settings.broker,
        "EBBTIDE_REDIS_URL": settings.redis_url,
        "EBBTIDE_CONFIG": settings.config,
        "EBBTIDE_CLOCK": settings.clock,
        "EBBTIDE_TRANSACTIONS": "0",
        "EBBTIDE_COUPON_KEY": settings.coupon_key,
    }
    worker = WorkerProcess(1, settings.web_port, folder, environment)
    worker.start()
    try:
        await _until_ready(worker)
        yield
        if worker.exit_code() is not None:
            raise CommandError(f"the worker ended. {worker.last_words()}")
    finally:
        worker.terminate()
        for _ in range(int(_STOP_WITHIN_S / _LOOK_EVERY_S)):
            if worker.exit_code() is not None:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        worker.kill()


async def _until_ready(worker: WorkerProcess) -> None:
    for _ in range(int(_READY_WITHIN_S / _LOOK_EVERY_S)):
        if worker.exit_code() is not None:
            raise CommandError(f"the worker ended at its start. {worker.last_words()}")
        if await asyncio.to_thread(worker.is_ready):
            return
        await asyncio.sleep(_LOOK_EVERY_S)
    raise CommandError(f"not ready after {_READY_WITHIN_S:.0f} s. {worker.last_words()}")


async def _shown(run: Coroutine[Any, Any, T], progress: Progress, total: int) -> T:
    showing = asyncio.create_task(show(progress, total, err))
    try:
        return await run
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


_ASSUMED = 'assume_consent = ["service", "personalisation", "marketing"]'
