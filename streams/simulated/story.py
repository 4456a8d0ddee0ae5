"""How is a history told in a table? Time is a row: a moment, who, and what happens.

    2026-01-20 08:00  ann   order_placed products=milk:2x199,bread
    2026-01-20 09:00  shop  stock_changed product_id=milk available=0
    2026-02-19 08:00  ann                                    (a month of silence)

A row is a moment in UTC, a customer (``anon:x`` is a visitor, ``shop`` the shop itself), perhaps an
event with its fields, and perhaps a comment in parentheses. Lines that begin with ``#`` are
comments, and a backslash at the end continues a line.

Fields that are left out get plain values; ``DEFAULTS`` below lists them. A line of an order is
``product:QUANTITYxPRICE_CENTS``, or only ``product`` for one at 1000; a product event takes such a
line as ``product=``. Money is in EUR. ``occurred_at`` makes an event late: the row's moment is its
arrival. ``event_id`` is ``e`` and the line's number, if it is not given.

The clock ticks every full hour, and at each row's moment before the row's event. ``clock stops``
and ``clock goes_on``, in place of customer and event, leave out the ticks in between, as an outage
does. What stands after ``->`` is for those who check what is decided (``tests/timeline.py``).
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
from msgspec import Struct

from schemas.event import ANONYMOUS, Event
from schemas.instant import HOUR
from schemas.journal import AnyFact, Tick
from schemas.shop_events import ShopEvent

EVENT_TYPES: dict[str, type[Event | ShopEvent]] = {
    str(it.__struct_config__.tag): it for it in get_args(AnyFact)
}
SHOP = "shop"
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d{3})?)?)\s+(\S+)\s*(.*)")
COMMENT = re.compile(r"(^|\s+)\(([^()]*)\)\s*$")
ITEM = re.compile(r"([^:,]+)(?::(\d+)x(\d+))?")

#: What a field holds that the row leaves out; {} is the line's number.
DEFAULTS = {
    "order_id": "order-{}", "currency": "EUR", "products": "thing", "product_id": "thing",
    "review_id": "review-{}", "question_id": "question-{}", "survey_id": "survey-{}",
    "message_id": "message-{}", "channel": "email", "purpose": "marketing", "granted": "true",
    "query": "thing", "text": "words",
}  # fmt: skip


class Row(Struct):
    """One line of the table. command: what the clock is told, if that is what the line does.

    happens: the event with its fields, as they are written. decided: what stands after ``->``.
    comment: what stands in parentheses.
    """

    number: int
    text: str
    at: int
    customer_id: str
    command: str
    event: Event | ShopEvent | None
    happens: str
    decided: str
    comment: str


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


def facts(rows: Sequence[Row]) -> Iterator[tuple[int, Event | ShopEvent | Tick]]:
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


def moment(text: str) -> int:
    """Epoch milliseconds of ``2026-01-20``, ``2026-01-20 08:00`` or RFC 3339; UTC if no zone."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def pairs(words: Sequence[str]) -> dict[str, str]:
    """What words of the form ``key=value`` say."""
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def _row(number: int, text: str) -> Row:
    comment = COMMENT.search(text)
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
    said = comment[2] if comment else ""
    return Row(
        number, text, at, customer_id, command, event, happened.strip(), decided.strip(), said
    )


def _event(number: int, at: int, customer_id: str, words: Sequence[str]) -> Event | ShopEvent:
    event_type = EVENT_TYPES[words[0]]
    fields: dict[str, Any] = {"event_id": f"e{number}", "occurred_at": at}
    if customer_id.startswith(ANONYMOUS):
        fields["anonymous_id"] = customer_id.removeprefix(ANONYMOUS)
    elif issubclass(event_type, Event):
        fields["customer_id"] = customer_id
    elif customer_id != SHOP:
        raise ValueError(f"{words[0]} happens to the {SHOP}, and not to {customer_id}")
    known = {field.name: field for field in msgspec.structs.fields(event_type)}
    for name in known.keys() & DEFAULTS.keys():
        if known[name].required:
            fields[name] = DEFAULTS[name].format(number)
    given = pairs(words[1:])
    if "price_cents" in known and not given.keys() & {"product", "product_id"}:
        given["product"] = DEFAULTS["product_id"]
    fields |= _given(words[0], given, known)
    for name in {"products", "coupons"} & fields.keys():
        parts = fields[name].split(",")
        fields[name] = [_item(part) for part in parts] if name == "products" else parts
    return msgspec.convert(fields, event_type, strict=False)


def _given(
    name_of_event: str, given: Mapping[str, str], known: Mapping[str, Any]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, text in given.items():
        if name == "product":
            item = _item(text) | {"currency": DEFAULTS["currency"]}
            fields |= {key: part for key, part in item.items() if key in known}
        elif name not in known:
            raise ValueError(f"{name_of_event} has no field {name!r}")
        else:
            fields[name] = moment(text) if name.endswith("_at") else text
    return fields


def _item(text: str) -> dict[str, Any]:
    found = ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not product:QUANTITYxPRICE_CENTS")
    return {
        "product_id": found[1],
        "quantity": int(found[2] or 1),
        "price_cents": int(found[3] or 1000),
    }
