"""The pages: what they say of triggers, settings and topics is so, and their links lead somewhere."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from pages import ROOT, blocks, page, rows, section

from agents.roster import known_agents
from config.settings import PREFIX, Settings
from schemas.codec import RAW_TOPICS, decode_decision, decode_trigger, raw_decoders
from schemas.dead_letter import refusal_of
from schemas.decisions import decision_id
from streams.topics import wanted_topics

PAGES = sorted(
    it
    for it in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md"))
    if it.is_file()
)
CONSUME, OPERATE = page("docs/consume-triggers.md"), page("docs/operate.md")
PAYLOADS = {kind: it for agent in known_agents().values() for kind, it in agent.says.items()}


# Consume triggers --------------------------------------------------------------------------------


def test_every_kind_and_every_header_is_on_the_page() -> None:
    for kind in PAYLOADS:
        assert f"`triggers.{kind}`" in CONSUME
    promised = json.loads((ROOT / "docs/schemas/cloud-event-headers.json").read_text("utf-8"))
    for header in promised["$defs"]["CloudEventHeaders"]["properties"]:
        assert f"| `{header}` |" in CONSUME


def test_every_reason_that_the_code_gives_is_explained() -> None:
    sources = {it.stem: it.read_text("utf-8") for it in (ROOT / "agents").rglob("*.py")}
    everything = " ".join(sources.values())
    given = set(re.findall(r'reason="(\w+)"', everything))
    given |= set(re.findall(r'refused\("(\w+)"', everything))
    given |= set(re.findall(r'Verdict\("(?:deferred|held_out)", "(\w+)"', everything))
    given |= set(re.findall(r'_drop\(batch, view, held, "(\w+)"', everything))
    given |= set(re.findall(r'refusal="(\w+)"', sources["asking"]))
    given |= set(re.findall(r'refusal = "(\w+)"', sources["asking"]))
    given |= set(re.findall(r'"(\w+)" if ', everything))
    assert {
        "no_consent",
        "quiet_hours",
        "held_out",
        "reason_gone",
        "late",
        "follows_a_trigger",
        "no_second_order",
        "redeemed",
    } <= given
    assert [reason for reason in sorted(given) if f"`{reason}`" not in CONSUME] == []


def test_the_example_of_a_trigger_is_one() -> None:
    text = section(CONSUME, "## What a trigger looks like")
    (headers,), (body,) = blocks(text, "text"), blocks(text, "json")
    said = dict(line.split(maxsplit=1) for line in headers.splitlines())
    kind = said["ce_type"].rpartition(".")[2]
    assert said["topic"] == f"triggers.{kind}"
    assert said["ce_id"] == decision_id(kind, kind, said["key"], said["ce_causationid"])
    msgspec.json.decode(decode_trigger(body).payload, type=PAYLOADS[kind])


def test_the_example_of_a_decision_is_one() -> None:
    (body,) = blocks(section(CONSUME, "## Reasons"), "json")
    assert decode_decision(body).outcome == "suppressed"


# Operate -----------------------------------------------------------------------------------------


def test_every_setting_is_on_the_page_with_its_default() -> None:
    told_defaults = {
        name.strip("`"): default for name, default, _ in rows(section(OPERATE, "## Settings"))
    }
    assert told_defaults == {
        PREFIX + field.name.upper(): written(field.name, field.default)
        for field in msgspec.structs.fields(Settings)
    }


def written(name: str, default: Any) -> str:
    match default:
        case "":
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
    if name == "config":
        return f"`{Path(default).relative_to(ROOT)}`"
    return f"`{default}`"


def test_every_topic_is_on_the_page() -> None:
    table = section(OPERATE, "## Topics")
    for topic in wanted_topics(PAYLOADS, Settings().group, journal_partitions=1, raw_partitions=1):
        name = "triggers.<kind>" if topic.name.startswith("triggers.") else topic.name
        assert f"`{name}`" in table


def test_every_alert_is_on_the_page_with_its_severity() -> None:
    groups = yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text("utf-8"))["groups"]
    alerts = {rule["alert"]: rule["labels"]["severity"] for it in groups for rule in it["rules"]}
    told_alerts = {name.strip("`"): level for name, level, _ in rows(section(OPERATE, "## Alerts"))}
    assert told_alerts == alerts


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_names_no_setting_that_there_is_not(path: Path) -> None:
    settings = {PREFIX + it.upper() for it in Settings.__struct_fields__}
    assert set(re.findall(r"EBBTIDE_[A-Z][A-Z_]*[A-Z]", path.read_text("utf-8"))) <= settings


# Architecture ------------------------------------------------------------------------------------


def test_every_folder_of_code_is_in_the_table_of_where_things_are() -> None:
    code = [ROOT / it for it in ("schemas", "state", "agents", "streams", "config")]
    table = section(page("ARCHITECTURE.md"), "## Where things are")
    named = {ROOT / it for it in re.findall(r"`([a-z/]+)/`", table)}
    assert {it.parent for top in code for it in top.rglob("__init__.py")} - named == set()


# All pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_relative_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, by the rule that code hosts follow."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings}


@pytest.mark.parametrize(
    "name", ["README.md", "docs/publish-events.md", "docs/consume-triggers.md"]
)
def test_an_example_in_json_can_be_read(name: str) -> None:
    examples = page(name).partition("\n## Dead letters\n")[0]
    found = blocks(examples, "json")
    assert found
    for example in found:
        assert is_readable(example.encode()), example


def is_readable(value: bytes) -> bool:
    """Whether these bytes are an event on one of the raw topics, a trigger's body or a decision."""
    if "type" in json.loads(value):
        errors = []
        for topic in RAW_TOPICS:
            try:
                raw_decoders[topic].decode(value)
            except msgspec.ValidationError as error:
                errors.append(refusal_of(error).reason)
        return errors == ["unknown_type"] * (len(RAW_TOPICS) - 1)
    decode = decode_decision if "outcome" in json.loads(value) else decode_trigger
    return decode(value) is not None


@pytest.mark.parametrize("name", ["publish-events", "consume-triggers"])
def test_an_example_in_python_compiles(name: str) -> None:
    (example,) = blocks(page(f"docs/{name}.md"), "python")
    compile(example, name, "exec")
