"""When is a model fitted, and how does it take effect? Each day of the log; by the leader.

The leader looks every few seconds at the clocks of all partitions. When the slowest of them has
come into another day, each agent that learns is asked for a model of the ledgers as they are then;
it is kept by its version, appended to every journal partition, and only then it is noted that this
day's has been made. Who dies in between leaves a model that some partitions have, or all of them,
and the next leader fits the same day again: from ledgers that have gone on for some seconds, so the
newer of the two takes effect everywhere. Two leaders, for a moment, do the same. Neither can hurt:
a partition decides by what stands in its log, and every decision names the version.

While rows are made anew after Redis has lost all, the clocks are those of the past. Models of then
stand at the end of the log, and are older than what has taken effect by the time they are read.
"""

from asyncio import to_thread
from collections.abc import Iterable
from typing import Protocol

import structlog

from agents.agent import Agent
from schemas.codec import encode_json
from schemas.instant import SECOND
from schemas.journal import ModelEntry
from state.model import model_key
from state.redis_models import MadeModel
from state.shop import clock_of
from state.table import Loaded, Needs
from streams import metrics
from streams.leader import Failures, Leader
from streams.learning.fitting import Made, fit, in_effect, is_due, learners, needs_of
from streams.learning.settings import ModelSettings
from streams.producer import Outbound
from streams.topics import JOURNAL

log = structlog.get_logger()


class Shelf(Protocol):
    """Where models are kept by their version, and where it is noted what has been tried."""

    async def keep(self, agent: str, made: MadeModel) -> None:
        """Keep a model, beside the newest ones."""
        ...

    async def note_fitted(self, agent: str, at: int) -> None:
        """Note up to which moment of the log an agent's model was last tried."""
        ...

    async def fitted(self) -> dict[str, int]:
        """Up to which moment it was, by agent."""
        ...


class Trainer:
    """Has models fitted and takes them to the journal."""

    def __init__(
        self, agents: Iterable[Agent], leader: Leader, shelf: Shelf, settings: ModelSettings
    ) -> None:
        held = set(settings.held)
        self._agents = [it for it in learners(agents) if it.name not in held]
        self._leader = leader
        self._shelf = shelf
        self._settings = settings
        self._failures = Failures("model_not_made")

    async def run(self) -> None:
        """Look, for ever, as long as this worker is the leader."""
        if self._agents and self._settings.every_hours:
            await self._leader.keep_looking(
                self.look, self._settings.look_seconds, self._failures, metrics.forget_models
            )

    async def look(self) -> None:
        """Show which models are in effect, and have those fitted for which it is time.

        Raises StoreError or DeliveryError, after which it is done again, and RowError. An agent
        that cannot fit is logged and counted, and asked again when it is next time.
        """
        models = Needs(ledgers=[model_key(it.name) for it in self._agents])
        loaded = await self._leader.load(models, of_others=Needs())
        clocks = [clock_of(it.shop) for it in loaded]
        self._show(loaded[0], max(clocks))
        if not (at := min(clocks)):
            return
        noted = await self._shelf.fitted()
        for agent in self._agents:
            if is_due(at, noted.get(agent.name), self._settings.every_hours):
                await self._train(agent, at)

    async def _train(self, agent: Agent, at: int) -> None:
        loaded = await self._leader.load(needs_of(agent))
        made, outcome = await self._fit(agent, loaded, at)
        if made is not None:
            await self._shelf.keep(agent.name, made_model(made, "fit"))
            await self._leader.send(appended(made.entry, self._leader.partitions))
            log.info("model_made", agent=agent.name, version=made.entry.version)
        await self._shelf.note_fitted(agent.name, at)
        metrics.MODEL_FITS.labels(agent.name, outcome).inc()

    async def _fit(self, agent: Agent, loaded: list[Loaded], at: int) -> tuple[Made | None, str]:
        try:
            # On a thread: it may take seconds, and partitions are applied meanwhile.
            made = await to_thread(fit, agent, loaded, at)
        except Exception as error:  # noqa: BLE001 - an agent may fail in any way
            self._failures.failed(error, agent.name)
            return None, "failed"
        self._failures.went_well(agent.name)
        return made, "made" if made is not None else "nothing_new"

    def _show(self, loaded: Loaded, clock_at: int) -> None:
        """Show what one partition decides by; the others do too, or will in a moment."""
        for agent in self._agents:
            fitted = in_effect(agent, [loaded])
            if fitted is not None:
                age_s = max(0, clock_at - fitted.made_at) / SECOND
                metrics.show_model(agent.name, fitted.version, fitted.made_at / SECOND, age_s)


def appended(entry: ModelEntry, partitions: int) -> list[Outbound]:
    """The records by which a model takes effect in every partition."""
    value = encode_json(entry)
    return [Outbound(JOURNAL, value, partition=it) for it in range(partitions)]


def made_model(made: Made, by: str) -> MadeModel:
    """A model as it is kept by its version."""
    it = made.entry
    return MadeModel(it.version, it.made_at, by, made.ledgers, made.ledger_bytes, it.model)
