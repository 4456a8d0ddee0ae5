"""What is revenue worth, and what does a message cost? The parts of engine.toml for the report."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from config.settings import ConfigError, Settings, load_engine_file
from schemas.mistake import settings_of


class _Cost(Struct, frozen=True):
    """The one setting of an agent that concerns the report."""

    message_cost_cents: Annotated[float, Meta(ge=0)] = 0.0


class EffectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[effect]``. None of them changes a decision.

    margin_share: what is left of revenue after the goods, as a share; 1 takes revenue for gain.
    currency: in which messages are paid; left out, it is the one that customers pay in, where there
    is just one.
    """

    margin_share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$", max_length=3)] = ""


class Prices(Struct, frozen=True):
    """What the report reckons with.

    message_cost_cents: by campaign, the price of one message in minor units; a fraction, because an
    e-mail costs less than a cent.
    """

    effect: EffectSettings = EffectSettings()
    message_cost_cents: dict[str, float] = {}


def read_effect(section: Mapping[str, object]) -> EffectSettings:
    """The section as a struct. Raises ValueError with what was found and what is allowed."""
    return settings_of(section, EffectSettings, "effect")


def load_prices(settings: Settings) -> Prices:
    """Read them from engine.toml, for which no secret is needed. Raises ConfigError."""
    file = load_engine_file(settings.config)
    try:
        return Prices(read_effect(file.effect), _message_costs(file.agents))
    except ValueError as error:
        raise ConfigError(f"{settings.config}: {error}") from error


def _message_costs(agents: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """What agents say that a message costs; of several agents in a campaign, the dearest counts."""
    costs: dict[str, float] = {}
    for name, section in agents.items():
        campaign = section.get("campaign") or name
        said = {it: section[it] for it in ("message_cost_cents",) if it in section}
        cost = settings_of(said, _Cost, f"agents.{name}").message_cost_cents
        costs[campaign] = max(cost, costs.get(campaign, 0.0))
    return costs
