"""Who redeems coupons? Learned from every message that carried some, whoever sent it.

The agent says nothing. A ``message_sent`` with coupons, or a trigger of our own that gives one
away, is open for some days; whether an order redeems it is an example when they are over, and from
the examples of all partitions a model is fitted (``coupons/redeeming.py``). The trait
``redeems_coupons`` says how a customer's chance is beside that of all messages: ``high`` is twice
as good, ``low`` half as good. Audiences read it, and ``win_back_coupon`` does when it judges whom
an offer changes.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, Decided, Enter, Learn, Remember, SetTimer, Timer, View
from agents.coupons.coupon import CouponPayload
from agents.coupons.redeeming import (
    CODES_MAX,
    OPEN_MAX,
    Chances,
    Habit,
    Mailing,
    Response,
    Responses,
)  # fmt: skip
from agents.coupons.redeeming_fit import fitted
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from schemas.profiles import MessageSent, Purpose

Level = Literal["low", "medium", "high"]


class CouponResponse(Agent, frozen=True):
    """valid_days: so long a message's coupons are waited for. redeemed_min: fewer teach nothing.

    apart: how many times as good as all, or as bad, is another level.
    """

    listens: ClassVar = (OrderPlaced, MessageSent, Decided)
    remembers: ClassVar = Habit
    learns: ClassVar = {"redeems_coupons": Level}
    keeps: ClassVar = Responses
    keeps_at_ticks: ClassVar = True
    model: ClassVar = Chances

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    valid_days: Annotated[float, Meta(gt=0)] = 28.0
    redeemed_min: Annotated[int, Meta(ge=1)] = 30
    apart: Annotated[float, Meta(gt=1)] = 2.0

    def on_event(self, event: OrderPlaced | MessageSent | Decided, customer: View) -> Iterable[Act]:
        """An order may redeem; a message with coupons opens."""
        match event:
            case OrderPlaced():
                habit = customer.recall(Habit)
                yield Remember(habit.ordered(event.occurred_at, event.coupons))
            case MessageSent() if event.coupons:
                codes, template = event.coupons[:CODES_MAX], event.template
                yield from self._mailed(codes, template, event.occurred_at, customer)
            case Decided(kind=kind, payload=CouponPayload() as said):
                yield from self._mailed((said.code,), kind, event.decided_at, customer)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Messages are over: learn from them."""
        habit = customer.recall(Habit)
        over = [it for it in habit.open if it.until <= customer.at]
        for it in over:
            yield Enter(Response(it.template, it.known, it.redeemed))
        habit = replace(habit, open=tuple(it for it in habit.open if it.until > customer.at))
        yield Remember(habit)
        if habit.open:
            yield SetTimer(min(it.until for it in habit.open))
        if over:
            yield from self._leveled(habit.known(customer.row, customer.at), customer)

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Chances | None:
        """The chances, from the examples of all partitions."""
        return fitted(ledgers, self.redeemed_min)

    def _mailed(
        self, codes: tuple[str, ...], template: str, at: int, customer: View
    ) -> Iterable[Act]:
        habit = customer.recall(Habit)
        if any(set(codes) <= set(it.codes) for it in habit.open):
            return  # A reminder of what is open already.
        known = habit.known(customer.row, at)
        model = customer.model(Chances)
        chance = round(10_000 * model.model.chance(known, template)) if model else -1
        mailing = Mailing(at, at + round(self.valid_days * DAY), codes, template, known, chance)
        # While there is no room a message is not waited for, and teaches nothing. Were the oldest
        # let go for it, none would ever be over where there are many; and which are waited for is a
        # matter of when they were sent alone, so they tell what all of them would.
        if len(habit.open) < OPEN_MAX:
            still = (*habit.open, mailing)
            yield Remember(replace(habit, mailed=habit.mailed + 1, open=still))
            yield SetTimer(min(it.until for it in still))
        yield from self._leveled(known, customer)

    def _leveled(self, known: bytes, customer: View) -> Iterable[Act]:
        """How they are beside the others, where that is known, and not as it was."""
        model = customer.model(Chances)
        if model is None:
            return
        chance, usual = model.model.chance(known), model.model.mean_rate
        level: Level = "medium"
        if chance >= self.apart * usual:
            level = "high"
        elif chance <= usual / self.apart:
            level = "low"
        if level != customer.trait("redeems_coupons"):
            yield Learn("redeems_coupons", level)
