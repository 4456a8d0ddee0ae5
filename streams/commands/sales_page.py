"""How are the sales shown to a person? Tables of what was taken, and of what is to be expected."""

from datetime import date

from agents.sales import Sales
from config.settings import ConfigError, Settings, load_engine_file
from schemas.mistake import settings_of
from state.ledger import ledgers_of
from state.redis_table import RedisTable
from state.shop import clock_of
from state.table import Needs
from streams.amounts import money
from streams.commands import terminal
from streams.ops.forecast import DAYS_MIN
from streams.ops.revenue import Revenue
from streams.ops.sales_report import Forecast, SalesReport, Span, reports_of

#: What is said where there is nothing to show.
EMPTY = (
    "Nothing was sold yet, as far as is known. Is a worker running, and does `ebbtide check` show"
    " the agent `sales`? It counts from the moment on at which it is on."
)

_EPOCH = date(1970, 1, 1).toordinal()


async def look_up(settings: Settings, redis_url: str, partitions: int) -> list[SalesReport]:
    """What all partitions have taken, by currency. Raises StoreError or ConfigError."""
    sales = _sales(settings)
    needs = Needs(ledgers=[sales.name])
    async with RedisTable(redis_url) as rows:
        loaded = [await rows.load(it, needs) for it in range(partitions)]
    today = sales.day_of(max((clock_of(it.shop) for it in loaded), default=0))
    revenue = Revenue(ledgers_of(loaded, sales.name, sales.keeps), today)
    return reports_of(revenue, sales.shown_max)


def show(reports: list[SalesReport]) -> None:
    """Print one part for each currency."""
    for nth, report in enumerate(reports):
        if nth:
            terminal.out.print()
        _show(report)


def _sales(settings: Settings) -> Sales:
    """The agent as it is set, for which no secret is needed. Raises ConfigError."""
    section = load_engine_file(settings.config).agents.get(Sales.name, {})
    try:
        return settings_of(section, Sales, f"agents.{Sales.name}")
    except ValueError as error:
        raise ConfigError(f"{settings.config}: {error}") from error


def _show(report: SalesReport) -> None:
    out = terminal.out
    out.print(f"{report.currency}, today is {_day(report.today)}", style="bold")
    out.print()
    heads = [_head(it) for it in report.spans]
    shown = terminal.table("net revenue", *heads, right=tuple(heads))
    shown.add_row("in all", *(_told(it.net, report) for it in report.spans))
    for title, field in (("class", "classes"), ("category", "categories")):
        for name in _names(report, field):
            cells = (getattr(it, field).get(name) for it in report.spans)
            shown.add_row(
                f"{title} {name}", *("-" if it is None else _told(it, report) for it in cells)
            )
    out.print(shown)
    out.print()
    if report.forecast is None:
        out.print(
            f"No forecast: {report.known_days} whole days are known, and {DAYS_MIN} are needed to"
            " say how good it is.",
            soft_wrap=True,
        )
    else:
        _show_forecast(report, report.forecast)


def _show_forecast(report: SalesReport, it: Forecast) -> None:
    days = [_day(it.first_day + nth) for nth in range(len(it.next_days))]
    shown = terminal.table("forecast", "net revenue", right=("net revenue",))
    for day, cents in zip(days, it.next_days, strict=True):
        shown.add_row(day, _told(cents, report))
    terminal.out.print(shown)
    tested = it.backtest
    terminal.out.print()
    terminal.out.print(
        f"mean error a day on the last {tested.days} days: {_told(round(tested.ours), report)};"
        f" as yesterday {_told(round(tested.yesterday), report)}, as the same weekday last week"
        f" {_told(round(tested.last_week), report)}",
        soft_wrap=True,
    )
    if round(tested.ours) > round(min(tested.yesterday, tested.last_week)):
        terminal.out.print(
            "One of the naive forecasts did better: go by that one.", style="yellow", soft_wrap=True
        )


def _names(report: SalesReport, field: str) -> list[str]:
    """Of all spans, those of the longest one first."""
    return list(dict.fromkeys(n for it in reversed(report.spans) for n in getattr(it, field)))


def _head(span: Span) -> str:
    return "today" if span.days == 1 else f"last {span.days} days"


def _told(cents: int, report: SalesReport) -> str:
    return money(cents, report.currency)


def _day(day: int) -> str:
    return date.fromordinal(_EPOCH + day).strftime("%a %Y-%m-%d")
