"""What do agents remember of a customer? By the names that their own types give it.

In a row a memory is an array without names. An agent that is not there any more has left what only
it could name: that is shown as it lies.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from agents.roster import known_agents
from schemas.codec import DAMAGE


def memories(memory: Mapping[str, Raw]) -> dict[str, Any]:
    """Each agent's memory, with names where they are known."""
    agents = known_agents()
    return {name: _told(agents.get(name), raw) for name, raw in memory.items()}


def _told(agent: Any, raw: Raw) -> Any:
    kind = agent and agent.remembers
    if kind is not None:
        try:
            return _named(msgspec.msgpack.decode(raw, type=kind))
        except DAMAGE:
            pass  # Of an older version of the agent, which had another memory.
    return msgspec.msgpack.decode(raw)


def _named(value: Any) -> Any:
    match value:
        case Struct():
            return {name: _named(getattr(value, name)) for name in value.__struct_fields__}
        case list() | tuple():
            return [_named(it) for it in value]
        case dict():
            return {key: _named(it) for key, it in value.items()}
        case bytes():
            return value.hex()
    return value
