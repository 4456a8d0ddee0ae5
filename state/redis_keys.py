"""Where do workers look up the keys of customers? In Redis, which is filled from a topic.

Keys of a journal partition lie in its slot: ``ebb:{p7}:keys`` (hash: a customer's keys, oldest
first), ``:destroying`` (hash: ids of keys that a commit has condemned), ``:keylog`` (up to where
the topic is known here, and how often keys were destroyed). A key has one life: it is added, it may
be retired (nothing new is sealed with it), it is destroyed. So whoever adds one twice, or in
another order, does no harm, and what Redis has lost the topic brings back.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from msgspec import Struct

from schemas.journal import KEY_ID_LENGTH, each_of
from state.redis_client import InRedis, answer
from state.redis_table import key_of, script
from state.table import StoreError

#: Nonce, key and tag (``streams/privacy/cipher.py``).
WRAPPED_LENGTH = 60
_LENGTH = KEY_ID_LENGTH + 1 + WRAPPED_LENGTH
_LIVE, _RETIRED = b"+", b"-"


class Kept(Struct, frozen=True, gc=False):
    """A customer's key, as it is kept: encrypted with the master key."""

    id: str
    wrapped: bytes
    retired: bool = False


class KeyLog(Struct, frozen=True):
    """How much of the topic is known. times: how often keys were destroyed meanwhile."""

    offset: int = 0
    times: int = 0

    def __str__(self) -> str:
        return f"{self.offset}:{self.times}"


class Found(Struct, frozen=True):
    """A customer's keys. dying: the ids of those that are condemned; they open nothing."""

    kept: list[Kept] = []
    dying: list[str] = []

    @property
    def opening(self) -> dict[str, bytes]:
        """The keys that open what they have sealed, by id."""
        return {it.id: it.wrapped for it in self.kept if it.id not in self.dying}

    @property
    def sealing(self) -> Kept | None:
        """The key to seal with: the newest, so that an older one that came late is not used."""
        usable = [it for it in self.kept if not it.retired and it.id not in self.dying]
        return usable[-1] if usable else None


class RedisKeys(InRedis):
    """Keys by partition. Every method raises StoreError where Redis does not answer."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._look = self._redis.register_script(script("keys_look.lua"))
        self._change = self._redis.register_script(script("keys_change.lua"))

    async def look(self, partition: int, customer_ids: Sequence[str]) -> dict[str, Found]:
        """The keys of customers."""
        keys = [key_of(partition, name) for name in ("keys", "destroying")]
        kept, dying = await answer(self._look(keys, customer_ids))
        return {
            customer_id: Found(_kept(its), each_of(condemned.decode()))
            for customer_id, its, condemned in zip(customer_ids, kept, dying, strict=True)
        }

    async def add(
        self, partition: int, keys: Iterable[tuple[str, Kept]], retired: Mapping[str, str]
    ) -> None:
        """Add keys of customers, and retire others, by their ids."""
        await self._do(partition, [(name, _text(it)) for name, it in keys], retired)

    async def destroying(self, partition: int, customers_max: int) -> dict[str, str]:
        """Some of the keys that are condemned: their ids, by customer."""
        key = key_of(partition, "destroying")
        found: dict[str, str] = {}
        cursor, begun = 0, False
        while (cursor or not begun) and len(found) < customers_max:
            begun = True
            cursor, some = await answer(self._redis.hscan(key, cursor, count=customers_max))
            found |= {name.decode(): ids.decode() for name, ids in some.items()}
        return found

    async def destroying_count(self, partition: int) -> int:
        """How many customers have keys that are condemned."""
        return int(await answer(self._redis.hlen(key_of(partition, "destroying"))))

    async def destroyed(self, partition: int, key_ids: Mapping[str, str]) -> None:
        """Let go of keys that the topic says are destroyed."""
        await self._do(partition, [], {}, key_ids, finished=True)

    async def log(self, partition: int) -> KeyLog:
        """How much of the topic is known here."""
        text = await answer(self._redis.get(key_of(partition, "keylog")))
        if text is None:
            return KeyLog()
        try:
            return KeyLog(*map(int, text.split(b":")))
        except (ValueError, TypeError) as error:
            raise StoreError(f"{text[:40]!r} is no position in the topic of keys") from error

    async def learn(
        self, partition: int, before: KeyLog, offset: int, keys: Iterable[tuple[str, Kept]],
        destroyed: Mapping[str, str],
    ) -> bool:  # fmt: skip
        """Take in what the topic says up to an offset; False where it was read too early."""
        after = str(KeyLog(offset, before.times))
        added = [(name, _text(it)) for name, it in keys]
        return await self._do(partition, added, {}, destroyed, log=(str(before), after))

    async def _do(
        self, partition: int, added: list[tuple[str, bytes]], retired: Mapping[str, str],
        removed: Mapping[str, str] = {}, *, log: tuple[str, str] = ("", ""), finished: bool = False,
    ) -> bool:  # fmt: skip
        groups = [list(chain.from_iterable(it)) for it in (added, retired.items(), removed.items())]
        arguments: list[Any] = [*log, int(finished), *map(len, groups)]
        keys = [key_of(partition, name) for name in ("keys", "destroying", "keylog")]
        return bool(await answer(self._change(keys, [*arguments, *chain(*groups)])))


def _text(it: Kept) -> bytes:
    return it.id.encode() + (_RETIRED if it.retired else _LIVE) + it.wrapped


def _kept(text: bytes) -> list[Kept]:
    return [_one(text[at : at + _LENGTH]) for at in range(0, len(text), _LENGTH)]


def _one(text: bytes) -> Kept:
    mark = text[KEY_ID_LENGTH : KEY_ID_LENGTH + 1]
    return Kept(text[:KEY_ID_LENGTH].decode(), text[KEY_ID_LENGTH + 1 :], mark == _RETIRED)
