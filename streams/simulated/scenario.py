"""Which short stories are there to show a policy at work? A file each, played by ``playing.py``.

A file has a head, what it is about, perhaps settings, and a table as in ``story.py``, each followed
by an empty line:

    title: A promotion begins, and ends
    group: Greetings and campaigns
    shows: promotion promotion_ending
    agents: promotion

    Two or three sentences for whoever plays it.

    settings:
    [[agents.promotion.planned]]
    name = "spring"

    2026-03-01 10:00  ann  consent_changed purpose=marketing

The settings are sections of engine.toml for the story's own agents; each key stands in the place of
the installation's. A coupon of an order may be named by the kind of trigger that handed it out,
because its code is another one wherever the secret is.
"""

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Agent
from schemas.mistake import settings_of
from streams.simulated.story import Row, parse

_FOLDER = "scenarios"
_SUFFIX = ".txt"
_SETTINGS = "settings:\n"

#: In the order in which a customer comes to know the shop.
GROUPS = (
    "From a look to an order", "Buying again", "Service", "Winning back", "Greetings and campaigns",
    "Knowing the customer", "Rules of sending",
)  # fmt: skip


class ScenarioError(Exception):
    """There is no such scenario, or it cannot be played. The message says what to do."""


class Scenario(Struct, frozen=True):
    """shows: the kinds of trigger that it is there for. agents: whom it takes to show them.

    settings: by agent, what is set otherwise in it. told: the same as it stands in the file.
    """

    name: str
    title: str
    group: str
    shows: tuple[str, ...]
    agents: tuple[str, ...]
    about: str
    rows: list[Row]
    settings: dict[str, dict[str, Any]] = {}
    told: str = ""

    def cast(self, on: Iterable[Agent], *, all_agents: bool = False) -> list[Agent]:
        """Those of the agents that are on who take part. all_agents: all of them.

        Raises ScenarioError where an agent that it is about is off, or does not take its settings.
        """
        there = {agent.name: agent for agent in on}
        if missing := [it for it in self.agents if it not in there]:
            sections = ", ".join(f"[agents.{it}]" for it in missing)
            raise ScenarioError(
                f"the scenario {self.name!r} is about {', '.join(missing)}, and that is off: add"
                f" the section {sections} to engine.toml, or name another file with --config (the"
                " shipped one is config/engine.toml)"
            )
        there |= {name: self._otherwise(there[name]) for name in self.settings}
        return list(there.values()) if all_agents else [there[it] for it in self.agents]

    def _otherwise(self, agent: Agent) -> Agent:
        """The agent with the story's own settings."""
        changes = self.settings[agent.name]
        try:
            changed = settings_of(changes, type(agent), f"agents.{agent.name}")
            return replace(agent, **{name: getattr(changed, name) for name in changes})
        except ValueError as error:
            raise ScenarioError(
                f"the scenario {self.name!r} has settings of its own, and they do not go with"
                f" those of engine.toml: {error}"
            ) from error


@cache
def names() -> tuple[str, ...]:
    """The scenarios that there are."""
    folder = files("streams.simulated").joinpath(_FOLDER)
    return tuple(sorted(it.name.removesuffix(_SUFFIX) for it in folder.iterdir() if it.is_file()))


def catalogue() -> list[Scenario]:
    """All of them, group by group."""
    return sorted(map(read, names()), key=lambda it: (GROUPS.index(it.group), it.name))


def read(name: str) -> Scenario:
    """A scenario by name. Raises ScenarioError where there is none."""
    if name not in names():
        near = get_close_matches(name.lower().replace("_", "-"), names(), n=3)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ScenarioError(
            f"there is no scenario {name!r}.{meant} `ebbtide simulate --scenario list` says what"
            " there is"
        )
    text = files("streams.simulated").joinpath(_FOLDER, name + _SUFFIX).read_text("utf-8")
    return written(name, text)


def written(name: str, text: str) -> Scenario:
    """A scenario from the text of its file. Raises ValueError where it is none."""
    head, about, *rest = text.split("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    if wrong := fields.keys() ^ {"title", "group", "shows", "agents"}:
        raise ValueError(f"{name}: its head lacks, or should not have, {', '.join(sorted(wrong))}")
    if fields["group"] not in GROUPS:
        raise ValueError(f"{name}: group is {fields['group']!r}; there are {', '.join(GROUPS)}")
    told = rest.pop(0).removeprefix(_SETTINGS) if rest and rest[0].startswith(_SETTINGS) else ""
    agents = tuple(fields["agents"].split())
    return Scenario(
        name, fields["title"], fields["group"], tuple(fields["shows"].split()), agents,
        " ".join(about.split()), parse("\n\n".join(rest)), _sections(name, told, agents), told,
    )  # fmt: skip


def _sections(name: str, told: str, agents: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    sections = tomllib.loads(told)
    of_agents: dict[str, dict[str, Any]] = sections.pop("agents", {})
    if others := [*sections, *(f"agents.{it}" for it in of_agents if it not in agents)]:
        raise ValueError(
            f"{name}: its settings may be of {', '.join(agents)}, and not of {', '.join(others)}"
        )
    return of_agents
