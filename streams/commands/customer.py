"""What does Ebbtide know of one customer? The whole row, for people and for programs."""

from streams.commands.options import AsJson, Broker, CustomerId, RedisUrl


def customer(
    customer_id: CustomerId,
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a customer, and what will be done about it.

    Profile, consent, purchases, windows, rhythm, cart, tastes, orders under
    way, ratings, responses, timers, what was said, and the agents' memory.

    For example

        ebbtide customer ann
        ebbtide customer anon:7f3a --json

    How long ago something was is counted from the clock of the customer's
    partition: the last tick, which during a replay is not today.

    Exit codes: 0 found, 1 not known, or Kafka or Redis is away.

    Settings: EBBTIDE_BROKER (for the number of partitions),
    EBBTIDE_REDIS_URL (for the row).
    """
    import asyncio

    from streams.commands import customer_page, kafka, terminal
    from streams.connection import brokers_of, redis_url_of
    from streams.customer import row as customer_row
    from streams.customer import view as customer_view
    from streams.topics import JOURNAL

    terminal.require_text(customer_id)
    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    partitions = kafka.reach(brokers_of(settings)).require([JOURNAL])[JOURNAL]
    view = asyncio.run(customer_view.look_up(redis_url_of(settings), partitions, customer_id))
    if view is None:
        raise terminal.CommandError(customer_row.unknown(customer_id))
    if as_json:
        terminal.say_json(view)
    else:
        customer_page.show(view)
