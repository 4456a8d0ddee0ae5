"""`ebbtide webhooks` and `dead-letters redeliver`: what keeps them from starting is one line."""

import json
import socket
from pathlib import Path

import pytest
from command_line import NOWHERE, Ebbtide

from streams import topics
from streams.webhooks import sink

KEY = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize("command", ["webhooks", "dead-letters redeliver"])
def test_webhooks_without_a_kafka_or_without_targets_are_one_line(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setattr(topics, "_TIMEOUT_S", 0.5)
    file = tmp_path / "webhooks.toml"
    file.write_text('[targets.mailer]\nurl = "https://x.example/"\n')
    code, told, complained = ebbtide(*command.split(), "--file", str(file), "--broker", NOWHERE)
    assert (code, told) == (2, "")
    assert complained.startswith("ebbtide: EBBTIDE_WEBHOOK_KEY is not set")
    monkeypatch.setenv("EBBTIDE_WEBHOOK_KEY", KEY)
    code, told, complained = ebbtide(*command.split(), "--file", str(file), "--broker", NOWHERE)
    assert (code, told) == (1, "")
    assert complained.startswith(f"ebbtide: Kafka at {NOWHERE} ")
    assert complained.count("\n") == 1


def test_a_target_that_there_is_not_is_refused(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EBBTIDE_WEBHOOK_KEY", KEY)
    file = tmp_path / "webhooks.toml"
    file.write_text('[targets.mailer]\nurl = "https://x.example/"\n')
    code, told, complained = ebbtide(
        "dead-letters", "redeliver", "--file", str(file), "--target=crm"
    )
    assert (code, told) == (2, "")
    assert complained == f"ebbtide: no target 'crm' in {file}; there are mailer\n"


def test_a_port_that_is_taken_is_one_line(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EBBTIDE_WEBHOOK_KEY", KEY)
    file = tmp_path / "webhooks.toml"
    file.write_text('[targets.mailer]\nurl = "https://x.example/"\n')

    class FakeTopics:
        def __init__(self, _: object) -> None:
            pass

        def require(self, _: object) -> dict[str, int]:
            return {"triggers.churn_alert": 1}

    monkeypatch.setattr(sink, "Topics", FakeTopics)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, told, complained = ebbtide("webhooks", "--file", str(file), f"--web-port={port}")
    assert (code, told) == (1, "")
    assert complained.startswith(f"ebbtide: the webhook sink wants port {port} on 127.0.0.1, ")
    assert complained.count("\n") == 1


def test_check_reads_the_targets_and_their_keys_where_there_are_some(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "hush-hush")
    file = tmp_path / "w.toml"
    file.write_text('[targets.mailer]\nurl = "https://x.example/hush"\n[targets.crm]\nurl = ""\n')
    assert "target" not in ebbtide("check")[1]
    monkeypatch.setenv("EBBTIDE_WEBHOOKS", str(file))
    code, told, complained = ebbtide("check")
    assert (code, told) == (2, "")
    assert complained.startswith("ebbtide: EBBTIDE_WEBHOOK_KEY is not set")
    monkeypatch.setenv("EBBTIDE_WEBHOOK_KEY", KEY)
    code, told, complained = ebbtide("check", "--json")
    assert (code, told) == (2, "")
    assert complained.startswith(f"ebbtide: {file}: targets.crm.url: ")
    file.write_text(file.read_text().replace('""', '"https://crm.example/hush"'))
    code, told, complained = ebbtide("check")
    assert (code, complained) == (0, "")
    assert "is right: 2 targets: mailer, crm." in " ".join(told.split())
    code, as_json, _ = ebbtide("check", "--json")
    assert json.loads(as_json)["targets"] == ["mailer", "crm"]
    assert not any(it in told + as_json for it in ("hush", KEY))
