"""The command line: its help teaches, its answers are clean, and its failures are one line each."""

import importlib
import json
import logging
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog
from command_line import NOWHERE, Ebbtide, put_in_place_of_kafka
from pages import ROOT, blocks, page

from config.settings import DEFAULT_CONFIG
from streams import main, topics
from streams.commands import kafka, supervisor, terminal

COMMANDS = [
    "up", "worker", "topics", "topics create", "topics describe", "publish", "watch", "customer",
    "explain", "why-not", "dead-letters", "dead-letters list", "dead-letters requeue",
    "dead-letters redeliver", "report", "report effect", "simulate", "check", "webhooks",
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


# Check -------------------------------------------------------------------------------------------


def test_check_shows_the_agents_that_are_on_and_no_secret(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "hush-hush")
    code, told, complained = ebbtide("check")
    assert (code, complained) == (0, "")
    for agent in "churn_alert", "win_back_coupon", "service_recovery":
        assert f"agents.{agent}" in told
    assert "chance = 0.02" in told
    assert f"{DEFAULT_CONFIG} is right: 5 agents on." in told
    code, as_json, _ = ebbtide("check", "--json")
    answer = json.loads(as_json)
    assert as_json.count("\n") == 1
    assert answer["agents"]["churn_alert"]["chance"] == 0.02
    assert answer["kinds"] == sorted([*answer["agents"], "coupon_expiring"])
    assert answer["effect"] == {"margin_share": 1.0, "currency": ""}
    assert "hush" not in told + as_json
    assert "code_key" not in told + as_json


def test_check_says_that_the_coupon_key_is_missing(ebbtide: Ebbtide) -> None:
    mistake = (
        "ebbtide: EBBTIDE_COUPON_KEY is not set, and coupon codes are derived with it: set it, or"
        " EBBTIDE_COUPON_KEY_FILE to a file that holds it (any long random text)\n"
    )
    assert ebbtide("check") == (2, "", mistake)


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ("[engine", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("[gates]\n", "Object contains unknown field `gates`; the sections are engine, gate, agents.<name>, effect, ops"),
        ("[agents.churn_alrt]\n", "agents.churn_alrt: no such agent; there are abandoned_cart, churn_alert, product_recommendation, service_recovery, win_back_coupon"),
        ("[agents.churn_alert]\nchanse = 0.1\n", "agents.churn_alert: Object contains unknown field `chanse`; its settings are chance, quiet_days_min, default_gap_days, purpose, pause_hours, priority, campaign, channels, keeps_quiet_hours, holdout_share, budget_cents, budget_days, message_cost_cents"),
        ("[agents.churn_alert]\nchance = 'low'\n", "agents.churn_alert.chance: Expected `float`, got `str`, found 'low'"),
        ("[gate]\nassume_consent = ['all']\n", "gate.assume_consent[0]: found 'all'; allowed is marketing, personalisation, service"),
        ("[gate.quiet_hours]\nbegin = '9 pm'\nend = '08:00'\ntime_zone = 'UTC'\n", "gate.quiet_hours: begin is '9 pm': a wall time from 00:00 to 23:59 is wanted"),
        ("[gate.quiet_hours]\nbegin = '21:00'\nend = '08:00'\ntime_zone = 'UTC'\nchannels = ['whatsapp']\n", "gate.quiet_hours.channels[0]: found 'whatsapp'; allowed is email, in_app, phone, post, push, sms, web"),
        ("[agents.churn_alert]\npurpose = 'sales'\n", "agents.churn_alert.purpose: found 'sales'; allowed is marketing, personalisation, service, internal"),
        ("[agents.churn_alert]\npurpose = 5\n", "agents.churn_alert.purpose: Expected `str`, got `int`, found 5; allowed is marketing, personalisation, service, internal"),
        ("[[gate.caps]]\nhours = 1\nsend_max = 1\n", "gate.caps[0]: Object contains unknown field `send_max`; its settings are sent_max, hours, per, kinds, channels"),
        ("[gate.holdout]\nshare = 0.9\n", "gate.holdout.share: Expected `float` <= 0.5, found 0.9"),
        ("[gate]\nholdout = 5\n", "gate.holdout: Expected `object`, got `int`, found 5"),
        ("[engine]\ndue_max = 0\n", "engine.due_max: Expected `int` >= 1, found 0"),
        ("[agents.churn_alert.budget_cents]\nEUR = -5\n", "agents.churn_alert.budget_cents: Expected `int` >= 0, found {'EUR': -5}"),
        ("[agents.churn_alert.budget_cents]\neur = 5\n", "agents.churn_alert.budget_cents: Expected `str` matching regex '^[A-Z]{3}$', found 'eur'"),
        ("[[gate.exclusions]]\nafter = 'complaint'\nhours = 1\n", "gate.exclusions[0].after: no trigger of kind 'complaint'; there are abandoned_cart, churn_alert, coupon_expiring, product_recommendation, service_recovery, win_back_coupon"),
        ("[gate]\noutcome_days = inf\n", "gate.outcome_days: found inf; allowed is from 0 to 1000000"),
        ("[agents.churn_alert]\npause_hours = -5\n", "agents.churn_alert.pause_hours: found -5; allowed is from 0 to 1000000"),
        ("[agents.churn_alert]\nchance = nan\n", "agents.churn_alert.chance: found nan; allowed is a finite number"),
        ("[gate.holdout]\nkey = 'x'\n", "gate.holdout.key is a secret and does not belong in a file under version control: set EBBTIDE_HOLDOUT_KEY or EBBTIDE_HOLDOUT_KEY_FILE"),
        ("[agents.win_back_coupon]\ncode_key = 'x'\n", "agents.win_back_coupon.code_key is a secret and does not belong in a file under version control: set EBBTIDE_COUPON_KEY or EBBTIDE_COUPON_KEY_FILE"),
    ],
    ids=["no-toml", "section", "agent", "key", "type", "choice", "quiet", "channel", "purpose", "no-word", "cap", "bound", "no-table", "engine", "value", "currency", "kind", "endless", "negative", "nan", "holdout", "secret"],
)  # fmt: skip
def test_check_names_file_key_and_what_is_allowed(
    ebbtide: Ebbtide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, mistake: str
) -> None:
    monkeypatch.setenv("EBBTIDE_HOLDOUT_KEY", "hush-hush")
    file = tmp_path / "engine.toml"
    file.write_text(written)
    assert ebbtide("check", "--config", str(file)) == (2, "", f"ebbtide: {file}: {mistake}\n")


