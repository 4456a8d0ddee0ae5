"""When is it worth to speak? At the moment at which the score crosses a threshold, in silence.

The threshold comes from money. Who is spoken to brings ``p value change`` if they were about to
leave (``value``: what is left of their year's spending, ``change``: in how many of them an offer
changes it), and costs the message, and the offer where they would have come anyway:

    p value change > message + (1 - p) offer   <=>   p > (message + offer) / (value change + offer)

It is never below ``chance_min``: whoever acts on an alert must be able to believe it.
"""

from msgspec import Struct

from agents.churn.habit import Silence, features
from agents.churn.lessons import chance, log_odds

#: Where a crossing is looked for, in horizons after the order; between two of them it is bisected.
_GRID = (0.25, 0.375, 0.5, 0.75, 1.0, 1.375, 2.0, 2.75, 4.0, 6.0)
#: Half a day is as near as an alert needs to be.
_NEAR_DAYS = 0.5


class Prices(Struct, frozen=True):
    """message_cents: what speaking costs. offer_cents: what an offer gives away. See above."""

    message_cents: float
    offer_cents: float
    change: float
    chance_min: float

    def threshold(self, value_cents: float) -> float:
        """From which chance on it is worth it; 1 where it never is.

        >>> prices = Prices(50, 450, 0.05, 0.5)
        >>> round(prices.threshold(9_000), 3), prices.threshold(90_000)
        (0.556, 0.5)
        """
        gain = value_cents * self.change + self.offer_cents
        cost = self.message_cents + self.offer_cents
        return max(self.chance_min, min(1.0, cost / gain) if gain > 0 else 1.0)


def score(weights: list[float] | None, silence: Silence, quiet_days: float) -> float:
    """The chance that nothing is bought in the next days, after so many without an order."""
    return chance(log_odds(weights, features(silence.seen(quiet_days))))


def crossing(
    weights: list[float] | None, silence: Silence, threshold: float, begin: float, days: float
) -> float | None:
    """After how many days of silence the score first reaches the threshold, from ``begin`` on.

    None where it does not for six horizons. The score is looked at on a grid, so a crossing of less
    than one of its steps may be missed.
    """
    low, high = begin, begin
    if score(weights, silence, begin) >= threshold:
        return begin
    for step in _GRID:
        high = step * days
        if high <= begin:
            continue
        if score(weights, silence, high) >= threshold:
            break
        low = high
    else:
        return None
    while high - low > _NEAR_DAYS:
        middle = (low + high) / 2
        if score(weights, silence, middle) >= threshold:
            high = middle
        else:
            low = middle
    return high
