"""Who has stopped coming? A customer of whom a score that learns says that they will buy nothing.

The score is the probability that a customer buys nothing in the next ``horizon_days``
(``churn/habit.py``: what it sees; ``churn/lessons.py``: how it learns). Silence alone moves it, so
the moment at which it will reach the threshold is solved for in advance (``churn/speaking.py``) and
set as a timer, which the next order replaces.

Until there is a model, the alert comes when the silence itself is improbable. Purchases are taken
as a Poisson process whose rate differs between customers by a gamma distribution (the purchasing
half of the Pareto/NBD model: Schmittlein, Morrison and Colombo, Management Science 1987). After n
gaps of g days in all, the chance of a silence longer than t is

    P(silence > t) = (b / (b + t)) ** a,    a = a0 + n,  b = b0 + g

with a0, b0 from the gaps of the whole shop. So a customer with one order is judged by the shop's
rhythm, and each gap moves the judgement towards their own. Why they may have stopped is looked for
in the row at that moment (``churn/causes.py``).
"""

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from agents.agent import Act, Agent, CancelTimer, Enter, Learn, Remember, Say, SetTimer, Timer, View
from agents.churn.causes import CauseName, CauseRules, causes, evidence_of
from agents.churn.habit import OUT_OF_SCOPE, SCOPE, Habit, Seen, Silence, features
from agents.churn.lessons import (
    ChurnModel,
    Lesson,
    Lessons,
    Told,
    chance,
    fitted,
    log_odds,
    told_of,
)
from agents.churn.rhythm import Silences, prior_of, silences_of
from agents.churn.speaking import Prices, crossing
from schemas.decisions import Evidence, Scalar
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from schemas.reviews import Rating
from state import window
from state.customer import Customer
from state.model import Fitted

#: At which a customer's moments end, while they are silent.
_MOMENT = "moment"
YEAR = 365 * DAY
#: Below what customers usually have, above it, and high enough for an alert.
RISKS = ("low", "medium", "high")
#: What somebody spent who came less than a year ago is taken for a year's, by so much at most.
GROWN_MAX = 4.0


class ChurnAlertPayload(Struct, frozen=True):
    """value_at_stake_cents: what they spent in the last 365 days; currency: of that money.

    cause: what most likely drove them away, as far as we have seen. other_causes: what else came
    into question, the likeliest first. chance: how probable a silence of so many days was. risk:
    how probable it is that they buy nothing in the next horizon_days; null without a model.
    """

    quiet_days: float
    usual_gap_days: float | None
    chance: float
    value_at_stake_cents: int
    currency: str
    orders: int
    cause: CauseName = "inactivity"
    other_causes: list[CauseName] = []
    risk: float | None = None
    horizon_days: float | None = None


