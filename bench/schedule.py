"""When is each event due? At a moment that was fixed before the first was sent.

Latency counts from there, not from when the event was sent: whoever is late in sending, because the
system under test takes its time, must not hide that (coordinated omission; Gil Tene, "How NOT to
measure latency").
"""

import argparse
from pathlib import Path

from msgspec import Struct


class Schedule(Struct, frozen=True):
    """An open loop: one event each ``1 / rate`` seconds, whatever becomes of those before.

    start_at: seconds of the epoch. What is due in the first ``warm_up_s`` does not count.
    """

    start_at: float
    rate: float
    warm_up_s: float
    seconds: float

    @property
    def events(self) -> int:
        """How many there are, the warm-up included."""
        return round(self.rate * (self.warm_up_s + self.seconds))

    @property
    def end_at(self) -> float:
        """When the last one is due."""
        return self.due_at(self.events)

    def due_at(self, number: int) -> float:
        """When an event is to be sent, the first of which is number zero."""
        return self.start_at + number / self.rate

    def due(self, now: float) -> int:
        """How many should have been sent by now."""
        return max(0, min(self.events, int((now - self.start_at) * self.rate) + 1))

    def counts(self, number: int) -> bool:
        """Whether the warm-up was over when this event was due."""
        return number >= self.rate * self.warm_up_s

    def words(self) -> list[str]:
        """As a program's arguments, for ``read``."""
        return [f"--{name}={getattr(self, name)!r}" for name in self.__struct_fields__]


class Seen(Struct):
    """Latencies in milliseconds. seen: all triggers. counted: those after the warm-up."""

    seen: int
    counted: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


def arguments() -> argparse.ArgumentParser:
    """What the programs at both ends of a run are told; where to write the result, too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    for name in Schedule.__struct_fields__:
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--result", type=Path, required=True)
    return parser


def read(parsed: argparse.Namespace) -> Schedule:
    """The schedule that a program was told."""
    return Schedule(**{name: getattr(parsed, name) for name in Schedule.__struct_fields__})


def event_id(number: int) -> str:
    """The id of an event of the load.

    >>> event_id(17), number_of("e000000017")
    ('e000000017', 17)
    """
    return f"e{number:09}"


def number_of(cause: str) -> int | None:
    """Which event of the load it was; None for what is none (a timer)."""
    digits = cause[1:]
    return int(digits) if cause[:1] == "e" and digits.isdigit() else None
