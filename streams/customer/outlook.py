"""What is expected of a customer? The outlook, as it was when it was worked out last."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from agents.outlook import Outlook as Agent
from agents.outlook import Seen
from schemas.codec import DAMAGE
from schemas.instant import DAY, HOUR, to_text

#: Whose memory it is.
AGENT = Agent.name


class NextOrder(Struct, frozen=True):
    """If they order in the horizon: around when, and from when to when in four of five cases."""

    around: str
    earliest: str
    latest: str


class Outlook(Struct, frozen=True, kw_only=True):
    """still_customer: the chance of that. Orders and spend: in ``horizon_days`` from ``as_of`` on.

    Orders within 20 hours count as one. model: by which it was worked out; empty: by a first guess.
    """

    as_of: str
    still_customer: float
    horizon_days: int
    expected_orders: float
    expected_spend_cents: int
    next_order: NextOrder | None
    model: str


def outlook(memory: Mapping[str, Raw]) -> Outlook | None:
    """What the agent remembers; None where it has not looked, or was of another version."""
    if AGENT not in memory:
        return None
    try:
        seen = msgspec.msgpack.decode(memory[AGENT], type=Seen)
    except DAMAGE:
        return None
    if seen.repeats < 0:
        return None
    at = seen.seen_hour * HOUR
    days = [to_text(at + it * DAY) for it in seen.next_days]
    return Outlook(
        as_of=to_text(at),
        still_customer=seen.alive / 1_000,
        horizon_days=seen.horizon_days,
        expected_orders=seen.orders / 100,
        expected_spend_cents=seen.spend_cents,
        next_order=NextOrder(days[1], days[0], days[2]) if len(days) == 3 else None,
        model=seen.model,
    )
