"""What decides in the score? The engine as it is shipped, but for what a task says."""

from collections.abc import Sequence
from typing import Any

import msgspec

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import Gate
from agents.roster import hire
from config.settings import DEFAULT_CONFIG, load_engine_file


def section(name: str) -> dict[str, Any]:
    """An agent's section of the file."""
    found: dict[str, Any] = load_engine_file(str(DEFAULT_CONFIG)).agents[name]
    return found


def agents(*names: str) -> list[Agent]:
    """Some of the agents, by their names."""
    return hire({it: section(it) for it in names})


def gate(**changes: Any) -> Gate:
    """The gate. changes: what is set otherwise."""
    return msgspec.convert(load_engine_file(str(DEFAULT_CONFIG)).gate | changes, Gate)


def engine(deciding: Sequence[Agent], partitions: int, **changes: Any) -> Engine:
    """The engine with these agents. changes: of the gate's settings."""
    settings = msgspec.convert(load_engine_file(str(DEFAULT_CONFIG)).engine, EngineSettings)
    return Engine(deciding, gate(**changes), settings, partitions)
