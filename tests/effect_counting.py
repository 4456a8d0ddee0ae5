"""What stands between the simulated shop and the counters: the engine, who decides and counts."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import ClassVar, Protocol

from msgspec import Struct
from partition import Partition

from agents.agent import Act, Agent, Say, View
from schemas.clickstream import ProductAdded
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Tick
from schemas.orders import OrderPlaced, OrderRefunded
from streams.effect.counts import SQUARES_BASE

CAMPAIGN = "cart_mail"
HOLDOUT = 0.4
OUTCOME_DAYS = 28


class Cart(Struct, frozen=True):
    """What was put into it."""

    product_id: str


class CartMail(Agent, frozen=True):
    """Speaks whenever something is put into a cart."""

    listens: ClassVar = (ProductAdded,)
    says: ClassVar = {CAMPAIGN: Cart}

    def on_event(self, event: ProductAdded, customer: View) -> Iterable[Act]:
        yield Say(reason="cart_filled", payload=Cart(event.product_id))


class Counting(Protocol):
    """Takes events, says who was really sent a trigger, and counts."""

    def feed(self, facts: Iterable[Event | Tick]) -> AbstractSet[str]:
        """Apply events and ticks; the customers to whom a trigger went out."""
        ...

    def counters(self) -> Mapping[str, int]:
        """All that has been counted so far."""
        ...


class _Exposed(Struct):
    """A customer of an arm, with what they have done since."""

    arm: str
    until: int
    visited: bool = False
    orders: int = 0
    paid: int = 0


class StandIn:
    """Counts as the gate does, over an engine that sends everything."""

    def __init__(self, key: str) -> None:
        self._partition = Partition(CartMail())
        self._key = key.encode()
        self._counters: dict[str, int] = {}
        self._exposed: dict[str, _Exposed] = {}
        self._fed = 0

    def feed(self, facts: Iterable[Event | Tick]) -> AbstractSet[str]:
        fed = list(facts)
        decisions = self._partition.facts(*fed, begin=self._fed)
        self._fed += len(fed)
        for fact in fed:
            if not isinstance(fact, Tick) and fact.subject in self._exposed:
                self._follow(fact, self._exposed[fact.subject])
        wanted = [it for it in decisions if it.outcome == "sent"]
        return {it.customer_id for it in wanted if self._expose(it.customer_id, it.decided_at)}

    def counters(self) -> Mapping[str, int]:
        return self._counters

    def _expose(self, customer_id: str, at: int) -> bool:
        """Whether the trigger goes out."""
        drawn = blake2b(customer_id.encode(), digest_size=8, key=self._key).digest()
        arm = "held_out" if int.from_bytes(drawn, "big") < HOLDOUT * 2**64 else "sent"
        self._add(f"gate/{CAMPAIGN}/{arm}/{'passed' if arm == 'sent' else 'campaign'}", 1)
        if customer_id not in self._exposed:
            self._exposed[customer_id] = _Exposed(arm, at + OUTCOME_DAYS * DAY)
            self._count(arm, "customers", 1)
            self._add(f"effect/{CAMPAIGN}/expected/mean", round(HOLDOUT * 10**6))
            self._add(
                f"effect/{CAMPAIGN}/expected/variance", round(HOLDOUT * (1 - HOLDOUT) * 10**6)
            )
        return arm == "sent"

    def _follow(self, event: Event, exposed: _Exposed) -> None:
        if event.occurred_at > exposed.until:
            return
        match event:
            case OrderPlaced():
                exposed.orders += 1
                self._count(exposed.arm, "orders", 1)
                if exposed.orders <= 2:
                    self._count(exposed.arm, ("ordered", "repeated")[exposed.orders - 1], 1)
                self._pay(exposed, event.currency, event.paid_cents)
            case OrderRefunded():
                self._pay(exposed, "EUR", -(event.refund_cents or 0))
            case _ if not exposed.visited:
                exposed.visited = True
                self._count(exposed.arm, "visited", 1)

    def _pay(self, exposed: _Exposed, currency: str, cents: int) -> None:
        before, exposed.paid = exposed.paid, exposed.paid + cents
        high, low = divmod(exposed.paid**2 - before**2, SQUARES_BASE)
        self._count(exposed.arm, f"money/{currency}", cents)
        self._count(exposed.arm, f"squares_high/{currency}", high)
        self._count(exposed.arm, f"squares_low/{currency}", low)

    def _count(self, arm: str, name: str, by: int) -> None:
        self._add(f"effect/{CAMPAIGN}/{arm}/{name}", by)

    def _add(self, name: str, by: int) -> None:
        self._counters[name] = self._counters.get(name, 0) + by


def engine(key: str) -> Counting:
    """The one that is used."""
    return StandIn(key)
