"""How is a worker started? With the settings of its environment, until somebody stops it."""

from typing import Annotated, Literal

from cyclopts import Parameter

from streams.commands.options import Broker, Config, RedisUrl


def worker(
    *,
    broker: Broker = None,
    redis_url: RedisUrl = None,
    config: Config = None,
    clock: Annotated[
        Literal["wall", "feed"] | None,
        Parameter(
            help="wall: ticks as time passes. feed: ticks come from the raw topics, with a history"
            " that is replayed. [EBBTIDE_CLOCK]"
        ),
    ] = None,
    web_port: Annotated[
        int | None, Parameter(help="For /metrics, /health and /ready. [EBBTIDE_WEB_PORT]")
    ] = None,
) -> int:
    """Run one worker until Ctrl-C or SIGTERM.

    A worker takes its share of the partitions: it carries raw events over
    into the journal, folds them into the customers' rows, decides, and
    publishes the triggers. More workers of the same group share the
    partitions out anew.

    For example

        ebbtide topics create
        ebbtide worker
        ebbtide worker --web-port 6067
        curl http://127.0.0.1:6066/ready

    Exit codes: 0 stopped in order, 1 Kafka or its topics are not there,
    2 a setting is wrong.

    Settings: all of EBBTIDE_…, most of all EBBTIDE_BROKER,
    EBBTIDE_REDIS_URL, EBBTIDE_GROUP, EBBTIDE_CONFIG, and
    EBBTIDE_COUPON_KEY or EBBTIDE_COUPON_KEY_FILE (a secret).
    EBBTIDE_LOG_JSON=1 logs JSON lines, EBBTIDE_LOG_LEVEL says from which
    level on.
    """
    from streams.app import Worker
    from streams.commands import ports, terminal

    settings = terminal.settings_from(
        log_libraries=True, broker=broker, redis_url=redis_url, config=config, clock=clock,
        web_port=web_port,
    )  # fmt: skip
    ports.require_free(settings.web_host, settings.web_port, "the worker")
    return Worker(settings).run()
