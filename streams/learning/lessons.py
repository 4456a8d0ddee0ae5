"""What is learned on the way through a history? Models, each fitted when all before it is applied.

Whoever feeds a history gives it its time, and has to give it its models: at the first tick of a
day all partitions are brought up to that tick, the models of then are appended behind it, and only
then the history goes on. So a history that is fed to a worker and one that is played in memory have
their models at the same places of the log, and decide the same. Live, where nobody can hold the log
up, the leader trains (``trainer.py``).
"""

from collections.abc import Awaitable, Callable, Iterable

from agents.agent import Agent
from schemas.journal import ModelEntry
from state.table import Loaded, Needs
from streams.learning.fitting import fit, is_due, learners, needs_of

#: Reads some of a partition, by its number.
Load = Callable[[int, Needs], Awaitable[Loaded]]


class Lessons:
    """When it is time to learn, and what. every_hours: of the history's time, in UTC; 0: never."""

    def __init__(self, agents: Iterable[Agent], every_hours: float) -> None:
        self._learners = learners(agents) if every_hours else []
        self._every_hours = every_hours
        self._before: int | None = None

    def begins(self, at: int) -> bool:
        """Whether a tick is the first of another day; not of the very first one."""
        if not self._learners:
            return False
        before = self._before
        if before is not None and not is_due(at, before, self._every_hours):
            return False
        self._before = at
        return before is not None

    async def models(self, load: Load, partitions: int, at: int) -> list[ModelEntry]:
        """The models of all agents, of what has been applied. Raises what ``fit`` raises."""
        found = []
        for agent in self._learners:
            loaded = [await load(it, needs_of(agent)) for it in range(partitions)]
            made = fit(agent, loaded, at)
            if made is not None:
                found.append(made.entry)
        return found
