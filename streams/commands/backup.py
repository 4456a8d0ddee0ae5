"""How is the state kept elsewhere, and brought back? `ebbtide backup` and `ebbtide restore`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.amounts import plural
from streams.commands.options import AsJson, Broker, RedisUrl


def backup(
    file: Annotated[Path, Parameter(name="FILE", help="Where to write it.")],
    /,
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Write all rows, timers and positions to a file, while workers go on.

    Each partition is copied at one moment, so its rows and its position
    belong together. A restored backup catches up from the journal by itself,
    so it saves time, not data: `ebbtide rebuild` needs no backup.

    The file holds all that is known of customers. Only its owner can read
    it; keep it as you keep the shop's customer data, and delete it as early.
    Redis needs room for one partition twice.

    For example

        ebbtide backup /var/backups/ebbtide-$(date +%F).gz

    Exit codes: 0 written, 1 Kafka or Redis is away, or the file could not be
    written.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL.
    """
    import asyncio

    from streams.commands import snapshotting, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    done = asyncio.run(snapshotting.backup(settings, file))
    if as_json:
        terminal.say_json(done)
        return
    terminal.out.print(
        f"{plural(done.customers, 'customer')} in"
        f" {plural(len(done.partitions), 'partition')},"
        f" {file.stat().st_size:,} bytes: {file}",
        style="green",
    )


def restore(
    file: Annotated[Path, Parameter(name="FILE", help="What `ebbtide backup` has written.")],
    /,
    *,
    back: Annotated[
        bool,
        Parameter(show_default=False, help="Also where Redis is further than the backup."),
    ] = False,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> int:
    """Put a backup in the place of what Redis holds, partition by partition.

    The whole file is checked first. Workers may go on: they see that their
    partition has moved, and read the journal from where the backup stands.
    What was published since then is not published again.

    For example

        ebbtide restore /var/backups/ebbtide-2026-11-20.gz

    Exit codes: 0 all restored; 1 some were left, because Redis is further
    there, or the file is damaged or for another journal, or Kafka or Redis
    is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL.
    """
    import asyncio

    from streams.commands import snapshotting, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url)
    done = asyncio.run(snapshotting.restore(settings, file, back=back))
    code = 1 if done.further else 0
    if as_json:
        terminal.say_json(done)
        return code
    terminal.out.print(
        f"{plural(done.customers, 'customer')} in"
        f" {plural(len(done.partitions), 'partition')} restored.",
        style="green",
    )
    if done.further:
        terminal.out.print(
            f"Left as they are, because Redis is further there: partitions"
            f" {', '.join(map(str, done.further))}. --back goes back all the same.",
            style="yellow",
        )
    return code
