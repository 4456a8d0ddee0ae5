"""What becomes of one contender under one load? Generator, contender and observer, side by side.

Three processes that know nothing of each other but the schedule; and a check that all that was sent
was applied, and each trigger seen, before a latency counts.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import redis
from msgspec import Struct

from bench import program, roster, servers
from bench.load import Sent
from bench.place import LIMIT_S, PEERS, Wrong, empty_folder
from bench.schedule import Schedule, Seen
from bench.servers import Servers
from bench.worker import Progress, progress, until_ready, worker
from schemas.cloud_event import trigger_topic
from streams.topics import JOURNAL

#: A bad review: its trigger names the event that caused it. Carts and silence speak on timers.
KIND = "service_recovery"

# Each record of a load takes 8 µs to make; twice as long is given, and to start three seconds.
_MADE_IN_S = 16e-6
_STARTED_IN_S = 3.0
# Everything that was sent must come out, also of those who have not kept up; and the last of it is
# seen a moment after it is known to be out.
_DRAIN_S = 120.0
_SEEN_S = 0.5
# Behind by what arrives in so long when the load ends: latency then says how long one measured.
_BEHIND_S = 1.0
# As much as some of what is to be measured: a machine so busy measures its own queue.
_LAG_MS_MAX = 50.0
_READY_S = 60.0
_LOOK_EVERY_S = 0.1


class Contender(Struct, frozen=True):
    """Who takes part. shape: what the load looks like, by its name in bench/load.py.

    capacity_of: whose throughput the loads are a part of, on the same broker. command: what starts
    it; Ebbtide's worker without one, which publishes in ``transactions`` or not.
    """

    name: str
    capacity_of: roster.Contender
    shape: str = "journalled"
    command: Callable[[], list[str]] | None = None
    transactions: bool = False

    @property
    def apache(self) -> bool:
        """Whether it runs on Apache Kafka."""
        return self.capacity_of.apache

    @property
    def warm_up_s(self) -> float:
        """What does not count. A broker in Java needs more of it."""
        return 12.0 if self.apache else 3.0


class Latencies(Seen):
    """One run. backlog: events that were not applied when the last had been sent."""

    rate: float
    generator_lag_ms_p99: float
    backlog: int

    @property
    def fault(self) -> str:
        """Why the latencies are not those of the load; empty where they are."""
        if self.generator_lag_ms_p99 > _LAG_MS_MAX:
            return "the generator was late"
        if self.backlog > self.rate * _BEHIND_S:
            return "did not keep up"
        return ""


class Load(Struct, frozen=True):
    """What is sent: events in a second of a workload's file, after some seconds of warm-up."""

    workload: Path
    rate: float
    warm_up_s: float
    seconds: float

    def schedule(self) -> Schedule:
        """Begin as soon as all records can have been made."""
        events = self.rate * (self.warm_up_s + self.seconds)
        start_at = time.time() + _STARTED_IN_S + events * _MADE_IN_S
        return Schedule(round(start_at, 3), self.rate, self.warm_up_s, self.seconds)


def run(contender: Contender, load: Load) -> Latencies:
    """Run a contender under a load. Raises Wrong."""
    folder = empty_folder()
    with servers.servers(folder / "servers", servers.kinds(), apache=contender.apache) as place:
        events = load.schedule().events
        with _running(contender, place, events, folder):
            schedule = load.schedule()
            ends = _ends(contender, load, schedule, place, folder)
            return _watch(contender, schedule, place, ends, folder)


@contextmanager
def _running(contender: Contender, place: Servers, events: int, folder: Path) -> Iterator[None]:
    """The contender, ready for work."""
    if contender.command is None:
        with worker(
            place.broker, place.redis_url, place.web_port, folder / "log",
            transactions=str(int(contender.transactions)),
        ):  # fmt: skip
            until_ready([place.web_port], _READY_S)
            yield
        return
    words = program.told(place, JOURNAL, events, folder / "contender.json")
    process = program.start(contender.command(), words, folder / "log")
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _ends(
    contender: Contender, load: Load, schedule: Schedule, place: Servers, folder: Path
) -> list[subprocess.Popen[bytes]]:
    """The generator and the observer."""
    told = [f"--broker={place.broker}", *schedule.words()]
    sends = {"workload": load.workload, "shape": contender.shape, "result": folder / "sent.json"}
    sees = {
        "topic": trigger_topic(KIND), "partitions": servers.PARTITIONS,
        "result": folder / "seen.json",
    }  # fmt: skip
    return [
        program.start([sys.executable, "-m", "bench.load", *told], sends, folder / "load.log"),
        program.start([PEERS, "-m", "bench.observer", *told], sees, folder / "observer.log"),
    ]


def _watch(
    contender: Contender, schedule: Schedule, place: Servers, ends: list[subprocess.Popen[bytes]],
    folder: Path,
) -> Latencies:  # fmt: skip
    rows: Any = redis.Redis.from_url(place.redis_url)
    generator, observer = ends
    try:
        _until_ended(generator, folder / "load.log")
        behind = schedule.events - progress(rows, servers.PARTITIONS).applied
        reached = _until_drained(contender, rows, schedule.events)
        time.sleep(_SEEN_S)
        observer.terminate()
        _until_ended(observer, folder / "observer.log")
    finally:
        for process in ends:
            process.kill()
            process.wait()
    sent = msgspec.json.decode((folder / "sent.json").read_bytes(), type=Sent)
    seen = msgspec.json.decode((folder / "seen.json").read_bytes())
    found = msgspec.convert(
        seen | {"rate": schedule.rate, "backlog": behind, "generator_lag_ms_p99": sent.lag_ms_p99},
        Latencies,
    )
    _check(contender, found, sent, schedule, reached)
    return found


def _check(
    contender: Contender, found: Latencies, sent: Sent, schedule: Schedule, reached: Progress
) -> None:
    if sent.failed:
        raise Wrong(f"the broker did not take {sent.failed} of {sent.sent} events")
    if reached.applied != schedule.events:
        raise Wrong(f"{contender.name} has applied {reached.applied} of {schedule.events} events")
    if reached.sent != found.seen:
        raise Wrong(f"{contender.name} has decided {reached.sent} triggers, {found.seen} were seen")


def _until_ended(process: subprocess.Popen[bytes], log: Path) -> None:
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"not done in {LIMIT_S:.0f} s; the log is {log}") from error
    if code:
        raise Wrong(f"ended with {code}; the log is {log}")


def _until_drained(contender: Contender, rows: Any, events: int) -> Progress:
    """Return when all is applied and published, or when that has taken too long.

    The plain loop publishes before it commits, and its last commit's outbox stays where it is.
    """
    deadline = time.monotonic() + _DRAIN_S
    while True:
        here = progress(rows, servers.PARTITIONS)
        waiting = here.waiting and contender.command is None
        if (here.applied >= events and not waiting) or time.monotonic() > deadline:
            return here
        time.sleep(_LOOK_EVERY_S)
