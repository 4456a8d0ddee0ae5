"""Which key is whose? Asked of Redis, and where Redis may have lost something, of the topic.

The law: a key stands in the topic, acknowledged, before anything that it has sealed stands in the
journal. So a key that seals a record and is in neither place is destroyed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from schemas.journal import each_of
from state.redis_keys import Found, Kept
from state.redis_keys import KeyLog as Known
from streams.privacy.key_log import KeyLog, record_of, tombstones
from streams.producer import Sender


class Keys(Protocol):
    """Where keys are looked up; ``state.redis_keys.RedisKeys`` tells what each is about."""

    async def look(self, partition: int, customer_ids: Sequence[str]) -> dict[str, Found]: ...

    async def add(
        self, partition: int, keys: Iterable[tuple[str, Kept]], retired: Mapping[str, str]
    ) -> None: ...

    async def destroying(self, partition: int, customers_max: int) -> dict[str, str]: ...

    async def destroying_count(self, partition: int) -> int: ...

    async def destroyed(self, partition: int, key_ids: Mapping[str, str]) -> None: ...

    async def log(self, partition: int) -> Known: ...

    async def learn(
        self, partition: int, before: Known, offset: int, keys: Iterable[tuple[str, Kept]],
        destroyed: Mapping[str, str],
    ) -> bool: ...  # fmt: skip


class KeyRing:
    """The keys of all customers. Raises StoreError and DeliveryError: ask again."""

    def __init__(self, keys: Keys, log: KeyLog, producer: Sender) -> None:
        self.keys = keys
        self._log = log
        self._producer = producer

    async def make(
        self, partition: int, made: Sequence[tuple[str, Kept]], retired: Mapping[str, str]
    ) -> None:
        """Keep new keys, and retire others. The topic comes first: what it has is not lost."""
        await self._producer.send([record_of(partition, *it) for it in made])
        if made or retired:
            await self.keys.add(partition, made, retired)

    async def catch_up(self, partition: int) -> None:
        """Have Redis know all that the topic says by now."""
        while True:
            before = await self.keys.log(partition)
            told = await self._log.read(partition, before.offset)
            if told.offset == before.offset and not told.keys and not told.destroyed:
                return
            if await self.keys.learn(partition, before, told.offset, told.keys, told.destroyed):
                return

    async def destroy(self, partition: int, customers_max: int) -> list[Kept] | None:
        """Destroy some of the keys that are condemned; those that were here. None: there is none.

        At least once: what is destroyed before this is acknowledged is destroyed again.
        """
        condemned = await self.keys.destroying(partition, customers_max)
        if not condemned:
            return None
        found = await self.keys.look(partition, list(condemned))
        await self._producer.send(tombstones(partition, condemned))
        await self.keys.destroyed(partition, condemned)
        return [
            it
            for customer_id, its in found.items()
            for it in its.kept
            if it.id in each_of(condemned[customer_id])
        ]
