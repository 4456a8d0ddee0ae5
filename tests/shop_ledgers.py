"""What is in the ledgers of some partitions? For tests of what concerns the shop."""

from collections.abc import Iterable, Sequence
from typing import Any

from partition import SETTINGS, Partition, journal

from agents.agent import Agent
from agents.engine.intake import EngineSettings
from agents.ops.lookout import Lookout
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Tick
from schemas.ops import Alert
from state.ledger import Ledgers
from state.shop import decode_shop
from streams.partitioner import partition_of


def spread(
    history: Iterable[Event | Tick],
    partitions: int,
    *agents: Agent,
    settings: EngineSettings = SETTINGS,
) -> list[Partition]:
    """So many partitions, to which the events of a log went by customer, and all ticks."""
    history = list(history)
    found = []
    for number in range(partitions):
        mine = [
            it for it in history
            if isinstance(it, Tick)
            or partition_of(it.customer_id or it.subject, partitions) == number
        ]  # fmt: skip
        partition = Partition(*agents, settings=settings)
        partition.feed(journal(mine))
        found.append(partition)
    return found


def ledger_of(partition: Partition, agent: Agent) -> Any:
    """An agent's ledger of a partition, or None."""
    rows = partition.state()["ledgers"]
    if agent.name not in rows or agent.keeps is None:
        return None
    return Ledgers(rows).read(agent.name, agent.keeps)


def ledgers_of(partitions: Sequence[Partition], agent: Agent) -> list[Any]:
    """Those of the partitions that have one."""
    return [it for it in (ledger_of(one, agent) for one in partitions) if it is not None]


def clock_of(partition: Partition) -> int:
    """How far its clock has come."""
    return decode_shop(partition.state()["shop"]).clock_at


def concluded(agent: Lookout, *partitions: Partition) -> dict[int, list[Alert]]:
    """What follows from each window that is closed in all partitions, and kept."""
    ledgers = ledgers_of(partitions, agent)
    last = min(agent.newest_closed(clock_of(it)) for it in partitions)
    windows = range(last - agent.windows_kept + 1, last + 1)
    return {window: agent.conclude(ledgers, window) for window in windows}


def told(agent: Lookout, history: Iterable[Event | Tick], partitions: int = 1) -> list[Alert]:
    """Everything that is ever said, hour by hour, as the leader would say it."""
    said: list[Alert] = []
    done = -1
    rows = [Partition(agent) for _ in range(partitions)]
    offsets = [0] * partitions
    for it in history:
        for number, one in enumerate(rows):
            if (
                isinstance(it, Tick)
                or partition_of(it.customer_id or it.subject, partitions) == number
            ):
                one.feed(journal([it], offsets[number]))
                offsets[number] += 1
        if isinstance(it, Tick) and not it.at % HOUR:
            for window, alerts in concluded(agent, *rows).items():
                if window > done:
                    said += alerts
                    done = window
    return said
