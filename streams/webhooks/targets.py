"""Where do triggers go by HTTP, and how patiently? The file that ``EBBTIDE_WEBHOOKS`` names.

It has one table for each target, ``[targets.<name>]``. Whatever is wrong in it stops the start,
with the file, the key, what was found and what is allowed.
"""

import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from config.settings import ConfigError, Settings
from streams.webhooks.address import shown, wrong_url
from streams.webhooks.signature import keys_of

# It is part of the ids of reports, which have to stay under 128 characters.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

Attempts = Annotated[int, Meta(ge=1, le=100)]
Whole = Annotated[int, Meta(ge=1, le=1_000)]
Wait = Annotated[float, Meta(gt=0, le=3_600)]
# A trigger that is older than a year is worth nothing to anybody.
Age = Annotated[float, Meta(gt=0, le=8_760)]
# Less than one request in a quarter of an hour is no rate.
Rate = Annotated[float, Meta(ge=0.001, le=10_000)]


class Target(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One receiver, and how it is treated.

    url: ``https://``, or ``http://`` on this machine; on others only with ``insecure``.
    kinds: of triggers; all that there are if left out.
    key_file: a file with this target's own secret, instead of the one in the settings.
    timeout_s: for one request, its answer's head included.
    attempts_max: requests for one trigger; then it is a dead letter.
    backoff_s, backoff_max_s: after one attempt we wait for up to ``backoff_s``, then for up to
    twice as long each time, but no longer than ``backoff_max_s``.
    rate_per_s: requests begun in a second. in_flight_max: requests under way at once.
    breaker_failures: so many failures one after the other, and the target is left alone for
    ``breaker_open_s``, for twice as long each time a probe fails, up to ``breaker_open_max_s``.
    age_max_hours: an older trigger is not sent: nobody should act on it any more.
    """

    url: str
    kinds: tuple[str, ...] = ()
    key_file: str = ""
    timeout_s: Wait = 10.0
    attempts_max: Attempts = 10
    backoff_s: Wait = 1.0
    backoff_max_s: Wait = 300.0
    rate_per_s: Rate = 50.0
    in_flight_max: Whole = 16
    breaker_failures: Whole = 5
    breaker_open_s: Wait = 30.0
    breaker_open_max_s: Wait = 600.0
    age_max_hours: Age = 48.0
    insecure: bool = False


class Addressed(Struct, frozen=True):
    """A target with its name and its keys, which are never shown; nor is the url's path."""

    name: str
    target: Target
    keys: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Addressed({self.name!r}, {shown(self.target.url)!r})"


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    targets: dict[str, dict[str, Any]] = {}


def load_targets(settings: Settings) -> list[Addressed]:
    """The targets in the order of the file. Raises ConfigError where anything is wrong."""
    path = settings.webhooks
    if not path:
        raise ConfigError(
            "EBBTIDE_WEBHOOKS is not set: set it to the path of a TOML file with a table"
            " [targets.<name>] for each receiver"
        )
    tables = _read(path).targets
    if not tables:
        raise ConfigError(f"{path}: no target: add a table [targets.<name>] with a url")
    return [
        Addressed(name, target := _target(path, name, table), _keys(path, name, target, settings))
        for name, table in tables.items()
    ]


def _read(path: str) -> _File:
    try:
        return msgspec.convert(tomllib.loads(Path(path).read_text("utf-8")), _File)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"EBBTIDE_WEBHOOKS: {path}: cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}; the tables are targets.<name>") from error


def _target(path: str, name: str, table: dict[str, Any]) -> Target:
    where = f"{path}: targets.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: a name has up to 32 of a-z, 0-9, - and _, and begins with none of the last"
        )
    for key, value in table.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}.{key}: a finite number is wanted, found {value}")
    try:
        target = msgspec.convert(table, Target)
    except msgspec.ValidationError as error:
        raise ConfigError(_mistake(where, table, error)) from error
    if problem := wrong_url(target.url, insecure=target.insecure):
        raise ConfigError(f"{where}.url: found {shown(target.url)!r}: {problem}")
    for low, high in (("backoff_s", "backoff_max_s"), ("breaker_open_s", "breaker_open_max_s")):
        least, most = getattr(target, low), getattr(target, high)
        if least > most:
            raise ConfigError(f"{where}.{low}: found {least}; {high} ({most}) is the most")
    return target


def _mistake(where: str, table: dict[str, Any], error: msgspec.ValidationError) -> str:
    message, _, path = str(error).partition(" - at `$.")
    key = path.rstrip("`")
    if not key:
        return f"{where}: {message}; its settings are {', '.join(Target.__struct_fields__)}"
    return f"{where}.{key}: {message}, found {table.get(key.partition('[')[0])!r}"


def _keys(path: str, name: str, target: Target, settings: Settings) -> tuple[bytes, ...]:
    if target.key_file:
        where = f"{path}: targets.{name}.key_file: {target.key_file}"
        try:
            secret = Path(target.key_file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: {error}") from error
    else:
        where, secret = "EBBTIDE_WEBHOOK_KEY", settings.secret("webhook_key")
        if not secret:
            raise ConfigError(
                f"EBBTIDE_WEBHOOK_KEY is not set, and targets.{name} has no key_file: set it, or"
                " EBBTIDE_WEBHOOK_KEY_FILE, to `whsec_` and what `openssl rand -base64 32` prints"
            )
    try:
        return tuple(keys_of(secret))
    except ValueError as error:
        raise ConfigError(f"{where} {error}; `openssl rand -base64 32` makes one") from error
