"""Golden timelines: a table in which time is a row, run through the real engine.

    2026-01-20 08:00  ann  order_placed products=milk:2x199,bread
    2026-02-19 08:00  ann                                      -> churn_alert quiet_days=30
    2026-02-25 08:00  ann  page_viewed occurred_at=2026-01-02  (late: says nothing)

A row is a moment in UTC, a customer (``anon:x`` is a visitor), perhaps an event with its fields,
perhaps what is decided, perhaps a comment in parentheses. Lines that begin with ``#`` are comments,
and a backslash at the end continues a line.

Events. Fields that are left out get plain values; ``DEFAULTS`` below lists them. A line of an order
is ``product:QUANTITYxPRICE_CENTS``, or only ``product`` for one at 1000; a product event takes such
a line as ``product=``. Money is in EUR. ``occurred_at`` makes an event late: the row's moment is its arrival.
``event_id`` is ``e`` and the line's number, if it is not given.

Decisions. After ``->`` stand all of them, in their order, with ``;`` between: ``kind key=value …``
for a trigger; ``suppressed``, ``deferred``, ``held_out``, ``merged`` or ``noted``, and then the kind, for
the others (``reason=`` says why). A key is looked up in the payload, the evidence's values, the
evidence, what the gate saw, and the decision itself.

Time. The clock ticks every full hour, and at each row's moment before the row's event. So a row
names what its event causes and what has become due since the tick before. ``clock stops`` and
``clock goes_on``, in place of customer and event, leave out the ticks in between, as an outage does.

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
from agents.gate.gate import Gate
from agents.intake import EngineSettings
from schemas.decisions import Decision, Outcome
from schemas.event import ANONYMOUS, Event
from schemas.instant import HOUR
from schemas.journal import AnyEvent, Tick

EVENT_TYPES: dict[str, type[Event]] = {
    str(it.__struct_config__.tag): it for it in get_args(AnyEvent)
}
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d{3})?)?)\s+(\S+)\s*(.*)")
COMMENT = re.compile(r"(^|\s+)\([^()]*\)\s*$")
OUTCOMES = frozenset(get_args(Outcome))
ITEM = re.compile(r"([^:,]+)(?::(\d+)x(\d+))?")

#: What a field holds that the row leaves out; {} is the line's number.
DEFAULTS = {
    "order_id": "order-{}", "currency": "EUR", "products": "thing", "product_id": "thing",
    "review_id": "review-{}", "question_id": "question-{}", "survey_id": "survey-{}",
    "message_id": "message-{}", "channel": "email", "purpose": "marketing", "granted": "true",
    "query": "thing", "text": "words",
}  # fmt: skip


class Expected(Struct):
    """One decision that a row names."""

    outcome: str
    kind: str
    values: dict[str, str]


class Row(Struct):
    """One line of the table. command: what the clock is told, if that is what the line does."""

    number: int
    text: str
    at: int
    customer_id: str
    command: str
    event: Event | None
    expected: list[Expected]


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
    facts = list(_facts(rows))
    records = journal(fact for _, fact in facts)

    by_record = Partition(*agents, gate=gate, settings=settings)
    said: list[tuple[int, Decision]] = []
    for (at, _), record in zip(facts, records, strict=True):
        said += [(at, decision) for decision in by_record.feed([record])]

    _compare(rows, said)
    decisions = [decision for _, decision in said]
    payloads = {kind: payload for agent in agents for kind, payload in agent.says.items()}
    for decision in decisions:
        if decision.outcome != "noted":
            msgspec.json.decode(decision.payload, type=payloads[decision.kind])

    at_once = Partition(*agents, gate=gate, settings=settings)
    assert by_record.outbox() == decisions, "the relay would read something else"
    assert at_once.feed(records) == decisions, "one batch decides otherwise than single records"
    assert at_once.state() == by_record.state(), "one batch leaves another state"
    return decisions


def parse(table: str) -> list[Row]:
    """Read a table; raises ValueError with the line that cannot be read."""
    rows: list[Row] = []
    for number, line in enumerate(table.replace("\\\n", " ").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                rows.append(_row(number, text))
            except (ValueError, KeyError) as error:
                raise ValueError(f"line {number}: {text}\n  {error!r}") from error
    if [row.at for row in rows] != sorted(row.at for row in rows):
        raise ValueError("the rows are not in order of time")
    return rows


def moment(text: str) -> int:
    """Epoch milliseconds of ``2026-01-20``, ``2026-01-20 08:00`` or RFC 3339; UTC if no zone."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _row(number: int, text: str) -> Row:
    found = LINE.fullmatch(COMMENT.sub("", text))
    if found is None:
        raise ValueError("a row is: moment, customer, [event], [-> decisions], [(comment)]")
    at, customer_id = moment(found[1]), found[2]
    happened, _, decided = found[3].partition("->")
    words = shlex.split(happened)
    command = " ".join(words) if customer_id == "clock" else ""
    if command not in ("", "stops", "goes_on"):
        raise ValueError("the clock stops or goes_on")
    event = _event(number, at, customer_id, words) if words and not command else None
    expected = [_expected(part) for part in decided.split(";") if part.strip()]
    return Row(number, text, at, customer_id, command, event, expected)


