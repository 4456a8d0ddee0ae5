"""The contracts: what `docs/schemas/` promises is what the code accepts and publishes."""

import asyncio
import json
import shutil
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast, get_args

import jsonschema
import msgspec
import pytest
from any_event import EVENT_TYPES, TOPIC_OF, AnyEvent
from faust.types import TP

from agents.roster import known_agents
from config.settings import Settings
from schemas import dead_letter
from schemas.cloud_event import SOURCE, messages
from schemas.codec import encode_json, raw_decoders
from schemas.dead_letter import RateReason, Reason, Refusal, WebhookReason
from schemas.decisions import Decision, Evidence
from schemas.event import Event
from schemas.shop_events import ShopEvent
from streams import contracts
from streams.clock import Carried
from streams.dead_letters import dead_letter_of
from streams.engage import Engage
from streams.ingest import Ingest
from streams.producer import RECORD_BYTES_MAX, Outbound, Producer
from streams.promised import CloudEventHeaders, DeadLetterHeaders

KINDS = sorted(kind for agent in known_agents().values() for kind in agent.says)
PAYLOADS = {kind: it for agent in known_agents().values() for kind, it in agent.says.items()}
SAMPLES = 30
Kind = Event | ShopEvent


def schema(name: str) -> dict[str, Any]:
    path = contracts.ROOT / contracts.SCHEMAS / f"{name}.json"
    return cast(dict[str, Any], json.loads(path.read_text("utf-8")))


def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


def published(kind: type[Kind], seed: int) -> dict[str, Any]:
    return AnyEvent(Random(seed)).published(kind)


def decision(kind: str, payload: bytes, **fields: Any) -> Decision:
    plain: dict[str, Any] = {
        "id": "d14234d2ac83c35e10b76073995f6c03", "kind": kind, "agent": kind,
        "customer_id": "ann", "cause": "e1", "cause_at": 1768896000000,
        "decided_at": 1768896000000, "outcome": "sent", "reason": "sample",
        "evidence": Evidence(("e1",), {"rating": 2, "names": ["a", None]}, {"rating_max": 2}),
        "payload": msgspec.Raw(payload),
    }  # fmt: skip
    return Decision(**(plain | fields))


# The files ---------------------------------------------------------------------------------------


def test_the_files_are_what_the_structs_say() -> None:
    outdated = [str(path) for path in contracts.stale()]
    assert not outdated, f"not current: {', '.join(outdated)}. Run `{contracts.WRITE}`"


def test_writing_twice_gives_the_same_bytes() -> None:
    assert contracts.rendered() == contracts.rendered()


def test_a_changed_a_missing_and_a_left_over_file_are_noticed_and_mended(tmp_path: Path) -> None:
    shutil.copytree(contracts.ROOT / "docs", tmp_path / "docs")
    schemas = tmp_path / contracts.SCHEMAS
    (schemas / "orders.json").unlink()
    (schemas / "triggers.forgotten.json").write_text("{}")
    (tmp_path / contracts.ASYNCAPI).write_text("asyncapi: 3.0.0")
    assert contracts.stale(tmp_path) == [
        contracts.ASYNCAPI,
        contracts.SCHEMAS / "orders.json",
        contracts.SCHEMAS / "triggers.forgotten.json",
    ]
    contracts.write(tmp_path)
    assert contracts.stale(tmp_path) == []


def test_check_says_which_file_is_outdated_and_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contracts, "stale", lambda: [contracts.ASYNCAPI])
    assert contracts.main(["--check"]) == 1
    assert f"run `{contracts.WRITE}`" in capsys.readouterr().err
    monkeypatch.setattr(contracts, "stale", list)
    assert contracts.main(["--check"]) == 0


@pytest.mark.parametrize("path", sorted((contracts.ROOT / contracts.SCHEMAS).glob("*.json")))
def test_a_schema_file_is_a_schema(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text("utf-8")))


# Events ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TOPIC_OF)
def test_what_the_schema_accepts_the_codec_accepts(kind: type[Kind]) -> None:
    topic = TOPIC_OF[kind]
    valid = validator(topic)
    for seed in range(SAMPLES):
        event = published(kind, seed)
        raw_decoders[topic].decode(json.dumps(event).encode())
        valid.validate(event)
        valid.validate(event | {"a_field_of_tomorrow": {"tolerated": True}})


@pytest.mark.parametrize("kind", TOPIC_OF)
def test_a_field_of_the_wrong_type_is_refused_by_both(kind: type[Kind]) -> None:
    valid = validator(TOPIC_OF[kind])
    for field in msgspec.structs.fields(kind):
        wrong = published(kind, 1) | {field.encode_name: {"not": ["what", "is", "wanted"]}}
        assert refused(kind, wrong), field.name
        assert not valid.is_valid(wrong), field.name


@pytest.mark.parametrize("kind", TOPIC_OF)
def test_a_field_that_is_required_is_missed_by_both(kind: type[Kind]) -> None:
    valid = validator(TOPIC_OF[kind])
    required = [it.encode_name for it in msgspec.structs.fields(kind) if it.required]
    for name in ["type", *required]:
        wrong = {key: value for key, value in published(kind, 1).items() if key != name}
        assert refused(kind, wrong), name
        assert not valid.is_valid(wrong), name


