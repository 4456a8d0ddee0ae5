"""Where are rows kept for real? In Redis.

Keys of partition 7 share the hash tag ``{p7}``, so they live in one slot of a Redis Cluster and one
script can write them all: ``ebb:{p7}:customers`` (hash), ``:timers`` (sorted set by earliest due
time), ``:products`` and ``:ledgers`` (hashes), ``:waiting`` (sorted set, who waits for what),
``:shop``, ``:outbox`` (list), ``:counters`` (hash), ``:position``, ``:destroying`` (hash: ids of
keys that are to be destroyed, by customer). Two keys are of no partition: ``ebb:carried`` and
``ebb:concluded`` (hashes). Commands are those of Redis 7.0.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import chain
from typing import Any

from state.redis_client import InRedis, answer
from state.table import Commit, Loaded, Needs, Position
from state.waiting import beginning, entry

#: The names of a partition's keys; scripts take them in this order.
KEYS = (
    "position", "shop", "customers", "timers", "products", "ledgers", "waiting", "outbox",
    "counters", "destroying",
)  # fmt: skip
#: Those of them that a batch reads.
READ = KEYS[:7]


class RedisTable(InRedis):
    """Rows by partition in Redis; see ``state.table.Table`` for the promises.

    stage: goes before the names of keys, where rows lie beside the live ones.
    """

    def __init__(self, url: str, *, stage: str = "") -> None:
        self._stage = stage
        super().__init__(url)
        self._load = self._redis.register_script(script("load.lua"))
        self._commit = self._redis.register_script(script("commit.lua"))
        self._published = self._redis.register_script(script("published.lua"))

    def key(self, partition: int, name: str) -> str:
        """A key of a partition."""
        return key_of(partition, self._stage + name)

    def keys(self, partition: int, *names: str) -> list[str]:
        """Keys of a partition."""
        return [self.key(partition, name) for name in names]

    async def ping(self) -> None:
        """Raise StoreError unless Redis answers."""
        await answer(self._redis.ping())

    async def position(self, partition: int) -> Position:
        return Position.parse(await answer(self._redis.get(self.key(partition, "position"))))

    async def load(self, partition: int, needs: Needs) -> Loaded:
        keys = self.keys(partition, *READ)
        return loaded(needs, await answer(self._load(keys, load_arguments(needs))))

    async def commit(self, partition: int, commit: Commit) -> bool:
        keys = self.keys(partition, *KEYS)
        return bool(await answer(self._commit(keys, commit_arguments(commit))))

    async def outbox(self, partition: int, entries_max: int) -> list[bytes]:
        if entries_max < 1:
            return []  # LRANGE would take the -1 for the last entry.
        reply = self._redis.lrange(self.key(partition, "outbox"), 0, entries_max - 1)
        entries: list[bytes] = await answer(reply)
        return entries

    async def published(self, partition: int, sequence: int) -> None:
        await answer(self._published(self.keys(partition, "position", "outbox"), [sequence]))

    async def customer(self, partition: int, customer_id: str) -> bytes | None:
        """One encoded row, for people who ask."""
        reply = self._redis.hget(self.key(partition, "customers"), customer_id)
        row: bytes | None = await answer(reply)
        return row

    async def shop(self, partition: int) -> bytes | None:
        """The partition's own row, for people who ask."""
        row: bytes | None = await answer(self._redis.get(self.key(partition, "shop")))
        return row

    async def counters(self, partition: int) -> dict[str, int]:
        """What the commits have counted."""
        reply = await answer(self._redis.hgetall(self.key(partition, "counters")))
        return {name.decode(): int(count) for name, count in reply.items()}

    async def customer_count(self, partition: int) -> int:
        """How many rows the partition holds."""
        return int(await answer(self._redis.hlen(self.key(partition, "customers"))))

    async def outbox_depth(self, partition: int) -> int:
        """How many decisions wait to be published."""
        return int(await answer(self._redis.llen(self.key(partition, "outbox"))))

    async def row_sizes(self, partition: int) -> list[int]:
        """The length in bytes of every customer row; for reports, not for a hot path."""
        reply = await answer(self._redis.hvals(self.key(partition, "customers")))
        return [len(row) for row in reply]

    async def note_carried(self, carried: dict[str, int]) -> None:
        """Tell every worker how far raw partitions have been carried over (epoch milliseconds)."""
        if carried:
            await answer(self._redis.hset(CARRIED_KEY, mapping=carried))

    async def carried(self) -> dict[str, int]:
        """How far each raw partition has been carried over, by ``topic/partition``."""
        reply = await answer(self._redis.hgetall(CARRIED_KEY))
        return {name.decode(): int(at) for name, at in reply.items()}

    async def note_concluded(self, agent: str, ends_at: int) -> None:
        """Note up to which end of a window an agent's alerts are published (epoch milliseconds)."""
        await answer(self._redis.hset(CONCLUDED_KEY, agent, ends_at))
        await answer(self._redis.expire(CONCLUDED_KEY, _CONCLUDED_S))

    async def concluded(self) -> dict[str, int]:
        """Up to where it is noted, by agent."""
        reply = await answer(self._redis.hgetall(CONCLUDED_KEY))
        return {name.decode(): int(at) for name, at in reply.items()}


