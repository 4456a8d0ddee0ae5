"""What does a report of the sales hold? What was taken, by class and category, and what will be."""

from msgspec import Struct

from streams.ops.forecast import HORIZON, Backtest, outlook
from streams.ops.revenue import SHOWN_DAYS, Revenue, heaviest


class Span(Struct, frozen=True):
    """Net revenue of the last so many days, today included, in minor units."""

    days: int
    net: int
    classes: dict[str, int]
    categories: dict[str, int]


class Forecast(Struct, frozen=True):
    """The next days, today first, in minor units; and the errors of this method and naive ones."""

    first_day: int
    next_days: list[int]
    backtest: Backtest


class SalesReport(Struct, frozen=True, kw_only=True):
    """One currency. today: in days since 1970-01-01. known_days: how many are over, to yesterday.

    forecast: None where too few are.
    """

    currency: str
    today: int
    known_days: int
    spans: list[Span]
    forecast: Forecast | None


def reports_of(revenue: Revenue, most: int) -> list[SalesReport]:
    """One for each currency; so many classes and categories at most in each."""
    spans = [
        (days, revenue.net(days), revenue.classes(days), revenue.categories(days))
        for days in SHOWN_DAYS
    ]
    return [
        SalesReport(
            currency=currency,
            today=revenue.today,
            known_days=len(revenue.history(currency)),
            spans=[
                Span(
                    days,
                    net[currency],
                    heaviest(classes.get(currency, {}), most),
                    heaviest(categories.get(currency, {}), most),
                )
                for days, net, classes, categories in spans
            ],
            forecast=_forecast(revenue, currency),
        )
        for currency in revenue.totals
    ]


def _forecast(revenue: Revenue, currency: str) -> Forecast | None:
    seen = outlook(revenue.history(currency))
    if seen is None:
        return None
    next_days = [round(it) for it in seen.next_days[:HORIZON]]
    return Forecast(revenue.today, next_days, seen.backtest)
