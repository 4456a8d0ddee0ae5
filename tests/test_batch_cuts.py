"""Batches: a log cut into other batches, or a tick into other chunks, leaves the same state."""

from collections.abc import Iterable
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace
from partition import Partition, cut, journal

from agents.abandoned_cart import AbandonedCart
from agents.agent import (
    Act,
    Agent,
    CancelTimer,
    Decided,
    Note,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from agents.churn_alert import ChurnAlert
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.product_recommendation import ProductRecommendation
from agents.service_recovery import ServiceRecovery
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import PageViewed, ProductAdded, ProductRemoved, ProductViewed
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.journal import Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced
from schemas.profiles import ConsentChanged, ErasureRequested
from schemas.reviews import ReviewPosted
from streams.simulated.story import moment

BEGIN = moment("2026-01-20")
HALF_HOUR = 30 * MINUTE


class Seen(Struct, array_like=True):
    """How many times the gossip was woken."""

    times: int = 0


class Gossip(Agent, frozen=True):
    """Sets many timers, some for the same moment and some for its own past, and reads products."""

    listens: ClassVar = (PageViewed, ProductViewed, Decided)
    says: ClassVar = {"gossip": Seen}
    reads_products: ClassVar = True
    reads_visits: ClassVar = True

    purpose: Any = "internal"
    pause_hours: float = 1.0

    def on_event(
        self, event: PageViewed | ProductViewed | Decided, customer: View
    ) -> Iterable[Act]:
        """Be woken later, twice; and tell which products the view holds."""
        yield Note(reason=f"sees_{','.join(sorted(customer.products))}")
        yield Note(reason=f"knows_{','.join(customer.visit)}")
        for product in customer.visit.values():
            yield Note(reason=f"beside_{product.beside and sorted(product.beside.near.items())}")
        yield SetTimer(customer.at + 90 * MINUTE, "b")
        yield SetTimer(customer.at + 90 * MINUTE, "a")
        if isinstance(event, Decided):
            yield CancelTimer("b")

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Say so, and be woken again a few times."""
        seen = Seen(customer.recall(Seen).times + 1)
        yield Remember(seen)
        yield Say(reason=f"woken_{len(customer.products)}", payload=seen)
        if seen.times % 3:
            yield SetTimer(timer.due_at + 20 * MINUTE if timer.name == "a" else 0, timer.name)


AGENTS = (
    AbandonedCart(),
    ChurnAlert(purpose="internal", chance=0.99, quiet_days_min=0.1, pause_hours=0),
    Gossip(),
    ProductRecommendation(
        quiet_hours=1, together_min=1, products_min=1, looks_min=1, popular_min=1
    ),
    ServiceRecovery(),
    WinBackCoupon(after_days=0.05, valid_days=0.5, pause_hours=4),
)

CUSTOMERS = ("ann", "bob", "cem", "dee", "eve", "anon:7f3")
PRODUCTS = ("milk", "tea", "jam")


def happened(
    number: int, at: int, kind: type[Event], who: str, products: list[str], event_id: int
) -> Event:
    """An event of a kind; products[0] is its product, where it has one."""
    name = "anonymous_id" if who.startswith("anon:") else "customer_id"
    common: dict[str, Any] = {
        "event_id": f"e{event_id}", "occurred_at": at, name: who.removeprefix("anon:"),
    }  # fmt: skip
    if kind is OrderPlaced:
        items = tuple(Item(product_id, price_cents=500) for product_id in products)
        return OrderPlaced(order_id=f"o{number}", products=items, currency="EUR", **common)
    more: dict[type[Event], dict[str, Any]] = {
        PageViewed: {},
        ProductViewed: {"product_id": products[0]},
        ProductAdded: {"product_id": products[0], "price_cents": 500},
        ProductRemoved: {"product_id": products[0]},
        OrderCancelled: {"order_id": f"o{number - 1}"},
        ReviewPosted: {"review_id": "r", "product_id": products[0], "rating": 1 + number % 3},
        ConsentChanged: {"purpose": "marketing", "granted": number % 2 == 0},
        ErasureRequested: {},
    }
    return kind(**more[kind], **common)


KINDS = st.sampled_from(
    [OrderPlaced] * 4 + [ProductViewed, ProductAdded] * 3 + [PageViewed] * 2
    + [ProductRemoved, OrderCancelled, ReviewPosted, ConsentChanged, ErasureRequested]
)  # fmt: skip
#: Time goes on by half hours, so that timers of several customers are due at one moment, and on ticks.
HALF_HOURS = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
LATE_HALF_HOURS = st.sampled_from([0, 0, 0, 0, 1, 3, 100])
TICKS = st.builds(Tick, st.integers(-1, 8).map(lambda half_hours: BEGIN + half_hours * HALF_HOUR))
EVENTS = st.tuples(
    KINDS,
    st.sampled_from(CUSTOMERS),
    HALF_HOURS,
    LATE_HALF_HOURS,
    st.lists(st.sampled_from(PRODUCTS), min_size=1, max_size=3),
    st.integers(0, 1_000),
)


def history(steps: list[Any]) -> list[Event | Tick]:
    """Facts in order of arrival; a tick of the steps is relative, and may go back."""
    at, facts = BEGIN, list[Event | Tick]()
    for number, step in enumerate(steps):
        if isinstance(step, Tick):
            facts.append(Tick(at + step.at - BEGIN))
            at = max(at, facts[-1].at)  # type: ignore[union-attr]
        else:
            kind, who, on, late, products, event_id = step
            at += on * HALF_HOUR
            facts.append(happened(number, at - late * HALF_HOUR, kind, who, products, event_id))
    return [*facts, Tick(at + HOUR), Tick(at + 30 * HOUR), Tick(at + 300 * HOUR)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.one_of(EVENTS, EVENTS, TICKS), min_size=10, max_size=40),
    st.lists(st.integers(1, 9), max_size=40),
    st.integers(1, 3),
)
def test_any_log_cut_into_any_batches_gives_the_same_rows_and_decisions(
    steps: list[Any], sizes: list[int], due_max: int
) -> None:
    records = journal(history(steps))
    gate = Gate(assume_consent=("personalisation", "service"))

    def run(batches: Iterable[Any], due_max: int) -> dict[str, Any]:
        short = EngineSettings(anonymous_days=0.3, retention_days=5, due_max=due_max)
        partition = Partition(*AGENTS, gate=gate, settings=short)
        for batch in batches:
            partition.feed(batch)
        return partition.state()

    one_by_one = run(cut(records, [1] * len(records)), 1_000)

    assert run([records], 1_000) == one_by_one
    assert run(cut(records, sizes), due_max) == one_by_one


def test_what_is_counted_and_taken_off_again_in_one_batch_is_counted_as_in_two() -> None:
    told, ordered = BEGIN + HALF_HOUR, BEGIN + HOUR
    gate = Gate(assume_consent=("marketing",), holdout=Holdout(share=1e-9))
    order = happened(1, ordered, OrderPlaced, "ann", ["tea"], 1)
    records = journal([
        happened(0, BEGIN, ProductAdded, "ann", ["tea"], 0), Tick(told),
        replace(order, total_cents=500), happened(2, ordered, OrderCancelled, "ann", ["tea"], 2),
    ])  # fmt: skip

    def counters(batches: Iterable[Any]) -> dict[str, int]:
        partition = Partition(AbandonedCart(after_minutes=5), gate=gate)
        for batch in batches:
            partition.feed(batch)
        found: dict[str, int] = partition.state()["counters"]
        return found

    once = counters([records])
    assert counters(cut(records, [3])) == once
    assert once["effect/abandoned_cart/sent/money/EUR"] == 0
