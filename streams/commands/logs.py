"""How do processes log? To stderr: coloured for a terminal, plain in a file, or as JSON."""

import logging
import re
import sys
from typing import Any

import structlog

# They tell what they try as well as what fails; what fails, our own records name.
# The classes of both our modules are Faust's services, which log by the name of their module.
_LIBRARIES = ("aiokafka", "faust", "librdkafka", "mode", "streams.transport", "streams.fetches")
# librdkafka warns at each start of a setting that it calls experimental, and that we rely on.
_KNOWN = "property enable.gapless.guarantee"
_NOTHING = logging.CRITICAL + 1
_AGAIN_S = 30.0
_SAID_MAX = 1_000
# Who of its clients and threads says it, and numbers: how long something took, and the like.
_CHANGING = re.compile(r"\[[^]]*\]|\d+")


class _Once(logging.Filter):
    """Lets librdkafka say a thing once in a while: it tries a broker that is away for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it."""
        if record.name != "librdkafka":
            return True
        text = _CHANGING.sub("", record.getMessage())
        if _KNOWN in text:
            return False
        recent = record.created - self._said.get(text, 0.0) < _AGAIN_S
        if not recent:
            if len(self._said) > _SAID_MAX:
                self._said.clear()
            self._said[text] = record.created
        return not recent


def set_up(level: str, *, as_json: bool, libraries: bool) -> None:
    """Send the logs of this process to stderr. libraries: also theirs, from warnings up."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    first: list[Any] = [structlog.stdlib.add_log_level, stamp]
    structlog.configure(
        processors=[*first, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Any]
    if as_json:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Rich's tracebacks would show the values of variables, and a secret may be among them.
        plain = structlog.dev.plain_traceback
        colours = sys.stderr.isatty()
        last = [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    handler.addFilter(_Once())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING if libraries else _NOTHING)
