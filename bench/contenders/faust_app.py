"""A stock Faust app over raw bytes, for the contenders that are one."""

from typing import Any

import faust

from bench.contenders.arguments import Arguments, tune_collector


def make(arguments: Arguments) -> tuple[faust.App, Any, Any]:
    """The app, the topic it reads and the one it writes."""
    app = faust.App(
        arguments.group, broker=f"kafka://{arguments.broker}", store="memory://",
        datadir=arguments.folder / "faust", topic_partitions=4, web_enabled=False,
        consumer_auto_offset_reset="earliest", topic_disable_leader=True, stream_wait_empty=False,
        broker_session_timeout=6.0, broker_heartbeat_interval=1.0,
    )  # fmt: skip
    raw: dict[str, Any] = {
        "key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw",
    }  # fmt: skip
    return app, app.topic(arguments.topic, **raw), app.topic(arguments.out, **raw)


def run(app: faust.App) -> None:
    """Run until the meter ends the process."""
    tune_collector()
    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()
