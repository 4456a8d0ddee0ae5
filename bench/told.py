"""What does Ebbtide know of everybody? A history through the shipping engine, and its rows read.

In memory, in several journal partitions, with a tick each hour of event time, by the shipped
settings of the agents that are looked at, and of ``churn_alert``, to which ``lifecycle`` listens,
but that it learns nothing.
``rfm`` runs beside them, alone: who comes first in a tick depends on all the timers that a customer
has, and on that which cluster somebody is put into.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.loyalty.points_book import Book
from agents.rfm import Standings
from agents.roster import hire
from config.settings import DEFAULT_CONFIG, load_engine_file
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from state.customer import Customer, Said, decode_customer
from streams.replay import Replay

AGENTS = ("churn_alert", "customer_class", "lifecycle", "membership_tier", "points", "rfm")
ALONE = "rfm"
#: What is learned cannot be counted again from all orders: ``bench/score`` says how good it is. So
#: nothing is, and alerts come when a silence is improbable.
UNLEARNED = {"risk_min": 0.0}
#: At which parts of a history to look, and how many days after its end.
SHARES = tuple(it / 8 for it in range(1, 9))
DAYS_AFTER = (15, 45, 90, 150, 250, 330, 400, 500)

Arrivals = Sequence[tuple[int, Event]]


class Told(Struct):
    """What is known of one customer at a cut."""

    class_: str = ""
    stage: str = ""
    tier: str = ""
    alerts: int = 0
    book: Book = Book()


class Cut(Struct):
    """What is known at a tick. means: of each partition, its clusters' sizes and sums."""

    customers: dict[str, Told]
    scores: dict[str, str]
    clusters: dict[str, str]
    means: list[list[tuple[int, list[int]]]]


def settings() -> tuple[list[Agent], Gate, EngineSettings]:
    """As they are shipped, of the agents that are looked at."""
    file = load_engine_file(str(DEFAULT_CONFIG))
    sections = {name: it for name, it in file.agents.items() if name in AGENTS}
    agents = hire(sections | {"churn_alert": sections["churn_alert"] | UNLEARNED})
    return agents, msgspec.convert(file.gate, Gate), msgspec.convert(file.engine, EngineSettings)


def rules(agents: Iterable[Agent]) -> dict[str, dict[str, Any]]:
    """The settings as plain values, by agent."""
    return {it.name: asdict(it) for it in agents}


def cuts_of(arrivals: Arrivals) -> list[int]:
    """Full hours at which to look; none so late that rows end, which is counted nowhere."""
    first, last = arrivals[0][0], arrivals[-1][0]
    moments = [first + round(share * (last - first)) for share in SHARES]
    moments += [last + days * DAY for days in DAYS_AFTER]
    _, _, of_engine = settings()
    rows_end_at = min(event.occurred_at for _, event in arrivals)
    rows_end_at += round(of_engine.retention_days * DAY)
    hours = [it // HOUR * HOUR + HOUR for it in moments]
    return [it for it in hours if it < rows_end_at]


def ticks_of(arrivals: Arrivals, end: int) -> list[int]:
    """Each full hour after the first arrival, up to the last cut."""
    return [*range((arrivals[0][0] // HOUR + 1) * HOUR, end + 1, HOUR)]


def look(
    arrivals: Arrivals, cuts: Sequence[int], partitions: int,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Cut]:  # fmt: skip
    """Run the history, and read the rows at each cut."""
    return asyncio.run(_look(arrivals, cuts, partitions, progress))


async def _look(
    arrivals: Arrivals, cuts: Sequence[int], partitions: int, progress: Callable[[int], object]
) -> list[Cut]:
    agents, gate, of_engine = settings()
    others = [it for it in agents if it.name != ALONE]
    alone = [it for it in agents if it.name == ALONE]
    run, run_alone = (
        Replay(Engine(it, gate, of_engine, partitions), partitions, learns=False)
        for it in (others, alone)
    )
    found, begin, ticks = [], 0, ticks_of(arrivals, cuts[-1])
    for cut in cuts:
        end = next((it for it, (at, _) in enumerate(arrivals) if at >= cut), len(arrivals))
        part = arrivals[begin:end]
        until = [it for it in ticks if it <= cut]
        ticks = ticks[len(until) :]
        for it in (run, run_alone):
            await it.run(_counted(_feed(part, until), progress))
            # They were not asked for, and a year of them is long.
            it.decisions = [[] for _ in range(partitions)]
        begin = end
        found.append(_cut(run, run_alone, partitions))
    return found


def _feed(part: Arrivals, ticks: Sequence[int]) -> Iterator[Event | Tick]:
    """A tick comes before what arrives at its moment."""
    coming = iter(part)
    arrived_at, event = next(coming, (0, None))
    for tick in ticks:
        while event is not None and arrived_at < tick:
            yield event
            arrived_at, event = next(coming, (0, None))
        yield Tick(tick)


def _counted(
    feed: Iterable[Event | Tick], progress: Callable[[int], object]
) -> Iterator[Event | Tick]:
    for number, fact in enumerate(feed, 1):
        if number % 1_000 == 0:
            progress(1_000)
        yield fact


def _cut(run: Replay, alone: Replay, partitions: int) -> Cut:
    customers: dict[str, Told] = {}
    scores: dict[str, str] = {}
    clusters: dict[str, str] = {}
    means = []
    for partition in range(partitions):
        for who, row in run.table.rows(partition).items():
            customers[who] = _told(decode_customer(who, row))
        for who, row in alone.table.rows(partition).items():
            it = decode_customer(who, row)
            scores[who], clusters[who] = _trait(it, "rfm"), _trait(it, "cluster")
        means.append(_means(alone.table.contents(partition).get(("ledgers", "rfm"))))
    return Cut(customers, scores, clusters, means)


def _told(row: Customer) -> Told:
    memory = row.memory.get("points")
    book = Book() if memory is None else msgspec.msgpack.decode(memory, type=Book)
    alerts = row.said.get("churn_alert", Said()).sent
    return Told(_trait(row, "class"), _trait(row, "stage"), _trait(row, "tier"), alerts, book)


def _trait(row: Customer, name: str) -> str:
    trait = row.portrait.get(name)
    return trait.value if trait else ""


def _means(ledger: bytes | None) -> list[tuple[int, list[int]]]:
    if ledger is None:
        return []
    it = msgspec.msgpack.decode(ledger, type=Standings).clusters
    return [(size, it.sums[3 * place : 3 * place + 3]) for place, size in enumerate(it.sizes)]
