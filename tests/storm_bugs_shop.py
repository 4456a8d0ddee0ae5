"""Bugs in what is of no one customer: the ledgers, those who wait for a product, the rates.

To be planted as those of ``storm_bugs`` are.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest.mock import patch

import msgspec
from storm_lines import StormTable

import streams.engage
from agents.engine.batch import Batch
from schemas.codec import encode_row
from state.memory_table import MemoryTable
from state.shop import decode_shop
from state.table import Commit, Loaded, Needs, Position
from streams.apply import Applied, apply
from streams.engage import Engage


def ledgers_by_their_own_call(stack: ExitStack) -> None:
    """Ledgers are written by a call of their own, after the commit."""
    commit = StormTable.commit

    async def parting(self: StormTable, partition: int, it: Commit) -> bool:
        done = await commit(self, partition, msgspec.structs.replace(it, ledgers={}))
        if done and it.ledgers:
            await self._ask(partial(_keep, partition=partition, ledgers=it.ledgers))
        return done

    replace(stack, StormTable, "commit", parting)


def cursor_not_committed(stack: ExitStack) -> None:
    """How far a fan-out has come is in no row, so that each part begins with the first again."""
    commit = StormTable.commit

    async def forgetting(self: StormTable, partition: int, it: Commit) -> bool:
        shop = _with_cursor(it.shop, "")
        return await commit(self, partition, msgspec.structs.replace(it, shop=shop))

    replace(stack, StormTable, "commit", forgetting)


def rest_untold_at_takeover(stack: ExitStack) -> None:
    """Whom a fan-out has still to reach is known to the worker that began it, and to no other."""
    load, commit = StormTable.load, StormTable.commit

    async def remembered(self: StormTable, partition: int, needs: Needs) -> Loaded:
        loaded = await load(self, partition, needs)
        if not loaded.position.chunk or (partition, loaded.position) in _begun(self):
            return loaded
        return msgspec.structs.replace(loaded, waiters=[], waiters_cut=False)

    async def remembering(self: StormTable, partition: int, it: Commit) -> bool:
        _begun(self).add((partition, it.position))
        return await commit(self, partition, it)

    replace(stack, StormTable, "load", remembered)
    replace(stack, StormTable, "commit", remembering)


def waiting_after_erasure(stack: ExitStack) -> None:
    """Who is erased goes on to stand in the index of those who wait."""
    waiting = Batch._waiting

    def kept(self: Batch) -> dict[tuple[str, str], bool]:
        pairs = waiting(self)
        return {pair: it for pair, it in pairs.items() if self.customers[pair[1]] is not None}

    replace(stack, Batch, "_waiting", kept)


def refused_after_commit(stack: ExitStack) -> None:
    """An event that is refused becomes a dead letter when it is committed as done, not before."""

    async def late(*given: Any, refuse: Any, **others: Any) -> AsyncIterator[Applied]:
        async for applied in apply(*given, **others):
            if applied.batch.refused:
                await refuse(applied.batch.refused)
            yield applied

    replace(stack, streams.engage, "apply", late)


def refused_in_silence(stack: ExitStack) -> None:
    """An event that is refused is committed as done, and becomes no dead letter."""

    async def silent(*_: Any) -> None:
        pass

    replace(stack, Engage, "_refuse", silent)


SHOP_BUGS = (
    ledgers_by_their_own_call, cursor_not_committed, rest_untold_at_takeover,
    waiting_after_erasure, refused_after_commit, refused_in_silence,
)  # fmt: skip


def replace(stack: ExitStack, owner: Any, name: str, by: Any) -> None:
    """Let something else take the place of an attribute for as long as the stack is open."""
    stack.enter_context(patch.object(owner, name, by))


async def _keep(table: MemoryTable, partition: int, ledgers: dict[str, bytes]) -> None:
    table._of(partition).ledgers.update(ledgers)


def _begun(table: StormTable) -> set[tuple[int, Position]]:
    begun: set[tuple[int, Position]] = vars(table).setdefault("begun", set())
    return begun


def _with_cursor(shop: bytes, cursor: str) -> bytes:
    return encode_row(msgspec.structs.replace(decode_shop(shop), cursor=cursor))
