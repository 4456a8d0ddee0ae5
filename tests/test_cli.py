"""The command line: its help teaches, its answers are clean, and its failures are one line each."""

import importlib
import io
import json
import logging
import re
import shlex
import socket
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from command_line import NOWHERE, Ebbtide, put_in_place_of_kafka
from pages import ROOT, blocks, page
from ports import free_port

from streams import main, topics
from streams.commands import kafka, supervisor, terminal
from streams.connection import Brokers

COMMANDS = [
    "up", "worker", "topics", "topics create", "topics describe", "publish", "watch", "customer",
    "explain", "why-not", "dead-letters", "dead-letters list", "dead-letters requeue",
    "dead-letters redeliver", "report", "report effect", "report sales",
    "simulate", "check", "webhooks",
]  # fmt: skip


# Help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_for_shows_an_example_and_names_settings(
    ebbtide: Ebbtide, command: str
) -> None:
    code, told, _ = ebbtide(*command.split(), "--help")
    assert code == 0
    purpose, _, rest = told.partition("\n\n")[2].partition("\n\n")
    assert purpose.strip().endswith(".")
    assert f"    ebbtide {command}" in rest
    assert re.search(r"^Settings: .*EBBTIDE_", rest, re.MULTILINE)


def test_the_front_page_shows_every_command(ebbtide: Ebbtide) -> None:
    code, told, _ = ebbtide("--help")
    assert code == 0
    for command in ["demo", *COMMANDS]:
        assert re.search(rf"^│ {command.split()[0]} ", told, re.MULTILINE)


def test_the_front_page_waits_for_no_client() -> None:
    # Their imports take a second, and the front page should be there at once.
    asks = (
        "import sys; from streams.main import main; main(['--help']); "
        "sys.exit(str({'faust', 'aiokafka', 'confluent_kafka', 'redis', 'structlog', 'msgspec'}"
        " & set(sys.modules)))"
    )
    command = [sys.executable, "-c", asks]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.stderr.strip() == "set()"


def test_every_command_that_a_page_shows_is_one() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(
        block
        for it in pages
        for language in ("console", "sh")
        for block in blocks(page(str(it.relative_to(ROOT))), language)
    )
    shown = re.findall(r"(?:^|[|$] |bin/)(ebbtide [^|\n]*)", text, re.MULTILINE)
    assert len(shown) > 10
    for line in shown:
        arguments = shlex.split(line, comments=True)[1:]
        main.app.parse_args(arguments, exit_on_error=False, print_error=False)


def test_a_wrong_option_is_refused_with_exit_code_2(ebbtide: Ebbtide) -> None:
    code, told, complained = ebbtide("watch", "--nonsense")
    assert (code, told) == (2, "")
    assert "--nonsense" in complained


def test_every_failure_with_an_exit_code_is_there() -> None:
    for name in main._EXIT_CODES:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


