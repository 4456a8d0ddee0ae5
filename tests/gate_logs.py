"""Any log, for properties of the gate: several agents, all rules at once, and time out of order.

A log is drawn as steps; ``facts`` makes events and ticks of them, and ``Told`` runs those record by
record and notes at which moment each decision was taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from hypothesis import strategies as st
from partition import Partition, journal
from voices import Alarm, Care, Chain, Heard, News, Offer, Tip, Voice

from agents.agent import Act, Agent, Say, SetTimer, Timer, View
from agents.engine.intake import EngineSettings
from agents.gate.caps import Cap
from agents.gate.gate import Exclusion, Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from schemas.clickstream import PageViewed
from schemas.decisions import Decision, Money
from schemas.event import Event
from schemas.instant import HOUR, MINUTE
from schemas.journal import Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import (
    Channel,
    ConsentChanged,
    ErasureRequested,
    Message,
    MessageBounced,
    MessageOpened,
    MessageSent,
    MessageUnsubscribed,
    ProfileUpdated,
)
from schemas.reviews import CaseClosed

BEGIN = 1_774_720_800_000  # 2026-03-28 18:00 UTC: in Europe the clocks go forward that night.
CUSTOMERS = ("ann", "bob", "cem")
CHANNELS: tuple[Channel, ...] = ("push", "email", "sms")
URLS = (
    "news", "news,offer", "offer,tip", "news,offer,tip,reminder", "care,offer", "alarm,tip",
    "care,news", "reminder", "reminder,news", "tip",
)  # fmt: skip
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
CURRENCIES = ("EUR", "EUR", "USD")


class Reminder(Voice, frozen=True):
    """Speaks 40 minutes after a view, by a timer."""

    says: ClassVar = {"reminder": Heard}

    def on_event(self, event: PageViewed, customer: View) -> Iterable[Act]:
        """Be woken."""
        if self.name in event.url:
            yield SetTimer(event.occurred_at + 40 * MINUTE, event.event_id[-1])

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Speak."""
        yield Say(reason="woken", payload=Heard(), hands_out=Money(self.gives_cents, "EUR"))


SPRING: dict[str, Any] = {
    "campaign": "spring", "gives_cents": 300, "budget_cents": {"EUR": 1_000}, "budget_days": 0.5,
}  # fmt: skip
VOICES: tuple[Agent, ...] = (
    Alarm(),
    Care(pause_hours=2.0),
    Chain(),
    News(priority=2, valid_hours=9.0, **SPRING),
    Offer(priority=1, drops_after_order=True, **SPRING),
    Reminder(
        priority=1, channels=("push",), gives_cents=100, budget_cents={"EUR": 250}, budget_days=1.0
    ),
    Tip(keeps_quiet_hours=False, pause_hours=1.0, holdout_share=0.0, channels=("sms", "email")),
)
AGENTS = {agent.name: agent for agent in VOICES}

NIGHT = QuietHours(begin="21:00", end="08:00", time_zone="UTC")
CAPS = (
    Cap(sent_max=3, hours=4),
    Cap(sent_max=1, hours=1.5, per="kind", kinds=("offer", "news")),
    Cap(sent_max=2, hours=6, per="channel", channels=("push", "email")),
)
RULES = Gate(
    assume_consent=("marketing", "personalisation", "service"),
    channels=CHANNELS,
    distance_hours=0.25,
    caps=CAPS,
    exclusions=(Exclusion(after="care", hours=3, until_closed=True, blocks=("news", "offer")),),
    quiet_hours=NIGHT,
    defer_hours=5,
    # Of this key's customers ann is in all arms that are sent, bob is not in that of spring, and
    # cem is left out of everything.
    holdout=Holdout(share=0.4, over_all=0.2, key="logs-284"),
    outcome_days=0.4,
)
GATES = st.sampled_from(["suppress", "defer", "merge", "all"]).map(
    lambda at_once: msgspec.structs.replace(RULES, at_once=at_once)
)

