"""Why did this customer get this? `ebbtide explain`."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker, RedisUrl


def explain(
    trigger_id: Annotated[
        str, Parameter(name="ID", help="A trigger's ce_id, or the first 8 digits of it at least.")
    ],
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Say why something was decided, and what came of it.

    What was said to whom, the agent's reason with what was seen and what that
    was held against, what the gate said, on which channel, what became of it
    later, and what came back. Triggers that were refused, put off or held
    out have ids as well: `ebbtide watch --all` shows them.

    The topic `decisions` is read from its start until the id is found; for a
    part of an id to its end, because it might not be the only one.

    For example

        ebbtide explain bc742928d6165f46614cce6e74f3f92e
        ebbtide explain bc742928 --json

    Exit codes: 0 explained; 1 not there, or several ids begin so, or Kafka
    is away; 2 it is not an id.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL (for what came back; without
    Redis the rest is told).
    """
    import asyncio

    from schemas.cloud_event import DECISIONS
    from state.customer import RowError, decode_customer
    from state.table import StoreError
    from streams.commands import decided, explaining, kafka, terminal
    from streams.connection import brokers_of, redis_url_of
    from streams.customer import row as customer_row
    from streams.topics import JOURNAL

    digits = decided.beginning(trigger_id)
    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    brokers, redis = brokers_of(settings), redis_url_of(settings)
    partitions = kafka.reach(brokers).require([JOURNAL, DECISIONS])[JOURNAL]
    with kafka.Reader(brokers) as reader:
        found = decided.find(reader, digits)
        customer_id = found.decision.customer_id
        about = decided.of_customer(reader, found.partition, customer_id)
    row, clock_at = None, 0
    try:
        kept = asyncio.run(customer_row.read(redis, partitions, customer_id))
        clock_at = kept.shop.clock_at
        row = None if kept.row is None else decode_customer(customer_id, kept.row)
    except (StoreError, RowError) as error:
        terminal.err.print(f"Without the row: {error}", style="yellow", soft_wrap=True)
    told = explaining.explain(found.decision, about, row, clock_at)
    if as_json:
        terminal.say_json(told)
        return
    terminal.out.print(found.decision.id, style="bold")
    terminal.out.print(f"{DECISIONS}, partition {found.partition}\n", style="dim")
    terminal.say_sections(told.sentences)
