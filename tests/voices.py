"""Agents for tests of the gate: each says its name when a page is viewed whose url lists it.

``page_viewed url=news,offer`` lets ``news`` and ``offer`` speak at once. What they say, to whom and
when it may leave is then the gate's business alone.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from msgspec import Struct
from partition import AGREED

from agents.agent import Act, Agent, Decided, Note, Say, SetTimer, Timer, View
from agents.gate.gate import Gate
from schemas.clickstream import PageViewed
from schemas.decisions import Money
from schemas.instant import HOUR
from schemas.profiles import Purpose


class Heard(Struct, frozen=True):
    """What was heard. orders: how many the customer had placed by then."""

    url: str = ""
    orders: int = 0


class Voice(Agent, frozen=True):
    """Says its name.

    gives_cents, currency: what it hands out. valid_hours: after which what it says is void; 0:
    never. drops_after_order: an order takes the reason away.
    """

    listens: ClassVar = (PageViewed,)

    pause_hours: float = 0.0
    gives_cents: int = 0
    currency: str = "EUR"
    valid_hours: float = 0.0
    drops_after_order: bool = False

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Say it, if the url lists it."""
        if self.name in (event.url or "").split(","):
            yield Say(
                reason="heard",
                payload=Heard(event.url or "", customer.row.order_count),
                expires_at=customer.at + round(self.valid_hours * HOUR)
                if self.valid_hours
                else None,
                hands_out=Money(self.gives_cents, self.currency) if self.gives_cents else None,
            )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """Say it with what is known by now."""
        orders = customer.row.order_count
        if self.drops_after_order and orders:
            return None
        assert isinstance(held.payload, Heard)
        return msgspec.structs.replace(held, payload=Heard(held.payload.url, orders))


class News(Voice, frozen=True):
    """What there is in the shop."""

    says: ClassVar = {"news": Heard}


class Offer(Voice, frozen=True):
    """A price for a while."""

    says: ClassVar = {"offer": Heard}


class Tip(Voice, frozen=True):
    """What might be of interest."""

    says: ClassVar = {"tip": Heard}
    purpose: Purpose | Any = "personalisation"


class Care(Voice, frozen=True):
    """What the contract asks for."""

    says: ClassVar = {"care": Heard}
    purpose: Purpose | Any = "service"


class Alarm(Voice, frozen=True):
    """What the shop's own people should know."""

    says: ClassVar = {"alarm": Heard}
    purpose: Purpose | Any = "internal"


class Chain(Agent, frozen=True):
    """Notes each trigger that it hears of, and speaks an hour after news."""

    listens: ClassVar = (Decided,)
    says: ClassVar = {"chain": Heard}
    purpose: Purpose | Any = "internal"
    pause_hours: float = 0.0

    def on_event(self, event: Decided, customer: View) -> Iterable[Act]:
        """Note it."""
        yield Note(reason=f"heard_{event.kind}")
        if event.kind == "news":
            yield SetTimer(event.decided_at + HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Follow."""
        yield Say(reason="follows", payload=Heard())


def agreed(**rules: Any) -> Gate:
    """A gate with these rules, where everybody has agreed and nobody is held out."""
    return msgspec.structs.replace(AGREED, **rules)
