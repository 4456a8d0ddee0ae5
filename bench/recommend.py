"""How long does a recommendation take in a shop of very many products, and how large are its rows?

    python -m bench.recommend [--products 100000] [--looks 2000000]

Invented visits fill the rows: categories and products in them by Zipf's law, and one look in ten
goes elsewhere. Ledgers are as full as they can be. Then looks of visits under way come one by one,
as when nothing else is to do: each is a batch of its own, over Redis, both loads, what is learned,
the list, and the commit. What is popular has the largest rows, and is looked at most.
"""

import argparse
import asyncio
import gc
import tempfile
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from time import process_time

import redis

from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.product_recommendation import ProductRecommendation
from agents.products.choosing import next_looks
from schemas.clickstream import ProductViewed
from schemas.codec import encode_row
from schemas.instant import MINUTE
from schemas.journal import Entry, Source
from state.beside import learn
from state.popular import CATEGORIES_MAX, NAMES_MAX, Looked, Popular
from state.product import Product
from state.redis_table import RedisTable
from state.sold_out import PRODUCTS_MAX, SOLD_OUT, SoldOut
from state.table import Commit, Position
from streams.apply import apply
from streams.embedded import Embedded

_BEGIN = 1_768_896_000_000
_IN_CATEGORY = 100
_ZIPF = 1.05
_AT_ONCE = 2_000
#: Looks that are timed; before them come some that are not, so that all is warm.
_TIMED, _WARM = 5_000, 500

Look = tuple[str, str]


def looks(products: int, seed: int) -> Iterator[Look]:
    """Visitors and products: visits of one to nine looks, one after another, without end."""
    rng = Random(seed)
    categories = products // _IN_CATEGORY
    of_category = list(accumulate(rank**-_ZIPF for rank in range(1, categories + 1)))
    within = list(accumulate(rank**-_ZIPF for rank in range(1, _IN_CATEGORY + 1)))
    visitor = 0
    while True:
        visitor += 1
        category = rng.choices(range(categories), cum_weights=of_category)[0]
        for _ in range(rng.randint(1, 9)):
            if rng.random() < 0.1:
                category = rng.choices(range(categories), cum_weights=of_category)[0]
            place = rng.choices(range(_IN_CATEGORY), cum_weights=within)[0]
            yield f"v{seed}-{visitor:07}", f"product-{category * _IN_CATEGORY + place:06}"


def learned(products: int, count: int) -> dict[str, Product]:
    """Rows of all products, after so many looks."""
    rows = {f"product-{it:06}": Product() for it in range(products)}
    visitor, visit = "", list[str]()
    for who, product_id in islice(looks(products, 1), count):
        if who != visitor:
            visitor, visit = who, []
        learn(rows, visit[:8], product_id, _BEGIN)
        visit = [product_id, *(it for it in visit if it != product_id)]
    return rows


def ledgers() -> dict[str, bytes]:
    """Both as full as they can be."""
    popular, gone = Popular(), SoldOut({})
    for category in range(CATEGORIES_MAX):
        for place in range(NAMES_MAX):
            popular.enter(Looked(f"product-{place:06}", f"category {category}", _BEGIN, 1_000))
    for number in range(PRODUCTS_MAX):
        gone.products[f"product-{number * 7 + 3:06}"] = _BEGIN // (60 * MINUTE)
    return {"product_recommendation": encode_row(popular), SOLD_OUT: encode_row(gone)}


async def put(table: RedisTable, rows: dict[str, Product], kept: dict[str, bytes]) -> None:
    """Write them all; the journal has not begun."""
    names = list(rows)
    for begin in range(0, len(names), _AT_ONCE):
        part = {it: encode_row(rows[it]) for it in names[begin : begin + _AT_ONCE]}
        at = Position()
        await table.commit(0, Commit(at, at, b"\x90", {}, {}, part, [], {}, ledgers=kept))


