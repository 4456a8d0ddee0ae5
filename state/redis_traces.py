"""Where in Redis is a customer named? Everywhere that it is, whichever key of ours it is in.

For a proof, not for a hot path: all that there is gets read.
"""

import re
from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from schemas.codec import encode_json, encode_row
from state.redis_client import InRedis, answer
from state.waiting import customer_in

_PIECE = 1_000
_OURS = "ebb:*"
_NAME = re.compile(r"ebb:\{p(?P<partition>\d+)\}:(?P<name>.*)")


class Trace(Struct, frozen=True):
    """A place that names the customer.

    name: of the key, without the partition; with a colon in it where rows are staged. entry: what
    it stands in there; empty where the customer has an entry of their own. value: what it says.
    """

    name: str
    partition: int
    entry: str
    value: bytes


class RedisTraces(InRedis):
    """Looks for customers. Raises StoreError where Redis does not answer."""

    async def of(self, customer_id: str) -> AsyncIterator[Trace]:
        """All places that name a customer."""
        needles = (encode_row(customer_id), encode_json(customer_id))
        async for key in _heard(self._redis.scan_iter(match=_OURS, count=_PIECE)):
            text = key.decode()
            place = _NAME.fullmatch(text)
            name = place["name"] if place else text
            partition = int(place["partition"]) if place else -1
            async for entry, value in self._entries(text):
                whose = customer_in(entry) if name.rpartition(":")[2] == "waiting" else entry
                if whose == customer_id:
                    yield Trace(name, partition, "", value)
                elif any(needle in value for needle in needles):
                    yield Trace(name, partition, entry or name, value)

    async def _entries(self, key: str) -> AsyncIterator[tuple[str, bytes]]:
        """What stands under a key: names and values, the one or the other empty."""
        redis, kind = self._redis, (await answer(self._redis.type(key))).decode()
        scans = {"hash": redis.hscan_iter, "zset": redis.zscan_iter, "set": redis.sscan_iter}
        if kind in scans:
            async for found in _heard(scans[kind](key, count=_PIECE)):
                name, value = (found, b"") if kind == "set" else found
                text = name.decode(errors="replace")
                yield text, value if isinstance(value, bytes) else b"%d" % value
        elif kind == "list":
            begin = 0
            while values := await self._piece(key, begin):
                for value in values:
                    yield "", value
                begin += len(values)
        elif kind == "string":
            yield "", await answer(redis.get(key)) or b""

    async def _piece(self, key: str, begin: int) -> list[bytes]:
        reply = self._redis.lrange(key, begin, begin + _PIECE - 1)
        values: list[bytes] = await answer(reply)
        return values


async def _heard(found: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """What Redis goes on answering. Raises StoreError where it does not."""
    answers = aiter(found)
    while True:
        try:
            yield await answer(anext(answers))
        except StopAsyncIteration:
            return
