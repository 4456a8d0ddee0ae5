"""What do settings and engine.toml make of the engine? Everything wrong with them is said here."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from agents.agent import Agent
from agents.engine import Engine, EngineSettings
from agents.gate.gate import Gate
from agents.roster import hire
from config.settings import ConfigError, EngineFile, Settings, load_engine_file

T = TypeVar("T", bound=Struct)

# What an agent's secret settings are called, and where they come from instead of the file.
SECRETS = {"win_back_coupon": "code_key"}


class Policy(Struct, frozen=True):
    """What engine.toml makes of the engine: the agents that are on, the gate, the settings."""

    agents: list[Agent]
    gate: Gate
    settings: EngineSettings

    def engine(self) -> Engine:
        """The pure core under this policy."""
        return Engine(self.agents, self.gate, self.settings)

    def kinds(self) -> list[str]:
        """Every kind of trigger that may be said."""
        return sorted(kind for agent in self.agents for kind in agent.says)


def load_policy(settings: Settings) -> Policy:
    """Read engine.toml and the secrets. Raises ConfigError with file, key, found and allowed."""
    file = load_engine_file(settings.config)
    try:
        return Policy(
            hire(_with_secrets(file, settings)),
            _section(file.gate, Gate, "gate"),
            _section(file.engine, EngineSettings, "engine"),
        )
    except ValueError as error:
        raise ConfigError(f"{settings.config}: {error}") from error


def _with_secrets(file: EngineFile, settings: Settings) -> dict[str, dict[str, Any]]:
    sections = dict(file.agents)
    for agent, field in SECRETS.items():
        if agent not in sections:
            continue
        if field in sections[agent]:
            raise ValueError(
                f"agents.{agent}.{field} is a secret and does not belong in a file under version"
                " control: set EBBTIDE_COUPON_KEY or EBBTIDE_COUPON_KEY_FILE"
            )
        sections[agent] = sections[agent] | {field: settings.secret_coupon_key()}
    return sections


def _section(section: Mapping[str, Any], kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(section, kind)
    except msgspec.ValidationError as error:
        fields = ", ".join(field.name for field in msgspec.structs.fields(kind))
        raise ValueError(f"{name}: {error}; its settings are {fields}") from error
