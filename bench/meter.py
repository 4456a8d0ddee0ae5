"""What does a contender measure of itself? From its first record to its last."""

import os
import resource
import time
from pathlib import Path

import msgspec
from msgspec import Struct


class Measured(Struct):
    """A run. seconds: wall. cpu_s: of the worker's process alone. total: events in all states."""

    events: int
    triggers: int
    seconds: float
    cpu_s: float
    rss_mb: float
    total: int = 0


class Meter:
    """Counts, and says when ``events_max`` are done; ``finish`` writes the result."""

    def __init__(self, events_max: int, result: Path) -> None:
        self.events = self.triggers = 0
        self._events_max = events_max
        self._result = result
        self._began: tuple[float, float] | None = None

    def begin(self) -> None:
        """The first record is there."""
        if self._began is None:
            self._began = time.perf_counter(), time.process_time()

    def count(self, events: int, triggers: int) -> bool:
        """So many are done, state and triggers safe; whether that was all."""
        self.events += events
        self.triggers += triggers
        return self.events >= self._events_max

    def finish(self, total: int = 0) -> None:
        """Write the result, and end the process at once: frameworks take their time."""
        self.begin()
        wall, cpu = self._began or (0.0, 0.0)
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        measured = Measured(
            self.events, self.triggers, time.perf_counter() - wall, time.process_time() - cpu,
            rss, total,
        )  # fmt: skip
        under_way = self._result.with_suffix(".part")
        under_way.write_bytes(msgspec.json.encode(measured))
        under_way.replace(self._result)
        os._exit(0)
