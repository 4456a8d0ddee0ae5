"""Settings become what clients want, or a clear word about what does not go together."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import faust
import pytest

from config.settings import ConfigError, Settings, load_settings
from streams.connection import brokers_of, faust_credentials, redis_url_of

SASL = {"kafka_security": "sasl_plaintext", "kafka_username": "ebb", "kafka_password": "hidden"}


def settings(**fields: Any) -> Settings:
    return load_settings({f"EBBTIDE_{name.upper()}": value for name, value in fields.items()})


def test_by_default_nothing_is_secured() -> None:
    assert brokers_of(settings()).config() == {
        "bootstrap.servers": "127.0.0.1:19092", "security.protocol": "plaintext",
    }  # fmt: skip
    assert faust_credentials(settings()) is None
    assert redis_url_of(settings()) == "redis://127.0.0.1:16379/0"


def test_both_clients_of_kafka_get_the_same_login() -> None:
    config = brokers_of(settings(**SASL, kafka_sasl_mechanism="SCRAM-SHA-256")).config()
    assert config["sasl.mechanism"] == "SCRAM-SHA-256"
    assert (config["sasl.username"], config["sasl.password"]) == ("ebb", "hidden")
    login = faust_credentials(settings(**SASL, kafka_sasl_mechanism="SCRAM-SHA-256"))
    assert isinstance(login, faust.SASLCredentials)
    assert (login.username, login.password) == ("ebb", "hidden")
    assert login.mechanism.value == "SCRAM-SHA-256"


def test_a_secret_comes_from_a_file_and_is_in_no_text(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden\n")
    made = settings(
        **SASL | {"kafka_password": "", "kafka_password_file": str(tmp_path / "secret")}
    )
    brokers = brokers_of(made)
    assert brokers.config()["sasl.password"] == "hidden"
    everything = settings(**SASL, redis_password="hidden", coupon_key="hidden")
    for text in (repr(brokers), str(brokers), f"{brokers}", repr(made), repr(everything)):
        assert "hidden" not in text
    assert "kafka_username='ebb'" in repr(everything)


def test_user_and_password_of_redis_may_hold_any_character(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    url = redis_url_of(
        settings(
            redis_url="rediss+cluster://a:1,b:2", redis_username="ebb", redis_password="p@s/s:",
            redis_ca_file=str(tmp_path / "ca.pem"),
        )
    )  # fmt: skip
    login, _, rest = url.removeprefix("rediss+cluster://").partition("@")
    assert login == "ebb:p%40s%2Fs%3A"
    assert rest.startswith("a:1,b:2?ssl_ca_certs=")


def connect(**fields: str) -> None:
    made = settings(**fields)
    brokers_of(made)
    redis_url_of(made)


WRONG = [
    (SASL | {"kafka_password": ""}, "EBBTIDE_KAFKA_PASSWORD is not set"),
    (SASL | {"kafka_username": ""}, "EBBTIDE_KAFKA_USERNAME is not set"),
    ({"kafka_username": "ebb"}, "EBBTIDE_KAFKA_USERNAME is set, and EBBTIDE_KAFKA_SECURITY is pl"),
    ({"kafka_ca_file": __file__}, "EBBTIDE_KAFKA_CA_FILE is set"),
    ({"kafka_security": "ssl", "kafka_ca_file": "/none"}, "/none: there is no such file"),
    ({"kafka_security": "ssl", "kafka_cert_file": __file__}, "belong together"),
    ({"kafka_security": "tls"}, "EBBTIDE_KAFKA_SECURITY: Invalid enum value 'tls'"),
    (SASL | {"kafka_password": "", "kafka_password_file": "/none"}, "EBBTIDE_KAFKA_PASSWORD_FILE"),
    ({"redis_password": "x", "redis_url": "redis://:y@h:1"}, "set one of the two"),
    ({"redis_ca_file": __file__}, "rediss://"),
    ({"redis_url": "redis://user:hush/hush@host:6379/0"}, "is no URL of Redis"),
    ({"redis_url": "redis://user:hush#1@host:6379/0"}, "is no URL of Redis"),
    ({"redis_url": "redis+cluster://a:1,b:hush"}, "is no URL of Redis"),
    ({"redis_url": "http://host:6379/0"}, "is no URL of Redis"),
    ({"redis_url": "host:6379"}, "is no URL of Redis"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_what_does_not_go_together_is_refused(fields: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        connect(**fields)
    assert "hush" not in str(refused.value)


def test_an_authority_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="EBBTIDE_KAFKA_CA_FILE"):
        faust_credentials(settings(kafka_security="ssl", kafka_ca_file=__file__))


def test_commands_do_not_wait_for_faust() -> None:
    script = "import sys, streams.connection; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
