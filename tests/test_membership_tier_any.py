"""Tiers in any history: what a list of all orders says, counted anew by dates at each step."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from partition import Partition, journal

from agents.membership_tier import MembershipTier, TierAtRiskPayload
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from streams.simulated.story import moment

#: Over the turns of years, one of them with a 29 February.
BEGIN = moment("2026-10-20 20:00")
TIERS = (("silver", 1_000), ("gold", 3_000), ("black", 9_000))
RANKS = ["", *(name for name, _ in TIERS)]
YEARS = MembershipTier(tiers=TIERS, refund_days=40)
ROLLING = MembershipTier(tiers=TIERS, refund_days=40, period="rolling", window_months=3)
POINTS = MembershipTier(
    tiers=tuple((name, least // 100) for name, least in TIERS), measure="points", unit_cents=700,
    points_per_unit=7, refund_days=40,
)  # fmt: skip


class Placed(Struct):
    """An order as the model knows it. back_cents: what went back while it was kept."""

    at: int
    paid_cents: int
    back_cents: int = 0

    def worth(self, agent: MembershipTier) -> int:
        left = max(0, self.paid_cents - self.back_cents)
        return left if agent.measure == "spend" else left // 700 * 7


class Member:
    """All orders of a customer, and the time; it forgets nothing."""

    def __init__(self, agent: MembershipTier) -> None:
        self.agent = agent
        self.orders: dict[str, Placed] = {}
        self.newest_at = self.clock_at = 0

    def take(self, event: Event) -> None:
        """Note an order, or what went back of one. Those of which that is seen first don't come."""
        self.newest_at = max(self.newest_at, event.occurred_at)
        match event:
            case OrderPlaced():
                self.orders[event.order_id] = Placed(event.occurred_at, event.paid_cents)
            case OrderCancelled() | OrderRefunded() if event.order_id in self.orders:
                cents = event.refund_cents if isinstance(event, OrderRefunded) else None
                order = self.orders[event.order_id]
                if self.newest_at // DAY - order.at // DAY <= 40:
                    order.back_cents += order.paid_cents if cents is None else cents

    def tier(self) -> str:
        """The highest tier that an order has reached and that is valid."""
        today = month_of(max(self.newest_at, self.clock_at))
        reached = [0]
        for month in {month_of(it.at) for it in self.orders.values() if it.worth(self.agent)}:
            if self.agent.period == "rolling":
                begin, valid = shifted(month, -2), today <= shifted(month, 3)
            else:
                begin, valid = (month[0], 1), today[0] <= month[0] + 1
            if valid:
                reached.append(
                    sum(
                        it.worth(self.agent)
                        for it in self.orders.values()
                        if begin <= month_of(it.at) <= month
                    )
                )
        names = [name for name, least in self.agent.tiers if max(reached) >= least]
        return names[-1] if names else ""

    def tier_at_end(self, told: TierAtRiskPayload, less: int) -> str:
        """The tier when the one at risk ends, if so much less than is missing was ordered before."""
        end = moment(told.ends_at)
        last = Placed(end - 1, told.missing - less)
        later = Member(self.agent)
        later.orders, later.clock_at = self.orders | {"last": last}, end
        return later.tier()


def month_of(at: int) -> tuple[int, int]:
    here = datetime.fromtimestamp(at / 1000, UTC)
    return here.year, here.month


def shifted(month: tuple[int, int], by: int) -> tuple[int, int]:
    whole = month[0] * 12 + month[1] - 1 + by
    return whole // 12, whole % 12 + 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "order", "part", "part", "refund", "cancel", "tick", "tick"]),
        st.integers(0, 5),
        st.sampled_from([0, 0, 1, 5, 24 * 11, 24 * 28, 24 * 90, 24 * 200]),
        st.sampled_from([0, 0, 0, 0, 2, 24 * 12, 24 * 70]),
        st.sampled_from([1, 500, 999, 1_000, 1_400, 2_999, 3_000, 9_000]),
    ),
    min_size=5,
    max_size=30,
)  # fmt: skip


def event_of(number: int, what: str, which: int, at: int, cents: int) -> Event | None:
    """Of one of the last orders, counted back from the newest; None for a tick."""
    common: dict[str, Any] = {"event_id": f"e{number}", "customer_id": "ann", "occurred_at": at}
    if what == "order":
        items = (Item("tea", price_cents=cents),)
        return OrderPlaced(order_id=f"o{number}", products=items, currency="EUR", **common)
    order_id = f"o{number - which}"
    match what:
        case "part":
            return OrderRefunded(order_id=order_id, refund_cents=cents // 3, **common)
        case "refund":
            return OrderRefunded(order_id=order_id, **common)
        case "cancel":
            return OrderCancelled(order_id=order_id, **common)
    return None


def tier_in(partition: Partition) -> str:
    row = partition.row("ann")
    trait = row.portrait.get("tier") if row else None
    return trait.value if trait else ""


HAPPENED: Counter[str] = Counter()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(STEPS)
def check_against_the_list(
    agent: MembershipTier, steps: list[tuple[str, int, int, int, int]]
) -> None:
    partition, member, at = Partition(agent), Member(agent), BEGIN
    facts: list[Event | Tick] = []
    for number, (what, which, hours, late_hours, cents) in enumerate(steps):
        at += hours * HOUR
        event = event_of(number, what, which, at - late_hours * HOUR, cents)
        facts.append(Tick(at) if event is None else event)
        before = tier_in(partition)
        said = partition.facts(facts[-1], begin=number)
        if event is None:
            member.clock_at = max(member.clock_at, at)
        else:
            member.take(event)
        tier = member.tier()
        assert tier_in(partition) == tier, (number, what)
        for it in said:
            assert it.reason != "agent_failed", it.evidence
            HAPPENED[it.kind if it.outcome != "noted" else it.reason] += 1
            if it.kind == "tier_at_risk" and agent.measure == "spend":
                told = msgspec.json.decode(it.payload, type=TierAtRiskPayload)
                assert told.tier == tier
                assert member.tier_at_end(told, 0) == tier
                assert member.tier_at_end(told, 1) != tier
                assert member.tier_at_end(told, told.missing) == told.falls_to
        words = [it.reason if it.outcome == "noted" else it.kind for it in said]
        assert ("tier_down" in words) or RANKS.index(tier) >= RANKS.index(before)
    at_once = Partition(agent)
    at_once.feed(journal(facts))
    assert at_once.state() == partition.state()


@pytest.mark.parametrize("agent", [YEARS, ROLLING, POINTS], ids=["years", "rolling", "points"])
def test_the_tier_is_what_a_list_of_all_orders_says_at_each_step(agent: MembershipTier) -> None:
    HAPPENED.clear()
    check_against_the_list(agent)
    # Else it would prove nothing.
    for name in ("tier_up", "tier_down", "tier_at_risk"):
        assert HAPPENED[name] > 10, name
