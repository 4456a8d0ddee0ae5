"""What does every contender do with an event? Ebbtide's own fold, and three rules, row by row.

Ebbtide and the plain loop run the shipping engine with three agents, which does all this and more
(gate, timers, decisions on record). Frameworks that see one event at a time get this instead: the
same row, folded by the same code, and three rules of the same kind without timers.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import AnyEvent
from schemas.reviews import ReviewPosted
from state.customer import Customer, Said
from state.fold import fold
from state.shop import Rhythm

decode_event = msgspec.json.Decoder[Event](AnyEvent).decode
decode_row = msgspec.msgpack.Decoder(Customer).decode
encode_row = msgspec.msgpack.Encoder().encode
_encode = msgspec.json.Encoder().encode

_PAUSE = DAY
_QUIET_GAPS = 3


class Trigger(Struct):
    """What is said, with its evidence."""

    kind: str
    customer_id: str
    causation_id: str
    at: int
    values: dict[str, float]


def apply(row: Customer, event: Event, rhythm: Rhythm) -> list[bytes]:
    """Fold an event into a row; the triggers that follow, encoded."""
    before = row.last_seen_at
    fold(row, event, rhythm)
    return [_encode(it) for it in _rules(row, event, before) if _is_news(row, it)]


def _rules(row: Customer, event: Event, before: int) -> Iterator[Trigger]:
    at, who = event.occurred_at, event.subject
    if isinstance(event, ReviewPosted) and event.rating <= 2:
        yield Trigger("service_recovery", who, event.event_id, at, {"rating": event.rating})
    if row.cart and HOUR <= at - before < DAY:
        lines = float(len(row.cart))
        yield Trigger("abandoned_cart", who, event.event_id, at, {"lines": lines})
    gaps = row.gap_hours
    if gaps and before and at - before > _QUIET_GAPS * HOUR * sum(gaps) / len(gaps):
        quiet = (at - before) / HOUR
        yield Trigger("churn_alert", who, event.event_id, at, {"quiet_hours": quiet})


def _is_news(row: Customer, trigger: Trigger) -> bool:
    said = row.said.get(trigger.kind)
    if said is not None and trigger.at - said.sent_at < _PAUSE:
        return False
    row.said[trigger.kind] = Said(trigger.at, 1)
    return True
