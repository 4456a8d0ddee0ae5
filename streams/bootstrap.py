"""What do settings and engine.toml make of the engine? Everything wrong with them is said here."""

from math import isfinite
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Agent
from agents.engine.engine import Engine
from agents.engine.intake import EngineSettings
from agents.gate.gate import COMMERCIAL, Gate
from agents.ops.lookout import Lookout
from agents.roster import hire, known_agents
from config.settings import ConfigError, EngineFile, Settings, load_engine_file
from schemas.mistake import settings_of
from state.exposure import CAMPAIGNS_MAX
from streams.effect.settings import read_effect
from streams.learning.settings import ModelSettings
from streams.ops.settings import OpsSettings

# No duration is longer than the retention of a customer may sensibly be, in days, hours or minutes.
_DURATIONS = ("_days", "_hours", "hours", "_minutes", "_seconds")
_LONGEST = 1_000_000

# What the secret of an agent that makes codes is called; it comes from the environment.
CODE_KEY = "code_key"


class Policy(Struct, frozen=True):
    """What engine.toml makes of the engine: the agents that are on, the gate, the settings.

    ops, models: how what concerns the shop is concluded, and when it is learned; no matter of the
    engine's.
    """

    agents: list[Agent]
    gate: Gate
    settings: EngineSettings
    ops: OpsSettings = OpsSettings()
    models: ModelSettings = ModelSettings()

    def engine(self, partitions: int) -> Engine:
        """The pure core under this policy, for a journal of so many partitions."""
        return Engine(self.agents, self.gate, self.settings, partitions)

    def tight_budgets(self, partitions: int) -> list[str]:
        """Budgets of which a partition's part is less than the largest coupon, by key."""
        return [
            f"agents.{agent.name}.budget_cents.{currency}"
            for agent in self.agents
            for currency, cents in agent.budget_cents.items()
            if cents // partitions < _largest_coupon(agent)
        ]

    def kinds(self) -> list[str]:
        """Every kind of trigger that may be said."""
        return sorted(kind for agent in self.agents for kind in agent.says)


def _largest_coupon(agent: Agent) -> int:
    """What an agent hands out at once at most, in minor units."""
    return max(getattr(agent, name, 0) for name in ("value_cents", "value_cents_max"))


def load_policy(settings: Settings) -> Policy:
    """Read engine.toml and the secrets. Raises ConfigError with file, key, found and allowed."""
    file = load_engine_file(settings.config)
    try:
        parts = {"engine": file.engine, "gate": file.gate, "agents": file.agents, "ops": file.ops,
                 "models": file.models}  # fmt: skip
        _check_numbers(parts, "")
        read_effect(file.effect)  # Not the engine's, but a mistake in it is one.
        engine = settings_of(file.engine, EngineSettings, "engine")
        policy = Policy(
            hire(_with_lateness(_with_secrets(file, settings), engine)),
            _gate(file),
            engine,
            settings_of(file.ops, OpsSettings, "ops"),
            settings_of(file.models, ModelSettings, "models"),
        )
        _check_names(policy)
        _check_outcomes(policy)
        policy = replace(policy, gate=_keyed(policy, settings))
    except ValueError as error:
        raise ConfigError(f"{settings.config}: {error}") from error
    return policy


def _with_secrets(file: EngineFile, settings: Settings) -> dict[str, dict[str, Any]]:
    """The agents' sections, each with the secret if its agent is one that makes codes."""
    known = known_agents()
    sections = dict(file.agents)
    for name, section in file.agents.items():
        if name not in known or CODE_KEY not in known[name].__struct_fields__:
            continue
        if CODE_KEY in section:
            raise ValueError(
                f"agents.{name}.{CODE_KEY} is a secret and does not belong in a file under version"
                " control: set EBBTIDE_COUPON_KEY or EBBTIDE_COUPON_KEY_FILE"
            )
        sections[name] = section | {CODE_KEY: settings.secret_coupon_key()}
    return sections


