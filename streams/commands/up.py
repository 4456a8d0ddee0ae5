"""How does everything run on one machine? `ebbtide up`: Kafka, Redis and workers, until Ctrl-C."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from streams.commands.options import AsJson, Config


def up(
    *,
    workers: Annotated[int, Parameter(help="How many; up to 4 have something to do.")] = 1,
    folder: Annotated[Path, Parameter(help="For the logs, Redis's file and the keys.")] = Path(
        ".ebbtide"
    ),
    kafka_port: Annotated[int, Parameter(help="Of the embedded Kafka.")] = 19_092,
    redis_port: Annotated[int, Parameter(help="Of the embedded Redis.")] = 16_379,
    web_port: Annotated[
        int | None,
        Parameter(help="Of the first worker; the next one has the next. [EBBTIDE_WEB_PORT]"),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> int:
    """Run all of Ebbtide on this machine, until Ctrl-C.

    Starts an embedded Kafka broker and Redis, makes the topics, starts the
    workers and looks after them: one that dies is started again. For trying
    out, for tests and for demos. It listens on 127.0.0.1 only.

    Each `up` begins with nothing: the embedded broker forgets its topics
    when it ends, so rows in Redis would be older than the log. What is kept
    in the folder are the key that coupon codes are derived with, and the one
    under which what is personal in events is sealed.

    For example

        ebbtide up
        ebbtide up --workers 2 --folder /tmp/shop
        ebbtide simulate            in a second terminal, then
        ebbtide watch

    Exit codes: 0 stopped by Ctrl-C or SIGTERM, 1 something did not start or
    the broker died, 2 a setting is wrong.

    Settings: all of EBBTIDE_… but EBBTIDE_BROKER and EBBTIDE_REDIS_URL, which
    are those of the servers that it starts.
    """
    from streams.bootstrap import load_policy
    from streams.commands import supervisor, terminal

    if workers < 1:
        raise terminal.UsageError(f"--workers {workers}: at least 1 is needed")
    supervisor.prepare(folder)
    settings = terminal.settings_from(
        config=config, web_port=web_port, broker=f"127.0.0.1:{kafka_port}",
        redis_url=f"redis://127.0.0.1:{redis_port}/0", coupon_key_file=supervisor.own_key(folder),
        privacy_key_file=supervisor.own_key(folder, "privacy"),
    )  # fmt: skip
    house = supervisor.House(settings, folder, kafka_port, redis_port, workers)
    return house.run(load_policy(settings).kinds(), as_json=as_json)
