"""The page about webhooks: its settings, its examples and its code are as the sink has them."""

import json
import time
import tomllib
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from pages import blocks, page, rows, section
from webhook_parcels import parcel

from config.settings import Settings
from schemas.codec import decode_trigger
from schemas.profiles import Failure
from streams.webhooks.signature import keys_of, signed
from streams.webhooks.targets import Target, load_targets

PAGE = page("docs/webhooks.md")
OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def test_every_setting_of_a_target_is_on_the_page_with_its_default() -> None:
    table = {name.strip("`"): it for name, it, _ in rows(section(PAGE, "## Targets"))}
    assert table == {field.name: written(field.default) for field in msgspec.structs.fields(Target)}


def written(default: Any) -> str:
    match default:
        case "" | msgspec.NODEFAULT:
            return "none"
        case ():
            return "`[]`"
        case bool():
            return f"`{str(default).lower()}`"
    return f"`{default:g}`"


def test_the_example_of_a_file_is_one(tmp_path: Path) -> None:
    (text,) = blocks(section(PAGE, "## Targets"), "toml")
    key = tmp_path / "key"
    key.write_text(NEW)
    (named,) = [
        it["key_file"] for it in tomllib.loads(text)["targets"].values() if "key_file" in it
    ]
    file = tmp_path / "webhooks.toml"
    file.write_text(text.replace(named, str(key)))
    targets = load_targets(Settings(webhooks=str(file), webhook_key=OLD))
    assert [it.name for it in targets] == ["mailer", "crm"]


def test_the_example_of_a_body_has_the_fields_of_one() -> None:
    (example,) = blocks(section(PAGE, "## What arrives"), "json")
    (headers,) = blocks(section(PAGE, "## What arrives"), "text")
    body = json.loads(example)
    assert body.keys() == json.loads(parcel().body()).keys()
    assert f"webhook-id: {body['id']}\n" in headers
    decode_trigger(json.dumps(body["data"]).encode())


@pytest.fixture
def is_ours() -> Any:
    (code,) = blocks(section(PAGE, "## Verify it"), "python")
    names: dict[str, Any] = {}
    exec(compile(code, "webhooks.md", "exec"), names)  # noqa: S102 - our own page
    return names["is_ours"]


def request(body: bytes, secret: str = OLD, at: float | None = None) -> dict[str, str]:
    timestamp = int(time.time() if at is None else at)
    return {
        "webhook-id": "a", "webhook-timestamp": str(timestamp),
        "webhook-signature": signed(keys_of(secret), "a", timestamp, body),
    }  # fmt: skip


def test_the_code_on_the_page_accepts_what_we_send_also_while_a_secret_is_replaced(
    is_ours: Any,
) -> None:
    body = parcel().body()
    assert is_ours(OLD, request(body), body)
    both = request(body, f"{OLD} {NEW}")
    assert is_ours(OLD, both, body)
    assert is_ours(NEW, both, body)


def test_the_code_on_the_page_refuses_what_is_forged_or_old(is_ours: Any) -> None:
    body = parcel().body()
    assert not is_ours(NEW, request(body), body)
    assert not is_ours(OLD, request(body), body + b" ")
    assert not is_ours(OLD, request(body) | {"webhook-id": "b"}, body)
    assert not is_ours(OLD, request(body, at=time.time() - 301), body)
    assert not is_ours(OLD, request(body, at=time.time() + 330), body)


def test_every_reason_of_a_report_is_explained() -> None:
    assert [name.strip("`") for name, _ in rows(section(PAGE, "## Reports"))] == list(
        get_args(Failure)
    )
