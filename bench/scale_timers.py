"""What if a million timers are due at one tick? How fast they fire, and who has to wait meanwhile.

A million customers of one partition have placed their one order at the same moment, so their churn
alerts are due at the same moment. The tick of that moment comes while bad reviews of customers of
the other partitions come in. Measured three times: every alert is sent; every alert is refused,
which goes on record; and the agent has been turned off, so that nothing follows from its timers.
"""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import psutil
import redis
from msgspec import Struct

from bench import rows, servers
from bench.live import RATE, Live
from bench.place import CONFIG, LIMIT_S, Options, Wrong, doing, empty_folder
from bench.servers import Servers
from bench.watch import count_records
from bench.worker import cpu_s, worker
from bench.workload import START
from schemas.clickstream import ProductViewed
from schemas.cloud_event import DECISIONS, trigger_topic
from schemas.codec import encode_json
from schemas.journal import AnyEvent, Tick
from schemas.orders import Item, OrderPlaced
from state.customer import decode_customer
from state.redis_table import key_of
from state.table import Position
from streams.producer import Outbound
from streams.topics import JOURNAL

PER_SECOND = 30_000
LATENCY_MS = 250

#: What becomes of the alerts, and what has to be changed in engine.toml for that.
OUTCOMES = {
    "sent": ("", ""),
    "refused": (', "marketing"]', "]"),
    "turned off": ("[agents.churn_alert]", ""),
}

#: Where the timers are; live events go to the other partitions.
STORM = 0
_AGENT = "churn_alert"
_TIMERS_MIN = 100_000
_MODELS = 500
#: Live events before the tick, for comparison, and after the last alert.
_CALM_S = 5.0
_LOOK_EVERY_S = 0.01


class Fired(Struct, frozen=True):
    """One run. Latencies in seconds, in order: before the tick, while timers fired, until all said.

    told_s: from the tick's first commit to the publication of the last decision. cpu_s: of the
    worker meanwhile, without what the live events alone take.
    """

    timers: int
    fired_per_s: float
    told_s: float
    cpu_s: float
    rss_mb: float
    calm: list[float]
    firing: list[float]
    telling: list[float]


def measure(options: Options) -> dict[str, Any]:
    """Several rounds of both. Raises Wrong."""
    timers = max(_TIMERS_MIN, options.events)
    with doing("a history of customers with one order each"):
        made = rows.made(_one_order_each())
    found: dict[str, list[Fired]] = {outcome: [] for outcome in OUTCOMES}
    for number in range(1, options.rounds + 1):
        for outcome, runs in found.items():
            with doing(f"round {number}/{options.rounds}: {timers:,} timers, alerts {outcome}"):
                runs.append(_run(made, timers, outcome))
    return {"timers": timers, "live_per_s": RATE} | {
        outcome: _figures(runs) for outcome, runs in found.items()
    }


def _figures(runs: Sequence[Fired]) -> dict[str, Any]:
    """Medians over the rounds; latencies of all rounds together."""
    found: dict[str, Any] = {
        "fired_per_s": round(median(it.fired_per_s for it in runs)),
        "told_per_s": round(median(it.timers / it.told_s for it in runs)),
        "cpu_us_per_timer": round(median(it.cpu_s / it.timers * 1e6 for it in runs), 1),
        "rss_mb": round(max(it.rss_mb for it in runs)),
    }
    for phase in ("calm", "firing", "telling"):
        every = sorted(value for it in runs for value in getattr(it, phase))
        found[phase] = {
            "events": len(every),
            "p50_ms": _percentile(every, 0.5), "p99_ms": _percentile(every, 0.99),
            "max_ms": _percentile(every, 1.0),
        }  # fmt: skip
    return found


def _percentile(ordered: Sequence[float], part: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(int(part * len(ordered)), len(ordered) - 1)] * 1000, 1)


