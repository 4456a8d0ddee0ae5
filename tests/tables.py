"""How do tests ask a table? One call at a time, without ``await``, and with a look at all it holds."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import redis

from schemas.journal import Entry, Record, ShopEntry
from schemas.orders import OrderPlaced
from state.memory_table import MemoryTable
from state.redis_table import RedisTable
from state.table import Commit, Loaded, Needs, Position, Table
from state.waiting import entry

T = TypeVar("T")
Contents = dict[str, Any]

HERE, ELSEWHERE = 7, 8
BEGINNING = Position()
EVER = 2**52  # Later than anything is due.

# Python sorts text by code points and Redis by bytes, which is the same. In UTF-16, as in Java, the
# last two would change places.
IDS = ("Zoe", "ann", "anon:7", "zoë", "日本", "\uffee", "😀")


class Store:
    """A table under test, asked without ``await``; and all that lies in it, for comparison."""

    def __init__(
        self, table: Table, runner: asyncio.Runner, contents: Callable[[int], Contents]
    ) -> None:
        self.table = table
        self.contents = contents
        self._runner = runner

    def run(self, answer: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(answer)

    def position(self, partition: int = HERE) -> Position:
        return self.run(self.table.position(partition))

    def load(self, partition: int = HERE, **needs: Any) -> Loaded:
        return self.run(self.table.load(partition, Needs(**needs)))

    def commit(self, commit: Commit, partition: int = HERE) -> bool:
        return self.run(self.table.commit(partition, commit))

    def outbox(self, entries_max: int = 1_000_000) -> list[bytes]:
        return self.run(self.table.outbox(HERE, entries_max))

    def published(self, sequence: int) -> None:
        self.run(self.table.published(HERE, sequence))

    def everything(self) -> list[Contents]:
        return [self.contents(HERE), self.contents(ELSEWHERE)]


def step(expected: Position, **changes: Any) -> Commit:
    """A commit of one record, which changes what is given."""
    sequence = expected.sequence + len(changes.get("outbox", []))
    defaults: dict[str, Any] = {
        "position": Position(expected.offset + 1, 0, sequence), "shop": b"shop", "customers": {},
        "due": {}, "products": {}, "outbox": [], "counters": {},
    }  # fmt: skip
    return Commit(expected, **(defaults | changes))


def events_applied(counters: Mapping[str, int]) -> int:
    """How many events a partition has taken in, by what its commits have counted."""
    fates = ((name, by) for name, by in counters.items() if name.startswith("records/"))
    return sum(by for name, by in fates if not name.endswith("/duplicate"))


def facts_among(records: Iterable[Record]) -> set[tuple[str, str]]:
    """What happened, each once: an order goes by its own id, all else by that of the event."""
    events = [it.event for it in records if isinstance(it, Entry | ShopEntry)]
    return {
        (it.subject, f"order {it.order_id}" if isinstance(it, OrderPlaced) else it.event_id)
        for it in events
    }


def in_memory(table: MemoryTable, partition: int) -> Contents:
    part = table._of(partition)
    return {
        "position": str(part.position), "shop": part.shop, "customers": dict(part.customers),
        "waiting": sorted(entry(*pair) for pair in part.waiting),
        "products": dict(part.products), "ledgers": dict(part.ledgers), "timers": dict(part.due),
        "outbox": list(part.outbox),
        "counters": dict(part.counters), "destroying": dict(part.destroying),
    }  # fmt: skip


def in_redis(client: Any, partition: int) -> Contents:
    def key(name: str) -> str:
        return f"ebb:{{p{partition}}}:{name}"

    def rows(name: str) -> dict[str, bytes]:
        return {name.decode(): row for name, row in client.hgetall(key(name)).items()}

    timers = client.zrange(key("timers"), 0, -1, withscores=True)
    return {
        "position": (client.get(key("position")) or b"0:0:0").decode(),
        "shop": client.get(key("shop")), "customers": rows("customers"),
        "waiting": [it.decode() for it in client.zrange(key("waiting"), 0, -1)],
        "products": rows("products"), "ledgers": rows("ledgers"), "timers": {name.decode(): int(due) for name, due in timers},
        "outbox": client.lrange(key("outbox"), 0, -1),
        "counters": {name: int(by) for name, by in rows("counters").items()},
        "destroying": {name: ids.decode() for name, ids in rows("destroying").items()},
    }  # fmt: skip


def open_client(url: str) -> Any:
    """A client of a server or a Cluster, without ``await``."""
    scheme, _, hosts = url.partition("+cluster://")
    if not hosts:
        return redis.Redis.from_url(url)
    return redis.RedisCluster.from_url(f"{scheme}://{hosts.split(',')[0]}")


@contextmanager
def memory_store() -> Iterator[Store]:
    """A table in this process."""
    table = MemoryTable()
    with asyncio.Runner() as runner:
        yield Store(table, runner, lambda partition: in_memory(table, partition))


@contextmanager
def redis_store(url: str) -> Iterator[Store]:
    """A table in Redis, or in a Redis Cluster."""
    table = RedisTable(url)
    with open_client(url) as client, asyncio.Runner() as runner:
        yield Store(table, runner, lambda partition: in_redis(client, partition))
        runner.run(table.close())


FULL = step(
    BEGINNING,
    customers={"ann": b"row of ann", "zoë": b"row of zoe", "bob": b"row of bob"},
    due={"ann": 1_768_896_000_000, "zoë": 1_768_896_000_001},
    products={"tea": b"row of tea"},
    ledgers={"rfm": b"ledger of rfm"},
    outbox=[b"first", b"second"],
    counters={"records/page_viewed/applied": 2},
    waiting={("tea", "ann"): True, ("tea", "zoë"): True},
    keys_to_destroy={"zoë": "aaaaaaaabbbbbbbb"},
)
