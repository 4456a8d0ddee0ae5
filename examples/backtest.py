"""What would another engine.toml have said? A history, played under two of them, in memory.

    python examples/backtest.py history.jsonl config/engine.toml mine.toml

The history is what `ebbtide publish` and `ebbtide import` take: JSON lines. Nothing is published,
and no broker is needed. Each event happens at its own time, with a tick at each full hour: that is
when timers fire and quiet hours end. Models are learned on the way. What customers would have done
otherwise under other triggers no replay knows: it tells what would have been said, and to how many,
and not what it would have brought.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import msgspec

from config.settings import load_settings
from schemas.instant import HOUR
from schemas.journal import AnyFact, Tick
from streams.bootstrap import load_policy
from streams.replay import Fact, Replay

PARTITIONS = 1  # More would each learn of their own customers alone, as in a large shop.

Said = Counter[tuple[str, str]]


def facts(path: Path) -> list[AnyFact]:
    """The events of a file, in the order in which they happened."""
    decode = msgspec.json.Decoder[AnyFact](AnyFact).decode
    found = [decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    return sorted(found, key=attrgetter("occurred_at"))


def with_ticks(history: Iterable[AnyFact]) -> Iterator[Fact]:
    """The same with a tick at each full hour, from the first event to a day after the last one."""
    at = 0
    for fact in history:
        at = at or fact.occurred_at // HOUR * HOUR
        while at + HOUR <= fact.occurred_at:
            at += HOUR
            yield Tick(at)
        yield fact
    for hour in range(1, 25):
        yield Tick(at + hour * HOUR)


def played(history: Iterable[AnyFact], config: str) -> tuple[Said, int]:
    """How many decisions of each kind came out how; and to how many customers anything was sent."""
    # Codes and the holdout are drawn by a key. The shop's own is not needed to compare two files.
    policy = load_policy(load_settings({}, config=config, coupon_key="backtest"))
    replay = Replay(
        policy.engine(PARTITIONS), PARTITIONS, fit_every_hours=policy.models.every_hours or 1e9
    )
    asyncio.run(replay.run(with_ticks(history)))
    decided = [it for partition in replay.decisions for it in partition]
    told = {it.customer_id for it in decided if it.outcome == "sent"}
    return Counter((it.kind, it.outcome) for it in decided), len(told)


def main(history: str, *configs: str) -> None:
    """Print a column for each file."""
    known = facts(Path(history))
    columns = [played(known, config) for config in configs]
    rows = sorted({row for said, _ in columns for row in said})
    print(f"{'':40}", *(f"{Path(it).name:>16}" for it in configs))
    for row in rows:
        print(f"{' '.join(row):40}", *(f"{said[row]:>16,}" for said, _ in columns))
    print(f"{'customers to whom something was sent':40}", *(f"{told:>16,}" for _, told in columns))


if __name__ == "__main__":
    main(*sys.argv[1:])
