"""What happens when a target's route fails? It is made anew, after a pause; the others go on.

A route fails by a mistake of ours, or because its Kafka consumer is broken for good. Another
process would do no better, and would take the other targets along.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

from streams.webhooks import metrics

log = structlog.get_logger()

_PAUSE_S = 1.0
_PAUSE_MAX_S = 60.0
# Who has run for so long is well again. As long as the longest pause, or that would mean nothing.
_WELL_AFTER_S = 60.0


class Runs(Protocol):
    """What is kept going."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until it is time to stop."""
        ...

    def trouble(self) -> str:
        """What keeps it from its work; empty where nothing does."""
        ...


class Keeper:
    """Keeps one target's route going. make: gives a new route. Make it where a loop runs."""

    def __init__(self, name: str, make: Callable[[], Runs]) -> None:
        self._name, self._make = name, make
        self._route: Runs | None = None
        self._failures = 0
        self._failure = ""
        self._began_at = 0.0
        self._clock = asyncio.get_running_loop().time
        # It is shown from the start, so that the first one is seen as an increase.
        self._restarts = metrics.RESTARTS.labels(name)

    async def run(self, stopping: asyncio.Event) -> bool:
        """Run it until it is time to stop; returns whether it ended in order."""
        while True:
            self._began_at = self._clock()
            try:
                self._route = self._make()
                await self._route.run(stopping)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                self._note(error)
                if stopping.is_set():
                    return False
            else:
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._pause_s())
                return True

    def trouble(self) -> str:
        """What keeps this target from its triggers; empty where nothing does."""
        if self._failure and not self._is_well():
            return self._failure
        return self._route.trouble() if self._route else "it has not begun yet"

    def _note(self, error: Exception) -> None:
        self._failures = 1 if self._is_well() else self._failures + 1
        self._route = None
        self._failure = f"its route failed ({type(error).__name__}) and is made anew; see the log"
        self._restarts.inc()
        log.error(
            "webhook_route_failed", target=self._name, exc_info=error,
            what=f"it is made anew after {self._pause_s():g} s; other targets go on",
        )  # fmt: skip

    def _is_well(self) -> bool:
        return self._route is not None and self._clock() - self._began_at >= _WELL_AFTER_S

    def _pause_s(self) -> float:
        return min(_PAUSE_MAX_S, _PAUSE_S * 2.0 ** min(self._failures - 1, 60))
