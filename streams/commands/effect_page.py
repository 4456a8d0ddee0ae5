"""How is the effect shown to a person? A table for each campaign, and sentences under it."""

from itertools import chain

from rich.text import Text

from state.exposure import ALL_CAMPAIGNS
from state.redis_table import RedisTable
from streams.amounts import money, plural
from streams.commands import terminal
from streams.effect.counts import Counts, Occasions, added, counts_of
from streams.effect.intervals import Interval
from streams.effect.report import Effect, Report, Split
from streams.effect.returns import Return
from streams.effect.verdict import amount, bounds

#: What is said where nothing is counted yet.
EMPTY = (
    "Nothing is counted yet: no trigger has come to the gate. Is a worker running, and does"
    " `ebbtide check` show agents that are on? `ebbtide watch --all` shows decisions as they come."
)

#: What stands in the place of cost and return for all campaigns together.
NO_RETURN = (
    "No return: what messages and coupons cost is counted by campaign, each in its own time. See"
    " the campaigns one by one."
)

_MEASURES = {"visited": "visited", "ordered": "ordered", "repeated": "ordered twice or more"}


async def look_up(redis_url: str, partitions: int) -> list[Counts]:
    """What all partitions have counted, by campaign. Raises StoreError."""
    async with RedisTable(redis_url) as rows:
        return counts_of(added([await rows.counters(it) for it in range(partitions)]))


def show(reports: list[Report]) -> None:
    """Print one part for each campaign."""
    for nth, report in enumerate(reports):
        if nth:
            terminal.out.print()
        _show(report)


def title(campaign: str) -> str:
    """A campaign's name for people."""
    return "all campaigns (holdout over all)" if campaign == ALL_CAMPAIGNS else campaign


def _show(report: Report) -> None:
    out = terminal.out
    out.print(Text(title(report.campaign), style="bold"))
    for line in (*_occasions(report.occasions), _customers(report)):
        out.print(line, style="dim", soft_wrap=True)
    out.print()
    if report.sent.customers or report.held_out.customers:
        _table(report)
    if len({it.verdict for it in report.effects}) == 1:
        out.print(report.effects[0].verdict, soft_wrap=True)  # What holds for all is said once.
    else:
        for it in report.effects:
            style = {"more": "green", "less": "red", "none": ""}[it.claim]
            out.print(f"{_measure(it)}: {it.verdict}", style=style, soft_wrap=True)
    for line in chain.from_iterable(_returns(it) for it in report.returns):
        out.print(line, soft_wrap=True)
    if report.campaign == ALL_CAMPAIGNS:
        out.print(NO_RETURN, soft_wrap=True)


def _table(report: Report) -> None:
    columns = ("sent to", "held out", "uplift", "95 % interval", "relative", "its interval")
    shown = terminal.table("of the customers", *columns, right=columns)
    for it in report.effects:
        shown.add_row(*_row(it), style="" if it.claim != "none" else "dim")
    terminal.out.print(shown)
    terminal.out.print()


def _occasions(it: Occasions) -> list[str]:
    if it == Occasions():
        return []  # The gate counts them by campaign, and none for the holdout over all.
    lines = [f"sent {it.sent:,} times, held out {it.held_out:,} times"]
    for what in ("suppressed", "deferred", "merged"):
        reasons: dict[str, int] = getattr(it, what)
        if reasons:
            told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
            lines.append(f"{what}: {told}")
    return lines


def _customers(report: Report) -> str:
    sent, held_out = report.sent.customers, report.held_out.customers
    # Of all campaigns together it is those who may get something; each one holds out some more.
    told = "not held out over all" if report.campaign == ALL_CAMPAIGNS else "sent to"
    return f"{plural(sent, 'customer')} {told}, {held_out:,} held out{_expected(report.split)}"


def _expected(split: Split) -> str:
    if split.z is None:
        return ""
    return f" ({split.expected:,.1f} expected, z = {split.z:+.2f})"


def _measure(it: Effect) -> str:
    return _MEASURES.get(it.measure, f"revenue a customer ({it.currency})")


def _row(it: Effect) -> list[str]:
    return [
        _measure(it),
        _level(it, it.sent),
        _level(it, it.held_out),
        "-" if it.uplift is None else amount(it, it.uplift, sign=True),
        bounds(it) if it.interval else "-",
        "-" if it.relative is None else f"{it.relative:+.1%}",
        _percents(it.relative_interval),
    ]


def _level(it: Effect, value: float | None) -> str:
    if value is None:
        return "-"
    return money(round(value), it.currency) if it.measure == "money" else f"{value:.2%}"


def _percents(it: Interval | None) -> str:
    return "-" if it is None else f"{it.low:+.1%} to {it.high:+.1%}"


def _returns(it: Return) -> list[str]:
    def told(cents: int | None) -> str:
        return money(cents or 0, it.currency)

    in_all = it.in_all
    cost = (
        f"cost in the time that counts: {told(it.cost_cents)} (messages {told(it.messages_cents)},"
        f" coupons redeemed {told(it.redeemed_cents)}, less {told(it.returned_cents)} of orders"
        " that went back)"
    )
    ever = (
        f"ever spent, also outside that time: messages {told(in_all.messages_cents)}, coupons"
        f" redeemed {told(in_all.redeemed_cents)} of {told(in_all.handed_out_cents)} handed out,"
        f" less {told(in_all.returned_cents)} of orders that went back"
    )
    is_any = in_all.messages_cents or in_all.handed_out_cents or in_all.redeemed_cents
    facts = [ever] if is_any else []
    if it.extra_cents is None:
        return [cost, *facts] if it.cost_cents else facts
    extra = f"{told(it.extra_low_cents)} to {told(it.extra_high_cents)}"
    net = f"{told(it.net_low_cents)} to {told(it.net_high_cents)}"
    return [
        cost,
        f"return: {told(it.extra_cents)} ({extra})",
        f"left over: {told(it.net_cents)} ({net})",
        *facts,
    ]
