"""What has it brought, and what does the shop take? `ebbtide report effect` and `report sales`."""

from typing import Annotated

from cyclopts import App, Parameter

from streams.commands.options import ASK, AsJson, Broker, Config, RedisUrl

app = App(
    name="report",
    group=ASK,
    sort_key=7,
    help="""Ask what Ebbtide has brought, and what the shop takes.

For example

    ebbtide report effect
    ebbtide report effect --campaign win_back_coupon
    ebbtide report sales

Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL, EBBTIDE_CONFIG.""",
)


@app.command
def effect(
    *,
    campaign: Annotated[
        str | None,
        Parameter(help="This one only; '*' is the holdout over all campaigns."),
    ] = None,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what each campaign has caused, beside what would have been anyway.

    Some customers are held out: when a trigger would go out to them, it does
    not. They are compared with those it did go out to, each customer counted
    once, from that first time on.

    For example

        ebbtide report effect
        ebbtide report effect --campaign win_back_coupon --json

    How to read it. Begin with the sentences: each makes a claim, or says why
    none is made. "Uplift" is sent less held out, and the interval beside it
    is what the figures are compatible with (95 %). Where it crosses zero,
    sending may have brought nothing. "Return" is the uplift times the
    customers sent to times your margin, and "left over" is that less what
    was spent on the same customers in the same days; both are as sure as
    their intervals. Decide when to look before you look: who looks every day
    and stops at the first good one will be fooled.

    docs/effect.md has the formulas and their sources.

    Exit codes: 0 shown (also where nothing is counted yet), 1 there is no
    such campaign, or Kafka or Redis is away, 2 a wrong setting.

    Settings: EBBTIDE_BROKER (for the number of partitions),
    EBBTIDE_REDIS_URL (for the counters), EBBTIDE_CONFIG (its section
    [effect] has the margin, those of the agents what a message costs).
    """
    import asyncio

    from streams.commands import effect_page, kafka, terminal
    from streams.connection import brokers_of, redis_url_of
    from streams.effect.judge import report_of
    from streams.effect.settings import load_prices
    from streams.topics import JOURNAL

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    prices = load_prices(settings)
    partitions = kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]
    counted = asyncio.run(effect_page.look_up(redis_url_of(settings), partitions))
    names = [it.campaign for it in counted]
    if campaign is not None and campaign not in names:
        there = f"there are {', '.join(names)}" if names else "nothing is counted of any yet"
        raise terminal.CommandError(f"campaign {campaign!r} has counted nothing; {there}")
    reports = [report_of(it, prices) for it in counted if campaign in {None, it.campaign}]
    if as_json:
        for report in reports:
            terminal.say_json(report)
    else:
        effect_page.show(reports)
    if not reports:
        terminal.err.print(effect_page.EMPTY, soft_wrap=True)


@app.command
def sales(
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what the shop takes, by class of customer and category, and what will come.

    Net revenue of today, the last 7 and the last 28 days, as the agent
    `sales` has counted it: what goes back comes off the day on which it does.
    Under that, a forecast of the next seven days, with its mean error beside
    those of two naive ones, on days that it was not tuned on.

    For example

        ebbtide report sales
        ebbtide report sales --json

    Exit codes: 0 shown (also where nothing was sold yet), 1 Kafka or Redis
    is away, 2 a wrong setting.

    Settings: EBBTIDE_BROKER (for the number of partitions),
    EBBTIDE_REDIS_URL (for the ledgers), EBBTIDE_CONFIG (its section
    [agents.sales] has the shop's time zone).
    """
    import asyncio

    from streams.commands import kafka, sales_page, terminal
    from streams.connection import brokers_of, redis_url_of
    from streams.topics import JOURNAL

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    partitions = kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]
    reports = asyncio.run(sales_page.look_up(settings, redis_url_of(settings), partitions))
    if as_json:
        for report in reports:
            terminal.say_json(report)
    else:
        sales_page.show(reports)
    if not reports:
        terminal.err.print(sales_page.EMPTY, soft_wrap=True)
