"""The command `ebbtide why-not`: under the workers' settings, for people and for programs."""

import json
from pathlib import Path

import pytest
from command_line import Ebbtide, put_in_place_of_kafka
from recorded import COUNTED, MORNING, FakeReader, History, put_in_place

from agents.gate.gate import Gate
from agents.roster import known_agents
from schemas.reviews import ReviewPosted

KINDS = sorted(kind for agent in known_agents().values() for kind in agent.says)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A shop that calls for a person on a bad review, for those who agreed; ann has not."""
    from agents.service_recovery import ServiceRecovery

    complaint = ReviewPosted(
        event_id="r-1", customer_id="ann", occurred_at=MORNING, review_id="r-1", product_id="tent",
        rating=1,
    )  # fmt: skip
    history = History(Gate(holdout=COUNTED), complaint, agents=[ServiceRecovery()])
    put_in_place_of_kafka(monkeypatch)
    put_in_place(monkeypatch, history)
    file = tmp_path / "engine.toml"
    file.write_text("[agents.service_recovery]\n")
    monkeypatch.setenv("EBBTIDE_CONFIG", str(file))
    monkeypatch.setenv("EBBTIDE_HOLDOUT_KEY", "hush-hush")
    return file


# `shop` comes after `ebbtide`, which takes the settings of whoever runs the tests away.
def test_the_command_tells_people_in_sentences_and_programs_in_json(
    ebbtide: Ebbtide, shop: Path
) -> None:
    code, text, complained = ebbtide("why-not", "ann", "service_recovery")
    assert (code, complained) == (0, "")
    assert text.startswith("Why no service_recovery for ann?\n")
    assert "The gate would refuse one. The customer has not agreed to service" in text

    code, as_json, _ = ebbtide("why-not", "ann", "service_recovery", "--json")
    answer = json.loads(as_json)
    assert (code, as_json.count("\n")) == (0, 1)
    assert sorted(answer) == [
        "agent", "clock_at", "customer_id", "has_row", "is_on", "kind", "now", "records", "said",
        "sentences", "timers", "waits",
    ]  # fmt: skip
    assert (answer["is_on"], answer["has_row"], answer["waits"]) == (True, True, None)
    assert (answer["said"]["refusal"], answer["said"]["refused"]) == ("no_consent", 0)
    assert answer["now"]["saw"] == {"purpose": "service"}
    assert [it["reason"] for it in answer["records"]] == ["no_consent"]


def test_only_the_customers_partition_is_read(ebbtide: Ebbtide, shop: Path) -> None:
    ebbtide("why-not", "ann", "service_recovery")
    assert FakeReader.read == [2]


def test_the_gate_is_the_one_of_engine_toml(ebbtide: Ebbtide, shop: Path) -> None:
    shop.write_text('[gate]\nassume_consent = ["service"]\n[agents.service_recovery]\n')
    code, as_json, _ = ebbtide("why-not", "ann", "service_recovery", "--json")
    assert (code, json.loads(as_json)["now"]["outcome"]) == (0, "sent")
    shop.write_text("")
    code, as_json, _ = ebbtide("why-not", "ann", "service_recovery", "--json")
    assert (code, json.loads(as_json)["is_on"]) == (0, False)


def test_without_the_secrets_the_gate_cannot_be_asked(
    ebbtide: Ebbtide, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EBBTIDE_HOLDOUT_KEY")
    shop.write_text("[agents.service_recovery]\n[agents.abandoned_cart]\n")
    code, text, complained = ebbtide("why-not", "ann", "service_recovery")
    assert (code, text) == (2, "")
    assert complained.startswith("ebbtide: EBBTIDE_HOLDOUT_KEY is not set, ")


def test_an_unknown_kind_is_answered_with_those_there_are(ebbtide: Ebbtide, shop: Path) -> None:
    code, text, complained = ebbtide("why-not", "ann", "churn")
    assert (code, text) == (2, "")
    assert complained == (f"ebbtide: no agent says 'churn'; there are {', '.join(KINDS)}\n")


def test_an_unknown_customer_is_exit_code_1_with_a_hint(ebbtide: Ebbtide, shop: Path) -> None:
    code, text, complained = ebbtide("why-not", "nobody", "service_recovery")
    assert (code, text) == (1, "")
    assert complained.startswith("ebbtide: customer 'nobody' is not known: ")


def test_a_customer_whose_row_has_ended_is_told_from_the_records(
    ebbtide: Ebbtide, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorded.FakeRows.row", None)
    code, text, _ = ebbtide("why-not", "ann", "service_recovery")
    assert code == 0
    assert "The customer has no row: no event was applied, or they were forgotten." in text
    assert "suppressed. The customer has not agreed to service on any channel." in text
