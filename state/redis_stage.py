"""How is a whole partition copied or replaced at one moment? By way of a stage beside it.

A stage has keys of its own in the partition's slot: ``ebb:{p7}:next:customers`` and so on. A script
copies the live keys there, or puts those that are there in the place of the live ones; reading and
writing them takes as long as it takes, and nobody sees it half done. Redis needs room for a
partition twice meanwhile.
"""

from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from state.redis_client import answer
from state.redis_table import KEYS, RedisTable, key_of, script

_PIECE = 1_000
_SORTED_SETS = ("timers", "waiting")
_HASHES = ("customers", "products", "ledgers", "counters", "destroying")


class Piece(Struct, array_like=True):
    """Some of what a partition holds. name: of the key. pairs: name and value, or score."""

    name: str
    values: list[bytes] = []
    pairs: list[tuple[bytes, bytes]] = []


class Stage(RedisTable):
    """A table beside the live one. name: whose stage it is; two of a name disturb each other."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(url, stage=f"{name}:")
        self._copy = self._redis.register_script(script("copy.lua"))
        self._promote = self._redis.register_script(script("promote.lua"))

    async def clear(self, partition: int) -> None:
        """Remove what is staged."""
        await answer(self._redis.unlink(*self.keys(partition, *KEYS)))

    async def copy(self, partition: int) -> None:
        """Stage what the live table holds, all as of one moment."""
        await answer(self._copy([*self._live(partition), *self.keys(partition, *KEYS)]))

    async def promote(self, partition: int, *, back: bool) -> bool:
        """Put what is staged in the place of the live table.

        back: also where the live one is further in the journal; otherwise that is False, and
        nothing happens.
        """
        keys = [*self._live(partition), *self.keys(partition, *KEYS)]
        return bool(await answer(self._promote(keys, [0 if back else 1])))

    async def pieces(self, partition: int) -> AsyncIterator[Piece]:
        """All that is staged, a piece at a time."""
        for name in ("position", "shop"):
            value = await answer(self._redis.get(*self.keys(partition, name)))
            if value is not None:
                yield Piece(name, [value])
        for name in (*_HASHES, *_SORTED_SETS):
            is_one = name in _SORTED_SETS
            async for pairs in self._scan(*self.keys(partition, name), sorted_set=is_one):
                yield Piece(name, pairs=pairs)
        [outbox] = self.keys(partition, "outbox")
        begin = 0
        while values := await answer(self._redis.lrange(outbox, begin, begin + _PIECE - 1)):
            yield Piece("outbox", values)
            begin += len(values)

    async def put(self, partition: int, piece: Piece) -> None:
        """Stage a piece."""
        [key] = self.keys(partition, piece.name)
        match piece.name:
            case "position" | "shop":
                await answer(self._redis.set(key, piece.values[0]))
            case "outbox":
                await answer(self._redis.rpush(key, *piece.values))
            case _ if piece.name in _SORTED_SETS:
                await answer(self._redis.zadd(key, {it: int(at) for it, at in piece.pairs}))
            case _:
                await answer(self._redis.hset(key, mapping=dict(piece.pairs)))

    async def _scan(
        self, key: str, *, sorted_set: bool
    ) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        scan: Any = self._redis.zscan if sorted_set else self._redis.hscan
        cursor, begun = 0, False
        while cursor or not begun:
            begun = True
            cursor, found = await answer(scan(key, cursor, count=_PIECE))
            pairs = found if sorted_set else list(found.items())
            if pairs:
                yield [(name, b"%d" % at if sorted_set else at) for name, at in pairs]

    def _live(self, partition: int) -> list[str]:
        return [key_of(partition, name) for name in KEYS]
