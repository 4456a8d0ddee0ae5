"""How do events get in by hand? JSON lines from files or stdin, each checked before it is sent."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker


def publish(
    *files: Annotated[
        str, Parameter(name="FILE", help="JSON lines; - is stdin.", allow_leading_hyphen=True)
    ],
    broker: Broker = None,
    no_validate: Annotated[
        bool,
        Parameter(
            show_default=False,
            help="Send lines to --topic as they are; what is wrong ends in dead-letters.",
        ),
    ] = False,
    topic: Annotated[
        str | None, Parameter(help="Where lines go that are not checked; else `type` decides.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Publish events from files of JSON lines, one event a line.

    An event's type decides its topic, and its customer the partition. A line
    that is not a valid event is reported with its place, the reason and what
    to do about it, and is not sent; the others are.

    For example

        ebbtide publish orders.jsonl clicks.jsonl
        zcat history.jsonl.gz | ebbtide publish -
        ebbtide publish broken.jsonl --no-validate --topic orders

    with lines like

        {"type":"order_placed","event_id":"e1","customer_id":"ann",
         "occurred_at":"2026-01-20T08:00:00Z","order_id":"o1",
         "currency":"EUR","products":[{"product_id":"p1",
         "price_cents":1999}]}        (on one line)

    Exit codes: 0 all lines were sent, 1 some were not.

    Settings: EBBTIDE_BROKER, EBBTIDE_EVENT_BYTES_MAX (larger events are
    refused) and EBBTIDE_FUTURE_TOLERANCE_SECONDS (so are later ones).
    """
    import asyncio

    from streams.commands import publishing, terminal

    if not files:
        raise terminal.UsageError("publish what? Name files of JSON lines, or - for stdin")
    if topic and not no_validate:
        raise terminal.UsageError("--topic goes with --no-validate: else `type` decides the topic")
    if no_validate and not topic:
        raise terminal.UsageError("--no-validate goes with --topic, which says where to send")
    settings = terminal.settings_from(broker=broker)
    job = publishing.Publication(settings, to_topic=topic, as_json=as_json)
    return asyncio.run(job.run(files))
