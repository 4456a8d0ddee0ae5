"""How is what concerns the shop concluded? The section ``[ops]`` of engine.toml."""

from typing import Annotated

from msgspec import Meta, Struct


class OpsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None of them changes a decision, or what is in a window.

    every_seconds: how often the leader looks whether a window is over, and shows the sales.
    age_max_hours: a window that ended longer ago than this, by the wall, is old news and is not
    said any more: after a long stop, or where the rows are made anew from the journal.
    """

    every_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 5.0
    age_max_hours: Annotated[float, Meta(gt=0)] = 72.0
