"""How does a key get destroyed for certain? By whoever has the partition, until the topic says so.

A commit that applies an erasure condemns the customer's keys (``destroying``), whole or not at all.
From that moment nobody uses them. What is left to do is done here at least once: the topic is told,
and then Redis lets go. Whoever dies in between leaves it to the partition's next owner.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog

from state.table import StoreError
from streams import metrics
from streams.privacy.cipher import Cipher
from streams.privacy.key_ring import KeyRing
from streams.producer import DeliveryError
from streams.tasks import end

log = structlog.get_logger()

#: A Redis that went back may have forgotten that something is done, and nobody is told.
LOOK_AGAIN_S = 5.0
_CUSTOMERS_MAX = 500


class Eraser:
    """Destroys the condemned keys of the partitions that are ours."""

    def __init__(self, ring: KeyRing, cipher: Cipher | None) -> None:
        self._ring = ring
        self._cipher = cipher
        self._ours: set[int] = set()
        self._known: set[int] = set()
        self._wake = asyncio.Event()
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, partition: int) -> None:
        """A partition is ours, or Redis may have gone back."""
        self._ours.add(partition)
        self._known.discard(partition)
        self._wake.set()

    def revoked(self, partitions: Iterable[int]) -> None:
        """Partitions are not ours any more."""
        for partition in partitions:
            self._ours.discard(partition)
            with suppress(KeyError):
                metrics.KEYS_CONDEMNED.remove(str(partition))

    def notice(self) -> None:
        """A commit has condemned keys."""
        self._wake.set()

    async def run(self) -> None:
        """Destroy what is condemned, until it is closed."""
        self._task = asyncio.create_task(self._go_on(), name="eraser")
        try:
            await asyncio.wait([self._task])
        finally:
            await self.close()
        if not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        """Stop at once, before what it works with is closed: the next owner does what is left."""
        await end([self._task])

    async def _go_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_AGAIN_S)
            self._wake.clear()
            for partition in sorted(self._ours):
                await self._try(partition)

    async def _try(self, partition: int) -> None:
        try:
            await self.work(partition)
        except (StoreError, DeliveryError) as error:
            metrics.STORE_ERRORS.inc(isinstance(error, StoreError))
            if not self._failing:
                log.warning("keys_not_destroyed", partition=partition, error=str(error))
            self._failing = True
        else:
            self._failing = False

    async def work(self, partition: int) -> None:
        """Fill Redis from the topic where that is to be done, and destroy what is condemned."""
        if partition not in self._known:
            await self._ring.catch_up(partition)
            self._known.add(partition)
        gauge = metrics.KEYS_CONDEMNED.labels(str(partition))
        gauge.set(await self._ring.keys.destroying_count(partition))
        while (gone := await self._ring.destroy(partition, _CUSTOMERS_MAX)) is not None:
            for key in gone:
                if self._cipher is not None:
                    self._cipher.forget(key.wrapped)
            metrics.KEYS_DESTROYED.inc(len(gone))
            log.info("keys_destroyed", partition=partition, count=len(gone))
            gauge.set(await self._ring.keys.destroying_count(partition))