def _with_lateness(
    sections: dict[str, dict[str, Any]], engine: EngineSettings
) -> dict[str, dict[str, Any]]:
    """Windows wait for what comes late as long as the engine does, unless a section says else."""
    lookouts = {name for name, it in known_agents().items() if issubclass(it, Lookout)}
    wait = {"lateness_minutes": engine.lateness_minutes}
    return {name: wait | it if name in lookouts else it for name, it in sections.items()}


def _gate(file: EngineFile) -> Gate:
    holdout = file.gate.get("holdout")
    if isinstance(holdout, dict) and "key" in holdout:
        raise ValueError(
            "gate.holdout.key is a secret and does not belong in a file under version control: set"
            " EBBTIDE_HOLDOUT_KEY or EBBTIDE_HOLDOUT_KEY_FILE"
        )
    return settings_of(file.gate, Gate, "gate")


def _keyed(policy: Policy, settings: Settings) -> Gate:
    """The gate with the secret of the holdout, if anybody can be held out of anything."""
    gate = policy.gate
    shares = [gate.share(agent) for agent in policy.agents if agent.purpose in COMMERCIAL]
    if not any(shares) and not (shares and gate.holdout.over_all):
        return gate
    return replace(gate, holdout=replace(gate.holdout, key=settings.secret_holdout_key()))


def _check_numbers(section: Any, path: str) -> None:
    """TOML knows inf and nan, and no setting does. Raises ValueError with the key."""
    match section:
        case dict():
            for key, value in section.items():
                _check_numbers(value, f"{path}.{key}" if path else key)
        case list():
            for number, value in enumerate(section):
                _check_numbers(value, f"{path}[{number}]")
        case float() | int() if not isinstance(section, bool):
            is_duration = path.endswith(_DURATIONS)
            if not isfinite(section) or (is_duration and not 0 <= section <= _LONGEST):
                allowed = f"from 0 to {_LONGEST}" if is_duration else "a finite number"
                raise ValueError(f"{path}: found {section}; allowed is {allowed}")


def _check_outcomes(policy: Policy) -> None:
    """What comes after the gate's time is counted for nobody. Raises ValueError with the key."""
    longest = policy.gate.outcome_days
    for agent in policy.agents:
        if (days := getattr(agent, "outcome_days", 0)) > longest:
            raise ValueError(
                f"agents.{agent.name}.outcome_days: found {days:g}; allowed is at most {longest:g},"
                " which is gate.outcome_days: what a customer does after that is not counted"
            )


def _check_names(policy: Policy) -> None:
    """Names that mean nothing would be rules that never hold. Raises ValueError."""
    gate = policy.gate
    kinds = {kind for agent in known_agents().values() for kind in agent.says}
    named = [(f"gate.caps[{number}].kinds", cap.kinds) for number, cap in enumerate(gate.caps)]
    for number, it in enumerate(gate.exclusions):
        named += [(f"gate.exclusions[{number}].after", (it.after,))]
        named += [(f"gate.exclusions[{number}].blocks", it.blocks)]
    for agent in policy.agents:
        after = getattr(agent, "after", None)
        said_by_others = {kind for it in policy.agents if it is not agent for kind in it.says}
        if after is not None and after not in said_by_others:
            raise ValueError(
                f"agents.{agent.name}.after: no other agent that is on says {after!r}; they say"
                f" {', '.join(sorted(said_by_others)) or 'nothing'}"
            )
    named += [
        (f"agents.{agent.name}.follows", getattr(agent, "follows", ())) for agent in policy.agents
    ]
    for key, names in named:
        if unknown := sorted(set(names) - kinds):
            raise ValueError(
                f"{key}: no trigger of kind {unknown[0]!r}; there are {', '.join(sorted(kinds))}"
            )
    known = known_agents()
    for name in policy.models.held:
        if name not in known or known[name].model is None:
            learning = ", ".join(sorted(it for it in known if known[it].model is not None))
            raise ValueError(
                f"models.held: no agent {name!r} that decides by a model; there are {learning}"
            )
    campaigns = {agent.counted_as for agent in policy.agents if agent.says}
    if len(campaigns) >= CAMPAIGNS_MAX:
        raise ValueError(
            f"agents: {len(campaigns)} campaigns; {CAMPAIGNS_MAX - 1} are allowed: give agents that"
            " belong together the same `campaign`"
        )
