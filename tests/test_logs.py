"""Logs: what a library says again and again is said once in a while."""

import logging

import pytest
from command_line import untouched

from streams.commands import logs


def test_librdkafka_says_the_same_thing_once_in_half_a_minute(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with untouched(monkeypatch):
        logs.set_up("INFO", as_json=False, libraries=True)
        told = logging.getLogger("librdkafka")
        for number in range(50):
            told.error(
                "FAIL [rdkafka#producer-%d] kafka-1:9092: refused (after %dms)", number, number
            )
        told.error("FAIL [rdkafka#producer-1] kafka-1:9092: certificate verify failed")
        told.warning("CONFWARN: Configuration property enable.gapless.guarantee is experimental")
        later = told.makeRecord(
            "librdkafka", logging.ERROR, "", 0, "kafka-1:9092: refused", (), None
        )
        told.handle(later)
        later.created += 31
        told.handle(later)
        for _ in range(2):
            logging.getLogger("faust").warning("this twice")
    lines = capfd.readouterr().err.splitlines()
    assert [line.count("refused") for line in lines] == [1, 0, 1, 1, 0, 0]
    assert sum("this twice" in line for line in lines) == 2
