"""How are Kafka and Redis reached? The one place where settings become what their clients want.

Passwords come from the environment or from files, and are never part of a message, a log or a repr.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from config.settings import PREFIX, ConfigError, Settings

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT

_SASL = ("sasl_plaintext", "sasl_ssl")
_TLS = ("ssl", "sasl_ssl")
_REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")


class Brokers(Struct, frozen=True):
    """Kafka's bootstrap servers, and librdkafka's settings for getting in there."""

    servers: str
    security: Mapping[str, str] = MappingProxyType({})

    def config(self) -> dict[str, Any]:
        """What every client of librdkafka begins with."""
        return {"bootstrap.servers": self.servers, **self.security}

    def __str__(self) -> str:
        return self.servers

    __repr__ = __str__


def brokers_of(settings: Settings) -> Brokers:
    """Kafka as librdkafka is to reach it. Raises ConfigError where settings do not go together."""
    _check_kafka(settings)
    found: dict[str, str] = {"security.protocol": settings.kafka_security}
    if settings.kafka_security in _TLS:
        files = {
            "ssl.ca.location": settings.kafka_ca_file,
            "ssl.certificate.location": settings.kafka_cert_file,
            "ssl.key.location": settings.kafka_key_file,
        }
        found |= {name: path for name, path in files.items() if path}
    if settings.kafka_security in _SASL:
        found |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.secret("kafka_password"),
        }
    return Brokers(settings.broker, found)


def faust_credentials(settings: Settings) -> "CredentialsT | None":
    """Kafka's credentials as Faust wants them; None where Kafka is plaintext."""
    import faust  # Takes a second, and commands do without.

    _check_kafka(settings)
    context = _tls(settings) if settings.kafka_security in _TLS else None
    if settings.kafka_security in _SASL:
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism, username=settings.kafka_username,
            password=settings.secret("kafka_password"), ssl_context=context,
        )  # fmt: skip
    return None if context is None else faust.SSLCredentials(context)


def redis_url_of(settings: Settings) -> str:
    """The URL of Redis with everything that is needed to get in: a secret, not to be shown.

    Raises ConfigError where settings do not go together.
    """
    parts = _parts(settings.redis_url)
    username, password = settings.redis_username, settings.secret("redis_password")
    netloc = parts.netloc
    if username or password:
        if "@" in netloc:
            raise ConfigError(
                f"{PREFIX}REDIS_URL names a user or a password, and so do {PREFIX}REDIS_USERNAME or"
                f" {PREFIX}REDIS_PASSWORD: set one of the two"
            )
        netloc = f"{quote(username, safe='')}:{quote(password, safe='')}@{netloc}"
    files = {
        "ssl_ca_certs": _file("redis_ca_file", settings.redis_ca_file),
        "ssl_certfile": _file("redis_cert_file", settings.redis_cert_file),
        "ssl_keyfile": _file("redis_key_file", settings.redis_key_file),
    }
    named = {name: path for name, path in files.items() if path}
    if named and not parts.scheme.startswith("rediss"):
        raise ConfigError(
            f"{PREFIX}REDIS_CA_FILE, _CERT_FILE and _KEY_FILE are for TLS, and {PREFIX}REDIS_URL"
            f" begins with {parts.scheme}://: let it begin with rediss://"
        )
    query = "&".join(it for it in (parts.query, urlencode(named)) if it)
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _parts(url: str) -> SplitResult:
    """The parts of Redis's URL. Raises ConfigError, and repeats nothing of it: it may be secret."""
    named, parts = False, urlsplit("")
    try:
        parts = urlsplit(url)
        hosts = [urlsplit(f"//{it}") for it in parts.netloc.rpartition("@")[2].split(",")]
        named = all(it.hostname and (it.port or True) for it in hosts)
    except ValueError:
        pass  # Python's word for it would repeat what may be a password.
    if not named or parts.scheme not in _REDIS_SCHEMES:
        schemes = ", ".join(f"{it}://" for it in _REDIS_SCHEMES)
        raise ConfigError(
            f"{PREFIX}REDIS_URL is no URL of Redis, such as redis://host:6379/0. It begins with one"
            f" of {schemes}; a password in it that has more than letters and digits is"
            f" percent-encoded, or set by {PREFIX}REDIS_PASSWORD_FILE"
        )
    return parts


def _check_kafka(settings: Settings) -> None:
    """Raise ConfigError for what would be ignored, is missing, or is not there."""
    security = settings.kafka_security
    for name in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file"):
        path = _file(name, getattr(settings, name))
        if path and security not in _TLS:
            raise _useless(name, security, _TLS)
    if bool(settings.kafka_cert_file) != bool(settings.kafka_key_file):
        raise ConfigError(
            f"{PREFIX}KAFKA_CERT_FILE and {PREFIX}KAFKA_KEY_FILE belong together: set both, or none"
        )
    given = {
        "kafka_username": settings.kafka_username,
        "kafka_password": settings.secret("kafka_password"),
    }
    for name, value in given.items():
        if value and security not in _SASL:
            raise _useless(name, security, _SASL)
        if not value and security in _SASL:
            raise ConfigError(
                f"{PREFIX}{name.upper()} is not set, and {PREFIX}KAFKA_SECURITY is {security}"
            )


def _useless(name: str, security: str, where: tuple[str, str]) -> ConfigError:
    return ConfigError(
        f"{PREFIX}{name.upper()} is set, and {PREFIX}KAFKA_SECURITY is {security}, which does not"
        f" use it: set that to {' or '.join(where)}"
    )


def _file(name: str, path: str) -> str:
    if path and not Path(path).is_file():
        raise ConfigError(f"{PREFIX}{name.upper()}: {path}: there is no such file")
    return path


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
        if settings.kafka_cert_file:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"{PREFIX}KAFKA_CA_FILE, {PREFIX}KAFKA_CERT_FILE or {PREFIX}KAFKA_KEY_FILE cannot be"
            f" used: {error}"
        ) from error
    return context
