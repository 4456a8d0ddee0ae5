"""How are triggers delivered by HTTP? By a process of its own, until somebody stops it."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Broker


def webhooks(
    *,
    file: Annotated[
        str | None,
        Parameter(name="--file", help="The file with the targets. [EBBTIDE_WEBHOOKS]"),
    ] = None,
    letters: Annotated[
        bool,
        Parameter(
            show_default=False,
            help="Send what became a dead letter once more, then end; nothing else is sent.",
        ),
    ] = False,
    target: Annotated[
        tuple[str, ...],
        Parameter(
            name="--target",
            show_default=False,
            help="With --letters: only of this target; may be given several times.",
        ),
    ] = (),
    broker: Broker = None,
    web_port: Annotated[
        int | None, Parameter(help="For /metrics, /health and /ready. [EBBTIDE_WEB_PORT]")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Deliver triggers by HTTP until Ctrl-C or SIGTERM.

    Each trigger is posted to the targets that want its kind: a CloudEvent in
    JSON, signed as Standard Webhooks says. A target that fails is tried
    again, with growing pauses, and is left alone when it goes on failing. A
    customer's triggers arrive in order. What cannot be delivered becomes a
    dead letter, and what became of each trigger comes back as an event.

    The file has a table for each target:

        [targets.mailer]
        url = "https://mail.example.com/ebbtide"
        kinds = ["win_back_coupon", "abandoned_cart"]

    For example

        ebbtide webhooks --file webhooks.toml --web-port 6070
        curl http://127.0.0.1:6070/ready
        ebbtide webhooks --letters --target mailer

    With --letters: after the receiver is mended, what was given up is sent
    again, with the same webhook-id. Letters stay where they are, so do it
    once. --json prints what became of them.

    Exit codes: 0 stopped in order, or all letters were delivered; 1 Kafka or
    its topics are not there, or letters were not delivered; 2 a setting or
    the file is wrong.

    Settings: EBBTIDE_WEBHOOKS, EBBTIDE_BROKER, EBBTIDE_GROUP, and
    EBBTIDE_WEBHOOK_KEY or EBBTIDE_WEBHOOK_KEY_FILE (a secret).
    """
    from streams.commands import ports, terminal

    if (target or as_json) and not letters:
        raise terminal.UsageError("--target and --json go with --letters")
    settings = terminal.settings_from(
        log_libraries=not letters, broker=broker, webhooks=file, web_port=web_port
    )
    if letters:
        from streams.commands import redelivering

        return redelivering.run(settings, target, as_json=as_json)
    from streams.webhooks.sink import Sink

    sink = Sink(settings)
    ports.require_free(settings.web_host, settings.web_port, "the webhook sink")
    return sink.run()
