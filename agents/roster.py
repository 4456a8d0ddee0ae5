"""Which agents are there, and which are on? All that have a file here; those with a section.

Nothing is registered by hand: a new agent is found because its file is there.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import agents
from agents.agent import END_OF_ROW, HELD, Agent
from agents.engine.market import Markets
from agents.engine.teller import RATES
from agents.gate.campaign import check_span
from schemas.mistake import settings_of
from state.shared_looks import SHARED_LOOKS
from state.sold_out import SOLD_OUT


def known_agents() -> dict[str, type[Agent]]:
    """Every agent class by name. Raises TypeError where a file and its agent differ in name."""
    found: dict[str, type[Agent]] = {}
    for module_info in pkgutil.iter_modules(agents.__path__):
        module = importlib.import_module(f"agents.{module_info.name}")
        for value in vars(module).values():
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue  # Not a class, or one that the module has only imported.
            if issubclass(value, Agent) and value is not Agent:
                found[_named_after(value, module_info.name)] = value
    return found


def hire(sections: Mapping[str, Any]) -> list[Agent]:
    """Make the agents that have a section, in order of name.

    Raises ValueError with key, what was found and what is allowed.
    """
    known = known_agents()
    hired = []
    for name in sorted(sections):
        if name not in known:
            raise ValueError(f"agents.{name}: no such agent; there are {', '.join(sorted(known))}")
        hired.append(settings_of(sections[name], known[name], f"agents.{name}"))
    _agree_on_campaigns(hired)
    _agree_on_traits(hired)
    Markets(hired)  # It raises for a variant that cannot be.
    for agent in hired:
        check_span(agent.starts_at, agent.ends_at, f"agents.{agent.name}.")
    return hired


def _agree_on_campaigns(hired: list[Agent]) -> None:
    """One campaign has one budget and one share that is held out, whoever speaks for it."""
    first: dict[str, Agent] = {}
    for agent in hired:
        other = first.setdefault(agent.counted_as, agent)
        for field in ("budget_cents", "budget_days", "holdout_share"):
            ours, theirs = getattr(agent, field), getattr(other, field)
            if ours != theirs:
                raise ValueError(
                    f"agents.{agent.name}.{field} is {ours!r}, and that of agents.{other.name} is"
                    f" {theirs!r}: agents of one campaign must have the same"
                )


def _agree_on_traits(hired: list[Agent]) -> None:
    """A trait is learned by one agent."""
    by: dict[str, str] = {}
    for agent in hired:
        for trait in agent.learns:
            if (other := by.setdefault(trait, agent.name)) != agent.name:
                raise TypeError(f"agents {other} and {agent.name} both learn the trait {trait!r}")


def _named_after(agent: type[Agent], file: str) -> str:
    name = agent().name
    if name in (END_OF_ROW, HELD, RATES, SHARED_LOOKS, SOLD_OUT):
        raise TypeError(f"agents/{file}.py: {name!r} is the name of something of the engine's own")
    if agent.model is not None and agent.keeps is None:
        raise TypeError(f"agents/{file}.py: an agent with a model needs a ledger: name `keeps`")
    if agent.model is not None and not agent.model.__struct_config__.frozen:
        # It is decoded once for many batches, and whoever changed it would change it for all.
        raise TypeError(f"agents/{file}.py: {agent.model.__name__} is a model: it must be frozen")
    if name != file:
        raise TypeError(
            f"agents/{file}.py holds {agent.__name__}, which belongs in agents/{name}.py"
        )
    return name
