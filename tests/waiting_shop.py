"""A shop in which many wait for few products: two agents that wait, and histories to test them with."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from hypothesis import strategies as st
from msgspec import Struct
from partition import Fact, Partition

from agents.agent import (
    Act,
    Agent,
    Await,
    Decided,
    Note,
    Remember,
    Say,
    SetTimer,
    StopAwaiting,
    Timer,
    View,
)
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.product_change import ProductChange
from schemas.clickstream import ProductRemoved, ProductViewed, ProductWishlisted
from schemas.decisions import Evidence, Money
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ErasureRequested
from schemas.shop_events import PriceChanged, StockChanged
from state.customer import AWAITED_MAX, decode_customer
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
HALF_HOUR = 30 * MINUTE


class Told(Struct, array_like=True):
    """How often something was told."""

    times: int = 0


class Watcher(Agent, frozen=True):
    """Waits for what is wished for, and says what becomes of it.

    Fails for one customer, and now and then waits for more or for less.
    """

    listens: ClassVar = (ProductWishlisted, ProductRemoved, Decided)
    says: ClassVar = {"watcher": Told}

    purpose: Any = "internal"
    pause_hours: float = 0.5

    def on_event(
        self, event: ProductWishlisted | ProductRemoved | Decided, customer: View
    ) -> Iterator[Act]:
        """Wait, or wait no more."""
        match event:
            case ProductWishlisted():
                yield Await(event.product_id)
            case ProductRemoved():
                yield StopAwaiting(event.product_id)
            case Decided():
                yield SetTimer(customer.at + 40 * MINUTE)

    def on_product(self, change: ProductChange, customer: View) -> Iterator[Act]:
        """Say what has changed, and what the view holds."""
        if customer.id == "eve" and change.after.available == 2:
            raise ValueError("it is too much for eve")
        told = customer.recall(Told).times + 1
        seen = customer.products[change.product_id].available
        yield Note(
            reason=f"{change.product_id}_{change.before.available}_{seen}_{change.after.price_cents}",
            evidence=Evidence((change.event.event_id,)),
        )
        yield Remember(Told(told))
        if change.came_back:
            yield Say(reason="back", payload=Told(told), hands_out=Money(100, "EUR"))
            yield SetTimer(customer.at - HOUR if told % 2 else customer.at + HALF_HOUR, "b")
        if told % 4 == 3:
            yield StopAwaiting(change.product_id)
            yield Await(f"{change.product_id}-next")

    def on_timer(self, timer: Timer, customer: View) -> Iterator[Act]:
        """Wait for something else."""
        yield Await("jam")


class Lurker(Agent, frozen=True):
    """Waits for all that is looked at, and says nothing until it sells out."""

    listens: ClassVar = (ProductViewed,)
    says: ClassVar = {"lurker": Told}
    pause_hours: float = 0.0
    budget_days: float = 1.0

    def on_event(self, event: ProductViewed, customer: View) -> Iterator[Act]:
        """Wait."""
        yield Await(event.product_id)

    def on_product(self, change: ProductChange, customer: View) -> Iterator[Act]:
        """Hand out what is left, first come, first served."""
        if change.sold_out:
            yield Say(reason="sold_out", payload=Told(), hands_out=Money(100, "EUR"))
            yield StopAwaiting(change.product_id)


# Of what is handed out there is not enough for all, so it matters who is told first.
AGENTS = (Lurker(budget_cents={"EUR": 300}), Watcher())
GATE = Gate(assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), distance_hours=0)

# As in the contract test of the tables: by bytes and by code points these are in one order.
CUSTOMERS = ("ann", "bob", "cem", "eve", "anon:7f3", "zoë", "日本", "\uffee", "😀")
PRODUCTS = ("tea", "te", "jam", "3:tea")

KINDS = st.sampled_from(
    [ProductWishlisted] * 4 + [StockChanged] * 4 + [PriceChanged] * 2 + [ProductViewed] * 3
    + [ProductRemoved, OrderPlaced, ErasureRequested]
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(
            KINDS, st.sampled_from(CUSTOMERS), st.sampled_from(PRODUCTS),
            st.sampled_from([0, 0, 0, 1, 2]), st.sampled_from([0, 0, 0, 0, 1, 3, 9]),
            st.integers(0, 3), st.sampled_from([None, None, None, 0, 1]),
        ),
        st.integers(-1, 8),
    ),
    min_size=10, max_size=60,
)  # fmt: skip


def happened(kind: Any, who: str, product_id: str, number: int, at: int, event_id: str) -> Fact:
    """A fact of a kind. number: how many of the product there are, or what it costs."""
    common: dict[str, Any] = {"event_id": event_id, "occurred_at": at}
    if kind is StockChanged:
        return StockChanged(product_id, number, **common)
    if kind is PriceChanged:
        return PriceChanged(product_id, 100 * number, "EUR", **common)
    name = "anonymous_id" if who.startswith("anon:") else "customer_id"
    common[name] = who.removeprefix("anon:")
    if kind is OrderPlaced:
        return OrderPlaced(
            order_id=event_id, products=(Item(product_id),), currency="EUR", **common
        )
    if kind is ErasureRequested:
        return ErasureRequested(**common)
    event: Event = kind(product_id=product_id, **common)
    return event


def history(steps: list[Any]) -> list[Fact]:
    """Facts in order of arrival: late ones among them, and some ids for the second time."""
    at, facts = BEGIN, list[Fact]()
    for place, step in enumerate(steps):
        if isinstance(step, int):
            at = max(at, at + step * HALF_HOUR)
            facts.append(Tick(at + min(0, step) * HALF_HOUR))
        else:
            kind, who, product_id, on, late, number, again = step
            at += on * HALF_HOUR
            event_id = f"e{place if again is None else again}"
            facts.append(happened(kind, who, product_id, number, at - late * HALF_HOUR, event_id))
    return [*facts, Tick(at + HOUR), Tick(at + 30 * HOUR), Tick(at + 300 * HOUR)]


def check_waiting(shop: Partition) -> None:
    """The index holds what the rows say, no more and no less, in order; and rows keep their bound."""
    wanted = []
    for customer_id, encoded in shop.table.rows(0).items():
        row = decode_customer(customer_id, encoded)
        assert len(row.awaited) <= AWAITED_MAX
        assert all(row.awaited.values()), "somebody is awaited by nobody"
        wanted += [(product_id, customer_id) for product_id in row.awaited]
    assert shop.state()["waiting"] == sorted(wanted)


def shop_of(fan_out_max: int = 1_000, due_max: int = 1_000, *agents: Agent) -> Partition:
    """A shop in which so many are told at once."""
    short = EngineSettings(
        anonymous_days=0.3, retention_days=5, due_max=due_max, fan_out_max=fan_out_max
    )
    return Partition(*(agents or AGENTS), gate=GATE, settings=short)


def run(shop: Partition, batches: Iterable[Any]) -> dict[str, Any]:
    """Feed batches, and look at the index after each; the state at the end."""
    for batch in batches:
        shop.feed(batch)
        check_waiting(shop)
    return shop.state()