KINDS = st.sampled_from(
    [PageViewed] * 12 + [OrderPlaced] * 4 + [OrderRefunded, OrderCancelled, ConsentChanged] * 2
    + [MessageBounced] * 4 + [MessageSent, MessageOpened, MessageUnsubscribed]
    + [ProfileUpdated, CaseClosed, ErasureRequested] + [Tick] * 8
)  # fmt: skip
STEPS = st.lists(
    st.tuples(
        KINDS,
        # Of bob and cem less is said.
        st.sampled_from([*CUSTOMERS, "ann", "ann"]),
        # How many minutes the log goes on, and how many the event is late, or ahead.
        st.sampled_from([0, 0, 0, 1, 5, 16, 40, 95, 200]),
        st.sampled_from([0, 0, 0, 0, 0, -4, 3, 30, 59, 61, 300]),
        st.integers(0, 99),
    ),
    min_size=15,
    max_size=45,
)


def facts(steps: list[Any]) -> list[Event | Tick]:
    """The log, and a week of silence in which all that is held may leave."""
    # At any hour of the day.
    at, log = BEGIN + steps[0][-1] % 24 * HOUR, list[Event | Tick]()
    placed: dict[str, list[str]] = {name: ["unknown"] for name in CUSTOMERS}
    for number, (kind, who, on, late, draw) in enumerate(steps):
        at += on * MINUTE
        if kind is Tick:
            # One in ten comes from a clock that has gone back.
            log.append(Tick(at - (30 * MINUTE if draw < 10 else 0)))
            continue
        # No two events have a moment in common, so that no two timers of a kind are one.
        moment = at - late * MINUTE + number
        common = {"event_id": f"e{number}", "occurred_at": moment, "customer_id": who}
        if kind is OrderPlaced:
            placed[who].append(f"o{number}")
        log.append(kind(**_fields(kind, number, draw, placed[who]), **common))
        if draw % 20 == 0:
            log.append(log[-1])  # A storefront tries again.
    return [*log, *(Tick(at + it * HOUR) for it in range(1, 7 * 24))]


def _fields(kind: type[Event], number: int, draw: int, placed: list[str]) -> dict[str, Any]:
    order_id = placed[-1 - draw % 3 % len(placed)]
    more: dict[type[Event], dict[str, Any]] = {
        PageViewed: {"url": URLS[draw % len(URLS)]},
        OrderPlaced: {
            "order_id": placed[-1],
            "products": (Item("thing", price_cents=100 + draw),),
            "currency": CURRENCIES[draw % 3],
        },
        OrderRefunded: {"order_id": order_id, "refund_cents": 60},
        OrderCancelled: {"order_id": order_id},
        ConsentChanged: {
            "purpose": ("marketing", "personalisation")[draw % 2],
            "granted": draw % 5 > 1,
            "channel": (None, *CHANNELS)[draw % 4],
        },
        ProfileUpdated: {"time_zone": ZONES[draw % 4]},
    }
    if issubclass(kind, Message):
        return {"message_id": f"m{number}", "channel": CHANNELS[draw % 3]}
    return more.get(kind, {})


@dataclass
class Step:
    """A record, what was decided on it, and how far the clock had come."""

    fact: Event | Tick
    clock_at: int
    said: list[Decision]

    def left_at(self, decision: Decision) -> int:
        """The moment at which a trigger leaves."""
        return max(decision.decided_at, self.clock_at)


class Told:
    """A log as it was told, record by record."""

    def __init__(self, steps: list[Any], gate: Gate) -> None:
        self.partition = Partition(*VOICES, gate=gate, settings=EngineSettings())
        self.steps: list[Step] = []
        clock_at = 0
        log = facts(steps)
        for fact, record in zip(log, journal(log), strict=True):
            if isinstance(fact, Tick):
                clock_at = max(clock_at, fact.at)
            self.steps.append(Step(fact, clock_at, self.partition.feed([record])))

    def decisions(self) -> Iterable[tuple[int, Decision]]:
        """All decisions but notes, each with the moment at which it leaves."""
        for step in self.steps:
            for it in step.said:
                if it.outcome != "noted":
                    yield step.left_at(it), it
