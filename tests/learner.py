"""An agent that learns, for tests: it knows a large order by the mean of all orders in the log."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, Enter, Note, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.event import Event
from schemas.instant import DAY
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from state.ledger import Ledger

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC


class Paid(Struct, frozen=True):
    """An entry: an order of so much."""

    cents: int


class Orders(Ledger):
    """How many orders there were, and for how much."""

    count: int = 0
    cents: int = 0

    def enter(self, entry: Paid) -> None:
        """Add it up."""
        self.count += 1
        self.cents += entry.cents


class Mean(Struct, frozen=True):
    """A model: what an order is worth, in minor units."""

    cents: float
    orders: int


class LargeOrder(Agent, frozen=True):
    """Notes orders above the mean, and a day later what it knows then."""

    listens: ClassVar = (OrderPlaced,)
    keeps: ClassVar = Orders
    model: ClassVar[type[Struct] | None] = Mean

    def on_event(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        """Say whether it is a large one, by the model in effect."""
        yield Enter(Paid(event.paid_cents))
        yield SetTimer(customer.at + DAY)
        fitted = customer.model(Mean)
        if fitted is not None and event.paid_cents > fitted.model.cents:
            yield Note(reason="large", evidence=Evidence(values={"model": fitted.version}))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Say by which model it would decide now."""
        fitted = customer.model(Mean)
        version = "" if fitted is None else fitted.version
        yield Note(reason="a_day_later", evidence=Evidence(values={"model": version}))

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Mean | None:
        """The mean over all partitions; nothing below two orders."""
        count = sum(it.count for it in ledgers)
        return Mean(sum(it.cents for it in ledgers) / count, count) if count >= 2 else None


def order(number: int, customer_id: str, cents: int, at: int) -> OrderPlaced:
    """An order."""
    return OrderPlaced(
        event_id=f"e{number}", occurred_at=at, customer_id=customer_id, order_id=f"o{number}",
        products=(Item(product_id="tea", quantity=1, price_cents=cents),), currency="EUR",
    )  # fmt: skip


def days(*cents: int) -> list[Event | Tick]:
    """An order on each day, by customers in turn, with a tick each morning and evening."""
    facts: list[Event | Tick] = []
    for number, it in enumerate(cents):
        at = AT + number * DAY
        facts += [Tick(at - 1), order(number, ["ann", "bob", "cid", "dan"][number % 4], it, at)]
        facts.append(Tick(at + 1))
    return facts
