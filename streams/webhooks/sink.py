"""What runs in `ebbtide webhooks`? A route for each target, kept going; a producer; a web port."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
from aiohttp import web

from config.settings import ConfigError, Settings
from schemas import dead_letter
from schemas.cloud_event import trigger_topic
from streams import stacks
from streams.connection import brokers_of
from streams.producer import Producer
from streams.topics import TopicError, Topics
from streams.web import add_pages
from streams.webhooks.keeper import Keeper
from streams.webhooks.reports import REPORTS
from streams.webhooks.route import Route
from streams.webhooks.targets import Addressed, load_targets

log = structlog.get_logger()

_PREFIX = trigger_topic("")
# After a target's timeout, what is not done is done again by the next process.
_STOP_WITHIN_S = 25.0


class Sink:
    """All targets. Raises ConfigError or TopicError where it cannot start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._targets = load_targets(settings)
        self._brokers = brokers_of(settings)
        there = Topics(self._brokers).require([REPORTS, dead_letter.TOPIC])
        self._topics = topics_of(settings.webhooks, self._targets, there)
        self._keepers: dict[str, Keeper] = {}

    def run(self) -> int:
        """Run until a signal says stop; returns the exit code, 1 where the end was not in order."""
        return 0 if asyncio.run(self._run()) else 1

    def failing(self) -> list[str]:
        """None: a route that fails is made anew, and a new process would do no better."""
        return []

    async def troubles(self) -> dict[str, str]:
        """What keeps targets from their triggers, by target."""
        return {name: said for name, it in self._keepers.items() if (said := it.trouble())}

    async def _run(self) -> bool:
        await stacks.listen()
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop, stopping)
        producer = Producer(self._brokers)
        async with _served(self._settings, self):
            for it in self._targets:
                make = partial(Route, self._settings, it, self._topics[it.name], producer)
                self._keepers[it.name] = Keeper(it.name, make)
            log.info("webhooks_started", targets=list(self._keepers))
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(it.run(stopping)) for it in self._keepers.values()]
        await asyncio.to_thread(producer.close)
        log.info("webhooks_stopped")
        return all(it.result() for it in running)

    def _stop(self, stopping: asyncio.Event) -> None:
        stopping.set()
        limit = threading.Timer(_STOP_WITHIN_S, _give_up)
        limit.daemon = True
        limit.start()


def topics_of(
    path: str, targets: Sequence[Addressed], there: Mapping[str, int]
) -> dict[str, list[str]]:
    """The topics that each target's triggers stand on. Raises TopicError, or ConfigError."""
    said = sorted(name for name in there if name.startswith(_PREFIX))
    if not said:
        raise TopicError("there are no trigger topics: make them with `ebbtide topics create`")
    found = {}
    for it in targets:
        wanted = [trigger_topic(kind) for kind in it.target.kinds] or said
        if unknown := [name for name in wanted if name not in said]:
            kinds = ", ".join(name.removeprefix(_PREFIX) for name in said)
            raise ConfigError(
                f"{path}: targets.{it.name}.kinds: found"
                f" {unknown[0].removeprefix(_PREFIX)!r}; there are topics for {kinds}"
            )
        found[it.name] = wanted
    return found


@asynccontextmanager
async def _served(settings: Settings, sink: Sink) -> AsyncIterator[None]:
    """The pages, inside the block."""
    pages = web.Application()
    add_pages(pages.router, sink)
    runner = web.AppRunner(pages, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        yield
    finally:
        await runner.cleanup()


def _give_up() -> None:
    log.error("stopped_without_order", after_s=_STOP_WITHIN_S)
    os._exit(1)
