"""Which models are there, and which are decided by? For people, who may go back to an older one."""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from agents.agent import Agent
from agents.roster import known_agents
from config.settings import Settings, load_engine_file
from schemas.instant import to_text
from schemas.journal import ModelEntry
from state.model import Kept, kept_in, model_key
from state.redis_models import MadeModel, RedisModels
from state.redis_table import RedisTable
from state.shop import clock_of
from state.table import Needs
from streams.learning.fitting import entry_of


class Standing(Struct, frozen=True, kw_only=True):
    """One model. in_effect: in so many of the partitions. bytes: of its body, as JSON.

    by: ``fit``, or ``use`` where it was gone back to; empty of a model that is not kept by its
    version any more. ledgers, ledger_bytes: of what it was fitted.
    """

    agent: str
    version: str
    made_at: str
    in_effect: int
    partitions: int
    bytes: int
    by: str
    ledgers: int
    ledger_bytes: int


class Versions(Struct, frozen=True):
    """An agent's models. kept: the newest last. deciding: by what each partition decides.

    clock_at: the furthest clock of a partition.
    """

    agent: type[Agent]
    kept: list[MadeModel]
    deciding: list[Kept | None]
    clock_at: int

    @property
    def newest_first(self) -> list[MadeModel]:
        """Each model that is kept, or decided by."""
        by_version = {
            it.version: MadeModel(it.version, it.made_at, "", 0, 0, Raw(it.body))
            for it in self.deciding
            if it is not None
        }
        by_version |= {it.version: it for it in self.kept}
        return sorted(by_version.values(), key=lambda it: (it.made_at, it.version), reverse=True)

    def standing(self, it: MadeModel) -> Standing:
        """How one of them stands."""
        return Standing(
            agent=self.agent.name,
            version=it.version,
            made_at=to_text(it.made_at),
            in_effect=sum(its is not None and its.version == it.version for its in self.deciding),
            partitions=len(self.deciding),
            bytes=len(bytes(it.model)),
            by=it.by,
            ledgers=it.ledgers,
            ledger_bytes=it.ledger_bytes,
        )

    def again(self, body: bytes) -> ModelEntry:
        """The record by which a body takes effect once more, as what was made last."""
        newest = max((it.made_at for it in self.deciding if it), default=0)
        return entry_of(self.agent.name, body, max(self.clock_at, newest + 1))

    def can_read(self, body: bytes) -> bool:
        """Whether the agent of today can decide by it."""
        try:
            msgspec.json.decode(body, type=self.agent.model)
        except msgspec.MsgspecError:
            return False
        return True


def learning_agents(settings: Settings) -> list[type[Agent]]:
    """The agents that are on and decide by a model; no secret is needed. Raises ConfigError."""
    sections, known = load_engine_file(settings.config).agents, known_agents()
    return [known[it] for it in sorted(sections) if it in known and known[it].model is not None]


async def look_up(url: str, partitions: int, agents: Sequence[type[Agent]]) -> list[Versions]:
    """The models of agents. Raises StoreError and RowError."""
    needs = Needs(ledgers=[model_key(it.name) for it in agents])
    async with RedisTable(url) as rows:
        loaded = [await rows.load(it, needs) for it in range(partitions)]
    clock_at = max((clock_of(it.shop) for it in loaded), default=0)
    found = []
    async with RedisModels(url) as shelf:
        for agent in agents:
            rows_of = [it.ledgers[model_key(agent.name)] for it in loaded]
            deciding = [None if it is None else kept_in(agent.name, it) for it in rows_of]
            kept = await shelf.versions(agent.name)
            found.append(Versions(agent, kept, deciding, clock_at))
    return found


async def keep_again(url: str, entry: ModelEntry) -> None:
    """Keep a model that is gone back to by its new version. Raises StoreError."""
    async with RedisModels(url) as shelf:
        made = MadeModel(entry.version, entry.made_at, "use", 0, 0, entry.model)
        await shelf.keep(entry.agent, made)