def _pairs(words: list[str]) -> dict[str, str]:
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def _expected(text: str) -> Expected:
    words = shlex.split(text)
    outcome = words.pop(0) if words[0] in OUTCOMES else "sent"
    return Expected(outcome, words[0], _pairs(words[1:]))


def _event(number: int, at: int, customer_id: str, words: list[str]) -> Event:
    event_type = EVENT_TYPES[words[0]]
    fields: dict[str, Any] = {"event_id": f"e{number}", "occurred_at": at}
    if customer_id.startswith(ANONYMOUS):
        fields["anonymous_id"] = customer_id.removeprefix(ANONYMOUS)
    else:
        fields["customer_id"] = customer_id
    known = {field.name: field for field in msgspec.structs.fields(event_type)}
    for name in known.keys() & DEFAULTS.keys():
        if known[name].required:
            fields[name] = DEFAULTS[name].format(number)
    given = _pairs(words[1:])
    if "price_cents" in known and not given.keys() & {"product", "product_id"}:
        given["product"] = DEFAULTS["product_id"]
    for name, text in given.items():
        if name == "product":
            item = _item(text) | {"currency": DEFAULTS["currency"]}
            fields |= {key: part for key, part in item.items() if key in known}
        elif name not in known:
            raise ValueError(f"{words[0]} has no field {name!r}")
        else:
            fields[name] = moment(text) if name.endswith("_at") else text
    for name in {"products", "coupons"} & fields.keys():
        parts = fields[name].split(",")
        fields[name] = [_item(part) for part in parts] if name == "products" else parts
    return msgspec.convert(fields, event_type, strict=False)


def _item(text: str) -> dict[str, Any]:
    found = ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not product:QUANTITYxPRICE_CENTS")
    return {
        "product_id": found[1],
        "quantity": int(found[2] or 1),
        "price_cents": int(found[3] or 1000),
    }


def _facts(rows: list[Row]) -> Iterator[tuple[int, Event | Tick]]:
    """The log that a table describes, each record with the moment that it stands for."""
    clock_at, running = rows[0].at, True
    for row in rows:
        if row.command == "stops":
            running = False
        elif row.command == "goes_on":
            running, clock_at = True, row.at
        if running:
            for at in range((clock_at // HOUR + 1) * HOUR, row.at, HOUR):
                yield at, Tick(at)
            yield row.at, Tick(row.at)
            clock_at = row.at
        if row.event is not None:
            yield row.at, row.event


def _compare(rows: list[Row], said: list[tuple[int, Decision]]) -> None:
    left: dict[tuple[int, str], list[Decision]] = {}
    for at, decision in said:
        left.setdefault((at, decision.customer_id), []).append(decision)
    problems: list[str] = []
    for row in rows:
        found = left.get((row.at, row.customer_id), [])
        for expected in row.expected:
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
