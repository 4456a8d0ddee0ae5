"""How is a simulation published? The past at full speed, the present at the pace of the clock.

The customers' pasts go out one customer after the other, because the clock of the running system
does not wait: see ``Simulation.history``.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

import msgspec
from confluent_kafka import TopicPartition
from msgspec import Struct
from rich.progress import Progress, SpinnerColumn, TextColumn

from schemas.cloud_event import trigger_topic
from schemas.codec import RAW_TOPICS, encode_json
from schemas.event import Event
from schemas.shop_events import ShopEvent
from streams.amounts import plural
from streams.commands import kafka, terminal
from streams.connection import Brokers
from streams.producer import Outbound
from streams.simulated.simulation import Simulation

BATCH_RECORDS = 2_000
# Short enough for a latency that is not the simulation's own.
_PACE_S = 0.02
# Triggers that follow from the last events are out by then, on a worker that keeps up.
_SETTLE_S = 1.0

Fact = tuple[str, Event | ShopEvent]


class Wish(Struct, frozen=True):
    """What is to be simulated; see ``ebbtide simulate --help``."""

    customers: int
    rate: float
    seed: int
    days: int
    seconds: float


class Outcome(Struct):
    """What was published, and what Ebbtide said about it so far. customer_id: heard of most."""

    wish: Wish
    simulation: bool = True
    past_events: int = 0
    past_seconds: float = 0.0
    live_events: int = 0
    live_seconds: float = 0.0
    by_topic: Counter[str] = msgspec.field(default_factory=Counter)
    triggers: Counter[str] = msgspec.field(default_factory=Counter)
    customer_id: str | None = None


class Run:
    """One simulation, from now on. customers: those who have done anything."""

    def __init__(self, brokers: Brokers, wish: Wish) -> None:
        self.outcome = Outcome(wish)
        self._brokers = brokers
        self._wish = wish
        self._began_at = time.time_ns() // 1_000_000
        self._simulation = Simulation(wish.customers, wish.seed, self._began_at)
        self.customers: set[str] = set()
        there = kafka.reach(brokers).require(RAW_TOPICS)
        self._trigger_topics = [name for name in there if name.startswith(trigger_topic(""))]
        self._places: list[TopicPartition] = []
        with kafka.Reader(brokers) as reader:
            self._places = reader.near_the_end(self._trigger_topics)

    async def go(self) -> None:
        """Publish the past, then live until the time is over."""
        async with kafka.Sender(self._brokers) as sender:
            with _line() as show:
                await self._past(sender, show)
                await self._live(sender, show)
        if self._wish.seconds:
            await asyncio.sleep(_SETTLE_S)

    def look_back(self) -> None:
        """Count what Ebbtide has said about these customers."""
        about: Counter[str] = Counter()
        with kafka.Reader(self._brokers) as reader:
            for record in reader.to_the_end(self._trigger_topics, self._places):
                key = record.key()
                customer_id = key.decode() if isinstance(key, bytes) else str(key)
                if customer_id in self.customers and record.timestamp()[1] >= self._began_at:
                    about[customer_id] += 1
                    kind = (record.topic() or "").removeprefix(trigger_topic(""))
                    self.outcome.triggers[kind] += 1
        if about:
            self.outcome.customer_id = about.most_common(1)[0][0]

    async def _past(self, sender: kafka.Sender, show: "_Show") -> None:
        out = self.outcome
        started = time.monotonic()
        past = self._simulation.history(self._wish.days)
        while batch := self._written(islice(past, BATCH_RECORDS)):
            await sender.send(batch)
            out.past_events += len(batch)
            out.past_seconds = round(time.monotonic() - started, 3)
            known = len(self.customers)
            show(f"past: customer {known:,} of {self._wish.customers:,}", out.past_events)

    async def _live(self, sender: kafka.Sender, show: "_Show") -> None:
        out, wish = self.outcome, self._wish
        started = time.monotonic()
        present = self._simulation.live(wish.rate)
        coming = next(present)
        while not wish.seconds or out.live_seconds < wish.seconds:
            now = time.time_ns() // 1_000_000
            due: list[Fact] = []
            while coming[1].occurred_at <= now and len(due) < BATCH_RECORDS:
                due.append(coming)
                coming = next(present)
            await sender.send(self._written(due))
            out.live_events += len(due)
            out.live_seconds = round(time.monotonic() - started, 3)
            left = (
                f"{wish.seconds - out.live_seconds:.0f} s left" if wish.seconds else "Ctrl-C ends"
            )
            show(f"live: {wish.rate:g} a second, {left}", out.live_events)
            await asyncio.sleep(_PACE_S)

    def _written(self, facts: Iterable[Fact]) -> list[Outbound]:
        records = []
        for topic, event in facts:
            subject = event.subject
            if isinstance(event, Event):
                self.customers.add(subject)
            self.outcome.by_topic[topic] += 1
            records.append(Outbound(topic, encode_json(event), subject.encode()))
        return records


def report(run: Run, *, as_json: bool) -> None:
    """Say what was published, what came of it, and where to look next."""
    run.look_back()
    out = run.outcome
    if as_json:
        terminal.say_json(out)
        return
    past, live = (
        plural(out.past_events, "event"),
        plural(out.live_events, "event"),
    )
    say = terminal.out.print
    customers = plural(out.wish.customers, "simulated customer")
    say(f"{customers}, seed {out.wish.seed}", style="green")
    say(
        f"{past} of their past in {out.past_seconds:.1f} s, {live} live in {out.live_seconds:.1f} s"
    )
    say("Published: " + _counts(out.by_topic))
    if out.triggers:
        say("Ebbtide has said about them: " + _counts(out.triggers))
    else:
        say("Ebbtide has said nothing about them so far. Is a worker running?", style="yellow")
    say("\nNext\n    ebbtide watch --from-start")
    say(f"    ebbtide customer {out.customer_id or min(run.customers, default='ID')}")


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


class _Show:
    """Tells how far the simulation is: a line that changes on a terminal, nothing elsewhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", events=0)

    def __call__(self, what: str, events: int) -> None:
        self._progress.update(self._task, description=what, events=events)


@contextmanager
def _line() -> Iterator[_Show]:
    progress = Progress(
        SpinnerColumn(), TextColumn("simulation, {task.description}"),
        TextColumn("{task.fields[events]:,} events"), console=terminal.err, transient=True,
        disable=not terminal.err.is_terminal,
    )  # fmt: skip
    with progress:
        yield _Show(progress)
