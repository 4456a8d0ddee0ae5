"""Where are rows kept in a test, a simulation or a replay? In this process, under the same laws."""

from bisect import bisect_left, bisect_right, insort
from itertools import islice, takewhile

from msgspec.structs import replace

from schemas.journal import merged
from state.table import Commit, Loaded, Needs, Position
from state.waiting import Waiters, entry


class _Partition:
    def __init__(self) -> None:
        self.position = Position()
        self.shop: bytes | None = None
        self.customers: dict[str, bytes] = {}
        self.products: dict[str, bytes] = {}
        self.ledgers: dict[str, bytes] = {}
        self.due: dict[str, int] = {}
        self.due_order: list[tuple[int, str]] = []
        self.waiting: list[tuple[str, str]] = []
        self.outbox: list[bytes] = []
        self.counters: dict[str, int] = {}
        self.destroying: dict[str, str] = {}

    def set_due(self, customer_id: str, at: int | None) -> None:
        before = self.due.pop(customer_id, None)
        if before is not None:
            del self.due_order[bisect_right(self.due_order, (before, customer_id)) - 1]
        if at is not None:
            self.due[customer_id] = at
            insort(self.due_order, (at, customer_id))

    def set_waiting(self, pair: tuple[str, str], *, waits: bool) -> None:
        at = bisect_left(self.waiting, pair)
        is_there = self.waiting[at : at + 1] == [pair]
        if waits and not is_there:
            self.waiting.insert(at, pair)
        elif is_there and not waits:
            del self.waiting[at]

    def waiters(self, wanted: Waiters) -> list[str]:
        """One more than wanted tells whether there are more."""
        begin = bisect_right(self.waiting, (wanted.product_id, wanted.after))
        found = takewhile(
            lambda pair: pair[0] == wanted.product_id, islice(self.waiting, begin, None)
        )
        return [customer_id for _, customer_id in islice(found, wanted.waiters_max + 1)]


class MemoryTable:
    """Rows by partition in dicts; see ``state.table.Table`` for the promises."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}

    async def position(self, partition: int) -> Position:
        return self._of(partition).position

    async def load(self, partition: int, needs: Needs) -> Loaded:
        here = self._of(partition)
        due: list[tuple[int, str]] = []
        if needs.due_until is not None:
            # chr(0x10FFFF) sorts after every id, so all that is due at due_until is in.
            end = bisect_right(here.due_order, (needs.due_until, chr(0x10FFFF)))
            due = here.due_order[: min(end, needs.due_max + 1)]
        waiters = [] if needs.waiters is None else here.waiters(needs.waiters)
        waiters_max = 0 if needs.waiters is None else needs.waiters.waiters_max
        names = dict.fromkeys([*(name for _, name in due), *waiters, *needs.customers])
        return Loaded(
            here.position,
            here.shop,
            {name: here.customers.get(name) for name in names},
            {name: here.products.get(name) for name in needs.products},
            due[: needs.due_max],
            len(due) > needs.due_max,
            {name: here.ledgers.get(name) for name in needs.ledgers},
            [name for name in needs.awaited if here.waiters(Waiters(name, "", 0))],
            waiters[:waiters_max],
            len(waiters) > waiters_max,
        )

    async def commit(self, partition: int, commit: Commit) -> bool:
        here = self._of(partition)
        if here.position != commit.expected:
            return False
        here.position = commit.position
        here.shop = commit.shop
        for customer_id, row in commit.customers.items():
            if row is None:
                here.customers.pop(customer_id, None)
            else:
                here.customers[customer_id] = row
        for customer_id, at in commit.due.items():
            here.set_due(customer_id, at)
        for pair, waits in commit.waiting.items():
            here.set_waiting(pair, waits=waits)
        here.products.update(commit.products)
        here.ledgers.update(commit.ledgers)
        here.outbox += commit.outbox
        for sequence, blank in commit.blanked.items():
            place = sequence - commit.position.sequence - 1
            if -len(here.outbox) <= place < 0:
                here.outbox[place] = blank
        for customer_id, key_ids in commit.keys_to_destroy.items():
            here.destroying[customer_id] = merged(here.destroying.get(customer_id, ""), key_ids)
        for name, by in commit.counters.items():
            here.counters[name] = here.counters.get(name, 0) + by
        await self.published(partition, commit.published)
        return True

    async def outbox(self, partition: int, entries_max: int) -> list[bytes]:
        return self._of(partition).outbox[:entries_max]

    async def published(self, partition: int, sequence: int) -> None:
        here = self._of(partition)
        unpublished = here.position.sequence - sequence
        if unpublished < 0:
            return  # Said of rows that others have taken the place of.
        del here.outbox[: max(0, len(here.outbox) - unpublished)]

    async def customer(self, partition: int, customer_id: str) -> bytes | None:
        """One encoded row, for people who ask."""
        return self._of(partition).customers.get(customer_id)

    def rows(self, partition: int) -> dict[str, bytes]:
        """Every encoded customer row of the partition."""
        return self._of(partition).customers

    def contents(self, partition: int, epoch: int = 0) -> dict[tuple[str, str], bytes]:
        """All that is state, as Redis holds it: by the name of the key, and the name in it.

        epoch: of the position; how often rows were replaced is no matter of the journal's.
        """
        here = self._of(partition)
        found = {("customers", name): row for name, row in here.customers.items()}
        found |= {("products", name): row for name, row in here.products.items()}
        found |= {("ledgers", name): row for name, row in here.ledgers.items()}
        found |= {("waiting", entry(*pair)): b"0" for pair in here.waiting}
        found |= {("timers", name): b"%d" % at for name, at in here.due.items()}
        found |= {("counters", name): b"%d" % by for name, by in here.counters.items()}
        if here.shop is not None:
            found["shop", ""] = here.shop
            found["position", ""] = str(replace(here.position, epoch=epoch)).encode()
        return found

    def _of(self, partition: int) -> _Partition:
        return self._partitions.setdefault(partition, _Partition())
