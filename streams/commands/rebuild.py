"""Are the rows what the journal makes of them, and if not? `ebbtide rebuild`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from streams.amounts import plural
from streams.commands.options import AsJson, Broker, Config, RedisUrl

if TYPE_CHECKING:
    from streams.commands.rebuilding import Done


def rebuild(
    *,
    partition: Annotated[
        tuple[int, ...],
        Parameter(show_default=False, help="Only this one; may be given several times."),
    ] = (),
    dry_run: Annotated[
        bool,
        Parameter(show_default=False, help="Say how the rows differ, and change nothing."),
    ] = False,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Make all rows anew from the journal, without saying anything twice.

    For when Redis holds nonsense, or a mended version or another engine.toml
    should see the past again. Rows are made beside the live ones and take
    their place at one moment, partition by partition; workers may go on, and
    go on from there. What was published stays published: only decisions
    about what nobody had applied yet go out.

    With --dry-run it is an audit: the journal is applied in memory, as far
    as Redis has come, and every row, timer and count is compared.

    Redis needs room for one partition twice. The journal has to be there
    from its beginning.

    For example

        ebbtide rebuild --dry-run
        ebbtide rebuild --partition 3

    Exit codes: 0 rebuilt, or an audit found no difference; 1 it found some,
    or the journal does not begin at its beginning, or Kafka or Redis is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL, EBBTIDE_CONFIG,
    EBBTIDE_COUPON_KEY, EBBTIDE_PRIVACY_KEY.
    """
    import asyncio

    from streams.commands import rebuilding, terminal

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    work = rebuilding.audit if dry_run else rebuilding.rebuild
    done = asyncio.run(work(settings, partition))
    code = 1 if done.differences else 0
    if as_json:
        terminal.say_json(done)
        return code
    _tell(done, dry_run=dry_run)
    return code


def _tell(done: "Done", *, dry_run: bool) -> None:
    from streams.commands import terminal

    if done.unopened:
        terminal.out.print(
            f"The keys of {plural(done.unopened, 'event')} are destroyed. What was decided on them"
            " came out as if nothing personal had been known; counters, budgets and ledgers of"
            " their partitions follow from that, and are no difference.",
            style="yellow",
        )
    if not dry_run:
        terminal.out.print(
            f"{plural(done.customers, 'customer')} made anew from"
            f" {plural(done.records, 'record')}.",
            style="green",
        )
    else:
        differ = plural(done.differences, "difference")
        terminal.out.print(
            f"{plural(done.customers, 'customer')} checked: {differ}.",
            style="red" if done.differences else "green",
        )
        for name in done.examples:
            terminal.out.print(f"  {name}")
        if more := done.differences - len(done.examples):
            terminal.out.print(f"  and {more:,} more; --partition looks at one alone")
