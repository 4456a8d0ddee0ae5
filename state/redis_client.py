"""How is Redis reached, one server or a Cluster? The only module that opens it.

A URL says it all: ``redis://host:6379/0``, ``rediss://`` with TLS, ``redis+cluster://`` or
``rediss+cluster://`` for a Cluster, with commas between several of its nodes.
"""

import ssl
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import hiredis
import redis.asyncio as redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)

from state.table import StoreError

# A worker retries by its own procedure (read the position again), which a client that repeats a
# write on its own would hide from it. Five seconds: longer than any script here takes.
_TIMEOUT_S = 5.0
_CLUSTER = "+cluster"
_REFUSALS = (AuthenticationError, AuthorizationError, NoPermissionError)


class AccessError(StoreError):
    """Redis is there and does not let us in: no repetition cures that."""


def _pack(_: AbstractConnection, *args: Any) -> list[bytes]:
    """A command as Redis wants it, written in C: 0.9 µs for five values, 3.8 µs in redis-py.

    redis-py asks hiredis for that in its blocking client only. It was a tenth of what a worker does
    for a batch.
    """
    name = args[0].encode() if isinstance(args[0], str) else args[0]
    return [hiredis.pack_command((*name.split(), *args[1:]))]


AbstractConnection.pack_command = _pack  # type: ignore[assignment,method-assign]


def connect(url: str) -> Any:
    """A client for the server or the Cluster of a URL. Nothing is sent yet.

    Raises ValueError for a URL that is none.
    """
    options: dict[str, Any] = {
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
    }
    parts = urlsplit(url)
    if not parts.scheme.endswith(_CLUSTER):
        return redis.from_url(url, **options)
    scheme = parts.scheme.removesuffix(_CLUSTER)
    login, at, hosts = parts.netloc.rpartition("@")
    first, *others = hosts.split(",")
    nodes = [ClusterNode(*_host_and_port(it)) for it in others]
    one = urlunsplit((scheme, f"{login}{at}{first}", parts.path, parts.query, ""))
    return redis.RedisCluster.from_url(one, startup_nodes=nodes or None, **options)


class InRedis:
    """Something that lies in Redis, and is closed after use: as a context, or by ``close``."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


async def answer(reply: Any) -> Any:
    """What Redis replies. Raises StoreError where it does not, AccessError where it never will."""
    try:
        return await reply
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        refused = isinstance(error, _REFUSALS) or _is_about_certificates(error)
        kind = AccessError if refused else StoreError
        raise kind(f"Redis: {type(error).__name__}: {error}") from error


def _is_about_certificates(error: BaseException) -> bool:
    while not isinstance(error, ssl.SSLCertVerificationError):
        if error.__cause__ is None and error.__context__ is None:
            return False
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return True


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or 6379
