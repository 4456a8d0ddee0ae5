"""The gate's page: every setting stands on it with its default."""

import msgspec
import pytest
from pages import page, rows, section
from test_trigger_pages import written

from agents.agent import Agent
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout

PAGE = page("docs/gate.md")


@pytest.mark.parametrize(
    ("heading", "settings"),
    [("## What every agent takes", Agent()), ("## What the gate takes", Gate())],
    ids=["agent", "gate"],
)
def test_every_setting_is_on_the_page_with_its_default(
    heading: str, settings: msgspec.Struct
) -> None:
    told = {name: default for name, default, _ in rows(section(PAGE, heading))}
    expected = {
        f"`{name}`": "see [below](#holdout)"
        if isinstance(value, Holdout)
        else f"`{written(msgspec.to_builtins(value))}`"
        for name, value in msgspec.structs.asdict(settings).items()
    }
    assert told == expected
