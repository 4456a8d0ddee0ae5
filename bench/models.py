"""What does a model cost? An engine's batches with one and without, and the load from Redis.

    python -m bench.models

The agent does nothing but look at its model, which has as many bytes as models may be expected to
have. In turn, and the least of many rounds is told, because whatever else the machine does can only
add to it.
"""

import asyncio
import gc
import tempfile
from collections.abc import Iterable
from math import inf
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from agents.abandoned_cart import AbandonedCart
from agents.agent import Act, Agent, View
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.product_recommendation import ProductRecommendation
from bench.ledger import _view
from schemas.clickstream import ProductViewed
from schemas.codec import encode_json, encode_row
from schemas.journal import Entry
from state.model import Kept, kept_in, model_key
from state.redis_table import RedisTable
from state.table import Commit, Loaded, Needs, Position
from streams.embedded import Embedded

_EVENTS, _BATCHES, _ROUNDS, _LOADS = 5_000, 1_000, 25, 2_000
_BYTES = 30_000
_OTHERS = (AbandonedCart(), ProductRecommendation())


class Weights(Struct, frozen=True):
    """A model."""

    by_name: dict[str, float]


class Looker(Agent, frozen=True):
    """Looks at its model at each view, and says nothing."""

    listens: ClassVar = (ProductViewed,)
    model: ClassVar[type[Struct] | None] = Weights

    def on_event(self, event: Any, customer: View) -> Iterable[Act]:
        """Look."""
        customer.model(Weights)
        return ()


class Blind(Looker, frozen=True):
    """The same without a model."""

    model: ClassVar[type[Struct] | None] = None

    def on_event(self, event: Any, customer: View) -> Iterable[Act]:
        """Look away."""
        return ()


def main() -> None:
    """Run by hand."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    row = _row()
    print(f"a model of {len(row):,} bytes")
    records = [_view(it) for it in range(_EVENTS)]
    decoding = min(_decoding(row) for _ in range(_ROUNDS))
    print(f"decoding it takes {decoding:.0f} µs")
    for size in (1, 10, 100, 1_000):
        without = looking = inf
        for _ in range(_ROUNDS):
            without = min(without, _round(Blind(), records, size, row))
            looking = min(looking, _round(Looker(), records, size, row))
        more = looking - without
        print(f"a batch of {size:5,}: {without:9.1f} µs without it, {more:6.1f} more with it")
    with tempfile.TemporaryDirectory() as folder, Embedded(Path(folder)) as servers:
        asyncio.run(_loads(servers.redis_url, row))


def _row() -> bytes:
    weights: dict[str, float] = {}
    while len(body := encode_json(Weights(weights))) < _BYTES:
        weights |= {f"product-{it}": 1 / (it + 3) for it in range(len(weights), len(weights) + 100)}
    return encode_row(Kept("2026-01-20.3f9a2c", 1, body))


def _decoding(row: bytes) -> float:
    """Microseconds."""
    body = kept_in("looker", row).body
    decode = msgspec.json.Decoder(Weights).decode
    started = process_time()
    for _ in range(100):
        decode(body)
    return (process_time() - started) / 100 * 1e6


def _round(agent: Agent, records: list[Entry], size: int, row: bytes) -> float:
    """Microseconds a batch."""
    engine = Engine([*_OTHERS, agent], Gate(), EngineSettings())
    spent, begins = 0.0, range(0, min(len(records), _BATCHES * size), size)
    for begin in begins:
        batch_of = records[begin : begin + size]
        needs = engine.needs(batch_of)
        loaded = Loaded(
            Position(), None, dict.fromkeys(needs.customers), dict.fromkeys(needs.products),
            # A copy, as Redis gives one.
            ledgers={it: bytes(bytearray(row)) for it in needs.ledgers},
        )  # fmt: skip
        started = process_time()
        batch = engine.open(loaded, needs)
        engine.run(batch, range(len(batch_of)), batch_of)
        batch.close(len(batch_of), published=0)
        spent += process_time() - started
    return spent / len(begins) * 1e6


async def _loads(url: str, row: bytes) -> None:
    """What a load takes by the wall, with a model and without, in turn."""
    name = model_key("looker")
    async with RedisTable(url) as table:
        await table.commit(
            0, Commit(Position(), Position(1), b"", {}, {}, {}, [], {}, ledgers={name: row})
        )
        least = dict.fromkeys(("without", "with"), inf)
        for _ in range(_ROUNDS):
            for which in least:
                needs = Needs(["ann"], ledgers=[name] if which == "with" else [])
                started = perf_counter()
                for _ in range(_LOADS // _ROUNDS):
                    await table.load(0, needs)
                took = (perf_counter() - started) / (_LOADS // _ROUNDS) * 1e6
                least[which] = min(least[which], took)
    print(f"a load from Redis: {least['without']:.0f} µs, with the model {least['with']:.0f}")


if __name__ == "__main__":
    main()
