"""What several files of tests ask for."""

from collections.abc import Iterator

import pytest
from command_line import Ebbtide, FakeKafka, put_in_place_of_kafka, untouched


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
