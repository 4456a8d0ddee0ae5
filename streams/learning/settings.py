"""How often is it learned? The section ``[models]`` of engine.toml."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.event import Name


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """They change which records the leader appends; what is decided follows from those.

    every_hours: of the log's time, a new model at each multiple of it in UTC; 0: never.
    look_seconds: how often the leader looks whether it is time. held: agents that stay with the
    model that they have.
    """

    every_hours: Annotated[float, Meta(ge=0, le=8_784)] = 24.0
    look_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 5.0
    held: tuple[Name, ...] = ()
