"""Who has stopped coming? A customer who is quiet for longer than their own rhythm makes plausible.

Purchases are taken as a Poisson process whose rate differs between customers by a gamma
distribution (the purchasing half of the Pareto/NBD model: Schmittlein, Morrison and Colombo,
Management Science 1987). After n gaps of g days in all, the chance of a silence longer than t is

    P(silence > t) = (b / (b + t)) ** a,    a = a0 + n,  b = b0 + g

with a0, b0 from the gaps of the whole shop. So a customer with one order is judged by the shop's
rhythm, and each gap moves the judgement towards their own. The alert is a timer at the t at which
that chance falls to ``chance``; the next order replaces it. Why they may have stopped is looked for
in the row at that moment (``churn_cause.py``).
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, SetTimer, Timer, View
from agents.churn_cause import CauseName, CauseRules, ChurnCause, causes
from schemas.decisions import Evidence, Scalar
from schemas.instant import DAY, HOUR
from schemas.orders import OrderPlaced
from schemas.reviews import Rating
from state import window
from state.customer import Customer
from state.shop import Rhythm

# How strongly the shop's rhythm holds against a customer's own, in gaps. The moment estimate below
# goes to infinity for a shop of clockwork customers, and to 2 for one without any rhythm.
STRENGTH_MIN, STRENGTH_MAX = 2.1, 8.0
GAPS_TO_TRUST = 30


class ChurnAlertPayload(Struct, frozen=True):
    """value_at_stake_cents: what they spent in the last 365 days; currency: of that money.

    cause: what most likely drove them away, as far as we have seen. other_causes: what else came
    into question, the likeliest first.
    """

    quiet_days: float
    usual_gap_days: float | None
    chance: float
    value_at_stake_cents: int
    currency: str
    orders: int
    cause: CauseName = "inactivity"
    other_causes: list[CauseName] = []


class LastOrder(Struct, array_like=True, gc=False):
    """The order that the alert would be about."""

    event_id: str = ""


class ChurnAlert(Agent, frozen=True):
    """chance: how improbable the silence must be. quiet_days_min: never alert before.

    default_gap_days: the shop's usual gap until it has shown enough of its own. cause_days: so near
    to the last order, before or after it, something must have gone wrong to be the cause.
    rating_max: the best rating that is one. empty_searches_min: so many searches in vain are one.
    """

    listens: ClassVar = (OrderPlaced,)
    remembers: ClassVar = LastOrder
    says: ClassVar = {"churn_alert": ChurnAlertPayload}

    chance: float = 0.02
    quiet_days_min: float = 7.0
    default_gap_days: float = 30.0
    cause_days: Annotated[float, Meta(ge=0)] = 45.0
    rating_max: Rating = 2
    empty_searches_min: Annotated[int, Meta(ge=1)] = 2

    def on_event(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        """Set the alert for the moment at which silence since the last order becomes improbable."""
        if event.occurred_at < customer.row.last_order_at:
            return  # The silence began later than this, and may have been told already.
        a, b = self._prior(customer.shop.rhythm)
        gaps = customer.row.gap_hours
        a += len(gaps)
        b += sum(gaps) * HOUR / DAY
        quiet_days = max(self.quiet_days_min, b * (self.chance ** (-1 / a) - 1))
        yield Remember(LastOrder(event.event_id))
        yield SetTimer(event.occurred_at + round(quiet_days * DAY))

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nothing came: say so."""
        row = customer.row
        a, b = self._prior(customer.shop.rhythm)
        gap_days = [hours / 24 for hours in row.gap_hours]
        quiet_days = (customer.at - row.last_order_at) / DAY
        b += sum(gap_days)
        chance = (b / (b + quiet_days)) ** (a + len(gap_days))
        usual = sum(gap_days) / len(gap_days) if gap_days else None
        _, at_stake = window.total(row.orders, customer.at, 365 * DAY)
        last_order = customer.recall(LastOrder)
        cause, *others = self._causes(row, customer.at)
        values, thresholds = self._evidence_of(cause, others, customer.at)
        yield Say(
            reason="no_second_order" if row.order_count == 1 else "quiet_for_unusually_long",
            payload=ChurnAlertPayload(
                round(quiet_days, 2), usual and round(usual, 2), round(chance, 4),
                at_stake, row.currency, row.order_count, cause.name, [it.name for it in others],
            ),
            evidence=Evidence(
                events=(last_order.event_id,) if last_order.event_id else (),
                values={
                    "quiet_days": round(quiet_days, 2),
                    "gap_days": [round(days, 1) for days in gap_days],
                    "chance": round(chance, 4),
                    **values,
                },
                thresholds={
                    "chance": self.chance, "quiet_days_min": self.quiet_days_min, **thresholds,
                },
            ),
        )  # fmt: skip

    def _causes(self, row: Customer, at: int) -> list[ChurnCause]:
        return causes(
            row, at, CauseRules(self.cause_days, self.rating_max, self.empty_searches_min)
        )

    def _evidence_of(
        self, cause: ChurnCause, others: list[ChurnCause], at: int
    ) -> tuple[dict[str, Scalar | list[Scalar]], dict[str, Scalar]]:
        """What speaks for a cause, and what it was held against; of inactivity the silence does."""
        if cause.name == "inactivity":
            return {}, {}
        values: dict[str, Scalar | list[Scalar]] = {"cause_days_ago": cause.days_ago(at)}
        values |= cause.values
        if others:
            values["others_days_ago"] = [it.days_ago(at) for it in others]
        thresholds: dict[str, Scalar] = {"cause_days": self.cause_days}
        limits = {"rating": "rating_max", "empty_searches": "empty_searches_min"}
        thresholds |= {limits[it]: getattr(self, limits[it]) for it in limits if it in values}
        return values, thresholds

    def _prior(self, rhythm: Rhythm) -> tuple[float, float]:
        """Shape and scale (days) of the shop's silences, by the moments of a Lomax distribution."""
        if rhythm.count < GAPS_TO_TRUST:
            return STRENGTH_MIN, self.default_gap_days * (STRENGTH_MIN - 1)
        mean = rhythm.days / rhythm.count
        spread = rhythm.days_squared / rhythm.count / mean**2 - 1
        a = 2 * spread / (spread - 1) if spread > 1 else STRENGTH_MAX
        a = min(max(a, STRENGTH_MIN), STRENGTH_MAX)
        return a, mean * (a - 1)
