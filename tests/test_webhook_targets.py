"""The file of webhooks: a mistake in it stops the start, with the key, what was found and what is allowed."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, Settings
from streams.topics import TopicError
from streams.webhooks.signature import keys_of
from streams.webhooks.sink import topics_of
from streams.webhooks.targets import Addressed, load_targets

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
GOOD = '[targets.mailer]\nurl = "https://mail.example.com/hook"\n'


def loaded(tmp_path: Path, text: str, **settings: Any) -> list[Addressed]:
    file = tmp_path / "webhooks.toml"
    file.write_text(text, "utf-8")
    return load_targets(Settings(**({"webhooks": str(file), "webhook_key": KEY} | settings)))


def test_a_file_of_targets_is_read_in_its_order(tmp_path: Path) -> None:
    crm = (
        '[targets.crm]\nurl = "http://localhost:8080/x"\nkinds = ["churn_alert"]\nrate_per_s = 1\n'
    )
    mailer, other = loaded(tmp_path, GOOD + crm)
    assert (mailer.name, mailer.target.kinds, mailer.keys) == ("mailer", (), tuple(keys_of(KEY)))
    assert (other.name, other.target.kinds, other.target.rate_per_s) == ("crm", ("churn_alert",), 1)


def test_a_target_may_have_a_secret_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.key").write_text(f"{OTHER}\n{KEY}\n", "utf-8")
    (it,) = loaded(tmp_path, f'{GOOD}key_file = "{tmp_path}/own.key"\n', webhook_key="")
    assert it.keys == (*keys_of(OTHER), *keys_of(KEY))


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (it,) = loaded(tmp_path, GOOD)
    assert str(keys_of(KEY)[0]) not in repr(it)
    assert KEY not in repr(Settings(webhook_key=KEY))
    assert "hook" not in repr(it)


MISTAKES = [
    ("[targets", "not TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ("", "no target: add a table [targets.<name>] with a url"),
    ("[target.x]", "Object contains unknown field `target`; the tables are targets.<name>"),
    ("[targets.x]", "targets.x: Object missing required field `url`; its settings are url, kinds, "),
    (f"{GOOD}retries = 3", "targets.mailer: Object contains unknown field `retries`; its settings are url, "),
    (f"{GOOD}timeout_s = 0", "targets.mailer.timeout_s: Expected `float` > 0.0, found 0"),
    (f"{GOOD}age_max_hours = inf", "targets.mailer.age_max_hours: a finite number is wanted, found inf"),
    (f"{GOOD}rate_per_s = -inf", "targets.mailer.rate_per_s: a finite number is wanted, found -inf"),
    (f"{GOOD}timeout_s = nan", "targets.mailer.timeout_s: a finite number is wanted, found nan"),
    (f"{GOOD}age_max_hours = 8761", "targets.mailer.age_max_hours: Expected `float` <= 8760.0, found 8761"),
    (f"{GOOD}breaker_open_max_s = 3601", "targets.mailer.breaker_open_max_s: Expected `float` <= 3600.0, found 3601"),
    (f"{GOOD}rate_per_s = 1e-320", "targets.mailer.rate_per_s: Expected `float` >= 0.001, found 1e-320"),
    (f"{GOOD}attempts_max = 101", "targets.mailer.attempts_max: Expected `int` <= 100, found 101"),
    (f"{GOOD}kinds = [1]", "targets.mailer.kinds[0]: Expected `str`, got `int`, found [1]"),
    (f"{GOOD}backoff_s = 60\nbackoff_max_s = 5", "targets.mailer.backoff_s: found 60.0; backoff_max_s (5.0) is the most"),
    (f"{GOOD}breaker_open_max_s = 5", "targets.mailer.breaker_open_s: found 30.0; breaker_open_max_s (5.0) is the most"),
    (GOOD.replace("mailer", "Mailer"), "targets.Mailer: a name has up to 32 of a-z, 0-9, - and _"),
    (GOOD.replace("mailer", "m" * 33), f"targets.{'m' * 33}: a name has up to 32 of a-z, 0-9, - and _"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mistake"), MISTAKES)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(
    tmp_path: Path, text: str, mistake: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'webhooks.toml'}: {mistake}")


def test_a_url_that_is_wrong_is_named_without_what_may_be_a_secret(tmp_path: Path) -> None:
    text = '[targets.x]\nurl = "https://a..b/hush?key=hush"\n'
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, text)
    found = "targets.x.url: found 'https://a..b': its host is 'a..b'; allowed are localhost, "
    assert str(refused.value).startswith(f"{tmp_path / 'webhooks.toml'}: {found}")
    assert "hush" not in str(refused.value)


def test_http_to_another_machine_has_to_be_wanted(tmp_path: Path) -> None:
    text = '[targets.x]\nurl = "http://mail.internal/"\ninsecure = true\n'
    assert loaded(tmp_path, text)[0].target.insecure


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"webhooks": ""}, "EBBTIDE_WEBHOOKS is not set: "),
        ({"webhooks": "/no/such.toml"}, "EBBTIDE_WEBHOOKS: /no/such.toml: cannot be read: "),
        ({"webhook_key": ""}, "EBBTIDE_WEBHOOK_KEY is not set, and targets.mailer has no key_file: "),
        ({"webhook_key": "hush-hush"}, "EBBTIDE_WEBHOOK_KEY is not whsec_ and the base64 of 24 to 64 bytes: "),
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_or_wrong_is_named(
    tmp_path: Path, settings: dict[str, str], mistake: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, GOOD, **settings)
    assert str(refused.value).startswith(mistake)
    assert "hush" not in str(refused.value)


# Kinds and their topics ---------------------------------------------------------------------------

THERE = dict.fromkeys(["profiles", "triggers.a", "triggers.b"], 4)


def test_a_target_without_kinds_gets_all_that_have_a_topic(tmp_path: Path) -> None:
    one = '[targets.one]\nurl = "https://x.example"\nkinds = ["b"]\n'
    targets = loaded(tmp_path, GOOD + one)
    assert topics_of("f", targets, THERE) == {
        "mailer": ["triggers.a", "triggers.b"], "one": ["triggers.b"],
    }  # fmt: skip


def test_a_kind_that_has_no_topic_is_refused_with_those_that_have(tmp_path: Path) -> None:
    targets = loaded(tmp_path, f'{GOOD}kinds = ["c"]')
    with pytest.raises(ConfigError) as refused:
        topics_of("f", targets, THERE)
    assert str(refused.value) == "f: targets.mailer.kinds: found 'c'; there are topics for a, b"
    with pytest.raises(TopicError, match="topics create"):
        topics_of("f", targets, {"profiles": 4})
