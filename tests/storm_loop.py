"""Time that passes only when nothing else is to do: an event loop without a clock and without I/O.

The same steps come in the same order every time, and an hour of waiting costs nothing.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streams.clock
import streams.engage
import streams.ingest
import streams.learning.trainer
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


async def _at_once(work: Callable[..., Any], *arguments: Any) -> Any:
    """Instead of on a thread, whose end no loop could wait for in virtual time."""
    return work(*arguments)


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A loop, which the shipping code takes its time from too."""
    loop = VirtualLoop()
    real = [module.time_ns for module in _MODULES]
    trainer: Any = streams.learning.trainer
    on_thread, trainer.to_thread = trainer.to_thread, _at_once
    for module in _MODULES:
        module.time_ns = lambda: loop.now() * 1_000_000
    try:
        yield loop
    finally:
        for module, time_ns in zip(_MODULES, real, strict=True):
            module.time_ns = time_ns
        trainer.to_thread = on_thread
        _end_tasks(loop)
        loop.close()


def _end_tasks(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    while tasks:
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks))
        tasks = asyncio.all_tasks(loop)
