"""What will the next days bring, and how well is that known? Smoothing, with a week's seasonality.

A day is the level and what its weekday adds to it; both follow what comes, the weekday each week
(Holt and Winters' additive method without a trend: Hyndman and Athanasopoulos, "Forecasting:
Principles and Practice", 3rd edition, section 8.3). A surprise counts as so many times the usual
one at most, so that one wholesaler's order, or its cancellation, does not bend the weeks after it
(Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters smoothing", Journal
of Forecasting 29, 2010). Trends are left out: on the days that it was tuned on, they made it worse.

Pure, and deterministic. How fast it follows is chosen on the first part of a history, and how good
it is is told from the rest.
"""

from collections.abc import Callable, Sequence
from itertools import product

from msgspec import Struct

WEEK = 7
#: How many days ahead are forecast, from each day.
HORIZON = 7
#: The first two weeks are what it begins with, and after as many again it has settled.
BEGUN, SETTLED = 2 * WEEK, 4 * WEEK
#: A week to choose the settings on, and three to score.
DAYS_MIN = 8 * WEEK
#: The part of a history on which the settings are chosen.
TUNED_SHARE = 0.6

_LEVELS = (0.02, 0.05, 0.1, 0.2)
_WEEKDAYS = (0.05, 0.1, 0.2, 0.3)
_SURPRISES = (1.5, 2.0, 3.0)
# How fast the usual surprise follows. The figure hardly matters.
_USUAL_RATE = 0.1

#: What is forecast from a history that has been seen: the next days, in order.
Method = Callable[[Sequence[float]], list[float]]
#: By origin, the number of days seen, a forecast of the days from there.
Forecasts = dict[int, list[float]]


class Smoothing(Struct, frozen=True):
    """level, weekday: what part of a surprise each takes. surprise_max: in usual surprises."""

    level: float = 0.05
    weekday: float = 0.2
    surprise_max: float = 2.0


class Backtest(Struct, frozen=True, kw_only=True):
    """Mean absolute errors over all days ahead, from each origin of the days scored.

    ours; yesterday: every day will be as the last one; last_week: as the same weekday last week.
    """

    days: int
    ours: float
    yesterday: float
    last_week: float


class Outlook(Struct, frozen=True):
    """The next days, the settings that were chosen, and how they did on days not chosen from."""

    next_days: list[float]
    smoothing: Smoothing
    backtest: Backtest


def outlook(history: Sequence[float]) -> Outlook | None:
    """Forecast the days after a history; None where it is too short to say how good that is."""
    if len(history) < DAYS_MIN:
        return None
    cut = max(SETTLED + WEEK, round(len(history) * TUNED_SHARE))
    smoothing = tuned(history[:cut])
    smoothed = forecasts(history, smoothing)
    naive = {it: [history[it - 1]] * HORIZON for it in smoothed}
    seasonal = {it: list(history[it - WEEK : it]) for it in smoothed}
    backtest = Backtest(
        days=len(history) - cut,
        ours=error(history, smoothed, cut),
        yesterday=error(history, naive, cut),
        last_week=error(history, seasonal, cut),
    )
    return Outlook(smoothed[len(history)], smoothing, backtest)


def tuned(history: Sequence[float]) -> Smoothing:
    """The settings with the least error on a history, looking at each day from those before it."""
    choices = [Smoothing(*it) for it in product(_LEVELS, _WEEKDAYS, _SURPRISES)]
    return min(choices, key=lambda it: error(history, forecasts(history, it), SETTLED))


def forecasts(history: Sequence[float], smoothing: Smoothing) -> Forecasts:
    """What would have been forecast after each day from the second week on, and after the last."""
    first = history[:BEGUN]
    level = sum(first) / len(first)
    weekdays = [(first[it] + first[it + WEEK]) / 2 - level for it in range(WEEK)]
    usual = sum(abs(it - level - weekdays[n % WEEK]) for n, it in enumerate(first)) / len(first)
    found = {}
    for origin in range(BEGUN, len(history) + 1):
        found[origin] = [level + weekdays[(origin + it) % WEEK] for it in range(HORIZON)]
        if origin < len(history):
            surprise = history[origin] - found[origin][0]
            bound = smoothing.surprise_max * usual
            taken = max(-bound, min(bound, surprise))
            level += smoothing.level * taken
            weekdays[origin % WEEK] += smoothing.weekday * taken
            # Surprises make themselves usual only bit by bit, or one would let in the next.
            usual += _USUAL_RATE * (min(abs(surprise), 3 * (usual or abs(surprise))) - usual)
    return found


def error(history: Sequence[float], made: Forecasts, begin: int) -> float:
    """The mean absolute error of all days ahead, from each origin at or after ``begin``."""
    errors = [
        abs(history[origin + ahead] - it)
        for origin, days in made.items()
        if origin >= begin
        for ahead, it in enumerate(days)
        if origin + ahead < len(history)
    ]
    return sum(errors) / len(errors)
