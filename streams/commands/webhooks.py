"""How are triggers delivered by HTTP? By a process of its own, until somebody stops it."""

from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import Broker


def webhooks(
    *,
    file: Annotated[
        str | None,
        Parameter(name="--file", help="The file with the targets. [EBBTIDE_WEBHOOKS]"),
    ] = None,
    broker: Broker = None,
    web_port: Annotated[
        int | None, Parameter(help="For /metrics, /health and /ready. [EBBTIDE_WEB_PORT]")
    ] = None,
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

    What was given up is sent again by `ebbtide dead-letters redeliver`.

    Exit codes: 0 stopped in order, 1 not in order, or Kafka or its topics
    are not there, 2 a setting or the file is wrong.

    Settings: EBBTIDE_WEBHOOKS, EBBTIDE_BROKER, EBBTIDE_GROUP, and
    EBBTIDE_WEBHOOK_KEY or EBBTIDE_WEBHOOK_KEY_FILE (a secret).
    """
    from streams.commands import ports, terminal
    from streams.webhooks.sink import Sink

    settings = terminal.settings_from(
        log_libraries=True, broker=broker, webhooks=file, web_port=web_port
    )
    sink = Sink(settings)
    ports.require_free(settings.web_host, settings.web_port, "the webhook sink")
    return sink.run()
