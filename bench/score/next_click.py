"""What will be looked at next? Clicks of a shop, each one foreseen from those before it.

One pass over a week of visits in the order of time. Of the visits that begin in the last 24 hours
each click but the first is foreseen: by what the engine would recommend at the click before, when
it has folded that, and knows nothing later. So it learns on the last day too, as it does in a shop;
beside that stands what is foreseen by what was known at the beginning of that day alone. With
several partitions each hears of the others' looks at a tick, of which there is one in a minute.
"""

import asyncio
import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from agents.product_recommendation import ProductRecommendation
from agents.products.choosing import next_looks
from bench.histories import MissingError
from bench.score import shipped
from bench.score.plain_visits import (
    LIST,
    CoOccurrence,
    Method,
    Popularity,
    SessionNeighbours,
)
from bench.score.resampled import compare, ratio_of
from bench.score.scored import Curve, Figure, Task
from schemas.clickstream import ProductViewed
from schemas.instant import DAY, MINUTE
from schemas.journal import Tick
from state.product import Product
from state.table import Needs
from streams.replay import Replay

FILE = "yoochoose_clicks_train.csv.gz"
HITS_GOAL, RANKS_GOAL = 0.69, 0.36
PARTITIONS = 4
OURS = "Ebbtide"
#: The plain ones, in the order in which they are told.
PLAIN: dict[str, Callable[[], Method]] = {
    "popularity": Popularity,
    "co-occurrence": CoOccurrence,
    "session-kNN": lambda: SessionNeighbours(recency=False),
    "VS-KNN": lambda: SessionNeighbours(recency=True),
}


class Click(Struct, frozen=True, order=True):
    """A click of a visit; at: epoch milliseconds."""

    at: int
    visit: str
    product: str


class Asked(Struct):
    """What is to be foreseen of one visit: by which click before, and what came."""

    before: list[int] = []
    came: list[str] = []


class NextClick(ProductRecommendation, frozen=True):
    """The shipped agent, which also notes what it would recommend, nothing left out."""

    noted: Any = None

    def on_event(self, event: Any, customer: Any) -> Any:
        """As it does."""
        chosen = next_looks(customer.visit, (), LIST)
        self.noted[event.event_id] = [it.product_id for it in chosen]
        return super().on_event(event, customer)


Lists = Sequence[list[str]]


def score(data: Path) -> Task:
    """Score the next click on the last day of the file."""
    began = process_time()
    clicks = read(data / FILE)
    day = clicks[-1].at - DAY
    asked = list(_asked(clicks, day).values())
    found: dict[str, Lists] = {}
    found[OURS], frozen = _ours(clicks, day, 1)
    for name, make in PLAIN.items():
        found[name] = _plain(clicks, day, make(), learns=True)
    found[f"{OURS}, {PARTITIONS} partitions"], _ = _ours(clicks, day, PARTITIONS)
    still = {OURS: frozen}
    for name in ("VS-KNN", "session-kNN"):
        still[name] = _plain(clicks, day, PLAIN[name](), learns=False)
    ranks = {name: _ranks(lists, asked) for name, lists in found.items()}
    ranks_still = {name: _ranks(lists, asked) for name, lists in still.items()}
    anew = {name: _ranks(lists, asked, clicks) for name, lists in found.items()}
    count = sum(len(it.came) for it in asked)
    figures = [
        _figure(f"HR@{LIST}", ranks, _hit, HITS_GOAL),
        _figure(f"MRR@{LIST}", ranks, _reciprocal, RANKS_GOAL),
        _figure(f"HR@{LIST}, nothing learned on that day", ranks_still, _hit),
        _figure(f"MRR@{LIST}, nothing learned on that day", ranks_still, _reciprocal),
        _figure(f"HR@{LIST} of what is not in view, without it", anew, _hit),
        _figure(f"MRR@{LIST} of what is not in view, without it", anew, _reciprocal),
    ]
    return Task(
        "next click",
        f"Yoochoose, {len(clicks):,} clicks in one pass; of {len(asked):,} visits that begin in"
        f" the last 24 hours, {count:,} clicks foreseen from what came before",
        figures,
        [_recall(ranks)],
        [
            "Partitions hear of others' visitors each minute; of less in a busy shop (ADR 18).",
            "The product in view is foreseen too, as in the literature; a mail leaves it out.",
        ],
        process_time() - began,
    )


def read(path: Path) -> list[Click]:
    """The clicks in the order of time. Raises MissingError."""
    try:
        with gzip.open(path, "rt") as file:
            rows = csv.DictReader(file)
            return sorted(
                Click(round(float(it["Time"]) * 1_000), it["SessionId"], it["ItemId"])
                for it in rows
            )
    except OSError as error:
        raise MissingError(f"{error}. Give the folder that has {FILE} with --data") from error


def _begins(clicks: Iterable[Click]) -> dict[str, int]:
    begins: dict[str, int] = {}
    for it in clicks:
        begins.setdefault(it.visit, it.at)
    return begins


