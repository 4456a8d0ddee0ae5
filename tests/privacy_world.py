"""What do sealing, opening and erasing talk to in a test? Keys, their topic and a table in memory.

Each call has a step before it takes effect and one after it, and a crash may come at any step. Redis
is its table and its keys, which go back together, as one server's do.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

from schemas.journal import each_of, merged
from state.memory_table import MemoryTable
from state.redis_keys import Found, Kept, KeyLog
from state.table import Commit, Loaded, Needs, Position
from streams.privacy.key_log import Said, Told, said, told
from streams.producer import Outbound


class Crash(Exception):
    """The process ends here."""


class Steps:
    """Counts steps; ``left`` says in how many of them the process crashes."""

    def __init__(self) -> None:
        self.left: int | None = None

    def step(self) -> None:
        """Go on, or crash."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Crash


class Redis:
    """What one server holds."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.kept: dict[str, list[Kept]] = {}
        self.log = KeyLog()

    @property
    def dying(self) -> dict[str, str]:
        """What commits have condemned."""
        return self.table._of(0).destroying

    def snapshot(self) -> "Redis":
        """What a file would hold."""
        return copy.deepcopy(self)

    def restore(self, other: "Redis") -> None:
        """Go back to what a file held."""
        self.table, self.kept, self.log = other.table, other.kept, other.log


class Keys:
    """``state.redis_keys.RedisKeys`` in memory, for partition 0."""

    def __init__(self, redis: Redis, steps: Steps) -> None:
        self._redis = redis
        self._steps = steps

    async def look(self, partition: int, customer_ids: Sequence[str]) -> dict[str, Found]:
        self._steps.step()
        redis = self._redis
        return {
            it: Found(list(redis.kept.get(it, [])), each_of(redis.dying.get(it, "")))
            for it in customer_ids
        }

    async def add(
        self, partition: int, keys: Iterable[tuple[str, Kept]], retired: Mapping[str, str]
    ) -> None:
        self._steps.step()
        self._add(keys)
        for customer_id, ids in retired.items():
            self._redis.kept[customer_id] = [
                Kept(it.id, it.wrapped, it.retired or it.id in each_of(ids))
                for it in self._redis.kept.get(customer_id, [])
            ]
        self._steps.step()

    async def destroying(self, partition: int, customers_max: int) -> dict[str, str]:
        self._steps.step()
        return dict(list(self._redis.dying.items())[:customers_max])

    async def destroying_count(self, partition: int) -> int:
        return len(self._redis.dying)

    async def destroyed(self, partition: int, key_ids: Mapping[str, str]) -> None:
        self._steps.step()
        redis = self._redis
        self._remove(key_ids)
        for customer_id, ids in key_ids.items():
            left = [
                it for it in each_of(redis.dying.pop(customer_id, "")) if it not in each_of(ids)
            ]
            if left:
                redis.dying[customer_id] = "".join(left)
        redis.log = KeyLog(redis.log.offset, redis.log.times + 1)
        self._steps.step()

    async def log(self, partition: int) -> KeyLog:
        self._steps.step()
        return self._redis.log

    async def learn(
        self, partition: int, before: KeyLog, offset: int, keys: Iterable[tuple[str, Kept]],
        destroyed: Mapping[str, str],
    ) -> bool:  # fmt: skip
        self._steps.step()
        if self._redis.log != before:
            return False
        self._redis.log = KeyLog(offset, before.times)
        self._add(keys)
        self._remove(destroyed)
        self._steps.step()
        return True

    def _add(self, keys: Iterable[tuple[str, Kept]]) -> None:
        for customer_id, it in keys:
            its = self._redis.kept.setdefault(customer_id, [])
            dying = each_of(self._redis.dying.get(customer_id, ""))
            if it.id not in [*dying, *(other.id for other in its)]:
                its.append(it)

    def _remove(self, key_ids: Mapping[str, str]) -> None:
        for customer_id, ids in key_ids.items():
            its = self._redis.kept.pop(customer_id, [])
            left = [it for it in its if it.id not in each_of(ids)]
            if left:
                self._redis.kept[customer_id] = left


class TopicOfKeys:
    """The topic, which loses nothing; what is written to it is read from it."""

    def __init__(self) -> None:
        self.records: list[Outbound] = []

    def compact(self) -> None:
        """Remove what has been said over; offsets stay as they are."""
        last = {it.key: it for it in self.records}
        self.records = [
            it if last[it.key] is it else Outbound(it.topic, b"compacted", b"")
            for it in self.records
        ]

    def said(self) -> dict[tuple[str, str], Said]:
        """The last that each key is said."""
        found = [it for record in self.records if (it := said(record.key, record.value))]
        return {(it.customer_id, it.key_id): it for it in found}


class Line:
    """A process's way to the topic, on which it may crash."""

    def __init__(self, topic: TopicOfKeys, steps: Steps) -> None:
        self._topic = topic
        self._steps = steps

    async def send(self, records: Sequence[Outbound]) -> None:
        for it in records:
            self._steps.step()
            self._topic.records.append(it)
        self._steps.step()

    async def read(self, partition: int, offset: int) -> Told:
        self._steps.step()
        records = self._topic.records[offset:]
        found = [it for record in records if (it := said(record.key, record.value))]
        self._steps.step()
        return told(len(self._topic.records), found)


class CrashingTable:
    """The table of a Redis, for a process that may crash."""

    def __init__(self, redis: Redis, steps: Steps) -> None:
        self._redis = redis
        self._steps = steps

    async def position(self, partition: int) -> Position:
        return await self._redis.table.position(partition)

    async def load(self, partition: int, needs: Needs) -> Loaded:
        self._steps.step()
        return await self._redis.table.load(partition, needs)

    async def commit(self, partition: int, commit: Commit) -> bool:
        self._steps.step()
        done = await self._redis.table.commit(partition, commit)
        self._steps.step()
        return done

    async def outbox(self, partition: int, entries_max: int) -> list[bytes]:
        return await self._redis.table.outbox(partition, entries_max)

    async def published(self, partition: int, sequence: int) -> None:
        await self._redis.table.published(partition, sequence)


def condemned_ids(redis: Redis, customer_id: str) -> list[str]:
    """The ids of a customer's keys that are to be destroyed."""
    return each_of(merged("", redis.dying.get(customer_id, "")))