WRONG = {
    "nobody": {"customer_id": None, "anonymous_id": None},
    "a reserved name": {"customer_id": "anon:x"},
    "an empty id": {"event_id": ""},
    "a long id": {"event_id": "x" * 129},
    "a moment without a zone": {"occurred_at": "2026-01-20T08:00:00"},
    "epoch seconds": {"occurred_at": 1768896000},
    "a moment as a float": {"occurred_at": 1768896000000.5},
    "money as a float": {"total_cents": 19.99},
    "money as a text": {"total_cents": "1999"},
    "money below zero": {"total_cents": -1},
    "a currency in small letters": {"currency": "eur"},
    "no line": {"products": []},
    "a line without a product": {"products": [{"quantity": 1}]},
    "a line of nothing": {"products": [{"product_id": "p1", "quantity": 0}]},
    "too many coupons": {"coupons": ["c"] * 21},
    "another topic's event": {"type": "page_viewed"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_the_codec_refuses_the_schema_refuses(wrong: dict[str, Any]) -> None:
    order = {
        "type": "order_placed", "event_id": "e1", "occurred_at": "2026-01-20T08:00:00Z",
        "customer_id": "ann", "order_id": "o1", "currency": "EUR",
        "products": [{"product_id": "p1"}],
    }  # fmt: skip
    placed = next(it for it in EVENT_TYPES if it.__name__ == "OrderPlaced")
    assert not refused(placed, order)
    assert validator("orders").is_valid(order)
    assert refused(placed, order | wrong)
    assert not validator("orders").is_valid(order | wrong)


def refused(kind: type[Kind], event: dict[str, Any]) -> bool:
    try:
        raw_decoders[TOPIC_OF[kind]].decode(json.dumps(event).encode())
    except msgspec.ValidationError:
        return True
    return False


# Triggers, decisions, dead letters ---------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_trigger_as_it_is_published_keeps_its_contract(kind: str) -> None:
    payload = sample_of(msgspec.inspect.type_info(PAYLOADS[kind]))
    trigger, record = messages(decision(kind, encode_json(payload), expires_at=1768896000000))
    body = json.loads(trigger.value)
    validator(trigger.topic).validate(body)
    validator("decisions").validate(json.loads(record.value))
    needed = [it.encode_name for it in msgspec.structs.fields(PAYLOADS[kind]) if it.required]
    for name in needed:
        broken = body | {"payload": {key: it for key, it in body["payload"].items() if key != name}}
        assert not validator(trigger.topic).is_valid(broken), name
    for name in payload:
        broken = body | {"payload": body["payload"] | {name: {"not": ["wanted"]}}}
        assert not validator(trigger.topic).is_valid(broken), name


@pytest.mark.parametrize("expires_at", [None, 1768896000000])
def test_the_headers_of_what_is_published_are_those_promised(expires_at: int | None) -> None:
    fields = msgspec.structs.fields(CloudEventHeaders)
    for message in messages(decision("churn_alert", b"{}", expires_at=expires_at)):
        headers = {name: value.decode() for name, value in message.headers}
        validator("cloud-event-headers").validate(headers)
        assert headers["ce_source"].startswith(SOURCE)
        assert headers.keys() == {
            it.encode_name for it in fields if it.required or expires_at is not None
        }


def test_the_headers_of_a_dead_letter_are_those_promised() -> None:
    ingest = Ingest(Settings(), cast(Producer, None), Carried(), 4)
    record = SimpleNamespace(value=b"{", key=b"ann", offset=17, timestamp=1768896000000)
    outbound, _, _, _ = ingest._check(TP("orders", 3), [record])
    headers = _headers(outbound[0])
    validator("dead-letter-headers").validate(headers)
    promised = {it.name for it in msgspec.structs.fields(DeadLetterHeaders)}
    assert headers.keys() == promised - {"cut_from_bytes", "target", "attempts"}


def test_a_record_too_long_for_a_dead_letter_is_cut_and_says_so() -> None:
    record = SimpleNamespace(value=b"x" * (RECORD_BYTES_MAX + 1), key=b"ann", offset=1, timestamp=2)
    letter = dead_letter_of(TP("orders", 3), record, Refusal("too_large", "too long"))
    headers = _headers(letter)
    validator("dead-letter-headers").validate(headers)
    assert headers["cut_from_bytes"] == str(RECORD_BYTES_MAX + 1)
    assert len(letter.value or b"") < RECORD_BYTES_MAX


def test_the_headers_of_a_journal_record_that_nobody_can_read_are_those_promised() -> None:
    sent: list[Outbound] = []

    class Sink:
        async def send(self, records: list[Outbound]) -> None:
            sent.extend(records)

    engage = Engage(*cast(Any, (None, None, None, Sink(), None)))
    record = SimpleNamespace(value=b"{", key=b"ann", offset=17, timestamp=18)
    asyncio.run(engage._decode(TP("journal", 3), [record]))
    validator("dead-letter-headers").validate(_headers(sent[0]))


def test_every_reason_of_a_dead_letter_is_promised() -> None:
    promised = schema("dead-letter-headers")["$defs"]["DeadLetterHeaders"]["properties"]["reason"]
    ours = {"journal_not_readable", *get_args(RateReason), *get_args(WebhookReason)}
    assert set(get_args(Reason)) | ours == set(promised["enum"])


def _headers(outbound: Outbound) -> dict[str, str]:
    assert outbound.topic == dead_letter.TOPIC
    return {name: value.decode() for name, value in outbound.headers or ()}


def sample_of(info: msgspec.inspect.Type) -> Any:  # noqa: PLR0911 - one case a type
    match info:
        case msgspec.inspect.StructType():
            return {it.encode_name: sample_of(it.type) for it in info.fields}
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return [sample_of(info.item_type)]
        case msgspec.inspect.DictType():
            return {sample_of(info.key_type): sample_of(info.value_type)}
        case msgspec.inspect.LiteralType():
            return info.values[0]
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.UnionType():
            return sample_of(info.types[0])
        case msgspec.inspect.IntType():
            return 3
        case msgspec.inspect.FloatType():
            return 2.5
        case msgspec.inspect.StrType():
            return "text"
    raise NotImplementedError(f"no payload has had a field of this type so far: {info}")
