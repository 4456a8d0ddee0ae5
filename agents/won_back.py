"""Who has come back after we asked? The order is told, with the step that it followed.

It is for the shop's own people, so that they know which step brings customers back, and can greet
those who are back. That an order follows a step does not prove that it came of it: what a campaign
brings is measured by the holdout.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Decided, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from schemas.profiles import Purpose

#: The last steps that are kept in mind.
STEPS_MAX = 6


class WonBackPayload(Struct, frozen=True):
    """The order, the step before it, and how many days lie between.

    step_id: the id of that trigger. steps: how many were taken by then. quiet_days: how long they
    had not ordered, null if that is not known any more.
    """

    order_id: str
    paid_cents: int
    currency: str
    step: str
    step_id: str
    after_days: float
    steps: int
    quiet_days: float | None


class Step(Struct, array_like=True, gc=False, frozen=True):
    """A step that was taken."""

    kind: str
    at: int
    id: str


class Asked(Struct, array_like=True, gc=False, frozen=True):
    """The steps since the last order, oldest first."""

    steps: list[Step] = []


class WonBack(Agent, frozen=True):
    """follows: the kinds of trigger that ask a customer back.

    within_days: an order that comes later has other reasons.
    """

    listens: ClassVar = (Decided, OrderPlaced)
    remembers: ClassVar = Asked
    says: ClassVar = {"won_back": WonBackPayload}

    follows: tuple[str, ...] = (
        "win_back_reminder",
        "win_back_coupon",
        "win_back_larger_coupon",
        "win_back_last_call",
    )
    within_days: Annotated[float, Meta(gt=0)] = 30.0
    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0

    def on_event(self, event: Decided | OrderPlaced, customer: View) -> Iterable[Act]:
        """Keep a step in mind for a while; an order after it is a customer who is back."""
        if isinstance(event, Decided):
            if event.kind in self.follows:
                step = Step(event.kind, event.decided_at, event.id)
                steps = [*customer.recall(Asked).steps, step][-STEPS_MAX:]
                yield Remember(Asked(steps))
                yield SetTimer(event.decided_at + round(self.within_days * DAY))
            return
        steps = customer.recall(Asked).steps
        # One that comes late and is older than the silence ends nothing.
        if not steps or event.occurred_at < customer.row.last_order_at:
            return
        yield Remember(None)
        before = [step for step in steps if step.at <= event.occurred_at]
        if before and event.occurred_at - before[-1].at <= self.within_days * DAY:
            yield self._say(event, before, customer)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nobody came in time."""
        yield Remember(None)

    def _say(self, order: OrderPlaced, steps: list[Step], customer: View) -> Say:
        last, gaps = steps[-1], customer.row.gap_hours
        after_days = round((order.occurred_at - last.at) / DAY, 2)
        return Say(
            reason="ordered_after_a_step",
            payload=WonBackPayload(
                order.order_id, order.paid_cents, order.currency, last.kind, last.id, after_days,
                len(steps), round(gaps[-1] / 24, 1) if gaps else None,
            ),
            evidence=Evidence(
                events=(order.event_id, last.id),
                values={"step": last.kind, "after_days": after_days, "steps": len(steps)},
                thresholds={"within_days": self.within_days},
            ),
        )  # fmt: skip
