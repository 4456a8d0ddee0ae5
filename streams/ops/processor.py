"""When is something said about the shop? When a window is over in all partitions; by one worker.

The leader, who appends the ticks too, looks every few seconds at the clocks of all partitions. A
window that is closed in each of them is concluded from the ledgers of all, and its alerts are
published; when the broker has them, that is noted in Redis. Who dies between the two, or is leader
at the same time as another for a moment, leaves alerts that are published twice, under the same
id: at least once. A ledger's windows are closed for good when they are read here, so it makes no
difference when they are, or by whom.

A partition whose clock stands still holds all windows back. It may do so for as long as ledgers
keep closed windows (``windows_kept``); what is older by then is counted as missed.
"""

import asyncio
from collections.abc import Iterable
from time import time
from typing import Any, Protocol

import structlog

from agents.agent import Agent
from agents.ops.lookout import Lookout
from agents.sales import Sales
from schemas.instant import HOUR, SECOND
from schemas.ops import alert_message
from state.ledger import ledgers_of
from state.shop import clock_of
from state.table import Needs
from streams import metrics
from streams.leader import Failures, Leader
from streams.ops.revenue import SHOWN_DAYS, Revenue, labelled
from streams.ops.settings import OpsSettings
from streams.producer import Outbound

log = structlog.get_logger()


class Notes(Protocol):
    """Where it is noted what has been said."""

    async def note_concluded(self, agent: str, ends_at: int) -> None:
        """Note up to which end of a window an agent's alerts are published."""
        ...

    async def concluded(self) -> dict[str, int]:
        """Up to where it is noted, by agent."""
        ...


class Ops:
    """Concludes and shows. by_wall: whether its clock is the wall's."""

    def __init__(
        self, agents: Iterable[Agent], leader: Leader, notes: Notes, settings: OpsSettings, *,
        by_wall: bool = True,
    ) -> None:  # fmt: skip
        agents = list(agents)
        self._lookouts = [it for it in agents if isinstance(it, Lookout)]
        self._sales = [it for it in agents if isinstance(it, Sales)]
        self._leader = leader
        self._notes = notes
        self._settings = settings
        self._by_wall = by_wall

    async def run(self) -> None:
        """Look, for ever, as long as this worker is the leader."""
        if self._lookouts or self._sales:
            failures = Failures("ops_not_concluded")
            await self._leader.keep_looking(
                self.look, self._settings.every_seconds, failures, metrics.forget_ops
            )

    async def look(self) -> None:
        """Show the sales, and conclude every window that is over by now.

        Raises StoreError, DeliveryError, RowError or what an agent raises, when all others have
        been asked: what was not noted is done again.
        """
        loaded = await self._leader.load(Needs(ledgers=[it.name for it in self._sales]))
        clocks = [clock_of(it.shop) for it in loaded]
        metrics.OPS_HELD_BACK.set((max(clocks) - min(clocks)) / SECOND)
        for sales in self._sales:
            ledgers = ledgers_of(loaded, sales.name, sales.keeps)
            _show(Revenue(ledgers, sales.day_of(max(clocks))), sales.shown_max)
        if not self._lookouts or not min(clocks):
            return
        noted = await self._notes.concluded()
        errors = []
        for lookout in self._lookouts:
            try:
                await self._conclude(lookout, clocks, noted.get(lookout.name))
            except Exception as error:  # noqa: BLE001 - the others' windows are over, too
                errors.append(error)
        if errors:
            raise errors[0]

    async def _conclude(self, lookout: Lookout, clocks: list[int], noted_at: int | None) -> None:
        """Conclude the windows of one agent. noted_at: the end of the last one that was."""
        width, last = lookout.width, lookout.newest_closed(min(clocks))
        begin = 0 if noted_at is None else noted_at // width
        if begin > last:
            return
        loaded = await self._leader.load(Needs(ledgers=[lookout.name]))
        newest = lookout.newest_closed(max(clock_of(it.shop) for it in loaded))
        kept = newest - lookout.windows_kept + 1
        windows = range(max(begin, kept, self._first_worth_it(lookout)), last + 1)
        missed = min(windows.start, last + 1) - begin
        if missed and noted_at is not None:
            metrics.OPS_WINDOWS.labels(lookout.name, "missed").inc(missed)
            log.warning("windows_missed", agent=lookout.name, windows=missed)
        ledgers: list[Any] = ledgers_of(loaded, lookout.name, lookout.keeps)
        metrics.OPS_LATE.labels(lookout.name).set(sum(it.late for it in ledgers))
        for window in windows:
            # On a thread: it takes a tenth of a second where there are many partitions.
            alerts = await asyncio.to_thread(lookout.conclude, ledgers, window)
            if alerts:
                messages = [alert_message(it) for it in alerts]
                await self._leader.send(
                    [Outbound(it.topic, it.value, it.key, it.headers) for it in messages]
                )
                await self._notes.note_concluded(lookout.name, (window + 1) * width)
            metrics.OPS_WINDOWS.labels(lookout.name, "concluded").inc()
            metrics.OPS_ALERTS.labels(lookout.alert).inc(len(alerts))
        # Also where there was nothing to say, or nobody needs to know of it any more.
        await self._notes.note_concluded(lookout.name, (last + 1) * width)

    def _first_worth_it(self, lookout: Lookout) -> int:
        """The first window that did not end too long ago by the wall."""
        if not self._by_wall:
            return 0
        oldest_end = round(time() * 1_000) - round(self._settings.age_max_hours * HOUR)
        return oldest_end // lookout.width


def _show(revenue: Revenue, most: int) -> None:
    classes = {days: revenue.classes(days) for days in SHOWN_DAYS}
    categories = {days: revenue.categories(days) for days in SHOWN_DAYS}
    metrics.show_revenue(labelled(classes, most), labelled(categories, most))
