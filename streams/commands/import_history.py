"""How does what happened before Ebbtide get in? `ebbtide import`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker, RedisUrl

File = Annotated[
    str,
    Parameter(
        name="FILE",
        help="JSON lines, packed where it ends in .gz; - is stdin.",
        allow_leading_hyphen=True,
    ),
]


def import_history(
    *files: File,
    skip_invalid: Annotated[
        bool, Parameter(show_default=False, help="Import the rest where some lines are invalid.")
    ] = False,
    dry_run: Annotated[
        bool, Parameter(show_default=False, help="Check all lines, and import nothing.")
    ] = False,
    rejects: Annotated[
        Path | None,
        Parameter(help="Where invalid lines go, to be mended; beside the first file if not said."),
    ] = None,
    wait: Annotated[
        bool,
        Parameter(show_default=False, help="Until workers have applied it; says what they knew."),
    ] = False,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> int:
    """Bring in history: customers are known by it, and nothing is said about it.

    Lines are events as `ebbtide publish` takes them. All are checked first,
    put in the order in which things happened, and written into the journal.

    Rows, rhythms and memories come out as if Ebbtide had been there. No
    trigger is sent on it: what would have been due by now is let go, and what
    is due later comes at its time. What is older than the newest event of a
    row is counted, and changes nothing newer.

    The same files can be imported again, after a failure or by mistake: what
    is in the journal already counts once. Of lines that tell the same (an
    event id of the same customer) the first counts. The same event in another
    import counts twice, unless it is among the customer's last eight.

    Invalid lines are kept in FILE.rejects, beside the first file: which line
    it was, what is wrong, what to do, and its text. Mend each `text` and
    import that file. One that is there already is never written over.

    For example

        ebbtide import orders.jsonl.gz clicks.jsonl.gz --skip-invalid
        ebbtide import orders.jsonl.gz.rejects        (mended)

    Exit codes: 0 all is in the journal; 1 some lines are invalid (then
    nothing is, without --skip-invalid), or Kafka or Redis is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_EVENT_BYTES_MAX and
    EBBTIDE_FUTURE_TOLERANCE_SECONDS (what ingest would refuse is invalid);
    EBBTIDE_REDIS_URL for --wait, and with EBBTIDE_PRIVACY_KEY (a secret).
    """
    import asyncio

    from streams.commands import importing, terminal

    if not files:
        raise terminal.UsageError("import what? Name files of JSON lines, or - for stdin")
    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    work = importing.run(
        settings, files, skip_invalid=skip_invalid, dry_run=dry_run, rejects=rejects, wait=wait
    )
    done = asyncio.run(work)
    if as_json:
        terminal.say_json(done)
    else:
        importing.tell(done, dry_run=dry_run)
    return 1 if done.invalid else 0