# Without Kafka or Redis --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"], ["topics", "describe"], ["publish", __file__], ["watch"], ["watch", "--json"],
        ["customer", "ann"], ["explain", "c" * 32], ["report", "effect"], ["report", "sales"], ["dead-letters", "list"], ["dead-letters", "requeue"],
        ["simulate"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_kafka_that_is_not_there_is_one_line_and_exit_code_1(
    ebbtide: Ebbtide, arguments: list[str]
) -> None:
    began = time.monotonic()
    code, told, complained = ebbtide(*arguments, "--broker", NOWHERE)
    assert (code, told) == (1, "")
    assert complained == (
        f"ebbtide: Kafka at {NOWHERE} cannot be reached (Connection refused): start it (`ebbtide up`"
        " starts one on this machine), or name another with --broker or EBBTIDE_BROKER\n"
    )
    assert time.monotonic() - began < 5


def test_something_that_listens_and_is_no_kafka_is_one_line_too(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        broker = f"127.0.0.1:{mute.getsockname()[1]}"
        code, told, complained = ebbtide("topics", "create", "--broker", broker)
    assert (code, told) == (1, "")
    assert complained.startswith(f"ebbtide: Kafka at {broker} does not answer ")
    assert complained.count("\n") == 1


def test_a_worker_without_kafka_says_so_and_ends(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "x")
    monkeypatch.setattr(topics, "_TIMEOUT_S", 0.5)
    code, told, complained = ebbtide("worker", "--broker", NOWHERE, f"--web-port={free_port()}")
    assert (code, told) == (1, "")
    assert complained.startswith(f"ebbtide: Kafka at {NOWHERE} does not answer ")
    assert complained.count("\n") == 1


def test_a_kafka_that_goes_away_while_it_is_asked_is_said_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topics, "_TIMEOUT_S", 0.0)
    asked = topics.Topics(Brokers(NOWHERE))
    silent = SimpleNamespace(
        describe_topics=lambda *_, **__: {"journal": Future()},
        list_topics=lambda **_: SimpleNamespace(topics={}),
        create_topics=lambda _: {"journal": Future()},
    )
    monkeypatch.setattr(asked, "_admin", silent)
    with pytest.raises(topics.TopicError, match=r"^topic journal: .* has not answered for 0 s$"):
        asked.id_of("journal")
    with pytest.raises(topics.TopicError, match=r"^topic journal was not created: "):
        asked.create([topics.Topic("journal", 1)])


def test_a_worker_whose_port_is_taken_says_so_and_ends(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "x")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, told, complained = ebbtide("worker", "--web-port", str(port))
    assert (code, told) == (1, "")
    assert complained == (
        f"ebbtide: the worker wants port {port} on 127.0.0.1, which is refused (Address already in"
        " use): choose another with --web-port\n"
    )


def test_a_redis_that_is_not_there_is_one_line_and_exit_code_1(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_place_of_kafka(monkeypatch)
    code, told, complained = ebbtide("customer", "ann", "--redis-url", f"redis://{NOWHERE}/0")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: Redis: ConnectionError: ")
    assert complained.endswith("or name another with --redis-url or EBBTIDE_REDIS_URL\n")
    assert complained.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("publish", "-"),
        ("import", "-", "--dry-run"),
        ("dead-letters", "requeue", "--file", "-"),
        ("reviews", "read", "reviews.ebb", "-", "--json"),
    ],
)
def test_a_hyphen_is_stdin_and_no_option(
    ebbtide: Ebbtide, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, complained = ebbtide(*command)
    assert code in {0, 1}, complained
    assert "Error" not in complained


def test_ctrl_c_is_a_clean_stop(ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kafka, "reach", interrupted)
    assert ebbtide("topics", "describe") == (130, "", "Stopped.\n")


# Logs and folders ----------------------------------------------------------------------------------


def test_logs_are_json_where_that_is_asked_for(
    ebbtide: Ebbtide, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_LOG_JSON", "1")
    terminal.settings_from(log_libraries=True)
    structlog.get_logger().warning("something", partition=3)
    logging.getLogger("aiokafka").error("lost %s", "it")
    told, logged = capfd.readouterr()
    ours, theirs = map(json.loads, logged.splitlines())
    assert told == ""
    assert (ours["event"], ours["partition"], ours["level"]) == ("something", 3, "warning")
    assert (theirs["event"], theirs["logger"]) == ("lost it", "aiokafka")


def test_libraries_are_silent_where_the_command_speaks_for_itself(
    ebbtide: Ebbtide, capfd: pytest.CaptureFixture[str]
) -> None:
    terminal.settings_from()
    logging.getLogger("librdkafka").error("noise")
    assert capfd.readouterr() == ("", "")


def test_the_folder_of_up_gets_its_own_key_once(ebbtide: Ebbtide, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    supervisor.prepare(folder)
    file = Path(supervisor.own_key(folder) or "")
    key = file.read_text()
    assert (len(key), file.stat().st_mode & 0o777) == (64, 0o600)
    assert supervisor.own_key(folder) == str(file)
    assert file.read_text() == key
    assert (folder / ".gitignore").read_text() == "*\n"
