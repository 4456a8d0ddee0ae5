"""The page of the policies: what the texts name, who does it, where it is told, and what proves it.

The three are held together: an agent that no row names, a page or a test that is not there, and a
test that plays no timeline are failures.
"""

import re

import pytest
from pages import ROOT, page, rows, section

from agents.roster import known_agents
from schemas.cloud_event import trigger_topic

POLICIES = page("docs/policies.md")
TABLE = [
    [cell.strip() for cell in line.split(" | ")]
    for line in re.findall(
        r"^\|(.*)\|$", section(POLICIES, "## What the texts name"), re.MULTILINE
    )[2:]
]
AGENTS = known_agents()
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)")


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_agent_has_a_row_and_every_row_an_agent_or_a_place() -> None:
    told = [name for _, who, _, _ in TABLE for name in named(who)]
    assert set(AGENTS) - set(told) == set()
    for what, who, where, _ in TABLE:
        assert named(who) or LINK.search(who) or LINK.search(where), what


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0][:40])
def test_what_a_row_names_is_there(row: list[str]) -> None:
    _, who, where, proof = row
    for path in LINK.findall(who) + LINK.findall(where) + LINK.findall(proof):
        assert (ROOT / "docs" / path).exists(), path
    linked = [path for path in LINK.findall(where) if path.startswith("triggers/")]
    for name in named(who):
        if name in AGENTS and AGENTS[name].says:
            assert f"triggers/{name}.md" in linked, f"{name} has a page that the row does not name"
    tests = re.findall(r"`(test_\w+)`", proof)
    assert tests, "nothing proves it"
    for test in tests:
        text = (ROOT / "tests" / f"{test}.py").read_text("utf-8")
        says = [name for name in named(who) if name in AGENTS and AGENTS[name].says]
        is_a_timeline = re.search(r"def test_\w*timeline\w*\(", text) is not None
        assert is_a_timeline or not says or len(tests) > 1, f"{test} plays no timeline"


def test_every_kind_of_trigger_is_on_a_page_that_a_row_names() -> None:
    linked = {path for _, _, where, _ in TABLE for path in LINK.findall(where)}
    for name, agent in AGENTS.items():
        for kind in agent.says:
            assert f"triggers/{name}.md" in linked
            assert f"`{trigger_topic(kind)}`" in page(f"docs/triggers/{name}.md")


def test_every_trait_that_is_learned_is_on_the_page() -> None:
    learned = rows(section(POLICIES, "## What is learned of a customer"))
    told = {trait.strip("`"): who for trait, who, *_ in learned}
    expected = {trait: name for name, agent in AGENTS.items() for trait in agent.learns}
    assert {trait: named(who)[0] for trait, who in told.items()} == expected