CARRIED_KEY = "ebb:carried"
CONCLUDED_KEY = "ebb:concluded"
# Longer than any window and any stop; an installation that is given up leaves nothing behind.
_CONCLUDED_S = 90 * 24 * 3_600


def key_of(partition: int, name: str) -> str:
    """A key of a partition's own, or with the stage's name before it one of a stage."""
    return f"ebb:{{p{partition}}}:{name}"


def script(name: str) -> str:
    """A Lua script of this package."""
    return files("state").joinpath(name).read_text("utf-8")


def load_arguments(needs: Needs) -> list[Any]:
    """What ``load.lua`` is told; its keys are those that a batch reads."""
    due_until = "" if needs.due_until is None else needs.due_until
    # One more than wanted tells whether there are more.
    args: list[Any] = [due_until, needs.due_max + 1]
    if (wanted := needs.waiters) is None:
        args += ["", "", 0]
    else:
        args += [beginning(wanted.product_id), wanted.after, wanted.waiters_max + 1]
    args += map(len, (needs.customers, needs.products, needs.ledgers))
    awaited = map(beginning, needs.awaited)
    return [*args, *needs.customers, *needs.products, *needs.ledgers, *awaited]


def loaded(needs: Needs, reply: Sequence[Any]) -> Loaded:
    """What ``load.lua`` answers."""
    position, shop, rows, products, due, due_rows, ledgers, awaited, waiters, waiter_rows = reply
    ids = [name.decode() for name in due[::2]]
    waiter_ids = [name.decode() for name in waiters]
    waiters_max = 0 if needs.waiters is None else needs.waiters.waiters_max
    customers = dict(zip(ids, due_rows, strict=True))
    customers.update(zip(waiter_ids, waiter_rows, strict=True))
    customers.update(zip(needs.customers, rows, strict=True))
    return Loaded(
        Position.parse(position),
        shop,
        customers,
        dict(zip(needs.products, products, strict=True)),
        [(int(time), name) for time, name in zip(due[1::2], ids, strict=True)][: needs.due_max],
        len(ids) > needs.due_max,
        dict(zip(needs.ledgers, ledgers, strict=True)),
        [name for name, count in zip(needs.awaited, awaited, strict=True) if count],
        waiter_ids[:waiters_max],
        len(waiter_ids) > waiters_max,
    )


def commit_arguments(commit: Commit) -> list[Any]:
    """What ``commit.lua`` is told; its keys are all of a partition's."""
    rows: list[Any] = []
    gone: list[str] = []
    for name, row in commit.customers.items():
        if row is None:
            gone.append(name)
        else:
            rows += (name, row)
    due = _flat((at, name) for name, at in commit.due.items() if at is not None)
    not_due = [name for name, at in commit.due.items() if at is None]
    products, counters = _flat(commit.products.items()), _flat(commit.counters.items())
    ledgers = _flat(commit.ledgers.items())
    waiting = _flat((0, entry(*pair)) for pair, waits in commit.waiting.items() if waits)
    not_waiting = [entry(*pair) for pair, waits in commit.waiting.items() if not waits]
    groups: list[list[Any]] = [
        rows, gone, due, not_due, products, ledgers, waiting, not_waiting, commit.outbox, counters,
        _flat(commit.blanked.items()), _flat(commit.keys_to_destroy.items()),
    ]  # fmt: skip
    args: list[Any] = [str(commit.expected), str(commit.position), commit.shop]
    args += [commit.published, commit.position.sequence]
    args += map(len, groups)
    return [*args, *chain(*groups)]


def _flat(pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
    return list(chain.from_iterable(pairs))
