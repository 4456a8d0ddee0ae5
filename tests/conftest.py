"""What several files of tests ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ebbtide, FakeKafka, put_in_place_of_kafka, untouched
from counted import FakeCounters, put_in_place_of_redis


@pytest.fixture
def ebbtide(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ebbtide]:
    """Runs commands, without the settings of whoever runs the tests."""
    with untouched(monkeypatch):
        yield Ebbtide(capfd)


@pytest.fixture
def fake_kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    """Takes what commands send."""
    return put_in_place_of_kafka(monkeypatch)


@pytest.fixture
def counters(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> type[FakeCounters]:
    """What campaigns have counted, for commands that ask Redis."""
    return put_in_place_of_redis(monkeypatch, tmp_path)
