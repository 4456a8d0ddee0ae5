"""The stages of a customer's life: the table of what leads where is what its page draws."""

import re

import pytest
from pages import blocks, page

from agents.lifecycle import NEXT, Lifecycle


def test_settings_that_contradict_each_other_are_named() -> None:
    with pytest.raises(ValueError, match=r"lapsed_days is 60, .* at_risk_days, which is 60"):
        Lifecycle(lapsed_days=60)


def test_the_picture_on_the_page_is_the_table() -> None:
    (picture,) = blocks(page("docs/triggers/lifecycle.md"), "mermaid")
    drawn = set(re.findall(r"^    (\w+) --> (\w+) *: (.+)$", picture, re.MULTILINE))
    table = dict[tuple[str, str], set[str]]()
    for (stage, _), (to, reason) in NEXT.items():
        table.setdefault((stage, to), set()).add(reason)
    assert drawn == {(it, to, ", ".join(sorted(why))) for (it, to), why in table.items()}