def test_check_names_a_file_that_is_not_there(ebbtide: Ebbtide, tmp_path: Path) -> None:
    code, told, complained = ebbtide("check", "--config", str(tmp_path / "no.toml"))
    assert (code, told) == (2, "")
    assert complained.startswith(f"ebbtide: {tmp_path / 'no.toml'}: cannot be read: ")


@pytest.mark.parametrize(
    ("name", "value", "mistake"),
    [
        ("EBBTIDE_BROKR", "x", "EBBTIDE_BROKR: no such setting; there are EBBTIDE_BATCH_RECORDS_MAX, EBBTIDE_BROKER, "),
        ("EBBTIDE_WEB_PORT", "99999", "EBBTIDE_WEB_PORT: Expected `int` <= 65535, found '99999'"),
        ("EBBTIDE_TICK_SECONDS", "soon", "EBBTIDE_TICK_SECONDS: Expected `float`, got `str`, found 'soon'"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_was_found(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch, name: str, value: str, mistake: str
) -> None:
    monkeypatch.setenv(name, value)
    code, told, complained = ebbtide("check")
    assert (code, told) == (2, "")
    assert complained.startswith(f"ebbtide: {mistake}")


# Without Kafka or Redis --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics", "create"], ["topics", "describe"], ["publish", __file__], ["watch"], ["watch", "--json"],
        ["customer", "ann"], ["explain", "c" * 32], ["report", "effect"], ["dead-letters", "list"], ["dead-letters", "requeue"],
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
    code, told, complained = ebbtide("worker", "--broker", NOWHERE)
    assert (code, told) == (1, "")
    assert complained.startswith(f"ebbtide: Kafka at {NOWHERE} does not answer ")
    assert complained.count("\n") == 1


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
    assert complained.count("\n") == 1


def test_ctrl_c_is_a_clean_stop(ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kafka, "reach", interrupted)
    assert ebbtide("topics", "describe") == (130, "", "Stopped.\n")


# Logs and folders ----------------------------------------------------------------------------------


def test_logs_are_json_where_that_is_asked_for(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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
    capfd: pytest.CaptureFixture[str],
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
