"""What does Ebbtide do with a year of orders? All that is needed is started, fed and ended."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson


def demo(
    *,
    in_memory: Annotated[
        bool,
        Parameter(help="The same orders through the same engine, without a broker and a Redis."),
    ] = False,
    orders_max: Annotated[
        int | None, Parameter(help="Only the first so many orders of the year.")
    ] = None,
    file: Annotated[Path, Parameter(help="Where the figures go.")] = Path("build/demo.json"),
    json: AsJson = False,
) -> int:
    """Run a year of grocery orders through Kafka, a worker and Redis.

    The Complete Journey data set: 155,848 baskets of 2,469 households over
    2017, as orders in time order. An embedded Kafka broker and Redis and one
    worker are started on free ports, and ended. The data set knows of no
    consents, so the demo assumes them; it has no clicks and no reviews, so
    there are no abandoned carts and no complaints.

    For example

        ebbtide demo
        ebbtide demo --in-memory        the same triggers, by their sha256
        ebbtide demo --orders-max 20000

    It takes four to nine minutes and writes build/demo.json. Needs the extras
    `embedded` and `demo`. Exit codes: 0 done, 1 something is missing.
    """
    import asyncio
    from itertools import islice

    from streams.commands import demo_servers, terminal
    from streams.demo.journey import BASKETS, feed, orders
    from streams.demo.progress import write_summary
    from streams.demo.view import report

    history = feed(islice(orders(), orders_max))
    total = min(BASKETS, orders_max or BASKETS)
    folder = file.parent / "demo"
    summary = asyncio.run(
        demo_servers.in_memory(history, total, folder)
        if in_memory
        else demo_servers.through_kafka(history, total, folder)
    )
    write_summary(summary, file)
    if json:
        terminal.say_json(summary)
    else:
        terminal.out.print(report(summary, file))
    return 0
