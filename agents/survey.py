"""Whom do we ask how it was? Who got an order some days ago, and has not been asked too often.

Each delivery has a timer of its own, and each order is asked about once. Nobody is asked while
something is wrong: a complaint without an answer, or money that went back and nobody has looked
after them since. What follows from answers is for ``detractor_follow_up`` and ``referral_invite``.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

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
from schemas.decisions import Evidence
from schemas.instant import DAY, SECOND, to_text
from schemas.orders import OrderDelivered, OrderRefunded
from schemas.reviews import QuestionAnswered, QuestionAsked, SurveyAnswered
from state.customer import Customer

INVITE = "survey_invite"
ORDERS_MAX = 8
WAITING_MAX = 4
COMPLAINTS_MAX = 4
INVITES_MAX = 12

Score = Annotated[int, Meta(ge=0, le=10)]
Occasion = OrderDelivered | OrderRefunded | QuestionAsked | QuestionAnswered | SurveyAnswered


class SurveyInvitePayload(Struct, frozen=True):
    """The order to ask about."""

    order_id: str


class Surveyed(Struct, array_like=True, gc=False, frozen=True):
    """What was asked and what is wrong; moments are seconds since 1970.

    orders: the last that were dealt with. invited: when invitations were sent. complaints: when
    each was made. refunded: when money last went back. said: when an invitation was last wanted.
    """

    orders: list[str] = []
    invited: list[int] = []
    complaints: dict[str, int] = {}
    refunded: int = 0
    said: int = 0

    def after(self, order_id: str) -> "Surveyed":
        """The memory when an order has been dealt with."""
        return replace(self, orders=[*self.orders, order_id][-ORDERS_MAX:])


class Survey(Agent, frozen=True):
    """after_days: how long after the delivery. invites_max: so many in ``per_days``.

    open_days: how long a complaint or a refund is taken to be open if nobody says that it is
    closed. passive_min, _max: scores that are only put on record.
    """

    listens: ClassVar = (
        OrderDelivered, OrderRefunded, QuestionAsked, QuestionAnswered, SurveyAnswered, Decided,
    )  # fmt: skip
    says: ClassVar = {INVITE: SurveyInvitePayload}

    after_days: Annotated[float, Meta(ge=0)] = 7.0
    invites_max: Annotated[int, Meta(ge=1, le=INVITES_MAX)] = 1
    per_days: Annotated[float, Meta(gt=0)] = 90.0
    open_days: Annotated[float, Meta(ge=0)] = 30.0
    valid_days: Annotated[float, Meta(gt=0)] = 14.0
    passive_min: Score = 7
    passive_max: Score = 8

    def __post_init__(self) -> None:
        if self.passive_min > self.passive_max:
            raise ValueError(
                f"passive_min is {self.passive_min}, more than passive_max, which is"
                f" {self.passive_max}"
            )

    remembers: ClassVar = Surveyed

    def on_event(self, event: Occasion | Decided, customer: View) -> Iterable[Act]:
        """A delivery starts the wait; the others say how often, and whether, to ask."""
        match event:
            case OrderDelivered():
                yield from self._delivered(event, customer)
            case SurveyAnswered():
                yield from self._answered(event, customer)
            case Decided(kind=kind) if kind == INVITE:
                memory = customer.recall(Surveyed)
                invited = [*memory.invited, event.decided_at // SECOND][-self.invites_max :]
                yield Remember(replace(memory, invited=invited))
            case OrderRefunded():
                memory = customer.recall(Surveyed)
                refunded = max(memory.refunded, event.occurred_at // SECOND)
                yield Remember(replace(memory, refunded=refunded))
            case QuestionAsked(about="complaint"):
                memory = customer.recall(Surveyed)
                made = memory.complaints | {event.question_id: event.occurred_at // SECOND}
                newest = sorted(made, key=lambda it: made[it])[-COMPLAINTS_MAX:]
                yield Remember(replace(memory, complaints={it: made[it] for it in newest}))
            case QuestionAnswered(question_id=answered):
                memory = customer.recall(Surveyed)
                if answered in memory.complaints:
                    left = {it: at for it, at in memory.complaints.items() if it != answered}
                    yield Remember(replace(memory, complaints=left))

    def _delivered(self, event: OrderDelivered, customer: View) -> Iterable[Act]:
        due_at = event.occurred_at + round(self.after_days * DAY)
        timers = [it for it in customer.row.timers if it.startswith(f"{self.name}/")]
        if (
            # Heard of so late that the moment is past: an import, or an outage of somebody's.
            due_at <= customer.shop.clock_at
            or self.timer_key(event.order_id) in timers
            or len(timers) >= WAITING_MAX
            or event.order_id in customer.recall(Surveyed).orders
        ):
            return
        yield SetTimer(due_at, event.order_id)

    def _answered(self, event: SurveyAnswered, customer: View) -> Iterable[Act]:
        memory = customer.recall(Surveyed)
        if event.order_id and event.order_id not in memory.orders:
            # They have said it already, on whatever way they were asked.
            yield CancelTimer(event.order_id)
            yield Remember(memory.after(event.order_id))
        if self.passive_min <= event.score <= self.passive_max:
            yield Note(
                kind=INVITE,
                reason="passive_answer",
                evidence=Evidence(
                    events=(event.event_id,),
                    values={"score": event.score, "survey_id": event.survey_id},
                    thresholds={"passive_min": self.passive_min, "passive_max": self.passive_max},
                ),
            )

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Some days have passed: ask, or put on record why not."""
        memory, at = customer.recall(Surveyed), customer.at // SECOND
        if memory.said == at:
            # Another order was asked about on this occasion: first see whether that has left.
            yield SetTimer(customer.at + 1, timer.name)
            return
        since = customer.at - self.per_days * DAY
        invites = sum(it * SECOND > since for it in memory.invited)
        done, payload = memory.after(timer.name), SurveyInvitePayload(timer.name)
        wrong = self._wrong(memory, customer.row, customer.at)
        if wrong or invites >= self.invites_max:
            yield Remember(done)
            yield self._refusal(wrong, invites, payload)
            return
        order = customer.row.recent_orders.get(timer.name)
        delivered_at = to_text(order.delivered_at) if order and order.delivered_at else None
        yield Remember(replace(done, said=at))
        yield Say(
            kind=INVITE,
            reason="order_delivered",
            payload=payload,
            expires_at=customer.at + round(self.valid_days * DAY),
            evidence=Evidence(
                values={"delivered_at": delivered_at, "invites": invites},
                thresholds={
                    "after_days": self.after_days,
                    "invites_max": self.invites_max,
                    "per_days": self.per_days,
                },
            ),
        )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: unless something has gone wrong in the night."""
        wrong = self._wrong(customer.recall(Surveyed), customer.row, customer.at)
        return None if wrong else held

    def _refusal(self, wrong: str, invites: int, payload: SurveyInvitePayload) -> Note:
        if wrong:
            evidence = Evidence(values={"open": wrong}, thresholds={"open_days": self.open_days})
            return Note(kind=INVITE, reason="trouble_open", evidence=evidence, payload=payload)
        used_up = Evidence(
            values={"invites": invites},
            thresholds={"invites_max": self.invites_max, "per_days": self.per_days},
        )
        return Note(kind=INVITE, reason="invites_used_up", evidence=used_up, payload=payload)

    def _wrong(self, memory: Surveyed, row: Customer, at: int) -> str:
        """What is open at a moment: a complaint, a refund, or nothing."""
        since = max(row.case_closed_at, at - self.open_days * DAY)
        if any(made * SECOND > since for made in memory.complaints.values()):
            return "complaint"
        if memory.refunded * SECOND > since:
            return "refund"
        return ""
