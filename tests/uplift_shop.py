"""A shop in which it is known whose mind a coupon changes: the undecided's, and nobody else's.

The sure ones come whatever happens, and the lost do not; so who answers a coupon is mostly sure.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from coupons import Bell
from msgspec import Struct
from partition import SETTINGS

from agents.engine.engine import Engine
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import PageViewed
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from streams.replay import Replay

BEGIN = 1_768_896_000_000  # 2026-01-20 08:00 UTC
WARES = {"sure": "milk", "undecided": "tea", "lost": "nails"}
#: The chance to order, held out and sent.
CHANCES = {"sure": (0.8, 0.8), "undecided": (0.1, 0.5), "lost": (0.05, 0.05)}
HOLDOUT = Holdout(share=0.4, over_all=0.0, key="uplift")


class Shopper(Struct, frozen=True):
    """Somebody of one kind, whose bell rings on a day."""

    id: str
    kind: str
    rings_at: int


def agent(**settings: Any) -> WinBackCoupon:
    """A coupon a day after the bell."""
    given: dict[str, Any] = {
        "after": "bell", "after_days": 1, "outcome_days": 14, "interests": ("milk", "tea"),
        "holdout_share": HOLDOUT.share, "doubt": 0.0,
    }  # fmt: skip
    return WinBackCoupon(**(given | settings))


def replay(coupon: WinBackCoupon, partitions: int = 2) -> Replay:
    """The shop's engine: a bell, and the coupon that follows it."""
    gate = Gate(assume_consent=("marketing",), holdout=HOLDOUT, outcome_days=coupon.outcome_days)
    return Replay(Engine([Bell(), coupon], gate, SETTINGS, partitions), partitions)


def shoppers(count: int, rings_at: int, name: str = "w") -> list[Shopper]:
    """As many of each kind."""
    kinds = list(WARES)
    return [Shopper(f"{name}{it}", kinds[it % 3], rings_at) for it in range(count)]


def history(those: list[Shopper], effect: float = 1.0) -> Iterator[Event | Tick]:
    """What they do: an order, the bell 30 days later, and perhaps an answer. effect: 0 is none."""
    events = sorted(
        (it for who in those for it in _events(who, effect)), key=lambda it: it.occurred_at
    )
    end = events[-1].occurred_at + 20 * DAY
    due = events[0].occurred_at
    for event in events:
        while due <= event.occurred_at:
            yield Tick(due)
            due += 6 * HOUR
        yield event
    yield from map(Tick, range(due, end, 6 * HOUR))


def _events(who: Shopper, effect: float) -> Iterator[Event]:
    chance = Random(who.id)
    yield _order(who, "first", who.rings_at - 30 * DAY)
    yield PageViewed(event_id=f"bell-{who.id}", occurred_at=who.rings_at, customer_id=who.id)
    without, with_it = CHANCES[who.kind]
    held_out = HOLDOUT.draws("win_back_coupon", HOLDOUT.share, who.id)
    if chance.random() < without + (0 if held_out else effect * (with_it - without)):
        yield _order(who, "answer", who.rings_at + 5 * DAY)


def _order(who: Shopper, name: str, at: int) -> OrderPlaced:
    return OrderPlaced(
        event_id=f"{name}-{who.id}", occurred_at=at, customer_id=who.id,
        order_id=f"{name}-{who.id}", currency="EUR",
        products=(Item(WARES[who.kind], 1, 8_000, WARES[who.kind]),),
    )  # fmt: skip
