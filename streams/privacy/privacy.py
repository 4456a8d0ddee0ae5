"""What does a worker or a command need, to deal with what is personal? Put together by settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from config.settings import Settings
from state.redis_keys import RedisKeys
from streams.connection import brokers_of, redis_url_of
from streams.privacy.cipher import Cipher
from streams.privacy.eraser import Eraser
from streams.privacy.key_log import TopicOfKeys
from streams.privacy.key_ring import KeyRing
from streams.privacy.opener import Opener
from streams.privacy.sealer import Sealer
from streams.producer import Outbound, Sender


class Privacy(Struct, frozen=True):
    """Seals, opens and destroys."""

    ring: KeyRing
    sealer: Sealer
    opener: Opener
    eraser: Eraser


def privacy(ring: KeyRing, cipher: Cipher | None, journal_partitions: int) -> Privacy:
    """All that works with these keys. cipher None: nothing new is sealed."""
    return Privacy(
        ring, Sealer(ring, cipher, journal_partitions), Opener(ring, cipher), Eraser(ring, cipher)
    )


def cipher_of(settings: Settings) -> Cipher | None:
    """The master key's cipher; None where none is set. Raises ConfigError."""
    secret = settings.secret_privacy_key()
    return Cipher(secret) if secret else None


@asynccontextmanager
async def open_privacy(
    settings: Settings, producer: Sender, journal_partitions: int
) -> AsyncIterator[Privacy]:
    """For a command, over Redis and Kafka."""
    log = TopicOfKeys(brokers_of(settings))
    async with RedisKeys(redis_url_of(settings)) as keys:
        try:
            yield privacy(KeyRing(keys, log, producer), cipher_of(settings), journal_partitions)
        finally:
            log.close()


@asynccontextmanager
async def reading_privacy(settings: Settings, journal_partitions: int) -> AsyncIterator[Opener]:
    """For a command that only reads."""
    async with open_privacy(settings, _Nowhere(), journal_partitions) as found:
        yield found.opener


class _Nowhere:
    """Where whoever only reads would send to."""

    async def send(self, records: Sequence[Outbound]) -> None:
        raise NotImplementedError
