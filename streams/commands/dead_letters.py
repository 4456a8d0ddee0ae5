"""What was not accepted, and how does it get a second chance? `ebbtide dead-letters`."""

from typing import Annotated

from cyclopts import App, Parameter

from streams.commands.options import ASK, AsJson, Broker

app = App(
    name="dead-letters",
    group=ASK,
    sort_key=4,
    help="""Look at the events that were not accepted, or send them through again.

For example

    ebbtide dead-letters list --reason zone_missing
    ebbtide dead-letters requeue --dry-run

Settings: EBBTIDE_BROKER.""",
)

_Reasons = Annotated[
    tuple[str, ...],
    Parameter(
        name="--reason",
        show_default=False,
        help="Only those with this reason; may be given several times.",
    ),
]


@app.command(name="list")
def list_letters(
    *,
    limit: Annotated[int, Parameter(help="The newest so many; 0: all of them.")] = 20,
    reason: _Reasons = (),
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Show dead letters: why, what to do about it, where from, and how they begin.

    The newest come last. Each has the original bytes under the original key;
    with --json they stand whole under `value`, as text, and where they are
    no text as base64 under `value_base64`.

    For example

        ebbtide dead-letters list
        ebbtide dead-letters list --reason not_json --limit 0 --json

    Settings: EBBTIDE_BROKER.
    """
    from streams.commands import letters, terminal

    settings = terminal.settings_from(broker=broker)
    letters.show(settings.broker, reason, limit=limit, as_json=as_json)


@app.command
def requeue(
    *,
    reason: _Reasons = (),
    dry_run: Annotated[
        bool, Parameter(show_default=False, help="Say what would be sent, and send nothing.")
    ] = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> None:
    """Send dead letters to the topics they came from, as they were.

    For when the cause is mended on our side: a limit was too low, a newer
    version knows the field. What is still wrong becomes a dead letter anew;
    an event that was accepted meanwhile counts once. The letters stay where
    they are, and the records that are sent carry the header requeued_from.
    Of letters that are alike, one is sent.

    For example

        ebbtide dead-letters requeue --dry-run
        ebbtide dead-letters requeue --reason too_large

    Exit codes: 0 all were sent, 1 Kafka is away.

    Settings: EBBTIDE_BROKER.
    """
    import asyncio

    from streams.commands import letters, terminal

    settings = terminal.settings_from(broker=broker)
    done = asyncio.run(letters.requeue(settings.broker, reason, dry_run=dry_run))
    if as_json:
        terminal.say_json(done)
        return
    would = "would be sent" if dry_run else "sent"
    where = ", ".join(f"{topic} {count:,}" for topic, count in done.by_topic.items())
    terminal.out.print(
        f"{terminal.plural(done.sent, 'letter')} {would}{': ' + where if where else ''}",
        style="green",
    )
    if done.alike:
        terminal.out.print(f"{done.alike:,} more are like one of these.")
    if done.not_raw:
        terminal.out.print(
            f"{done.not_raw:,} did not come from a raw topic, and stay where they are.",
            style="yellow",
        )
