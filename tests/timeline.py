"""Golden timelines: a table in which time is a row, run through the real engine.

    2026-01-20 08:00  ann  order_placed products=milk:2x199,bread
    2026-02-19 08:00  ann                                      -> churn_alert quiet_days=30
    2026-02-25 08:00  ann  page_viewed occurred_at=2026-01-02  (late: says nothing)

What happens is told as ``streams/simulated/story.py`` explains. Here rows say what is decided too.

Decisions. After ``->`` stand all of them, in their order, with ``;`` between: ``kind key=value …``
for a trigger; ``suppressed``, ``deferred``, ``held_out``, ``merged`` or ``noted``, and then the
kind, for the others (``reason=`` says why). A key is looked up in the payload, the evidence's
values, the evidence, what the gate saw, and the decision itself. What is decided about several
customers at one moment stands in a row for each; but a row of the shop's own names what its event
causes for all of them, in the order of their ids:

    2026-01-20 08:00  shop  stock_changed product=tea available=5  -> back_in_stock customer_id=ann

Time. A row names what its event causes and what has become due since the tick before.

Silence is checked: a decision that no row names is a failure, at whatever moment. And the log is
run twice, record by record and as one batch, which must give the same state and the same ids.
"""

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from msgspec import Struct
from partition import AGREED, SETTINGS, Partition, journal

from agents.agent import Agent
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from schemas.decisions import Decision, Outcome
from schemas.shop_events import ShopEvent
from streams.simulated.story import SHOP, Row, facts, moment, pairs, parse

OUTCOMES = frozenset(get_args(Outcome))


class Expected(Struct):
    """One decision that a row names."""

    outcome: str
    kind: str
    values: dict[str, str]


def check(
    table: str,
    *agents: Agent,
    gate: Gate = AGREED,
    settings: EngineSettings = SETTINGS,
) -> list[Decision]:
    """Run a timeline, and raise AssertionError where it and the engine differ.

    Returns all decisions, for what a table cannot say.
    """
    rows = parse(table)
    log = list(facts(rows))
    records = journal(fact for _, fact in log)

    by_record = Partition(*agents, gate=gate, settings=settings)
    said: list[tuple[int, Decision]] = []
    for (at, _), record in zip(log, records, strict=True):
        said += [(at, decision) for decision in by_record.feed([record])]

    _compare(rows, said)
    decisions = [decision for _, decision in said]
    payloads = {kind: payload for agent in agents for kind, payload in agent.says.items()}
    for decision in decisions:
        if decision.outcome != "noted":
            msgspec.json.decode(decision.payload, type=payloads[decision.kind])

    at_once = Partition(*agents, gate=gate, settings=settings)
    assert _unblanked(by_record.outbox(), decisions) == decisions, "the relay would read otherwise"
    assert at_once.feed(records) == decisions, "one batch decides otherwise than single records"
    assert at_once.state() == by_record.state(), "one batch leaves another state"
    return decisions


def _expected_in(row: Row) -> list[Expected]:
    return [_expected(part) for part in row.decided.split(";") if part.strip()]


def _unblanked(outbox: list[Decision], said: list[Decision]) -> list[Decision]:
    """The outbox, but for what an erasure has found in it: here nothing is published before."""
    pairs = zip(outbox, said, strict=True)
    return [it if waiting.reason == "erased" else waiting for waiting, it in pairs]


def _expected(text: str) -> Expected:
    words = shlex.split(text)
    outcome = words.pop(0) if words[0] in OUTCOMES else "sent"
    return Expected(outcome, words[0], pairs(words[1:]))


def _compare(rows: list[Row], said: list[tuple[int, Decision]]) -> None:
    left: dict[tuple[int, str], list[Decision]] = {}
    of_the_shop = {(row.at, f"{row.event.subject}/{row.event.event_id}")
                   for row in rows if isinstance(row.event, ShopEvent)}  # fmt: skip
    for at, decision in said:
        whose = SHOP if (at, decision.cause) in of_the_shop else decision.customer_id
        left.setdefault((at, whose), []).append(decision)
    problems: list[str] = []
    for row in rows:
        found = left.get((row.at, row.customer_id), [])
        for expected in _expected_in(row):
            if found and (found[0].outcome, found[0].kind) == (expected.outcome, expected.kind):
                wrong = list(_differences(expected, found.pop(0)))
            else:
                wrong = [f"{expected.outcome} {expected.kind} did not come"]
            problems += [f"line {row.number}: {row.text}\n    {it}" for it in wrong]
    for (at, customer_id), unnamed in left.items():
        when = datetime.fromtimestamp(at / 1000, UTC).isoformat(" ").removesuffix("+00:00")
        problems += [f"{when}  {customer_id}\n    nobody expected: {_told(it)}" for it in unnamed]
    if problems:
        raise AssertionError("the timeline and the engine differ\n" + "\n".join(problems))


def _differences(expected: Expected, decision: Decision) -> Iterator[str]:
    told = {
        **msgspec.structs.asdict(decision),
        **decision.gate,
        **msgspec.structs.asdict(decision.evidence),
        **decision.evidence.values,
        **msgspec.json.decode(decision.payload),
    }
    for key, want in expected.values.items():
        if key not in told:
            yield f"{expected.kind} has no {key!r}; it has {', '.join(sorted(told))}"
        elif not _same(want, told[key]):
            yield f"{key} is {_written(told[key])}, not {want}"


def _same(want: str, value: Any) -> bool:
    match value:
        case list() | tuple():
            parts = want.split(",") if want else []
            return len(parts) == len(value) and all(map(_same, parts, value))
        case {"product_id": product_id}:
            return want in (product_id, _written(value))
        case bool() | None:
            return want == _written(value)
        case int() | float():
            return (float(want) if re.fullmatch(r"-?[\d.]+", want) else moment(want)) == value
    return want == value or (want[:2] == "20" and moment(want) == moment(str(value)))


def _written(value: Any) -> str:
    match value:
        case list() | tuple():
            return ",".join(map(_written, value))
        case {"product_id": product_id, "quantity": quantity, "price_cents": price_cents}:
            return f"{product_id}:{quantity}x{price_cents}"
        case {"product_id": product_id, "score": score}:
            return f"{product_id}:{score}"
        case bool() | None:
            return str(value).lower()
    return str(value)


def _told(decision: Decision) -> str:
    payload = bytes(decision.payload).decode()
    return f"{decision.outcome} {decision.kind} reason={decision.reason} {payload}"
