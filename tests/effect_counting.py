"""Between the simulated shop and the counters stands the engine, which decides and counts."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import count
from typing import ClassVar, Protocol

from msgspec import Struct
from partition import Partition

from agents.agent import Act, Agent, Say, View
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from schemas.clickstream import ProductAdded
from schemas.event import Event
from schemas.journal import Tick

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


class Gated:
    """The engine over one partition in memory, with a gate that holds customers out."""

    def __init__(self, key: str, share: float = HOLDOUT) -> None:
        self._share = share
        self._holdout = Holdout(share=share, over_all=0.0, key=key)
        gate = Gate(
            assume_consent=("marketing",), holdout=self._holdout, outcome_days=float(OUTCOME_DAYS)
        )
        self._partition = Partition(CartMail(), gate=gate)
        self._fed = 0

    def feed(self, facts: Iterable[Event | Tick]) -> AbstractSet[str]:
        fed = list(facts)
        decisions = self._partition.facts(*fed, begin=self._fed)
        self._fed += len(fed)
        return {it.customer_id for it in decisions if it.outcome == "sent"}

    def counters(self) -> Mapping[str, int]:
        counters: Mapping[str, int] = self._partition.state()["counters"]
        return counters

    def id_in(self, arm: str, name: str) -> str:
        """An id that begins with the name, of a customer whom the hash puts into this arm."""
        wanted = arm == "held_out"
        ids = (f"{name}-{nth}" for nth in count())
        return next(it for it in ids if self._holdout.draws(CAMPAIGN, self._share, it) == wanted)


def engine(key: str, share: float = HOLDOUT) -> Counting:
    """The one that is used."""
    return Gated(key, share)
