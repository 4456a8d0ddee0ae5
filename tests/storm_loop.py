"""Time that passes only when nothing else is to do: an event loop without a clock and without I/O.

The same steps come in the same order every time, and an hour of waiting costs nothing.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streams.clock
import streams.engage
import streams.ingest
import streams.relay

# 2026-01-20 07:59:52 UTC: on every wall a minute begins while a storm lasts, and with it an hour
# that is quiet in one time zone and ends in another (``storm_feed.QUIET_HOURS``).
START = 1_768_895_992_000
_MODULES: tuple[Any, ...] = (streams.clock, streams.engage, streams.ingest, streams.relay)


class Deadlock(Exception):
    """Everybody waits, and nobody for a time."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose selector finds nothing and moves the clock to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = self

    def select(self, timeout: float | None) -> list[Any]:
        """Wait, which takes no time."""
        if timeout is None:
            raise Deadlock
        self._now += timeout
        return []

    def time(self) -> float:
        return self._now

    def now(self) -> int:
        """The time of day (epoch milliseconds)."""
        return START + int(self._now * 1_000)

    def _process_events(self, _: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A loop, which the shipping code takes its time from too."""
    loop = VirtualLoop()
    real = [module.time_ns for module in _MODULES]
    for module in _MODULES:
        module.time_ns = lambda: loop.now() * 1_000_000
    try:
        yield loop
    finally:
        for module, time_ns in zip(_MODULES, real, strict=True):
            module.time_ns = time_ns
        _end_tasks(loop)
        loop.close()


def _end_tasks(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    while tasks:
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks))
        tasks = asyncio.all_tasks(loop)
