"""What has to run for the demo? Servers, topics and a worker, each ended again at the end."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from config.settings import DEFAULT_CONFIG, Settings, load_settings
from schemas.event import Event
from schemas.journal import Tick
from streams.bootstrap import load_policy
from streams.commands.terminal import CommandError, err
from streams.demo.path import PARTITIONS, run_in_memory, run_through_kafka
from streams.demo.progress import Progress, Summary
from streams.demo.view import show
from streams.embedded import Embedded
from streams.topics import Topics, wanted_topics

T = TypeVar("T")

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15.0


async def in_memory(history: Iterable[Event | Tick], total: int, folder: Path) -> Summary:
    """The history through the engine alone."""
    progress = Progress()
    engine = load_policy(_settings(folder)).engine()
    return await _shown(run_in_memory(history, engine, progress), progress, total)


async def through_kafka(history: Iterable[Event | Tick], total: int, folder: Path) -> Summary:
    """The history through a broker, a worker and Redis."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Embedded(folder) as servers:
        settings = _settings(folder, broker=servers.broker, redis_url=servers.redis_url)
        kinds = load_policy(settings).kinds()
        Topics(settings.broker).create(
            # One raw partition gives the orders one order, so that every run decides the same.
            wanted_topics(kinds, settings.group, journal_partitions=PARTITIONS, raw_partitions=1)
        )
        async with _worker(settings, folder):
            progress = Progress()
            run = run_through_kafka(history, settings.broker, settings.redis_url, kinds, progress)
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
    """A worker process that is ready; its log is ``worker.log`` in the folder."""
    log = folder / "worker.log"
    environment = os.environ | {
        "EBBTIDE_BROKER": settings.broker,
        "EBBTIDE_REDIS_URL": settings.redis_url,
        "EBBTIDE_CONFIG": settings.config,
        "EBBTIDE_CLOCK": settings.clock,
        "EBBTIDE_COUPON_KEY": settings.coupon_key,
        "EBBTIDE_WEB_PORT": str(settings.web_port),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.main", "worker"],
            env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        await _until_ready(process, settings.web_port, log)
        yield
        if process.poll() is not None:
            raise CommandError(f"the worker ended with code {process.returncode}: see {log}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until the worker says that it is ready."""
    url = f"http://127.0.0.1:{port}/ready"
    for _ in range(int(_READY_WITHIN_S / 0.2)):
        if process.poll() is not None:
            raise CommandError(f"the worker ended with code {process.returncode}: see {log}")
        try:
            await asyncio.to_thread(urllib.request.urlopen, url, None, 2)
        except (urllib.error.URLError, OSError):
            await asyncio.sleep(0.2)
        else:
            return
    raise CommandError(f"the worker was not ready after {_READY_WITHIN_S:.0f} s: see {log}")


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
