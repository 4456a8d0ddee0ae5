"""What several files of tests ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ebbtide, FakeKafka, put_in_place_of_kafka, untouched
from counted import FakeCounters, put_in_place_of_redis
from hypothesis import HealthCheck, settings
from live_shop import Shop, open_shop
from ports import free_port
from webhook_receiver import Receiver, receiving

# On a busy machine it says nothing how long an example takes to make or to try. What fails is told
# so that it can be had again: the examples are others each time.
settings.register_profile(
    "busy", settings(), deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("busy")


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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An embedded broker and Redis with all topics, for the tests of a file."""
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server that does as it is told."""
    with receiving(free_port()) as receiver:
        yield receiver


@pytest.fixture
def counters(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> type[FakeCounters]:
    """What campaigns have counted, for commands that ask Redis."""
    return put_in_place_of_redis(monkeypatch, tmp_path)