class ChurnAlert(Agent, frozen=True):
    """horizon_days: in which nothing is bought, if the score is right.

    risk_min: the score that an alert must have at least. offer_lift: in what share of those who are
    about to leave an offer changes it. margin_share: what of a customer's spending is left to the
    shop. offer_share, offer_cents_max: what an offer gives away on average, of the usual order.
    chance: without a model, how improbable the silence must be. unusual: the same with one, which
    keeps it from calling them lost who have ordered just now. quiet_days_min: never alert before.
    default_gap_days: the shop's usual gap until it has shown enough of its own. cause_days: so near
    to the last order, before or after it, something must have gone wrong to be the cause.
    rating_max: the best rating that is one. empty_searches_min: so many searches in vain are one.
    """

    listens: ClassVar = (OrderPlaced,)
    remembers: ClassVar = Habit
    says: ClassVar = {"churn_alert": ChurnAlertPayload}
    learns: ClassVar = {"churn_risk": Literal["low", "medium", "high"]}
    keeps: ClassVar = Lessons
    keeps_at_ticks: ClassVar = True
    model: ClassVar = ChurnModel

    horizon_days: Annotated[float, Meta(gt=0, le=400)] = 28.0
    risk_min: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    offer_lift: Annotated[float, Meta(ge=0, le=1)] = 0.05
    margin_share: Annotated[float, Meta(ge=0, le=1)] = 0.3
    offer_share: Annotated[float, Meta(ge=0, le=1)] = 0.03
    offer_cents_max: Annotated[int, Meta(ge=0)] = 400
    chance: Annotated[float, Meta(gt=0, lt=1)] = 0.02
    unusual: Annotated[float, Meta(gt=0, lt=1)] = 0.15
    quiet_days_min: float = 7.0
    default_gap_days: float = 30.0
    cause_days: Annotated[float, Meta(ge=0)] = 45.0
    rating_max: Rating = 2
    empty_searches_min: Annotated[int, Meta(ge=1)] = 2

    def __post_init__(self) -> None:
        for market, changes in self.markets.items():
            if "horizon_days" in changes:
                raise ValueError(
                    f"markets.{market} sets horizon_days: there is one model, for all markets"
                )

    def fit(self, ledgers: Sequence[Lessons], before: Struct | None, at: int) -> ChurnModel | None:
        """The weights that follow from all moments whose days have passed."""
        return fitted(ledgers, self.horizon_days)

    def on_event(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        """Learn from what has ended, and set the alert for the moment at which it will be due."""
        habit, at = self._habit(customer), event.occurred_at
        horizon = round(self.horizon_days * DAY)
        model = self._model(customer)
        lessons = () if at < habit.at else list(self._ended(habit, at, customer, model))
        habit.bought |= habit.moment_at < at <= habit.moment_at + horizon
        yield from lessons
        if at < customer.row.last_order_at:
            yield Remember(habit)
            return  # The silence began later than this, and may have been told already.
        habit.take(event, self.horizon_days)
        yield Remember(habit)
        yield self._next(habit, customer)
        if model is None and customer.trait("churn_risk"):
            yield Learn("churn_risk", None)
        yield from self._wait(habit, customer, model)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nothing came: say so. Or a moment has ended, of which something can be learned."""
        remembered, model = customer.recall(Habit), self._model(customer)
        is_of_horizon = remembered.is_of_horizon(self.horizon_days)
        habit = remembered.of_horizon(self.horizon_days)
        if timer.name == _MOMENT:
            yield from self._ended(habit, customer.at, customer, model)
            yield Remember(habit)
            if habit.at and not habit.is_out_of_scope:
                yield self._next(habit, customer)
                if model and not habit.alerted:
                    yield from self._wait(habit, customer, model)
            return
        risk, seen = self._score(habit, customer, model)
        # Without a model it stays where it was set, unless that was by a model of other days.
        if habit.at and (self._is_too_early(risk, customer) if model else not is_of_horizon):
            # The model, or a setting, is another one than when the timer was set.
            yield Remember(habit)
            yield from self._wait(habit, customer, model)
            return
        if model:
            yield Learn("churn_risk", "high")
        told = told_of(model, risk, seen) if habit.at and (model or self.risk_min) else {}
        yield self._alert(habit, customer, model if habit.at else None, told)
        habit.alerted = True
        yield Remember(habit)

    def _next(self, habit: Habit, customer: View) -> SetTimer:
        """When the moment ends that waits; of an imported silence, when its next one does."""
        ends_at = habit.ends_at(customer.id, self.horizon_days)
        return SetTimer(ends_at, _MOMENT, every=round(self.horizon_days * DAY))

    def risk(self, customer: View) -> tuple[float, Seen]:
        """The score at this moment, and what it is made of; by the prior alone without a model."""
        return self._score(self._habit(customer), customer, self._model(customer))

    def _score(
        self, habit: Habit, customer: View, model: Fitted[ChurnModel] | None
    ) -> tuple[float, Seen]:
        seen = self._silence(habit, customer).seen((customer.at - habit.at) / DAY)
        weights = model.model.weights if model else None
        return chance(log_odds(weights, features(seen))), seen

    def _ended(
        self, habit: Habit, at: int, customer: View, model: Fitted[ChurnModel] | None
    ) -> Iterable[Enter]:
        """Learn from the moments that have ended, and let the next one wait; all of one silence."""
        horizon, scope = round(self.horizon_days * DAY), round(SCOPE * self.horizon_days * DAY)
        if not habit.at or habit.is_out_of_scope:
            return
        silence = self._silence(habit, customer)
        weights = model.model.weights if model else None
        following = habit.ends_at(customer.id, self.horizon_days) - horizon
        while following + horizon <= at:
            if habit.moment_at:
                ended = (habit.moment_at + horizon) // DAY
                taught = Lesson(
                    habit.seen_then, not habit.bought, ended, weights, self.horizon_days
                )
                yield Enter(taught)
            following += horizon
            quiet = following - habit.at
            if quiet > scope:
                habit.moment_at = OUT_OF_SCOPE
                return
            habit.wait(following, silence.seen(quiet / DAY))

    def _wait(
        self, habit: Habit, customer: View, model: Fitted[ChurnModel] | None
    ) -> Iterable[Act]:
        """Set the alert for the moment at which it will be due, if nothing is bought until then."""
        silence, row = self._silence(habit, customer), customer.row
        quiet = max(0.0, (customer.at - habit.at) / DAY)
        weights = model.model.weights if model else None
        threshold = self._threshold(row, customer.at) if model else self.risk_min
        rare = self._silences(customer).days(self._rare(model))
        begin = max(self.quiet_days_min, rare, quiet + 1 / 24 if model else 0.0)
        if model:
            risk = chance(log_odds(weights, features(silence.seen(quiet))))
            place = (risk >= model.model.quiet_share) + (risk >= threshold and quiet >= rare)
            yield Learn("churn_risk", RISKS[place])
        due = crossing(weights, silence, threshold, begin, self.horizon_days)
        if due is None and model is None:
            due = begin  # The prior alone never says so much of somebody so regular.
        yield CancelTimer() if due is None else SetTimer(habit.at + round(due * DAY))

    def _threshold(self, row: Customer, at: int) -> float:
        """From which score on it is worth to speak."""
        _, spent = window.total(row.orders, max(at, row.last_seen_at), YEAR)
        grown = min(max(YEAR / max(at - row.first_order_at, 1), 1.0), GROWN_MAX)
        usual = max(0, row.spent_cents - row.refunded_cents) / max(1, row.order_count)
        offer = min(self.offer_share * usual, self.offer_cents_max)
        prices = Prices(self.message_cost_cents, offer, self.offer_lift, self.risk_min)
        return prices.threshold(spent * grown * self.margin_share)

    def _model(self, customer: View) -> Fitted[ChurnModel] | None:
        """The model in effect, if it is of this horizon."""
        model = customer.model(ChurnModel)
        return model if model and model.model.days == self.horizon_days else None

    def _habit(self, customer: View) -> Habit:
        """What is remembered of the customer, by this horizon."""
        return customer.recall(Habit).of_horizon(self.horizon_days)

    def _rare(self, model: Fitted[ChurnModel] | None) -> float:
        """How improbable the silence must be before anything is said."""
        return self.unusual if model else self.chance

    def _silences(self, customer: View) -> Silences:
        row = customer.row
        return silences_of(customer.shop.rhythm, self.default_gap_days, row.gap_hours)

    def _is_too_early(self, risk: float, customer: View) -> bool:
        """Whether an alert would not be set for now. The shop's rhythm moves, so not to the day."""
        quiet = (customer.at - customer.row.last_order_at) / DAY
        is_usual = self._silences(customer).chance(quiet) > min(1.5 * self.unusual, 0.99)
        return is_usual or risk < self._threshold(customer.row, customer.at) - 1e-9

    def _silence(self, habit: Habit, customer: View) -> Silence:
        prior = prior_of(customer.shop.rhythm, self.default_gap_days)
        return Silence(habit, customer.row.first_order_at, self.horizon_days, prior)

    def _alert(
        self, habit: Habit, customer: View, model: Fitted[ChurnModel] | None, told: Told
    ) -> Say:
        row = customer.row
        gap_days = [hours / 24 for hours in row.gap_hours]
        quiet_days = (customer.at - row.last_order_at) / DAY
        chance_of = self._silences(customer).chance(quiet_days)
        usual = fsum(gap_days) / len(gap_days) if gap_days else None
        _, at_stake = window.total(row.orders, customer.at, YEAR)
        rules = CauseRules(self.cause_days, self.rating_max, self.empty_searches_min)
        cause, *others = causes(row, customer.at, rules)
        values, thresholds = evidence_of(cause, others, customer.at, rules)
        limits: dict[str, Scalar] = {"chance": self.chance}
        if model:
            limits = {"risk": round(self._threshold(row, customer.at), 4), "unusual": self.unusual}
        elif told:
            limits["risk_min"] = self.risk_min
        risk = told.get("risk")
        return Say(
            reason="no_second_order" if row.order_count == 1 else "quiet_for_unusually_long",
            payload=ChurnAlertPayload(
                round(quiet_days, 2), usual and round(usual, 2), round(chance_of, 4),
                at_stake, row.currency, row.order_count, cause.name, [it.name for it in others],
                risk if isinstance(risk, float) else None, self.horizon_days if told else None,
            ),
            evidence=Evidence(
                events=(habit.event_id,) if habit.event_id else (),
                values={
                    "quiet_days": round(quiet_days, 2),
                    "gap_days": [round(days, 1) for days in gap_days],
                    "chance": round(chance_of, 4),
                    **values,
                    **told,
                },
                thresholds={**limits, "quiet_days_min": self.quiet_days_min, **thresholds},
            ),
        )  # fmt: skip
