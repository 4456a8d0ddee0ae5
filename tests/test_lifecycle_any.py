"""Lifecycle, whatever happens: only what the table allows, and the same whenever ticks come."""

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from partition import Partition

from agents.agent import Act, Agent, Say, View
from agents.engine.intake import EngineSettings
from agents.lifecycle import NEXT, Lifecycle, LifecyclePayload
from schemas.clickstream import CheckoutStarted, PageViewed, ProductAdded
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ConsentChanged, ProfileUpdated
from streams.simulated.story import moment

LIFE = Lifecycle(at_risk_days=30, lapsed_days=90)
#: Nothing is too late to be said, so that every change is on record.
TOLD = EngineSettings(anonymous_days=5_000, lateness_minutes=10**7)


def stage_of(partition: Partition) -> str:
    row = partition.row("anon:x")
    trait = row and row.portrait.get("stage")
    return trait.value if trait else ""


class ChurnAlarm(Agent, frozen=True):
    """Says a churn alert on every checkout."""

    listens: ClassVar = (CheckoutStarted,)
    says: ClassVar = {"churn_alert": Struct}
    purpose: Any = "internal"
    pause_hours: float = 0.0

    def on_event(self, event: CheckoutStarted, customer: View) -> Iterable[Act]:
        """Say it."""
        yield Say(kind="churn_alert", reason="alarm", payload=Struct())


#: Hours that pass, what happens then, how many hours late it is, and whether a tick comes before.
STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 30), st.integers(24, 120 * 24)),
        st.sampled_from(["order", "order", "view", "cart", "checkout", "consent", "profile"]),
        st.sampled_from([0, 0, 0, 0, 1, 15 * 24, 100 * 24]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def happened(number: int, what: str, at: int) -> Event:
    common: dict[str, Any] = {"event_id": f"e{number}", "anonymous_id": "x", "occurred_at": at}
    match what:
        case "order":
            items = (Item(product_id="tea"),)
            return OrderPlaced(order_id=f"o{number}", currency="EUR", products=items, **common)
        case "cart":
            return ProductAdded(product_id="tea", **common)
        case "checkout":
            return CheckoutStarted(**common)
        case "consent":
            return ConsentChanged(purpose="marketing", granted=number % 2 == 0, **common)
        case "profile":
            return ProfileUpdated(**common)
    return PageViewed(**common)


def changes(decisions: list[Decision]) -> list[tuple[str, str, str]]:
    """The stages that were left and entered, and the reasons; also of what was not said."""
    found = list[tuple[str, str, str]]()
    for it in decisions:
        if it.kind == "lifecycle_changed":
            told = msgspec.json.decode(it.payload, type=LifecyclePayload)
            found.append((told.from_stage, told.to_stage, it.reason))
    return found


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_only_what_the_table_allows_happens_whatever_comes(steps: list[Any]) -> None:
    partition = Partition(LIFE, ChurnAlarm(), settings=TOLD)
    at, facts = moment("2026-01-01"), list[Event | Tick]()
    for number, (hours, what, late, ticks) in enumerate(steps):
        at += hours * HOUR
        facts += [Tick(at)] * ticks
        facts.append(happened(number, what, at - late * HOUR))
    decisions = partition.facts(*facts, Tick(at + 40 * DAY), Tick(at + 100 * DAY))

    assert [it for it in decisions if it.reason == "agent_failed"] == []
    allowed = {(stage, to) for (stage, _), (to, _) in NEXT.items()}
    found = changes(decisions)
    assert {(it, to) for it, to, _ in found} <= allowed
    stages = [to for _, to, _ in found]
    assert [it for it, _, _ in found] == ["visitor", *stages[:-1]][: len(found)]
    assert stage_of(partition) == (stages[-1] if stages else "visitor")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 120 * 24), min_size=1, max_size=20),
    st.integers(0, 100),
    st.integers(1, 700),
)
def test_the_stage_follows_from_the_moments_of_the_orders_whenever_ticks_come(
    gaps: list[int], rest: int, tick_hours: int
) -> None:
    orders, at = list[int](), moment("2026-01-01")
    for hours in gaps:
        at += hours * HOUR
        orders.append(at)
    end = at + rest * DAY
    lives = []
    for every in (HOUR, tick_hours * HOUR, end - orders[0] + HOUR):
        partition = Partition(LIFE, settings=TOLD)
        facts: list[Event | Tick] = [happened(it, "order", at) for it, at in enumerate(orders)]
        facts += [Tick(it) for it in range(orders[0], end, every)]
        facts.sort(key=lambda it: (it.at, 0) if isinstance(it, Tick) else (it.occurred_at, 1))
        found = changes(partition.facts(*facts, Tick(end)))
        lives.append([to for _, to, _ in found])
        assert stage_of(partition) == recounted(orders, end)
    assert lives[0] == lives[1] == lives[2]


def recounted(orders: list[int], end: int) -> str:
    """The stage at a moment by the file's docstring, from the moments of all orders."""
    stage, newest, since = "new", orders[0], orders[0]
    for at in orders[1:]:
        silence, newest = at - newest, at
        if silence >= 90 * DAY:
            stage, since = "won_back", at
        elif silence >= 30 * DAY or at - since >= 20 * HOUR:
            stage = "active"
    silence = end - newest
    return "lapsed" if silence >= 90 * DAY else "at_risk" if silence >= 30 * DAY else stage
