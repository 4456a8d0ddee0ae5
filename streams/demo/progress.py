"""What has come out of the demo so far, and what came of it in the end?"""

import hashlib
import statistics
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from schemas.codec import encode_json
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Tick
from streams.demo.churn_score import ChurnScore, churn_score

QUIET = 28 * DAY


class Summary(Struct):
    """What ``build/demo.json`` holds."""

    events: int
    customers: int
    seconds: float
    events_per_s: float
    triggers: dict[str, int]
    decisions: dict[str, int]
    dead_letters: int
    duplicate_trigger_ids: int
    trigger_ids_sha256: str
    row_bytes_median: float
    latency_ms: dict[str, float | None]
    churn: ChurnScore
    path: str


class Progress:
    """What has come out so far. The watcher writes it, the view reads it."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.fed = 0
        self.applied = 0
        self.clock_at = 0
        self.sent: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.last: deque[Decision] = deque(maxlen=6)
        self.trigger_ids: Counter[str] = Counter()
        self.alerts: list[tuple[str, int]] = []
        self.latencies_ms: list[int] = []
        self.dead_letters = 0
        self.purchases: dict[str, list[int]] = {}
        self._decided: set[str] = set()

    def fact(self, fact: Event | Tick) -> None:
        """Note what was fed."""
        if isinstance(fact, Event):
            self.fed += 1
            self.purchases.setdefault(fact.subject, []).append(fact.occurred_at)

    def decided(self, decision: Decision) -> None:
        """Note a decision; one that is published again under its id is the same one."""
        if decision.id in self._decided:
            return
        self._decided.add(decision.id)
        self.decisions[decision.outcome] += 1
        if decision.outcome == "sent":
            self.last.append(decision)
            if decision.kind == "churn_alert":
                self.alerts.append((decision.customer_id, decision.decided_at))

    def triggered(self, kind: str, trigger_id: str) -> None:
        """Note a trigger."""
        self.sent[kind] += trigger_id not in self.trigger_ids
        self.trigger_ids[trigger_id] += 1

    @property
    def seconds(self) -> float:
        """Wall time since the first order was fed."""
        return time.monotonic() - self.started

    def summary(self, row_bytes: list[int], path: str) -> Summary:
        """What came of it all."""
        ids = "\n".join(sorted(self.trigger_ids))
        data_end = max((at[-1] for at in self.purchases.values()), default=0)
        seconds = self.seconds
        return Summary(
            events=self.applied,
            customers=len(row_bytes),
            seconds=round(seconds, 2),
            events_per_s=round(self.applied / seconds, 1),
            triggers=dict(sorted(self.sent.items())),
            decisions=dict(sorted(self.decisions.items())),
            dead_letters=self.dead_letters,
            duplicate_trigger_ids=sum(count - 1 for count in self.trigger_ids.values()),
            trigger_ids_sha256=hashlib.sha256(ids.encode()).hexdigest(),
            row_bytes_median=statistics.median(row_bytes) if row_bytes else 0,
            latency_ms=_quantiles(self.latencies_ms),
            churn=churn_score(self.purchases, self.alerts, QUIET, data_end),
            path=path,
        )


def write_summary(summary: Summary, file: Path) -> None:
    """Write it as JSON, for machines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(encode_json(summary), indent=2) + b"\n")


def _quantiles(latencies_ms: list[int]) -> dict[str, float | None]:
    if len(latencies_ms) < 2:
        return {"p50": None, "p99": None}
    cuts: list[Any] = statistics.quantiles(latencies_ms, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}
