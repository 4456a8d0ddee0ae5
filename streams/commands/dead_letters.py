"""What was not accepted, and how does it get a second chance? `ebbtide dead-letters`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from streams.amounts import plural
from streams.commands.options import ASK, AsJson, Broker

if TYPE_CHECKING:
    from streams.commands.letters import Requeued

app = App(
    name="dead-letters",
    group=ASK,
    sort_key=6,
    help="""Look at what was not accepted, or not delivered, and send it through again.

For example

    ebbtide dead-letters list --reason zone_missing
    ebbtide dead-letters requeue --dry-run
    ebbtide dead-letters redeliver --target mailer

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
    from streams.connection import brokers_of

    settings = terminal.settings_from(broker=broker)
    letters.show(brokers_of(settings), reason, limit=limit, as_json=as_json)


@app.command
def requeue(
    *,
    reason: _Reasons = (),
    file: Annotated[
        str | None,
        Parameter(
            help="Letters as `list --json` prints them, repaired; - is stdin.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    after: Annotated[
        int, Parameter(help="Only those behind this offset, which the last requeue told.")
    ] = -1,
    dry_run: Annotated[
        bool, Parameter(show_default=False, help="Say what would be sent, and send nothing.")
    ] = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> int:
    """Send dead letters to the topics they came from: as they were, or repaired.

    As they were is for when the cause is mended on our side: a limit was too
    low, a newer version knows the field. What is still wrong becomes a dead
    letter anew. For the other case write them to a file, repair each `value`
    there, and send the file; a line that is still wrong is reported, and not
    sent.

    A repaired event counts as if it had been good from the start. Only what
    would have been said about it is not said any more where it is older than
    `lateness_minutes`. Of letters that are alike one is sent.

    The letters stay where they are, and what is sent carries the header
    requeued_from. Requeue each once, with --after for what came since: an
    event_id that was accepted meanwhile is known again only while ingest
    remembers it, or while it is among the last eight of its customer (of a
    letter for want of a rate only the latter); after that it counts a second
    time.

    For example

        ebbtide dead-letters requeue --dry-run
        ebbtide dead-letters requeue --reason too_large
        ebbtide dead-letters requeue --reason rate_missing --after 1042

        ebbtide dead-letters list --limit 0 --json > letters.jsonl
        ebbtide dead-letters requeue --file letters.jsonl

    Exit codes: 0 all were sent; 1 some in the file are still wrong, or Kafka
    is away.

    Settings: EBBTIDE_BROKER; with --file EBBTIDE_EVENT_BYTES_MAX and
    EBBTIDE_FUTURE_TOLERANCE_SECONDS.
    """
    import asyncio

    from streams.commands import letters, repaired, terminal
    from streams.connection import brokers_of

    settings = terminal.settings_from(broker=broker)
    if file is None:
        work = letters.requeue(brokers_of(settings), reason, after=after, dry_run=dry_run)
    else:
        work = repaired.requeue_file(settings, file, reason, dry_run=dry_run)
    done = asyncio.run(work)
    if as_json:
        terminal.say_json(done)
    else:
        _tell(done, dry_run=dry_run)
    return 1 if done.invalid else 0


@app.command
def redeliver(
    *,
    target: Annotated[
        tuple[str, ...],
        Parameter(
            name="--target",
            show_default=False,
            help="Only those of this target; may be given several times.",
        ),
    ] = (),
    file: Annotated[
        str | None, Parameter(name="--file", help="The file with the targets. [EBBTIDE_WEBHOOKS]")
    ] = None,
    again: Annotated[
        bool, Parameter(show_default=False, help="Also those that have been delivered since.")
    ] = False,
    broker: Broker = None,
    as_json: AsJson = False,
) -> int:
    """Send triggers that no webhook took to their targets once more.

    For when the receiver is mended. They are posted with the same webhook-id
    as before, and reported as `ebbtide webhooks` reports; what is refused
    again becomes a dead letter anew. A trigger that has expired meanwhile,
    or is older than its target wants, is not sent.

    The letters stay where they are. Those whose trigger has been delivered
    since, as its report on `profiles` says, are skipped. Nothing keeps them in order with what
    `ebbtide webhooks` delivers at the same moment.

    For example

        ebbtide dead-letters redeliver --file webhooks.toml
        ebbtide dead-letters redeliver --target mailer --json

    Exit codes: 0 all were delivered; 1 some were not, or Kafka is away; 2 a
    setting or the file is wrong.

    Settings: EBBTIDE_WEBHOOKS, EBBTIDE_BROKER, and EBBTIDE_WEBHOOK_KEY or
    EBBTIDE_WEBHOOK_KEY_FILE (a secret).
    """
    from streams.commands import redelivering, terminal

    settings = terminal.settings_from(broker=broker, webhooks=file)
    return redelivering.run(settings, target, again=again, as_json=as_json)


def _tell(done: "Requeued", *, dry_run: bool) -> None:
    from streams.commands import terminal

    would = "would be sent" if dry_run else "sent"
    where = ", ".join(f"{topic} {count:,}" for topic, count in done.by_topic.items())
    terminal.out.print(
        f"{plural(done.sent, 'letter')} {would}{': ' + where if where else ''}",
        style="green",
    )
    if done.alike:
        terminal.out.print(f"{done.alike:,} more are like one of these.")
    if done.not_raw:
        terminal.out.print(
            f"{done.not_raw:,} did not come from a raw topic, and stay where they are. Triggers"
            " that no webhook took are sent again by `ebbtide dead-letters redeliver`.",
            style="yellow",
        )
    if done.last_offset >= 0 and not dry_run:
        terminal.out.print(f"Next time leave these out: --after {done.last_offset}")
    if done.invalid:
        terminal.out.print(f"{done.invalid:,} are still wrong, and were not sent.", style="red")
