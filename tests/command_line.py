"""How does a test run a command? In this process, with its exit code, stdout and stderr caught."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
import structlog

from streams import main
from streams.commands import kafka

NOWHERE = "127.0.0.1:1"  # Nobody listens on port 1.


class Ebbtide:
    """Runs commands; gives exit code, stdout and stderr, what C libraries write there included."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        try:
            code = main.main(arguments)
        except SystemExit as stop:  # How cyclopts ends on a wrong option.
            code = int(stop.code or 0)
        told, complained = self._capfd.readouterr()
        return code, told, complained


@contextmanager
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of whoever runs the tests, and the logs afterwards as they were before."""
    for name in list(os.environ):
        if name.startswith("EBBTIDE_"):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in list(root.manager.loggerDict)]
    levels = [(it, it.level) for it in (root, *loggers)]
    handlers = root.handlers[:]
    yield
    root.handlers = handlers
    for logger, level in levels:
        logger.setLevel(level)
    structlog.reset_defaults()


class FakeInRedis:
    """Is opened by a URL, as what lies in Redis is."""

    def __init__(self, _: str) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class FakeKafka:
    """Takes what is sent, and has every topic."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def require(self, wanted: Any) -> dict[str, int]:
        """Four partitions of each."""
        return dict.fromkeys(wanted, 4)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, records: Any) -> None:
        """Keep them."""
        self.sent += records


def put_in_place_of_kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    """Let commands find the fake where they look for Kafka."""
    fake = FakeKafka()
    monkeypatch.setattr(kafka, "reach", lambda _: fake)
    monkeypatch.setattr(kafka, "Sender", lambda _: fake)
    return fake
