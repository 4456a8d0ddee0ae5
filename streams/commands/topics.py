"""How are topics made, and which are there? `ebbtide topics create` and `describe`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from streams.amounts import plural
from streams.commands.options import RUN, AsJson, Broker, Config, RedisUrl

if TYPE_CHECKING:
    from config.settings import Settings
    from streams.topics import Topic

app = App(
    name="topics",
    group=RUN,
    sort_key=2,
    help="""Make the topics that Ebbtide reads and writes, or look at them.

For example

    ebbtide topics create --journal-partitions 8 --replication 3
    ebbtide topics describe

Settings: EBBTIDE_BROKER, EBBTIDE_CONFIG (which agents are on decides which
trigger topics there are), EBBTIDE_GROUP.""",
)


@app.command
def create(
    *,
    broker: Broker = None,
    config: Config = None,
    journal_partitions: Annotated[
        int, Parameter(help="How many workers may ever share the work. It can't be changed later.")
    ] = 4,
    raw_partitions: Annotated[int, Parameter(help="Of each of the four raw topics.")] = 4,
    replication: Annotated[int, Parameter(help="Copies of each record; 3 for a real shop.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Make the topics that are missing; those that are there stay as they are.

    The journal's partition count is fixed for good: it decides which
    customer is where. Choose about as many as cores that will ever work.

    For example

        ebbtide topics create
        ebbtide topics create --journal-partitions 8 --replication 3

    Exit codes: 0 all topics are there, 1 Kafka refused or is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_CONFIG (an agent that is on has its
    trigger topics), EBBTIDE_GROUP.
    """
    from streams.commands import kafka, terminal
    from streams.connection import brokers_of

    settings = terminal.settings_from(broker=broker, config=config)
    for name, count in (
        ("journal-partitions", journal_partitions),
        ("raw-partitions", raw_partitions),
        ("replication", replication),
    ):
        if count < 1:
            raise terminal.UsageError(f"--{name} {count}: at least 1 is needed")
    wanted = wanted_by(settings, journal_partitions, raw_partitions)
    topics = kafka.reach(brokers_of(settings))
    before = topics.partitions()
    made = set(topics.create(wanted, replication))
    if as_json:
        for it in wanted:
            here = before.get(it.name, it.partitions)
            terminal.say_json({"topic": it.name, "partitions": here, "made": it.name in made})
        return
    shown = terminal.table("topic", "partitions", "", right=("partitions",))
    for it in wanted:
        here = before.get(it.name, it.partitions)
        other = "" if here == it.partitions else f", not {it.partitions}: that cannot be changed"
        shown.add_row(it.name, str(here), "made" if it.name in made else f"was there{other}")
    terminal.out.print(shown)
    terminal.out.print(f"\n{plural(len(made), 'topic')} made.")


@app.command
def describe(
    *names: Annotated[str, Parameter(name="TOPIC", help="Show each partition of these topics.")],
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Show the topics, how many records they hold, and what is missing.

    With names of topics: partition by partition, with first and end offset,
    and for the journal how far each partition is applied.

    For example

        ebbtide topics describe
        ebbtide topics describe journal
        ebbtide topics describe --json

    Exit codes: 0 all wanted topics are there, 1 some are missing or Kafka
    is away.

    Settings: EBBTIDE_BROKER, EBBTIDE_REDIS_URL (for what is applied),
    EBBTIDE_CONFIG, EBBTIDE_GROUP.
    """
    from streams.commands import terminal, topics_view

    settings = terminal.settings_from(broker=broker, redis_url=redis_url, config=config)
    return topics_view.show(settings, names, wanted_by(settings), as_json=as_json)


def wanted_by(
    settings: "Settings", journal_partitions: int = 1, raw_partitions: int = 1
) -> "list[Topic]":
    """The topics that the configuration asks for. Raises ConfigError."""
    import msgspec

    from streams.bootstrap import load_policy
    from streams.topics import wanted_topics

    # Which topics there are does not depend on the secret, and whoever makes them need not have it.
    key = settings.coupon_key or ("" if settings.coupon_key_file else "not needed for this")
    policy = load_policy(msgspec.structs.replace(settings, coupon_key=key))
    return wanted_topics(
        policy.kinds(), settings.group, journal_partitions=journal_partitions,
        raw_partitions=raw_partitions,
    )  # fmt: skip