def _asked(clicks: Sequence[Click], day: int) -> dict[str, Asked]:
    """What is to be foreseen, by visit."""
    begins, last = _begins(clicks), dict[str, int]()
    found: dict[str, Asked] = {}
    for number, it in enumerate(clicks):
        if begins[it.visit] >= day and it.visit in last:
            asked = found.setdefault(it.visit, Asked([], []))
            asked.before.append(last[it.visit])
            asked.came.append(it.product)
        last[it.visit] = number
    return found


def _ours(clicks: Sequence[Click], day: int, partitions: int) -> tuple[Lists, Lists]:
    """What the engine recommends at each click; and what by the rows before the day."""
    noted: dict[str, list[str]] = {}
    agent = msgspec.structs.replace(
        msgspec.convert(shipped.section("product_recommendation"), NextClick), noted=noted
    )
    replay = Replay(shipped.engine([agent], partitions), partitions)
    cut = next(number for number, it in enumerate(clicks) if it.at >= day)
    events = _events(clicks)
    asyncio.run(replay.run(_ticking(events[:cut])))
    frozen = _frozen(clicks, asyncio.run(_rows(replay, clicks))) if partitions == 1 else []
    asyncio.run(replay.run(_ticking(events[cut:])))
    return [noted[it.event_id] for it in events], frozen


def _events(clicks: Iterable[Click]) -> list[ProductViewed]:
    return [
        ProductViewed(
            event_id=f"{number}", occurred_at=it.at, anonymous_id=it.visit, product_id=it.product
        )
        for number, it in enumerate(clicks)
    ]


def _ticking(events: Iterable[ProductViewed]) -> Iterator[ProductViewed | Tick]:
    """A tick in each minute in which there are events: at ticks partitions hear of each other."""
    before = 0
    for it in events:
        if before < (minute := it.occurred_at // MINUTE * MINUTE):
            yield Tick(minute)
            before = minute
        yield it


async def _rows(replay: Replay, clicks: Iterable[Click]) -> dict[str, Product]:
    """The rows of all products, as they are now in the only partition."""
    names = list(dict.fromkeys(it.product for it in clicks))
    loaded = await replay.table.load(0, Needs(products=names))
    decode = msgspec.msgpack.Decoder(Product).decode
    return {name: decode(row) if row else Product() for name, row in loaded.products.items()}


def _frozen(clicks: Sequence[Click], products: dict[str, Product]) -> list[list[str]]:
    found = []
    for _, visit in _visits(clicks):
        distinct = list(dict.fromkeys(reversed(visit)))
        chosen = next_looks({it: products[it] for it in distinct}, (), LIST)
        found.append([it.product_id for it in chosen])
    return found


def _plain(clicks: Sequence[Click], day: int, method: Method, *, learns: bool) -> Lists:
    begins = _begins(clicks)
    found: list[list[str]] = []
    for it, visit in _visits(clicks):
        if learns or it.at < day:
            method.learn(it.visit, it.product)
        found.append(method.ranked(it.visit, visit) if begins[it.visit] >= day else [])
    return found


def _visits(clicks: Iterable[Click]) -> Iterator[tuple[Click, list[str]]]:
    """Each click with all of its visit up to it."""
    visits: dict[str, list[str]] = defaultdict(list)
    for it in clicks:
        visits[it.visit].append(it.product)
        yield it, visits[it.visit]


def _ranks(
    lists: Lists, asked: Iterable[Asked], clicks: Sequence[Click] | None = None
) -> list[list[int]]:
    """At which place stood what came, by visit; 0: not in the list.

    clicks: where given, only what was not in view counts, and what was is taken out of the list.
    """
    found = []
    for it in asked:
        ranks = []
        for before, came in zip(it.before, it.came, strict=True):
            ranked = lists[before]
            if clicks is not None:
                in_view = clicks[before].product
                if came == in_view:
                    continue
                ranked = [other for other in ranked if other != in_view]
            ranks.append(ranked.index(came) + 1 if came in ranked else 0)
        found.append(ranks)
    return found


def _hit(rank: int) -> float:
    return float(rank > 0)


def _reciprocal(rank: int) -> float:
    return 1 / rank if rank else 0.0


def _figure(
    name: str, ranks: dict[str, list[list[int]]], worth: Callable[[int], float],
    goal: float | None = None,
) -> Figure:  # fmt: skip
    """The mean over clicks, with its interval over visits."""
    measures = {
        method: ratio_of(
            np.array([sum(map(worth, it)) for it in of_visits]),
            np.array([len(it) for it in of_visits], float),
        )
        for method, of_visits in ranks.items()
    }
    return compare(name, measures, range(len(ranks[OURS])), OURS, goal)


def _recall(ranks: dict[str, list[list[int]]]) -> Curve:
    lines = {}
    for name, of_visits in ranks.items():
        every = np.array([rank for it in of_visits for rank in it])
        lines[name] = [
            (float(place), float(((every > 0) & (every <= place)).mean()))
            for place in range(1, LIST + 1)
        ]
    return Curve("recall", "places of the list", "share of the next clicks in them", lines)
