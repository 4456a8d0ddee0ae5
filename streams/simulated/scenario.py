"""What would Ebbtide say in such a case? A scenario: a short history that shows a policy at work.

It is played through the real engine in memory, under the settings of this installation, with a
clock that jumps. Nothing is published, nobody in it is real, and nobody in it is held out: a story
in which nothing comes, because its customer is by chance one of the holdout, would show nothing.
"""

import asyncio
from importlib.resources import files

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Agent
from agents.engine import Engine
from agents.gate.holdout import Holdout
from schemas.decisions import Decision
from schemas.journal import Tick
from streams.bootstrap import Policy
from streams.replay import Replay
from streams.simulated.story import Row, facts, parse

_FOLDER = "scenarios"
_SUFFIX = ".txt"


class ScenarioError(Exception):
    """There is no such scenario, or it cannot be played. The message says what there is."""


class Scenario(Struct, frozen=True):
    """shows: the kinds of trigger that it is there for. agents: whom it takes to show them."""

    name: str
    title: str
    shows: tuple[str, ...]
    agents: tuple[str, ...]
    about: str
    rows: list[Row]


class Scene(Struct, frozen=True):
    """A moment in which something happens, or something is decided."""

    at: int
    customer_id: str
    happens: str
    comment: str
    decided: list[Decision]


def names() -> list[str]:
    """The scenarios that there are."""
    folder = files("streams.simulated").joinpath(_FOLDER)
    return sorted(it.name.removesuffix(_SUFFIX) for it in folder.iterdir() if it.is_file())


def read(name: str) -> Scenario:
    """A scenario by name. Raises ScenarioError where there is none."""
    if name not in names():
        raise ScenarioError(f"there is no scenario {name!r}; there are {', '.join(names())}")
    text = files("streams.simulated").joinpath(_FOLDER, name + _SUFFIX).read_text("utf-8")
    head, about, table = text.split("\n\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return Scenario(
        name, fields["title"], tuple(fields["shows"].split()), tuple(fields["agents"].split()),
        " ".join(about.split()), parse(table),
    )  # fmt: skip


def play(scenario: Scenario, policy: Policy, *, all_agents: bool = False) -> list[Scene]:
    """What is said in it, moment by moment. all_agents: not those alone whom it is about.

    Raises ScenarioError where an agent that it is about is off.
    """
    on = {agent.name: agent for agent in policy.agents}
    if missing := [it for it in scenario.agents if it not in on]:
        raise ScenarioError(
            f"the scenario {scenario.name!r} is about {', '.join(missing)}, and that is off: add"
            f" the section [agents.{missing[0]}] to engine.toml"
        )
    cast = policy.agents if all_agents else [on[it] for it in scenario.agents]
    return asyncio.run(_played(scenario, _engine(policy, cast)))


def _engine(policy: Policy, cast: list[Agent]) -> Engine:
    nobody = Holdout(share=0, over_all=0)
    cast = [replace(agent, holdout_share=0.0) for agent in cast]
    return Engine(cast, replace(policy.gate, holdout=nobody), policy.settings)


async def _played(scenario: Scenario, engine: Engine) -> list[Scene]:
    shop = Replay(engine, partitions=1)
    scenes: list[Scene] = []
    happening = iter([row for row in scenario.rows if row.event is not None])
    known = 0
    for at, fact in facts(scenario.rows):
        await shop.run([fact])
        decided, known = shop.decisions[0][known:], len(shop.decisions[0])
        if not isinstance(fact, Tick):
            row = next(happening)
            ours = [it for it in decided if it.customer_id == row.customer_id]
            scenes.append(Scene(at, row.customer_id, row.happens, row.comment, ours))
            decided = [it for it in decided if it.customer_id != row.customer_id]
        for customer_id in dict.fromkeys(it.customer_id for it in decided):
            theirs = [it for it in decided if it.customer_id == customer_id]
            scenes.append(Scene(at, customer_id, "", "", theirs))
    return scenes
