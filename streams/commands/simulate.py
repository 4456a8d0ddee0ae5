"""How does a simulated shop come to life? By its past, and then its present as it happens."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker, Config


def simulate(
    *,
    customers: Annotated[int, Parameter(help="How many simulated customers.")] = 200,
    rate: Annotated[float, Parameter(help="Live events a second.")] = 20.0,
    seed: Annotated[int, Parameter(help="The same seed gives the same customers.")] = 1,
    days: Annotated[int, Parameter(help="How much of a past they have.")] = 60,
    seconds: Annotated[float, Parameter(help="How long it is live; 0: until Ctrl-C.")] = 60,
    scenario: Annotated[
        str | None, Parameter(help="Play this short story in memory instead; `list` names them.")
    ] = None,
    all_agents: Annotated[
        bool, Parameter(show_default=False, help="In a story: not its own agents alone.")
    ] = False,
    config: Config = None,
    broker: Broker = None,
    as_json: AsJson = False,
) -> int:
    """Publish the events of a simulated shop. Nobody in it is real.

    First the simulated customers' past, one after the other, then live
    events at the rate asked for: visits, carts, orders, reviews, answers to
    messages. Live time is pressed together: orders arrive within minutes.

    With --scenario nothing is published and no broker is needed: a short
    story is played through the engine in memory, under your engine.toml,
    with a clock that jumps, and you see what would be said and when.

    For example

        ebbtide up                            in a first terminal
        ebbtide watch                         in a second one
        ebbtide simulate --customers 500 --rate 50

        ebbtide simulate --scenario list
        ebbtide simulate --scenario win-back
        ebbtide simulate --scenario win-back --config mine.toml --all-agents

    Exit codes: 0 done, 1 Kafka is away or there is no such story to play,
    130 ended by Ctrl-C.

    Settings: EBBTIDE_BROKER; with --scenario EBBTIDE_CONFIG.
    """
    import asyncio

    from streams.commands import scenarios, simulating, terminal
    from streams.connection import brokers_of

    if scenario == "list":
        scenarios.show_all(as_json=as_json)
        return 0
    if scenario is not None:
        settings = terminal.settings_from(config=config)
        scenarios.show(settings, scenario, all_agents=all_agents, as_json=as_json)
        return 0
    if all_agents:
        raise terminal.UsageError("--all-agents is for a story: name it with --scenario")
    for name, value in (("customers", customers), ("rate", rate), ("days", days)):
        if value <= 0:
            raise terminal.UsageError(f"--{name} {value}: more than 0 is needed")
    settings = terminal.settings_from(broker=broker)
    wish = simulating.Wish(customers=customers, rate=rate, seed=seed, days=days, seconds=seconds)
    run = simulating.Run(brokers_of(settings), wish)
    interrupted = False
    try:
        asyncio.run(run.go())
    except KeyboardInterrupt:
        interrupted = True
    simulating.report(run, as_json=as_json)
    return 130 if interrupted else 0
