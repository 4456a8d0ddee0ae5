"""How does a moment of a story read? What happens, and what is said, in words with units.

Names become words, and figures get the unit that their name says (``figures.py``); what is empty is
left out.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from rich.text import Text

from schemas.decisions import Decision
from schemas.event import Event
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ConsentChanged
from schemas.shop_events import ShopEvent
from streams.amounts import money
from streams.commands.figures import figure, label, listed, words
from streams.commands.reasons import sentence
from streams.simulated.story import DEFAULTS, pairs

_STYLES = {"sent": "green", "merged": "green", "noted": "cyan"}
_REFUSED = "yellow"
#: The outcomes whose reason is the agent's own; that of the others is the gate's.
_OWN_REASON = ("sent", "noted")
#: An id that tells people nothing.
_ID = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(?:\.\d+)?)?Z")
#: What a field holds that people wrote.
_QUOTED = ("text", "query")
#: Amounts whose name does not say it, where the payload says that it measures money.
_OF_MEASURE = ("missing", "next_missing")


def happening(event: Event | ShopEvent, as_written: str) -> str:
    """An event as people say it, with what the story names of it.

    as_written: the event in the notation of the story.
    """
    fields = msgspec.structs.asdict(event)
    given = pairs(shlex.split(as_written)[1:])
    name = words(str(event.__struct_config__.tag))
    if isinstance(event, ConsentChanged):
        by = f" by {event.channel}" if event.channel else ""
        return f"consent {'given' if event.granted else 'withdrawn'}: {event.purpose}{by}"
    currency = fields.get("currency") or DEFAULTS["currency"]
    told: list[str] = []
    if isinstance(event, OrderPlaced):
        told = [_line(it, currency) for it in event.products]
        if len(told) > 1 or event.products[0].quantity > 1 or event.total_cents is not None:
            told.append(f"{money(event.paid_cents, currency)} in all")
        if event.coupons:
            told.append(f"with {listed(list(event.coupons))}")
    elif "product" in given:
        quantity = fields.get("quantity", 1)
        told = [_line(Item(fields["product_id"], quantity, fields["price_cents"]), currency)]
    hidden = {"product", "products", "coupons", "currency", "event_id", "total_cents"}
    own = [_field(it, fields[it], currency) for it in given if it not in hidden]
    # An order that was delivered need not be called an order once more.
    told += [it.removeprefix(f"{name.split()[0]} ") for it in own]
    return f"{name}: {', '.join(told)}" if told else name


def decision(it: Decision, wall: str = "") -> tuple[Text, list[Text]]:
    """What was decided and why, on a line; and then what it says. wall: of a clock on theirs."""
    style = _STYLES.get(it.outcome, _REFUSED)
    payload = msgspec.json.decode(it.payload)
    line = Text("→ ", style=style)
    line.append(it.kind, style=f"bold {style}")
    if it.outcome != "sent":
        line.append(f" {words(it.outcome)}")
    elif not it.channel:
        line.append(" to the shop's people")
    if it.channel and it.outcome in ("sent", "deferred"):
        line.append(f" by {it.channel}")
    line.append(wall)
    if it.outcome in _OWN_REASON:
        line.append(f": {words(it.reason)}")
        says = "; ".join(payload_of(payload or it.evidence.values))
        return line, [Text(says, style="dim")] if says else []
    saw = {**it.evidence.values, **it.gate}
    currency = str(saw.get("currency") or payload.get("currency") or "")
    return line, [Text(_short(sentence(it.reason, saw, currency)))]


def learned(traits: Mapping[str, str | None]) -> str:
    """What was learned at a moment, by the names that an audience uses."""
    told = [
        f"{name} = {value}" if value is not None else f"{name} is not known any more"
        for name, value in traits.items()
    ]
    return f"learned: {', '.join(told)}"


def payload_of(payload: Mapping[str, Any], currency: str = "") -> Iterator[str]:
    """A payload's fields, one after the other.

    >>> list(payload_of({"value_cents": 500, "currency": "EUR", "products": ["p1", "p2"]}))
    ['value 5.00 EUR', 'products p1 and p2']
    >>> list(payload_of({"products": [{"product_id": "tea", "gap_days": 14.0}], "code": ""}))
    ['products tea (gap 14 days)']
    """
    currency = str(payload.get("currency") or currency)
    is_money = payload.get("measure") == "spend"
    for name, value in payload.items():
        if name in ("currency", "measure") or value in (None, "", [], {}):
            continue
        if isinstance(value, str) and _ID.fullmatch(value):
            continue
        if is_money and name in _OF_MEASURE:
            if value:
                yield f"{words(name)} {money(value, currency)}"
        else:
            yield _field(name, value, currency)


def _field(name: str, value: Any, currency: str) -> str:
    said = label(name).removesuffix(" id")
    match value:
        case dict():
            return f"{said}: {', '.join(payload_of(value, currency))}"
        case list() | tuple() if value and isinstance(value[0], dict):
            return f"{said} {listed([_one_of_several(it, currency) for it in value])}"
        case int() if name.endswith("_at"):
            return f"{said} {_short(figure(name, value))}"
        case str() if name in _QUOTED:
            return f"“{value}”"
        case str():
            return f"{said} {_short(value)}"
    plain = value if isinstance(value, str | int | float | list) else str(value)
    return f"{said} {_short(figure(name, plain, currency))}"


def _one_of_several(it: Mapping[str, Any], currency: str) -> str:
    """One object of a list: what its first field says, and the rest behind it."""
    first, *rest = it
    behind = ", ".join(payload_of({name: it[name] for name in rest}, currency))
    return f"{it[first]} ({behind})" if behind else str(it[first])


def _line(item: Item, currency: str) -> str:
    many = f"{item.quantity} x " if item.quantity > 1 else ""
    price = f" at {money(item.price_cents, currency)}" if item.price_cents else ""
    return f"{many}{item.product_id}{price}"


def _short(text: str) -> str:
    """Moments to the minute."""
    text = _MOMENT.sub(r"\1 \2 UTC", text)
    return re.sub(r"(\d{4}-\d\d-\d\d \d\d:\d\d):\d\d UTC", r"\1 UTC", text)
