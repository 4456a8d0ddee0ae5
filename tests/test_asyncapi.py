"""AsyncAPI: `docs/asyncapi.yaml` is well formed, and every topic, event and kind of trigger is in it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from any_event import TOPIC_OF

from agents.roster import known_agents
from schemas import dead_letter
from schemas.codec import RAW_TOPICS
from schemas.ops import KINDS as OPS_KINDS
from schemas.ops import ops_topic
from streams import contracts

PAYLOADS = {kind: it for agent in known_agents().values() for kind, it in agent.says.items()}
DOCUMENT: dict[str, Any] = yaml.safe_load(contracts.rendered()[contracts.ASYNCAPI])


def test_the_document_has_what_asyncapi_3_requires() -> None:
    assert re.fullmatch(r"3\.0\.\d+", DOCUMENT["asyncapi"])
    assert DOCUMENT["info"]["title"]
    assert DOCUMENT["info"]["version"]
    assert set(DOCUMENT) <= {
        "asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations",
        "components",
    }  # fmt: skip
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            # AsyncAPI 3, Operation Object: each must point into the channel, not to components.
            assert message["$ref"].startswith(f"{channel}/messages/")
    for channel in DOCUMENT["channels"].values():
        assert channel["address"]
        assert channel["description"]
        assert channel["messages"]


def test_every_reference_resolves() -> None:
    references = list(_references(DOCUMENT))
    assert references
    for reference in references:
        assert reference.startswith("#/"), reference
        node = DOCUMENT
        for step in reference[2:].split("/"):
            assert step in node, f"{reference} leads nowhere"
            node = node[step]


def test_every_event_type_has_a_message_on_its_topic() -> None:
    for kind, topic in TOPIC_OF.items():
        assert str(kind.__struct_config__.tag) in DOCUMENT["channels"][topic]["messages"]
        assert DOCUMENT["operations"][f"receive-{topic}"]["action"] == "receive"


def test_every_topic_that_others_see_is_a_channel() -> None:
    sent = {f"triggers.{kind}" for kind in PAYLOADS} | {ops_topic(kind) for kind in OPS_KINDS}
    sent |= {"decisions", dead_letter.TOPIC}
    assert set(DOCUMENT["channels"]) == set(RAW_TOPICS) | sent
    for topic in sent:
        assert DOCUMENT["operations"][f"send-{topic}"]["action"] == "send"


@pytest.mark.parametrize("kind", sorted(PAYLOADS))
def test_every_kind_promises_its_payload_and_its_type(kind: str) -> None:
    message = DOCUMENT["components"]["messages"][f"triggers.{kind}"]
    _, of_its_type = message["headers"]["allOf"]
    assert of_its_type["properties"]["ce_type"]["const"] == f"ebbtide.trigger.{kind}"
    name = message["payload"]["$ref"].rpartition("/")[2]
    body = DOCUMENT["components"]["schemas"][name]
    assert body["properties"]["payload"]["$ref"].endswith(f"/{PAYLOADS[kind].__name__}")


def test_everything_is_described() -> None:
    for name, it in DOCUMENT["components"]["schemas"].items():
        assert it["description"].endswith((".", "?")), name
    placed = DOCUMENT["components"]["schemas"]["OrderPlaced"]
    assert "total_cents:" not in placed["description"]
    assert placed["properties"]["total_cents"]["description"].startswith("What the customer pays")


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for it in node.values():
            yield from _references(it)
    elif isinstance(node, list):
        for it in node:
            yield from _references(it)
