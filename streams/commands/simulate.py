"""How does a simulated shop come to life? By its past, and then its present as it happens."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker


def simulate(
    *,
    customers: Annotated[int, Parameter(help="How many simulated customers.")] = 200,
    rate: Annotated[float, Parameter(help="Live events a second.")] = 20.0,
    seed: Annotated[int, Parameter(help="The same seed gives the same customers.")] = 1,
    days: Annotated[int, Parameter(help="How much of a past they have.")] = 60,
    seconds: Annotated[float, Parameter(help="How long it is live; 0: until Ctrl-C.")] = 60,
    broker: Broker = None,
    as_json: AsJson = False,
) -> int:
    """Publish the events of a simulated shop. Nobody in it is real.

    First the simulated customers' past, one after the other, then live
    events at the rate asked for: visits, carts, orders, reviews, answers to
    messages. Live time is pressed together: orders arrive within minutes.

    For example

        ebbtide up                            in a first terminal
        ebbtide watch                         in a second one
        ebbtide simulate --customers 500 --rate 50

    Exit codes: 0 done, 1 Kafka is away, 130 ended by Ctrl-C.

    Settings: EBBTIDE_BROKER.
    """
    import asyncio

    from streams.commands import simulating, terminal
    from streams.connection import brokers_of

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
