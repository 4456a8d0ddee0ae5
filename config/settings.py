"""What can an operator set, and what is wrong with what was set? The environment and one TOML file.

Where things run comes from the environment (``EBBTIDE_…``), because it differs by machine. What is
decided comes from ``engine.toml``, because it belongs under version control. Secrets come from the
environment, or from a file that it names, and are never printed.
"""

import hmac
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

PREFIX = "EBBTIDE_"
TOKEN_LENGTH_MIN = 24
PRIVACY_KEY_LENGTH_MIN = 32
DEFAULT_CONFIG = Path(__file__).with_name("engine.toml")

Port = Annotated[int, Meta(ge=1, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
# The journal takes records of a megabyte, Kafka's default, and an event grows a little on its way.
EventBytes = Annotated[int, Meta(ge=1, le=900_000)]


class ConfigError(Exception):
    """A setting is wrong. The message names where it stands, what was found and what is allowed."""


class Settings(Struct, frozen=True, kw_only=True):
    """One field per environment variable: ``broker`` is ``EBBTIDE_BROKER``.

    broker: Kafka bootstrap servers. kafka_…: how to get in there; a security of ``sasl_…`` needs a
    username and a password, one of ``…ssl`` may name files (PEM): of the authority that vouches for
    the brokers, and of our own certificate and its key.
    redis_url: where rows are kept: ``redis://``, ``rediss://`` with TLS, or either with
    ``+cluster``. redis_…: how to get in there, where the URL does not say it. …_password_file,
    coupon_key_file, holdout_key_file, privacy_key_file, webhook_key_file, web_token_file: files
    that hold the secret, instead of the environment.
    group: the consumer group.
    config: the path of engine.toml. clock: ``wall`` ticks each ``tick_seconds``; ``feed`` takes
    ticks from the raw topics, for replaying history.
    coupon_key: the secret that coupon codes are derived with. holdout_key: the secret by which
    customers are held out; without one it is derived from the other.
    privacy_key: the secret under which what is personal in events is sealed; without one it is not.
    review_model: the path of a model that reads customers' texts; without one none is read.
    webhooks: the path of the file that says where triggers go by HTTP. webhook_key: the secret that
    they are signed with, ``whsec_`` and base64.
    web_token: the secret that lets a program read customers on the web port; without it none can.
    future_tolerance_seconds: how far ahead of our clock an event may be. event_bytes_max: larger
    events are dead letters. dedupe_events_max: event ids that a worker's ingest remembers.
    session_timeout_s, heartbeat_s, rebalance_timeout_s: of the consumer group; with the defaults a
    dead worker's partitions are taken over in six to nine seconds.
    batch_records_max: records in one commit.
    transactions: whether triggers are published in Kafka transactions, so that a ``read_committed``
    consumer sees each one once. Not with the embedded broker, which does not keep their promises.
    """

    broker: str = "127.0.0.1:19092"
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: str = ""
    kafka_password_file: str = ""
    kafka_ca_file: str = ""
    kafka_cert_file: str = ""
    kafka_key_file: str = ""
    redis_url: str = "redis://127.0.0.1:16379/0"
    redis_username: str = ""
    redis_password: str = ""
    redis_password_file: str = ""
    redis_ca_file: str = ""
    redis_cert_file: str = ""
    redis_key_file: str = ""
    group: str = "ebbtide"
    config: str = str(DEFAULT_CONFIG)
    clock: Literal["wall", "feed"] = "wall"
    tick_seconds: Seconds = 1.0
    coupon_key: str = ""
    coupon_key_file: str = ""
    holdout_key: str = ""
    holdout_key_file: str = ""
    privacy_key: str = ""
    privacy_key_file: str = ""
    review_model: str = ""
    webhooks: str = ""
    webhook_key: str = ""
    webhook_key_file: str = ""
    web_host: str = "127.0.0.1"
    web_port: Port = 6066
    web_token: str = ""
    web_token_file: str = ""
    future_tolerance_seconds: Seconds = 300.0
    event_bytes_max: EventBytes = 262_144
    dedupe_events_max: Count = 200_000
    session_timeout_s: Seconds = 6.0
    heartbeat_s: Seconds = 1.0
    rebalance_timeout_s: Seconds = 6.0
    fetch_wait_ms: Annotated[int, Meta(ge=11)] = 50
    batch_records_max: Count = 10_000
    transactions: bool = True
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool = False

    def secret_coupon_key(self) -> str:
        """The coupon secret. Raises ConfigError where there is none, or none can be read."""
        key = self.secret("coupon_key")
        if not key:
            raise ConfigError(
                "EBBTIDE_COUPON_KEY is not set, and coupon codes are derived with it: set it, or"
                " EBBTIDE_COUPON_KEY_FILE to a file that holds it (any long random text)"
            )
        return key

    def secret_holdout_key(self) -> str:
        """The secret of the holdout. Raises ConfigError where there is none to derive it from."""
        if key := self.secret("holdout_key"):
            return key
        if not (coupon_key := self.secret("coupon_key")):
            raise ConfigError(
                "EBBTIDE_HOLDOUT_KEY is not set, and customers are held out by it: set it, or"
                " EBBTIDE_HOLDOUT_KEY_FILE to a file that holds it (any long random text)"
            )
        return hmac.digest(coupon_key.encode(), b"holdout", "sha256").hex()

    def secret_privacy_key(self) -> str:
        """The secret of what is personal; empty where nothing is to be sealed.

        Raises ConfigError where it is short enough to be guessed, or cannot be read.
        """
        return self._long_secret(
            "privacy_key", PRIVACY_KEY_LENGTH_MIN, "what customers have written"
        )

    def secret_web_token(self) -> str:
        """The token of the web port; empty for none.

        Raises ConfigError where it is short enough to be guessed, or cannot be read.
        """
        return self._long_secret("web_token", TOKEN_LENGTH_MIN, "all customers")

    def _long_secret(self, name: str, length_min: int, what: str) -> str:
        """A secret that must not be guessed, since whoever has it reads `what`; empty for none."""
        found = self.secret(name)
        if found and len(found) < length_min:
            raise ConfigError(
                f"EBBTIDE_{name.upper()} has {len(found)} characters, and whoever guesses it reads"
                f" {what}: {length_min} at least are wanted, such as from `openssl rand -hex 32`"
            )
        return found

    def secret(self, name: str) -> str:
        """A secret from the environment or from the file named there; empty where neither is set.

        Raises ConfigError where the file cannot be read or holds nothing.
        """
        value: str = getattr(self, name)
        path: str = getattr(self, f"{name}_file")
        if value or not path:
            return value
        variable = f"{PREFIX}{name.upper()}_FILE"
        try:
            value = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{variable}: {error}") from error
        if not value:
            raise ConfigError(f"{variable}: {path} is empty")
        return value

    def __repr__(self) -> str:
        """All but the secrets."""
        hidden = {
            "coupon_key", "holdout_key", "kafka_password", "redis_password", "redis_url",
            "webhook_key", "web_token", "privacy_key",
        }  # fmt: skip
        shown = (
            f"{name}={'…' if name in hidden else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"Settings({', '.join(shown)})"


def load_settings(environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
    """Read the settings from the environment; ``overrides`` that are not None go before it.

    Raises ConfigError for an unknown ``EBBTIDE_`` variable (a typing mistake would go unseen) and
    for a wrong value.
    """
    names = {field.name for field in msgspec.structs.fields(Settings)}
    found: dict[str, Any] = {}
    for variable, value in environment.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            if name not in names:
                known = ", ".join(sorted(PREFIX + it.upper() for it in names))
                raise ConfigError(f"{variable}: no such setting; there are {known}")
            found[name] = value
    found |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(found, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_environment_mistake(error, found)) from error


class EngineFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The sections of engine.toml, not yet looked into; the structs they belong to check them."""

    engine: dict[str, Any] = {}
    gate: dict[str, Any] = {}
    agents: dict[str, dict[str, Any]] = {}
    effect: dict[str, Any] = {}
    ops: dict[str, Any] = {}
    models: dict[str, Any] = {}


def load_engine_file(path: str) -> EngineFile:
    """Read engine.toml. Raises ConfigError with the file, the place and what is allowed."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        return msgspec.convert(tomllib.loads(text), EngineFile)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: {error}; the sections are engine, gate, agents.<name>, effect, ops, models"
        ) from error


def _environment_mistake(error: msgspec.ValidationError, found: dict[str, Any]) -> str:
    message, _, path = str(error).partition(" - at `$.")
    name = path.rstrip("`")
    if not name:
        return message
    return f"{PREFIX}{name.upper()}: {message}, found {found.get(name)!r}"