def _one_order_each() -> Iterator[AnyEvent]:
    """Customers who look around for two months, and then order, all at the same moment."""
    for event in rows.history(_MODELS):
        if isinstance(event, ProductViewed):
            yield event
    bought = (Item(product_id="product-0001", price_cents=4_900, category="category-01"),)
    for number in range(_MODELS):
        yield OrderPlaced(
            event_id=f"o{number}", occurred_at=START, customer_id=rows.name_of(number),
            order_id=f"o{number}", products=bought, currency="EUR",
        )  # fmt: skip


def _run(made: rows.Made, timers: int, outcome: str) -> Fired:
    folder = empty_folder()
    config = folder / "engine.toml"
    config.write_text(CONFIG.read_text().replace(*OUTCOMES[outcome]))
    kinds = servers.kinds(config)
    due_at = _when_due(made)
    with servers.servers(folder / "servers", kinds) as there:
        ids = [rows.name_of(it) for it in range(timers)]
        rows.put(there.redis_url, made, {STORM: ids})
        with (
            worker(
                there.broker, there.redis_url, there.web_port, folder / "log",
                clock="feed", transactions="0", config=str(config),
            ) as process,
            Live(there.broker, besides=STORM) as live,
        ):  # fmt: skip
            fired = _watch(process, there, live, Tick(due_at), timers)
        _check(there.broker, kinds, outcome, timers, len(live.scheduled))
    return fired


def _check(broker: str, kinds: list[str], outcome: str, timers: int, answers: int) -> None:
    """Everything that was decided is out, and nothing else. Raises Wrong."""
    triggers = count_records(broker, [trigger_topic(it) for it in kinds])
    records = count_records(broker, [DECISIONS])
    expected = (
        timers * (outcome == "sent") + answers,
        timers * (outcome != "turned off") + answers,
    )
    if (triggers, records) != expected:
        raise Wrong(f"{triggers} triggers and {records} records, and should be {expected}")


def _when_due(made: rows.Made) -> int:
    """The moment of which all the alerts are. Raises Wrong."""
    due = {decode_customer("", row).timers.get(_AGENT) for row in made.rows}
    at = due.pop()
    if due or at is None or {*made.due} != {at}:
        raise Wrong("the churn alerts are not due at one moment")
    return at


def _watch(process: psutil.Process, there: Servers, live: Live, tick: Tick, timers: int) -> Fired:
    client: Any = redis.Redis.from_url(there.redis_url)
    at, outbox, due = (key_of(STORM, it) for it in ("position", "outbox", "timers"))
    deadline = time.monotonic() + LIMIT_S
    while not live.arrived:
        _look(deadline, "the worker has not answered a live event")
    time.sleep(1.0)
    calm, idle = time.perf_counter(), cpu_s(process)
    time.sleep(_CALM_S)
    sent, before = time.perf_counter(), cpu_s(process)
    outbound = Outbound(JOURNAL, encode_json(tick), partition=STORM)
    servers.fill(there.broker, iter([outbound]))
    first: tuple[float, int] | None = None
    fired = rss = 0.0
    while True:
        here, now = Position.parse(client.get(at)), time.perf_counter()
        if first is None and here.chunk:
            first = now, client.zcount(due, "-inf", tick.at)
        if not fired and here.offset:
            fired = now
        rss = max(rss, process.memory_info().rss / 2**20)
        if fired and not client.llen(outbox):
            break
        _look(deadline, f"the worker has not come to the end of {timers} timers")
    if first is None or not first[1]:
        raise Wrong("the timers were fired before anybody looked: give it more of them")
    told, cpu = time.perf_counter(), cpu_s(process)
    live_cpu = (before - idle) / (sent - calm) * (told - sent)
    # Whose triggers are under way still arrive; that is what leaving the ``with`` waits for.
    time.sleep(1.0)
    live.end()
    return Fired(
        timers, first[1] / (fired - first[0]), told - first[0],
        cpu - before - live_cpu, rss,
        live.latencies(calm, sent), live.latencies(sent, fired), live.latencies(sent, told),
    )  # fmt: skip


def _look(deadline: float, otherwise: str) -> None:
    """Wait a little, until the deadline. Raises Wrong."""
    if time.monotonic() > deadline:
        raise Wrong(f"{otherwise} in {LIMIT_S:.0f} s")
    time.sleep(_LOOK_EVERY_S)