async def timed(table: RedisTable, products: int) -> dict[str, list[float]]:
    """Seconds of each look, by stage."""
    # It never has spoken to them, so that the list is made each time; none is held back by consent.
    agent = ProductRecommendation(quiet_hours=0)
    engine = Engine([agent], Gate(assume_consent=("personalisation",)), EngineSettings())
    found: dict[str, list[float]] = {"load": [], "decide": [], "commit": [], "CPU": []}
    position = await table.position(0)
    for number, (who, product_id) in enumerate(islice(looks(products, 2), _WARM + _TIMED)):
        at = _BEGIN + number * 100
        event = ProductViewed(
            event_id=f"e{number}", occurred_at=at, anonymous_id=who, product_id=product_id
        )
        entry = Entry(event, Source("raw", 0, number, at))
        times = dict.fromkeys(found, 0.0)

        def note(stage: str, seconds: float, times: dict[str, float] = times) -> None:
            times[stage] += seconds

        steps = apply(
            engine, table, 0, position, [position.offset], [entry],
            published=position.sequence, stopwatch=note,
        )  # fmt: skip
        began = process_time()
        async for applied in steps:
            position = applied.position
        times["CPU"] = process_time() - began
        if number >= _WARM:
            for stage, seconds in times.items():
                found[stage].append(seconds)
    return found


def listed(rows: dict[str, Product], products: int) -> list[float]:
    """Seconds of CPU for the list alone, of 20 products, by the rows of a visit of five."""
    coming, found = looks(products, 3), list[float]()
    for _ in range(_TIMED):
        visit = {name: rows[name] for _, name in islice(coming, 5)}
        began = process_time()
        next_looks(visit, (), 20)
        found.append(process_time() - began)
    return found


def main() -> None:
    """Run by hand."""
    parser = argparse.ArgumentParser(description="What a recommendation takes.")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=2_000_000)
    given = parser.parse_args()
    began = process_time()
    rows, kept = learned(given.products, given.looks), ledgers()
    per_look = (process_time() - began) / given.looks
    sizes = sorted(len(encode_row(it)) for it in rows.values())
    # As a row is when it is full, which the most popular ones are soon.
    print(
        f"{given.products:,} products, {given.looks:,} looks, {per_look * 1e6:.0f} µs to learn one"
    )
    print(f"bytes of a row: {_spread(sizes, 1, 0)}; {sum(sizes):,} in all")
    print(f"bytes of the ledgers: {', '.join(f'{it} {len(row):,}' for it, row in kept.items())}")
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder)) as servers:
        times, used = asyncio.run(_in_redis(servers.redis_url, rows, kept, given.products))
    print(f"bytes that Redis uses for them: {used:,}, {used // given.products:,} a product")
    cpu = times.pop("CPU")
    whole = [sum(it) for it in zip(*times.values(), strict=True)]
    decision = [sum(it) for it in zip(times["load"], times["decide"], strict=True)]
    told = {"the list alone": listed(rows, given.products), **times}
    told |= {"load and decide": decision, "with the commit": whole, "CPU of it": cpu}
    for name, seconds in told.items():
        print(f"{name:16} {_spread(sorted(seconds), 1_000, 3)} ms")


async def _in_redis(
    url: str, rows: dict[str, Product], kept: dict[str, bytes], products: int
) -> tuple[dict[str, list[float]], int]:
    with redis.Redis.from_url(url) as client:
        before = int(client.info("memory")["used_memory"])
        async with RedisTable(url) as table:
            await put(table, rows, kept)
            used = int(client.info("memory")["used_memory"]) - before
            return await timed(table, products), used


def _spread(ordered: Sequence[float], times: int, digits: int) -> str:
    """The median, what one in a hundred exceeds, and the most."""
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return ", ".join(
        f"{name} {ordered[round(last * share)] * times:,.{digits}f}"
        for name, share in places.items()
    )


if __name__ == "__main__":
    main()
