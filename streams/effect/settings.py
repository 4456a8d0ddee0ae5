"""What does a message cost, and what is revenue worth? The section ``[effect]`` of engine.toml."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from config.settings import ConfigError, Settings, load_engine_file

_Rate = Annotated[float, Meta(ge=0)]


class EffectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the report of the effect cannot count. None of it changes a decision.

    margin_share: what is left of revenue after the goods, as a share; 1 takes revenue for gain.
    message_cost_cents: by campaign, the price of one message in minor units; a fraction, because an
    e-mail costs less than a cent. currency: that of these prices; left out, it is the one that
    customers pay in, where there is just one.
    """

    margin_share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    message_cost_cents: dict[str, _Rate] = {}
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$", max_length=3)] = ""


def read_effect(section: Mapping[str, object]) -> EffectSettings:
    """The section as a struct. Raises ValueError with what was found and what is allowed."""
    try:
        return msgspec.convert(section, EffectSettings)
    except msgspec.ValidationError as error:
        fields = ", ".join(EffectSettings.__struct_fields__)
        raise ValueError(f"effect: {error}; its settings are {fields}") from error


def load_effect(settings: Settings) -> EffectSettings:
    """Read the section; no secret is needed for it. Raises ConfigError."""
    try:
        return read_effect(load_engine_file(settings.config).effect)
    except ValueError as error:
        raise ConfigError(f"{settings.config}: {error}") from error
