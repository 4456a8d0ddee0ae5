"""`ebbtide check`: it says what is on, and what is wrong with file, key, found and allowed."""

import json
import tomllib
from pathlib import Path

import pytest
from command_line import Ebbtide

from agents.roster import known_agents
from config.settings import DEFAULT_CONFIG

AGENTS = known_agents()
NAMES = ", ".join(sorted(AGENTS))
KINDS = ", ".join(sorted(kind for agent in AGENTS.values() for kind in agent.says))
SHIPPED = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))["agents"]


def test_check_shows_the_agents_that_are_on_and_no_secret(
    ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "hush-hush")
    code, told, complained = ebbtide("check")
    assert (code, complained) == (0, "")
    for agent in "churn_alert", "win_back_coupon", "service_recovery":
        assert f"agents.{agent}" in told
    assert "chance = 0.02" in told
    assert f"{DEFAULT_CONFIG} is right: {len(SHIPPED)} agents on." in told
    code, as_json, _ = ebbtide("check", "--json")
    answer = json.loads(as_json)
    assert as_json.count("\n") == 1
    assert answer["agents"]["churn_alert"]["chance"] == 0.02
    assert answer["kinds"] == sorted(it for name in SHIPPED for it in AGENTS[name].says)
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
        ("[gates]\n", "Object contains unknown field `gates`; the sections are engine, gate, agents.<name>, effect, ops, models"),
        ("[agents.churn_alrt]\n", f"agents.churn_alrt: no such agent; there are {NAMES}"),
        ("[agents.churn_alert]\nchanse = 0.1\n", "agents.churn_alert: Object contains unknown field `chanse`; its settings are horizon_days, risk_min, offer_lift, margin_share, offer_share, offer_cents_max, chance, unusual, quiet_days_min, default_gap_days, cause_days, rating_max, empty_searches_min, purpose, pause_hours, priority, campaign, channels, keeps_quiet_hours, waits_its_turn, holdout_share, budget_cents, budget_days, message_cost_cents, starts_at, ends_at, audience, markets"),
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
        ("[[gate.exclusions]]\nafter = 'complaint'\nhours = 1\n", f"gate.exclusions[0].after: no trigger of kind 'complaint'; there are {KINDS}"),
        ("[gate]\noutcome_days = inf\n", "gate.outcome_days: found inf; allowed is from 0 to 1000000"),
        ("[gate]\noutcome_days = 7\n[agents.churn_alert]\n[agents.win_back_coupon]\n", "agents.win_back_coupon.outcome_days: found 28; allowed is at most 7, which is gate.outcome_days: what a customer does after that is not counted"),
        ("[agents.churn_alert]\npause_hours = -5\n", "agents.churn_alert.pause_hours: found -5; allowed is from 0 to 1000000"),
        ("[agents.churn_alert]\nchance = nan\n", "agents.churn_alert.chance: found nan; allowed is a finite number"),
        ("[gate.holdout]\nkey = 'x'\n", "gate.holdout.key is a secret and does not belong in a file under version control: set EBBTIDE_HOLDOUT_KEY or EBBTIDE_HOLDOUT_KEY_FILE"),
        ("[agents.win_back_coupon]\ncode_key = 'x'\n", "agents.win_back_coupon.code_key is a secret and does not belong in a file under version control: set EBBTIDE_COUPON_KEY or EBBTIDE_COUPON_KEY_FILE"),
    ],
    ids=["no-toml", "section", "agent", "key", "type", "choice", "quiet", "channel", "purpose", "no-word", "cap", "bound", "no-table", "engine", "value", "currency", "kind", "endless", "outcome", "negative", "nan", "holdout", "secret"],
)  # fmt: skip
def test_check_names_file_key_and_what_is_allowed(
    ebbtide: Ebbtide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, mistake: str
) -> None:
    monkeypatch.setenv("EBBTIDE_HOLDOUT_KEY", "hush-hush")
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "hush-hush")
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


def test_held_names_an_agent_that_learns_or_is_told_which_do(
    ebbtide: Ebbtide, tmp_path: Path
) -> None:
    file = tmp_path / "engine.toml"
    file.write_text("[models]\nheld = ['churn']\n")
    learning = ", ".join(sorted(name for name in AGENTS if AGENTS[name].model is not None))
    mistake = f"models.held: no agent 'churn' that decides by a model; there are {learning}"
    assert ebbtide("check", "--config", str(file)) == (2, "", f"ebbtide: {file}: {mistake}\n")


def test_a_webhook_that_waits_for_a_kind_that_nobody_says_is_told(
    ebbtide: Ebbtide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, targets = tmp_path / "engine.toml", tmp_path / "webhooks.toml"
    engine.write_text("[agents.thank_you]\n")
    monkeypatch.setenv("EBBTIDE_CONFIG", str(engine))
    monkeypatch.setenv("EBBTIDE_HOLDOUT_KEY", "hush-hush")
    monkeypatch.setenv("EBBTIDE_WEBHOOKS", str(targets))
    monkeypatch.setenv("EBBTIDE_WEBHOOK_KEY", f"whsec_{'A' * 43}=")
    written = "[targets.mailer]\nurl = 'https://mail.example/'\nkinds = ['thank_yu']\n"
    targets.write_text(written)
    code, _, complained = ebbtide("check")
    assert code == 2
    assert complained.startswith(
        f"ebbtide: {targets}: targets.mailer.kinds: found 'thank_yu'; there are abandoned_cart, "
    )
    targets.write_text(written.replace("'thank_yu'", "'thank_you', 'welcome'"))
    code, told, _ = ebbtide("check")
    assert code == 0
    assert told.endswith("No agent that is on says welcome, which targets.mailer waits for.\n")


def test_a_chance_that_is_asked_for_where_no_text_is_read_is_told(
    ebbtide: Ebbtide, tmp_path: Path
) -> None:
    file = tmp_path / "engine.toml"
    file.write_text("[agents.service_recovery]\nnegative_chance_min = 0.8\n")
    code, told, _ = ebbtide("check", "--config", str(file))
    assert code == 0
    assert "no text is read: EBBTIDE_REVIEW_MODEL is not set" in told
