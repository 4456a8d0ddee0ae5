"""What in an event is personal, and what stands in its place when it is gone?

The law: personal is what people say in their own words, and what describes nobody but them. What
they did stays: which product, how much, when. So do the ids, which are pseudonyms of the shop's,
and locale, time zone and country: each is shared by millions, and the gate decides by them, so that
without them a replay past an erasure would count nights, markets and budgets otherwise.

A product's name in an order is the catalogue's and says no more than its id.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from schemas.clickstream import PageViewed, ProductsSearched
from schemas.codec import encode_json
from schemas.event import Event
from schemas.journal import Entry, each_of
from schemas.profiles import ProfileUpdated
from schemas.reviews import QuestionAsked, ReviewEdited, ReviewPosted, SurveyAnswered

#: The personal fields of an event, and what they hold when nothing is known.
PERSONAL: dict[type[Event], dict[str, Any]] = {
    ProfileUpdated: {"birthday": None, "traits": {}},
    # What somebody was looking for; and an address may hold whatever a page puts into it.
    ProductsSearched: {"query": ""},
    PageViewed: {"url": ""},
    ReviewPosted: {"text": ""},
    ReviewEdited: {"text": ""},
    QuestionAsked: {"text": ""},
    SurveyAnswered: {"text": ""},
}


def personal_in(event: Event) -> dict[str, Any]:
    """What is personal in an event, by field; nothing in most.

    >>> personal_in(PageViewed(event_id="e", occurred_at=1_768_896_000_000, customer_id="ann"))
    {}
    """
    neutral = PERSONAL.get(type(event))
    if neutral is None:
        return {}
    return {name: value for name in neutral if (value := getattr(event, name))}


def without(event: Event, values: dict[str, Any]) -> Event:
    """The event without these values."""
    if not values:
        return event
    neutral = PERSONAL[type(event)]
    return replace(event, **{name: neutral[name] for name in values})


def closed(entry: Entry, condemned: Mapping[str, str]) -> Entry:
    """The entry, without what its key has opened where that is condemned by what came before it.

    condemned: ids of keys, by customer. A key opens what stands in the log before the erasure that
    destroys it, and nothing after, wherever the log is cut into batches.
    """
    event = entry.event
    if not condemned or entry.key_id not in each_of(condemned.get(event.subject, "")):
        return entry
    return replace(entry, event=without(event, personal_in(event)))


def written(values: dict[str, Any]) -> bytes:
    """Personal values as they are sealed: a JSON object."""
    return encode_json(values)


def together(event: Event, content: bytes) -> Event:
    """The event with what was taken out of it. Raises one of ``schemas.codec.DAMAGE``.

    It need not be personal any more by this version: what was sealed is put back as it is.
    """
    kind = type(event)
    values = _decode(content)
    return replace(
        event,
        **{
            name: _decoder(kind, name).decode(value)
            for name, value in values.items()
            if name in kind.__struct_fields__
        },
    )


_decode = msgspec.json.Decoder(dict[str, Raw]).decode


@cache
def _decoder(kind: type[Event], name: str) -> msgspec.json.Decoder[Any]:
    [field] = [it for it in msgspec.structs.fields(kind) if it.name == name]
    return msgspec.json.Decoder(field.type)
