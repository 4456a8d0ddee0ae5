"""Trigger pages: each agent has one, and it says what the code does, to the last header."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from partition import NOBODY
from timeline import check

from agents.agent import Agent
from agents.gate.gate import Gate
from agents.roster import hire, known_agents
from schemas.cloud_event import messages, trigger_topic
from schemas.codec import decode_trigger

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "triggers"
SHIPPED = tomllib.loads((ROOT / "config" / "engine.toml").read_text("utf-8"))

AGENTS = known_agents()
OF_EVERY_AGENT = {*Agent.__struct_fields__} - {"purpose", "pause_hours"}
KINDS = [(name, kind) for name, agent in AGENTS.items() for kind in agent.says]


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text("utf-8")


def part(name: str, kind: str) -> str:
    """What the agent's page says of one kind. Another one than the agent's own has its section."""
    of_kind: dict[str, str] = {}
    for text in re.split(r"^(?=## )", page(name), flags=re.MULTILINE):
        named = re.match(r"## .*`(\w+)`\n", text)
        about = named[1] if named and named[1] in AGENTS[name].says else name
        of_kind[about] = of_kind.get(about, "") + text
    assert kind in of_kind, f"no heading of the page ends with `{kind}`"
    return of_kind[kind]


def block(text: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


def written(value: object) -> str:
    """A setting's value as it would stand in engine.toml."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def nested_fields(struct: type[Struct]) -> list[str]:
    """The names of a payload's fields, and of the fields of the structs in it."""
    found: list[str] = []

    def visit(kind: msgspec.inspect.Type) -> None:
        if isinstance(kind, msgspec.inspect.StructType):
            for field in kind.fields:
                found.append(field.encode_name)
                visit(field.type)
        elif isinstance(kind, msgspec.inspect.ListType):
            visit(kind.item_type)

    visit(msgspec.inspect.type_info(struct))
    return found


def told_by_the_engine(text: str, name: str, kind: str) -> tuple[str, str]:
    """Run the page's history under the shipped config: the last such message, headers and body."""
    history = block(text, "timeline")
    sections = {it: values for it, values in SHIPPED["agents"].items() if it in history}
    # What is planned for a shop of its own stands on the page.
    own = tomllib.loads(block(text, "toml")) if "```toml" in text else {}
    sections |= {it: sections[it] | values for it, values in own.get("agents", {}).items()}
    gate = msgspec.structs.replace(msgspec.convert(SHIPPED["gate"], Gate), holdout=NOBODY)
    decisions = check(history, *hire(sections), gate=gate)
    sent = [it for it in decisions if it.kind == kind and it.outcome == "sent"]
    trigger, _record = messages(sent[-1])
    lines = [("topic", trigger.topic), ("key", trigger.key.decode())]
    lines += [(header, value.decode()) for header, value in trigger.headers]
    headers = "".join(f"{header:<16}{value}\n" for header, value in lines)
    return headers, msgspec.json.format(trigger.value, indent=2).decode() + "\n"


def test_every_agent_has_a_page_and_every_page_an_agent() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}

    assert pages == set(AGENTS)


@pytest.mark.parametrize("name", AGENTS)
def test_a_page_names_every_setting_with_its_default(name: str) -> None:
    agent: Agent = AGENTS[name]()

    for setting, default in msgspec.structs.asdict(agent).items():
        if setting in OF_EVERY_AGENT:
            continue  # They stand in docs/gate.md, once.
        assert f"| `{setting}` | `{written(default)}` |" in page(name)
        shipped: Any = SHIPPED["agents"].get(name, {}).get(setting, default)
        if shipped != default:
            assert f"`{setting} = {written(shipped)}`" in page(name)


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_page_names_the_topic_and_every_field_of_the_payload(name: str, kind: str) -> None:
    text = part(name, kind)

    assert f"`{trigger_topic(kind)}`" in text
    for field in nested_fields(AGENTS[name].says[kind]):
        assert f"`{field}`" in text


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_example_can_be_read_and_all_its_evidence_is_explained(name: str, kind: str) -> None:
    text = part(name, kind)

    trigger = decode_trigger(block(text, "json"))

    msgspec.json.decode(trigger.payload, type=AGENTS[name].says[kind])
    for key in (*trigger.evidence.values, *trigger.evidence.thresholds, trigger.reason):
        assert text.count(f"`{key}`") > 0, key


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_example_is_what_the_engine_says_about_the_history_above_it(
    name: str, kind: str
) -> None:
    text = part(name, kind)

    headers, body = told_by_the_engine(text, name, kind)

    assert block(text, "text") == headers
    assert block(text, "json") == body
