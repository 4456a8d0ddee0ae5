"""What does Ebbtide say at this moment? Triggers as they come, or all decisions."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker


def watch(
    *,
    kind: Annotated[
        tuple[str, ...],
        Parameter(help="Only this kind; may be given several times.", show_default=False),
    ] = (),
    all_decisions: Annotated[
        bool,
        Parameter(
            name="--all",
            show_default=False,
            help="All decisions, with what was kept silent about and why.",
        ),
    ] = False,
    from_start: Annotated[
        bool, Parameter(show_default=False, help="Also what was said before.")
    ] = False,
    limit: Annotated[int, Parameter(help="End after so many; 0: never.")] = 0,
    seconds: Annotated[float, Parameter(help="End after so long; 0: never.")] = 0,
    broker: Broker = None,
    as_json: AsJson = False,
) -> int:
    """Show triggers as they are published, until Ctrl-C.

    One line for each: when, the first digits of its id (as `ebbtide explain`
    takes them), what kind, about whom, why, on which channel, and the payload
    in brief. With --json the whole trigger: kind, id, customer_id, time,
    causation_id, expires_at, reason, evidence, payload, campaign, channel,
    merged, locale, time_zone, country; with --all also agent, outcome, gate
    and refused_before.

    For example

        ebbtide watch
        ebbtide watch --kind churn_alert --kind win_back_coupon --json
        ebbtide watch --all --from-start --seconds 5

    Exit codes: 0 ended by Ctrl-C, --limit or --seconds; 1 Kafka or its
    topics are not there.

    Settings: EBBTIDE_BROKER.
    """
    from streams.commands import kafka, terminal, watching
    from streams.connection import brokers_of

    settings = terminal.settings_from(broker=broker)
    topics = watching.topics_of(kafka.reach(brokers_of(settings)).partitions(), kind, all_decisions)
    with kafka.Reader(brokers_of(settings)) as reader:
        what = ", ".join(topics)
        try:
            seen = watching.said(reader, topics, from_start=from_start, seconds=seconds)
            terminal.err.print(f"Watching {what}; Ctrl-C ends it.", style="dim", soft_wrap=True)
            watching.show(seen, kind, limit=limit, as_json=as_json)
        except KeyboardInterrupt:
            return 0
    return 0
