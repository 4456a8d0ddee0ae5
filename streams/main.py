"""What is `ebbtide`? The front page of the commands, and what their failures look like.

A failure that people can do something about is one line on stderr and an exit code: 2 for a
setting or an option, 1 for the rest. A traceback is a bug of ours.
"""

import os
import sys
from collections.abc import Sequence

from cyclopts import App, Parameter

from streams.commands import (
    backup,
    check,
    customer,
    dead_letters,
    demo,
    explain,
    import_history,
    models,
    prove_erased,
    publish,
    rebuild,
    report,
    reviews,
    simulate,
    topics,
    up,
    watch,
    webhooks,
    why_not,
    worker,
)
from streams.commands.options import ALSO, ASK, MEND, RUN, SEE

_INTERRUPTED = 130  # What shells say of a program that Ctrl-C ended: 128 and the signal's number.

# By name, because importing the classes would import Kafka's and Redis's clients for every command.
_EXIT_CODES = {
    "config.settings.ConfigError": 2,
    "streams.commands.terminal.UsageError": 2,
    "state.customer.RowError": 1,
    "state.table.StoreError": 1,
    "streams.commands.terminal.CommandError": 1,
    "streams.embedded.EmbeddedError": 1,
    "streams.demo.journey.JourneyError": 1,
    "streams.privacy.cipher.PrivacyError": 2,
    "streams.producer.DeliveryError": 1,
    "streams.topics.TopicError": 1,
}


def _version() -> str:
    # Imported here, because it takes half as long as all the rest.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ebbtide")
    except PackageNotFoundError:
        return "unknown: run from a checkout that is not installed"


app = App(
    name="ebbtide",
    version=_version,
    help="""Watches what every customer of a shop does and says what to do about it.

Storefronts publish events to Kafka; Ebbtide keeps a rolling state of each
customer in Redis and publishes triggers: churn alerts, coupons,
recommendations.

To see it at work on this machine

    ebbtide demo                 a real shop's year, in a few minutes
    ebbtide up                   Kafka, Redis and a worker, until Ctrl-C
    ebbtide simulate             in a second terminal: a simulated shop
    ebbtide watch                in a third one: what Ebbtide says about it

Settings come from the environment (EBBTIDE_…), and what is decided from
engine.toml. `ebbtide check` says what is wrong with either.""",
    # The text is shown as it stands, and nobody waits for a Markdown renderer to be imported.
    help_format="plaintext",
    # A switch that is off needs no second name to say so.
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
app.command(demo.demo, group=SEE, sort_key=1)
app.command(up.up, group=SEE, sort_key=2)
app.command(simulate.simulate, group=SEE, sort_key=3)
app.command(watch.watch, group=SEE, sort_key=4)
app.command(check.check, group=RUN, sort_key=1)
app.command(topics.app)
app.command(worker.worker, group=RUN, sort_key=3)
app.command(webhooks.webhooks, group=RUN, sort_key=4)
app.command(publish.publish, group=ASK, sort_key=1)
app.command(import_history.import_history, name="import", group=ASK, sort_key=2)
app.command(customer.customer, group=ASK, sort_key=3)
app.command(explain.explain, group=ASK, sort_key=4)
app.command(why_not.why_not, name="why-not", group=ASK, sort_key=5)
app.command(dead_letters.app)
app.command(report.app)
app.command(models.app)
app.command(reviews.app)
app.command(backup.backup, group=MEND, sort_key=1)
app.command(backup.restore, group=MEND, sort_key=2)
app.command(rebuild.rebuild, group=MEND, sort_key=3)
app.command(prove_erased.prove_erased, name="prove-erased", group=MEND, sort_key=4)
app["--help"].group = app["--version"].group = ALSO


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        code = app(arguments, result_action="return_value")
    except KeyboardInterrupt:
        _complain("Stopped.")
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our answer has enough of it (`| head`). Python flushes stdout at exit, and
        # must not find the closed pipe there again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        _complain(f"ebbtide: {error}{_advice(error)}")
    return code if isinstance(code, int) else 0


def _exit_code(error: Exception) -> int | None:
    for kind in type(error).__mro__:
        code = _EXIT_CODES.get(f"{kind.__module__}.{kind.__qualname__}")
        if code is not None:
            return code
    return None


def _advice(error: Exception) -> str:
    """What to do where Redis is not there, which its client does not say."""
    told = str(error)
    if not told.startswith("Redis: ConnectionError: "):
        return ""
    return (
        f"{'' if told.endswith('.') else '.'} Start Redis (`ebbtide up` starts one on this"
        " machine), or name another with --redis-url or EBBTIDE_REDIS_URL"
    )


def _complain(text: str) -> None:
    from streams.commands.terminal import err

    err.print(text, style="red", soft_wrap=True)


def run() -> None:
    """Run the command that the process was started with."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
