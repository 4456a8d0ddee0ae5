"""The page of the ops topics: its examples are what the agents say, and its figures those of the code."""

import re
from typing import Any

import msgspec
import pytest
from ops_examples import ALERTS, blocks_of
from pages import blocks, page, rows, section

from agents.ops.lookout import Lookout
from agents.roster import known_agents
from schemas.ops import KINDS, AlertBody, alert_message, ops_topic
from streams.ops.settings import OpsSettings
from streams.promised import CloudEventHeaders

PAGE = page("docs/ops-topics.md")
LOOKOUTS: dict[str, Lookout] = {
    agent.alert: agent() for agent in known_agents().values() if issubclass(agent, Lookout)
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_what_the_agent_says_about_a_history(kind: str) -> None:
    part = section(PAGE, f"## `{kind}`")
    headers, body = blocks_of(ALERTS[kind])
    assert blocks(part, "text") == [headers]
    assert blocks(part, "json") == [body]
    alert = msgspec.json.decode(body, type=AlertBody)
    msgspec.json.decode(alert.payload, type=LOOKOUTS[kind].tells)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_explains_every_field_and_every_value(kind: str) -> None:
    part = section(PAGE, f"## `{kind}`")
    told = " ".join(name for name, _ in rows(part))
    for field in LOOKOUTS[kind].tells.__struct_fields__:
        assert f"`{field}`" in told
    evidence = ALERTS[kind].evidence
    prose = re.sub(r"```.*?```", "", part, flags=re.DOTALL)
    for name in (*evidence.values, *evidence.thresholds, ALERTS[kind].reason):
        assert f"`{name}`" in prose, name
    assert f"| `{ops_topic(kind)}` |" in PAGE


def test_a_default_that_the_page_tells_is_the_one_of_the_code() -> None:
    told = re.findall(r"`(\w+)` \((\d[\d.]*)\)", PAGE)
    told += re.findall(r"`(\w+)`, (\d+)\)", PAGE)
    assert len(told) > 15
    agents: list[Any] = [*LOOKOUTS.values(), OpsSettings()]
    for name, value in told:
        defaults = [getattr(it, name) for it in agents if name in it.__struct_fields__]
        assert float(value) in [float(it) for it in defaults], name


def test_the_section_of_the_page_is_the_one_that_there_is() -> None:
    [toml] = blocks(PAGE, "toml")
    assert {it.split(" = ")[0] for it in toml.splitlines()[1:]} == set(
        OpsSettings.__struct_fields__
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_headers_of_an_alert_are_those_that_are_promised(kind: str) -> None:
    headers = {name: value.decode() for name, value in alert_message(ALERTS[kind]).headers}
    assert set(headers) == {
        it.encode_name for it in msgspec.structs.fields(CloudEventHeaders) if it.required
    }
    msgspec.convert(headers, CloudEventHeaders)
