"""Who has stopped coming? A customer who is quiet for longer than their own rhythm makes plausible.

Purchases are taken as a Poisson process whose rate differs between customers by a gamma
distribution (the purchasing half of the Pareto/NBD model: Schmittlein, Morrison and Colombo,
Management Science 1987). After n gaps of g days in all, the chance of a silence longer than t is

    P(silence > t) = (b / (b + t)) ** a,    a = a0 + n,  b = b0 + g

with a0, b0 from the gaps of the whole shop. So a customer with one order is judged by the shop's
rhythm, and each gap moves the judgement towards their own. The alert is a timer at the t at which
that chance falls to ``chance``; the next order replaces it.
"""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from agents.agent import Act, Agent, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR
from schemas.orders import OrderPlaced
from state import window
from state.shop import Rhythm

# How strongly the shop's rhythm holds against a customer's own, in gaps. The moment estimate below
# goes to infinity for a shop of clockwork customers, and to 2 for one without any rhythm.
STRENGTH_MIN, STRENGTH_MAX = 2.1, 8.0
GAPS_TO_TRUST = 30


class ChurnAlertPayload(Struct, frozen=True):
    """value_at_stake_cents: what they spent in the last 365 days; currency: of that money."""

    quiet_days: float
    usual_gap_days: float | None
    chance: float
    value_at_stake_cents: int
    currency: str
    orders: int


class LastOrder(Struct, array_like=True, gc=False):
    """The order that the alert would be about."""

    event_id: str = ""


class ChurnAlert(Agent, frozen=True):
    """chance: how improbable the silence must be. quiet_days_min: never alert before.

    default_gap_days: the shop's usual gap until it has shown enough of its own.
    """

    listens: ClassVar = (OrderPlaced,)
    says: ClassVar = {"churn_alert": ChurnAlertPayload}

    chance: float = 0.02
    quiet_days_min: float = 7.0
    default_gap_days: float = 30.0

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
        yield Say(
            reason="no_second_order" if row.order_count == 1 else "quiet_for_unusually_long",
            payload=ChurnAlertPayload(
                round(quiet_days, 2), usual and round(usual, 2), round(chance, 4),
                at_stake, row.currency, row.order_count,
            ),
            evidence=Evidence(
                events=(last_order.event_id,) if last_order.event_id else (),
                values={
                    "quiet_days": round(quiet_days, 2),
                    "gap_days": [round(days, 1) for days in gap_days],
                    "chance": round(chance, 4),
                },
                thresholds={"chance": self.chance, "quiet_days_min": self.quiet_days_min},
            ),
        )  # fmt: skip

    def _prior(self, rhythm: Rhythm) -> tuple[float, float]:
        """Shape and scale (days) of the shop's silences, by the moments of a Lomax distribution."""
        if rhythm.count < GAPS_TO_TRUST:
            return STRENGTH_MIN, self.default_gap_days * (STRENGTH_MIN - 1)
        mean = rhythm.days / rhythm.count
        spread = rhythm.days_squared / rhythm.count / mean**2 - 1
        a = 2 * spread / (spread - 1) if spread > 1 else STRENGTH_MAX
        a = min(max(a, STRENGTH_MIN), STRENGTH_MAX)
        return a, mean * (a - 1)
