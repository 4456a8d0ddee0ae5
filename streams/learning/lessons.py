"""What is learned on the way through a history? Models, each fitted when all before it is applied.

Whoever feeds a history gives it its time, and has to give it its models: at the first tick of a
day all partitions are brought up to that tick, the models of then are appended behind it, and only
then the history goes on. So a history that is fed to a worker and one that is played in memory have
their models at the same places of the log, and decide the same. What partitions learn from each
other's visitors is carried over in the same way. Live, where nobody can hold the log up, the leader
trains (``trainer.py``) and carries looks over (``sharing.py``).
"""

from collections.abc import Awaitable, Callable, Iterable

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.visits import LOOKS
from schemas.instant import HOUR, SECOND
from schemas.journal import ModelEntry
from state.table import Loaded, Needs
from streams.learning.fitting import fit, is_due, learners, needs_of
from streams.learning.sharing import NEEDS, Exchange

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


class Meetings:
    """When partitions hear of each other's looks, and of which. every_s: of the history's time.

    By default as often as live; 0: never. Where nothing was looked at there is nothing to wait for.
    """

    def __init__(self, engine: Engine, partitions: int, every_s: float | None = None) -> None:
        every_s = engine.settings.share_seconds if every_s is None else every_s
        self._every_hours = every_s * SECOND / HOUR if engine.shares else 0.0
        self._partitions = partitions
        self._exchange = Exchange(partitions)
        self._looked = False
        self._before: int | None = None

    def saw(self, fact: object) -> None:
        """This was fed."""
        if type(fact) in LOOKS:
            self._looked = True

    def begins(self, at: int) -> bool:
        """Whether it is time, at a tick."""
        if not (self._looked and self._every_hours and is_due(at, self._before, self._every_hours)):
            return False
        self._before, self._looked = at, False
        return True

    async def records(self, load: Load) -> list[tuple[int, bytes]]:
        """What goes into the journal, by partition, of what has been applied."""
        found = self._exchange.round([await load(it, NEEDS) for it in range(self._partitions)])
        if found is None:
            return []
        self._exchange.done(found)
        return found.records
