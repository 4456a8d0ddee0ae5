"""What does the leader do, that no other worker may? It looks at all partitions, again and again.

What concerns them all and none alone is done by one worker at a time: what is said about the shop
(``ops/processor.py``), what is learned (``learning/trainer.py``), and what partitions learn from
each other (``learning/sharing.py``). For a moment two may lead, so each of these bears to be done
twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from state.table import Loaded, Needs
from streams.producer import Sender

log = structlog.get_logger()


class Rows(Protocol):
    """Where partitions are read."""

    async def load(self, partition: int, needs: Needs) -> Loaded:
        """Read some of a partition, at one moment."""
        ...


class Failures:
    """What fails again and again is logged once, until it has gone well. event: the log's name."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._last: dict[str, str] = {}

    def failed(self, error: Exception, agent: str = "") -> None:
        """Log an error if it is another than the agent's last; or than the last of no agent."""
        if (wrong := f"{type(error).__name__}: {error}") != self._last.get(agent):
            self._last[agent] = wrong
            whose = {"agent": agent} if agent else {}
            log.warning(self._event, **whose, error=wrong)

    def went_well(self, agent: str = "") -> None:
        """Log the next error, also where it is the same."""
        self._last.pop(agent, None)


class Leader:
    """This worker, as long as ``is_leader`` says so. partitions: how many the journal has."""

    def __init__(
        self, rows: Rows, producer: Sender, *, partitions: int, is_leader: Callable[[], bool]
    ) -> None:
        self.send = producer.send
        self.partitions = partitions
        self._rows = rows
        self._is_leader = is_leader

    async def load(self, needs: Needs, of_others: Needs | None = None) -> list[Loaded]:
        """Read all partitions, one after another. of_others: of all but the first, if not the same.

        Raises StoreError.
        """
        others = needs if of_others is None else of_others
        return [await self._rows.load(it, others if it else needs) for it in range(self.partitions)]

    async def keep_looking(
        self, look: Callable[[], Awaitable[None]], every_s: float, failures: Failures,
        forget: Callable[[], None],
    ) -> None:  # fmt: skip
        """Look, for ever, while this worker leads. forget: what is done at each look that is not.

        Whatever a look raises is a failure, after which it is looked again.
        """
        while True:
            await asyncio.sleep(every_s)
            if not self._is_leader():
                forget()
                continue
            try:
                await look()
                failures.went_well()
            except Exception as error:  # noqa: BLE001 - the worker's other work must go on
                failures.failed(error)
