"""What does counting views in a ledger cost? The engine alone on views, with `trend` and without.

    python -m bench.ledger

Batches as a worker has them, rows and ledgers decoded and encoded; in turn, and the least of many
rounds is told, because whatever else the machine does can only add to it. `as a list` is the same
agent, but each entry is returned in a list of acts.
"""

import gc
from collections.abc import Iterable
from math import inf
from time import process_time
from typing import Any

from agents.abandoned_cart import AbandonedCart
from agents.agent import Act, Agent, Enter
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.ops.tally import Seen
from agents.product_recommendation import ProductRecommendation
from agents.trend import Trend
from schemas.clickstream import ProductViewed
from schemas.codec import encode_row
from schemas.instant import DAY
from schemas.journal import Entry, Source
from state.ledger import Ledgers
from state.table import Loaded, Position

_BEGIN = 1_768_896_000_000
_EVENTS, _ROUNDS = 10_000, 25
_OTHERS = (AbandonedCart(), ProductRecommendation())


class TrendAsList(Trend, frozen=True):
    """Trend, with its entries in lists."""

    def on_event(self, event: Any, customer: Any) -> Iterable[Act]:
        """As it does."""
        acts = super().on_event(event, customer)
        return [acts] if isinstance(acts, Enter) else acts


def main() -> None:
    """Run by hand."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    records = [_view(it) for it in range(_EVENTS)]
    ledger = _full_ledger()
    print(f"a ledger of trend, all windows full: {len(ledger):,} bytes")
    contenders: dict[str, tuple[Agent, ...]] = {
        "without": _OTHERS, "with": (*_OTHERS, Trend()), "as a list": (*_OTHERS, TrendAsList()),
    }  # fmt: skip
    for size in (100, 1_000, _EVENTS):
        least = dict.fromkeys(contenders, inf)
        for _ in range(_ROUNDS):
            for name, agents in contenders.items():
                engine = Engine(list(agents), Gate(), EngineSettings())
                least[name] = min(least[name], _round(engine, records, size, ledger))
        without = least["without"]
        print(
            f"batches of {size:6,}: a view {without:.2f} µs without trend,"
            f" {least['with'] - without:.2f} more with it,"
            f" {least['as a list'] - without:.2f} as a list"
        )


def _view(number: int) -> Entry:
    event = ProductViewed(
        event_id=f"e{number}", occurred_at=_BEGIN + number, customer_id=f"c{number % 500}",
        product_id=f"p{number % 300}", category=f"category {number % 30}",
    )  # fmt: skip
    return Entry(event, Source("raw", 0, number, _BEGIN + number))


def _full_ledger() -> bytes:
    """As it is where all windows that are kept are full."""
    trend, ledgers = Trend(), Ledgers()
    for day in range(-trend.windows_kept - trend.looks_back, 1):
        at = _BEGIN + day * DAY
        for number in range(trend.names_max):
            seen = Seen(trend, f"category {number}", at, at, 1_000)
            ledgers.enter("trend", trend.keeps, seen)
    return encode_row(ledgers.read("trend", trend.keeps))


def _round(engine: Engine, records: list[Entry], size: int, ledger: bytes | None) -> float:
    """Microseconds an event, of all batches."""
    spent = 0.0
    for begin in range(0, len(records), size):
        batch_of = records[begin : begin + size]
        needs = engine.needs(batch_of)
        loaded = Loaded(
            Position(), None, dict.fromkeys(needs.customers), dict.fromkeys(needs.products),
            ledgers=dict.fromkeys(needs.ledgers, ledger),
        )  # fmt: skip
        started = process_time()
        batch = engine.open(loaded, needs)
        engine.run(batch, range(len(batch_of)), batch_of)
        batch.close(len(batch_of), published=0)
        spent += process_time() - started
    return spent / len(records) * 1e6


if __name__ == "__main__":
    main()
