"""What does the engine need from wherever rows are kept? The port, and the laws of a commit.

A partition is the unit: its rows, timers, outbox, counters and journal position are read together
and written together. ``commit`` is a compare-and-set on the position, and it is the only write that
matters: it happens whole or not at all, and whoever holds an outdated position changes nothing.
Two implementations keep these laws, and one contract test holds both to them: ``memory_table`` and
``redis_table``.
"""

from typing import Protocol

from msgspec import Struct

from state.waiting import Waiters


class StoreError(Exception):
    """The store did not answer, or not as expected. A write may or may not have happened."""


class Position(Struct, frozen=True, order=True):
    """How far a partition has come.

    offset: the next journal record to apply.
    chunk: how many commits the record at ``offset`` has had already; a tick with very many due
    timers takes several, as does an event of a product for which very many wait, and each must be
    told from the next.
    sequence: how many decisions the partition has made; the outbox ends with this one.
    epoch: how often all rows have been replaced by others, restored or rebuilt. Whoever holds what
    was read before that is at another position, also where the journal's offset is the same.
    """

    offset: int = 0
    chunk: int = 0
    sequence: int = 0
    epoch: int = 0

    def __str__(self) -> str:
        here = f"{self.offset}:{self.chunk}:{self.sequence}"
        return f"{here}:{self.epoch}" if self.epoch else here

    @classmethod
    def parse(cls, text: bytes | None) -> "Position":
        """Read what ``str`` wrote; nothing at all is the beginning.

        Raises StoreError where it is none.

        >>> Position.parse(b"120:0:7")
        Position(offset=120, chunk=0, sequence=7, epoch=0)
        """
        if text is None:
            return cls()
        try:
            offset, chunk, sequence, *epoch = map(int, text.split(b":"))
            return cls(offset, chunk, sequence, *epoch)
        except (ValueError, TypeError) as error:
            raise StoreError(f"{text[:40]!r} is no position of a partition") from error


class Needs(Struct, frozen=True):
    """The rows that a batch names. due_until: also the customers with a timer due by then.

    ledgers: by the names of the agents that keep them. awaited: products of which is asked whether
    anybody waits. waiters: those who wait for one of them.
    """

    customers: list[str] = []
    products: list[str] = []
    due_until: int | None = None
    due_max: int = 0
    ledgers: list[str] = []
    awaited: list[str] = []
    waiters: Waiters | None = None


class Loaded(Struct, frozen=True):
    """What a batch starts from. Rows are encoded; a missing one is None, as it never existed.

    due: customers with timers due by ``due_until``, ordered by (earliest due, customer); at most
    ``due_max`` of them, and ``due_cut`` says that there are more. awaited: for which of the
    products asked about somebody waits. waiters: by their ids, in order; ``waiters_cut`` says that
    there are more.
    """

    position: Position
    shop: bytes | None
    customers: dict[str, bytes | None]
    products: dict[str, bytes | None]
    due: list[tuple[int, str]] = []
    due_cut: bool = False
    ledgers: dict[str, bytes | None] = {}
    awaited: list[str] = []
    waiters: list[str] = []
    waiters_cut: bool = False


class Commit(Struct, frozen=True):
    """Everything that a batch changes. A row of None is deleted; a due time of None is no timer.

    outbox: encoded decisions, those after ``expected.sequence``.
    published: the relay has had every decision up to this sequence acknowledged; they leave.
    waiting: by product and customer, whether the one waits for the other from now on.
    keys_to_destroy: ids of keys, one after another, by customer. blanked: what takes the place of
    decisions in the outbox, those of this commit included, by sequence.
    """

    expected: Position
    position: Position
    shop: bytes
    customers: dict[str, bytes | None]
    due: dict[str, int | None]
    products: dict[str, bytes]
    outbox: list[bytes]
    counters: dict[str, int]
    published: int = 0
    ledgers: dict[str, bytes] = {}
    waiting: dict[tuple[str, str], bool] = {}
    keys_to_destroy: dict[str, str] = {}
    blanked: dict[int, bytes] = {}


class Table(Protocol):
    """Rows by partition. Every method raises StoreError where the store does not answer."""

    async def position(self, partition: int) -> Position:
        """How far the partition has come, by what is committed."""
        ...

    async def load(self, partition: int, needs: Needs) -> Loaded:
        """Read what a batch needs, all at one moment."""
        ...

    async def commit(self, partition: int, commit: Commit) -> bool:
        """Write all of it if the position is still ``expected``, else nothing and False."""
        ...

    async def outbox(self, partition: int, entries_max: int) -> list[bytes]:
        """The oldest decisions that have not been published, in order."""
        ...

    async def published(self, partition: int, sequence: int) -> None:
        """Let go of the decisions up to ``sequence``, which the broker has acknowledged."""
        ...
