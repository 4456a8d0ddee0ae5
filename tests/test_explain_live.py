"""Why this, and why not that? Asked of a running shop: a broker, a Redis and a worker."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Ebbtide, untouched
from live_shop import Shop, now, open_shop, until

from schemas.decisions import decision_id

pytestmark = pytest.mark.live

# One call a day for a person, on one of two channels.
ENGINE = """
[gate]
assume_consent = ["service"]
channels = ["phone", "email"]
[gate.holdout]
share = 0
over_all = 0
[agents.service_recovery]
pause_hours = 24
"""
KIND = "service_recovery"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    config = folder / "engine.toml"
    config.write_text(ENGINE)
    with open_shop(folder, config=str(config)) as shop:
        yield shop


@pytest.fixture
def ask(
    shop: Shop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ask]:
    """Runs a command with --json; its answer and its exit code."""
    with untouched(monkeypatch):
        monkeypatch.setenv("EBBTIDE_BROKER", shop.settings.broker)
        monkeypatch.setenv("EBBTIDE_REDIS_URL", shop.settings.redis_url)
        monkeypatch.setenv("EBBTIDE_CONFIG", shop.settings.config)
        monkeypatch.setenv("EBBTIDE_COUPON_KEY", shop.settings.coupon_key)
        command = Ebbtide(capfd)

        def run(*words: str) -> dict[str, Any]:
            code, told, complained = command(*words, "--json")
            answer: dict[str, Any] = json.loads(told) if told else {}
            return answer | {"code": code, "complained": complained}

        yield run


def publish(ask: Ask, folder: Path, *events: dict[str, Any]) -> None:
    file = folder / "events.jsonl"
    lines = [json.dumps({"customer_id": "ann", "occurred_at": now()} | it) for it in events]
    file.write_text("\n".join(lines))
    assert ask("publish", str(file))["sent"] == len(events)


def review(number: int) -> dict[str, Any]:
    return {
        "type": "review_posted", "event_id": f"r-{number}", "review_id": f"r-{number}",
        "product_id": "tent", "rating": 1,
    }  # fmt: skip


def test_a_trigger_is_explained_and_the_next_ones_absence_as_well(
    shop: Shop, ask: Ask, tmp_path: Path
) -> None:
    called = decision_id(KIND, KIND, "ann", "r-1")
    publish(ask, tmp_path, review(1))
    until(lambda: ask("explain", called)["code"] == 0, "the trigger is on the topic")
    answered = {"type": "message_sent", "event_id": "m-1", "message_id": "m-1", "channel": "phone"}
    publish(ask, tmp_path, review(2), review(3), answered | {"trigger_id": called})

    def refused_twice() -> bool:
        said = ask("why-not", "ann", KIND)["said"]
        return bool(said["refusal"] == "paused" and said["refused"] == 1)

    until(refused_twice, "the other two are refused")

    told = ask("explain", called[:8])
    assert (told["code"], told["complained"]) == (0, "")
    assert told["decision"]["id"] == called
    assert [it["outcome"] for it in told["records"]] == ["sent"]
    assert told["sentences"]["why"][-1] == "Seen: rating 1 (held against at most 2)."
    until(
        lambda: "phone" in ask("explain", called)["came_back"]["responses"], "the call is reported"
    )

    silence = ask("why-not", "ann", KIND)
    assert (silence["code"], silence["is_on"]) == (0, True)
    assert [it["outcome"] for it in silence["records"]] == ["suppressed", "sent"]
    assert (silence["now"]["reason"], silence["now"]["saw"]["pause_hours"]) == ("paused", 24.0)
    assert "the pause is 24 hours." in silence["sentences"]["now"][0]
    # Under another engine.toml the gate says something else about the same row.
    looser = tmp_path / "looser.toml"
    looser.write_text(ENGINE.replace("24", "0"))
    answer = ask("why-not", "ann", KIND, "--config", str(looser))
    # And it knows that a call was not answered so far.
    assert (answer["now"]["outcome"], answer["now"]["channel"]) == ("sent", "email")


def test_an_id_that_nobody_has_is_not_found_within_seconds(shop: Shop, ask: Ask) -> None:
    began = time.monotonic()
    answer = ask("explain", "0" * 32)
    assert answer["code"] == 1
    assert "decisions at " in answer["complained"]
    assert time.monotonic() - began < 10
