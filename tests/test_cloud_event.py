"""CloudEvents: the official SDK reads what we publish, and the same decision is always the same event."""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from schemas.cloud_event import Message, messages, trigger_topic
from schemas.codec import decode_decision, decode_trigger, encode_json
from schemas.decisions import Decision, Evidence, Outcome, decision_id

SENT = Decision(
    id=decision_id("churn_alert", "churn_alert", "zoë", "churn_alert@1768896000000"),
    kind="churn_alert",
    agent="churn_alert",
    customer_id="zoë",
    cause="churn_alert@1768896000000",
    cause_at=1_768_896_000_000,
    decided_at=1_768_896_000_250,
    outcome="sent",
    reason="quiet_for_long",
    expires_at=1_769_500_800_000,
    evidence=Evidence(("e1",), {"quiet_days": 30.5, "gaps": [9, 11]}, {"chance": 0.05}),
    payload=Raw(b'{"quiet_days":30.5}'),
)


def read(message: Message) -> BaseCloudEvent:
    """What the official SDK makes of a record in Kafka's binary mode."""
    return from_binary(
        KafkaMessage(dict(message.headers), message.key, message.value), JSONFormat()
    )


def test_a_trigger_carries_its_attributes_and_its_body() -> None:
    trigger, _ = messages(SENT)
    assert trigger.topic == "triggers.churn_alert"
    event = read(trigger)
    assert event.get_attributes() == {
        "specversion": "1.0",
        "id": SENT.id,
        "type": "ebbtide.trigger.churn_alert",
        "source": "/ebbtide",
        "subject": "zoë",
        "time": datetime(2026, 1, 20, 8, 0, 0, 250_000, UTC),
        "causationid": "churn_alert@1768896000000",
        "expirytime": "2026-01-27T08:00:00.000Z",
        "datacontenttype": "application/json",
        "partitionkey": "zoë",  # The SDK's name for the key of the record.
    }
    assert event.get_data() == {
        "reason": "quiet_for_long",
        "evidence": {
            "events": ["e1"],
            "values": {"quiet_days": 30.5, "gaps": [9, 11]},
            "thresholds": {"chance": 0.05},
        },
        "payload": {"quiet_days": 30.5},
    }


def test_a_sent_decision_is_a_trigger_and_a_record() -> None:
    trigger, record = messages(SENT)
    assert (trigger.topic, record.topic) == ("triggers.churn_alert", "decisions")
    assert decode_decision(record.value) == SENT
    assert read(record).get_type() == "ebbtide.decision"
    body = decode_trigger(trigger.value)
    assert (body.reason, body.evidence) == (SENT.reason, SENT.evidence)
    assert bytes(body.payload) == bytes(SENT.payload)


@pytest.mark.parametrize("outcome", ["suppressed", "noted"])
def test_a_decision_that_was_not_sent_is_a_record_alone(outcome: Outcome) -> None:
    (record,) = messages(msgspec.structs.replace(SENT, outcome=outcome, refused_before=3))
    assert record.topic == "decisions"
    data: Any = read(record).get_data()
    assert (data["outcome"], data["refused_before"]) == (outcome, 3)


def test_a_decision_that_never_expires_says_nothing_of_it() -> None:
    for message in messages(msgspec.structs.replace(SENT, expires_at=None)):
        assert "ce_expirytime" not in dict(message.headers)
        assert read(message).get_extension("expirytime") is None


def test_attributes_are_named_as_the_specification_wants_and_stand_once() -> None:
    for message in messages(SENT):
        names = [name for name, _ in message.headers]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch("ce_[a-z0-9]{1,20}|content-type", name) for name in names)


def test_both_messages_of_a_decision_go_to_the_customers_partition() -> None:
    assert {message.key for message in messages(SENT)} == {"zoë".encode()}


def test_the_same_decision_is_the_same_bytes_each_time() -> None:
    assert messages(SENT) == messages(decode_decision(encode_json(SENT)))


def test_every_kind_has_a_topic_of_its_own() -> None:
    assert trigger_topic("win_back_coupon") == "triggers.win_back_coupon"


# Whatever UTF-8 can carry: lone surrogates do not come through the border.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(one=st.tuples(NAMES, NAMES, NAMES, NAMES), other=st.tuples(NAMES, NAMES, NAMES, NAMES))
@settings(max_examples=100, deadline=None)
def test_an_id_is_the_same_for_the_same_cause_and_for_no_other(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert decision_id(*one) == decision_id(*one)
    assert re.fullmatch("[0-9a-f]{32}", decision_id(*one))
    assert (decision_id(*one) == decision_id(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "bc", "d", "e"), ("ab", "c", "d", "e")),
        (("a", "b", "c", "d"), ("a", "b", "d", "c")),
        (("", "a", "b", "c"), ("a", "", "b", "c")),
    ],
)
def test_the_parts_of_an_id_do_not_run_into_each_other(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert decision_id(*one) != decision_id(*other)
