"""What must the effect counters be? A model of lists that forget nothing, beside the engine."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from gate_logs import AGENTS

from agents.gate.gate import COMMERCIAL, Gate
from schemas.clickstream import PageViewed
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import ErasureRequested
from state.customer import RECENT_ORDERS_MAX


@dataclass
class Exposed:
    """The model's customer in a campaign."""

    at: int
    arm: str
    came: bool = False
    messages: int = 0
    orders: list[str] = field(default_factory=list)
    money: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Model:
    """The counters, computed from lists that forget nothing."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.window = round(gate.outcome_days * DAY)
        self.ended: list[tuple[str, Exposed]] = []
        self.exposed: dict[str, dict[str, Exposed]] = defaultdict(dict)
        self.orders: dict[str, dict[str, list[Any]]] = defaultdict(dict)
        self.seen: set[str] = set()
        self.last_seen_at: dict[str, int] = defaultdict(int)
        self.currency: dict[str, str] = defaultdict(str)

    def hear(self, event: Event) -> None:
        """What a customer did."""
        if event.event_id in self.seen:
            return
        self.seen.add(event.event_id)
        who, at = event.subject, event.occurred_at
        if isinstance(event, ErasureRequested):
            self.ended += self.exposed.pop(who, {}).items()
            self.orders.pop(who, None)
            self.last_seen_at.pop(who, None)
            self.currency.pop(who, None)
            return
        self.last_seen_at[who] = max(self.last_seen_at[who], at)
        orders = self.orders[who]
        if isinstance(event, OrderPlaced):
            orders[event.order_id] = [at, event.paid_cents, event.currency]
            self.currency[who] = event.currency
        if isinstance(event, OrderPlaced | PageViewed):
            for it in self.exposed[who].values():
                if it.at < at <= it.at + self.window:
                    it.came = True
                    if isinstance(event, OrderPlaced):
                        it.orders.append(event.order_id)
                        it.money[event.currency] += event.paid_cents
        if isinstance(event, OrderCancelled | OrderRefunded):
            self.give_back(event, orders, at)

    def give_back(self, event: Event, orders: dict[str, list[Any]], at: int) -> None:
        """What went back: no more than is left of an order that is still known."""
        known = sorted(orders, key=lambda it: -orders[it][0])[:RECENT_ORDERS_MAX]
        back = getattr(event, "refund_cents", None)
        currency = self.currency[event.subject]
        if event.order_id in known:  # type: ignore[attr-defined]
            order = orders[event.order_id]  # type: ignore[attr-defined]
            back, currency = order[1] if back is None else min(back, order[1]), order[2]
            order[1] -= back
        for it in self.exposed[event.subject].values():
            if back and it.at < at <= it.at + self.window:
                it.money[currency] -= back

    def decide(self, at: int, decision: Decision) -> None:
        """What was sent, or would have been."""
        agent, holdout = AGENTS[decision.agent], self.gate.holdout
        passed = decision.outcome in ("sent", "merged", "held_out")
        if agent.purpose not in COMMERCIAL or not passed:
            return
        over_all = decision.reason == "held_out_over_all"
        arms = {"*": over_all}
        if not over_all and (holdout.share if agent.holdout_share is None else agent.holdout_share):
            arms[decision.campaign] = decision.outcome == "held_out"
        who = decision.customer_id
        for campaign, is_held_out in arms.items():
            arm = "held_out" if is_held_out else "sent"
            since = max(at, self.last_seen_at[who])
            it = self.exposed[who].setdefault(campaign, Exposed(since, arm))
            if decision.outcome == "sent" and campaign == decision.campaign:
                it.messages += decision.decided_at <= it.at + self.window

    def counters(self) -> Counter[str]:
        """What must have been counted."""
        counts = Counter[str]()
        living = [pair for exposed in self.exposed.values() for pair in exposed.items()]
        for campaign, it in [*living, *self.ended]:
            name = f"{campaign}/{it.arm}"
            counts[f"{name}/customers"] += 1
            counts[f"{name}/visited"] += it.came
            counts[f"{name}/messages"] += it.messages
            counts[f"{name}/orders"] += len(it.orders)
            counts[f"{name}/ordered"] += bool(it.orders)
            counts[f"{name}/repeated"] += len(it.orders) > 1
            for currency, cents in it.money.items():
                counts[f"{name}/money/{currency}"] += cents
                counts[f"{name}/squares/{currency}"] += cents * cents
        return counts
