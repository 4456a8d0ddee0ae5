"""By what that was learned is decided? `ebbtide models list`, `models show` and `models use`."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from streams.commands.options import ASK, AsJson, Broker, Config, RedisUrl

app = App(
    name="models",
    group=ASK,
    sort_key=8,
    help="""See what agents have learned, and go back to an older model.

For example

    ebbtide models list
    ebbtide models show churn_alert
    ebbtide models use churn_alert 2026-01-20.3f9a2c

Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL, EBBTIDE_CONFIG.""",
)

AgentName = Annotated[str, Parameter(name="AGENT", help="Whose model, such as churn_alert.")]


@app.command(name="list")
def list_models(
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show the models of each agent that learns, the newest first.

    "In effect" is in how many partitions of the journal an agent decides by
    the model. A new one reaches all of them within a second. "Fitted from" is
    what the leader read for it: ledgers of partitions. The last 30 models of
    an agent are kept. Agents that have none yet are named under the table.

    For example

        ebbtide models list
        ebbtide models list --json

    Exit codes: 0 shown (also where there is none yet), 1 Kafka or Redis is
    away, 2 a wrong setting.

    Settings: EBBTIDE_BROKER (for the number of partitions),
    EBBTIDE_REDIS_URL (for the models), EBBTIDE_CONFIG (for the agents).
    """
    from streams.commands import models_page, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    found = models_page.ask(settings)
    standings = [versions.standing(it) for versions in found for it in versions.newest_first]
    if as_json:
        for it in standings:
            terminal.say_json(it)
    elif standings:
        models_page.show_list(standings)
    if (told := models_page.waiting(settings, found)) and not (as_json and standings):
        terminal.err.print(told, soft_wrap=True)


@app.command
def show(
    agent: AgentName,
    version: Annotated[
        str | None, Parameter(name="VERSION", help="Left out: the newest one in effect.")
    ] = None,
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a model of an agent, with all that is in it.

    What its fields mean stands under "The model" on the agent's page, such as
    docs/triggers/churn_alert.md.

    For example

        ebbtide models show churn_alert
        ebbtide models show churn_alert 2026-01-20.3f9a2c --json

    Exit codes: 0 shown, 1 there is no such agent or version, or Kafka or
    Redis is away, 2 a wrong setting.

    Settings: EBBTIDE_BROKER (for the number of partitions),
    EBBTIDE_REDIS_URL (for the models), EBBTIDE_CONFIG (for the agents).
    """
    from msgspec import Raw

    from streams.commands import models_page, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    standing, body = models_page.one(models_page.ask(settings, agent), version)
    if as_json:
        import msgspec

        answer: dict[str, Any] = msgspec.to_builtins(standing)
        terminal.say_json(answer | {"model": Raw(body)})
    else:
        models_page.show_one(standing, body)


@app.command
def use(
    agent: AgentName,
    version: Annotated[str, Parameter(name="VERSION", help="As `models list` shows it.")],
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an older model: it takes effect again, under a new version.

    The new version has the day of now and the hash of the older one. It is
    appended to every partition of the journal, and takes effect there from
    that record on, so a replay knows it too. The next training takes its
    place. To stay with it, name the agent under `held` in the section
    [models] of engine.toml first, and start the workers anew.

    For example

        ebbtide models use churn_alert 2026-01-20.3f9a2c

    Exit codes: 0 appended, 1 there is no such agent or version, the agent
    cannot read it any more, or Kafka or Redis is away, 2 a wrong setting.

    Settings: EBBTIDE_BROKER (for the journal), EBBTIDE_REDIS_URL (for the
    models), EBBTIDE_CONFIG (for the agents).
    """
    from streams.commands import models_page, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    entry, partitions = models_page.use(settings, agent, version)
    if as_json:
        answer = {"agent": agent, "version": entry.version, "of": version}
        terminal.say_json(answer | {"partitions": partitions})
        return
    again = "" if entry.version == version else f", as {entry.version},"
    terminal.out.print(
        f"{agent} decides by {version} again{again} from here on in all {partitions} partitions.",
        style="green", soft_wrap=True,
    )  # fmt: skip
    if not models_page.is_held(settings, agent):
        terminal.err.print(models_page.NOT_HELD, style="yellow", soft_wrap=True)
