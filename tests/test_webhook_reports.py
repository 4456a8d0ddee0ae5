"""What goes out and what comes back: a CloudEvent for the receiver, an event and a dead letter for us."""

import json
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from test_contracts import validator
from webhook_parcels import START, parcel, source

from schemas.codec import raw_decoders
from schemas.dead_letter import Refusal
from schemas.instant import HOUR
from schemas.profiles import TriggerDelivered, TriggerUndelivered
from streams.webhooks.courier import Outcome
from streams.webhooks.parcel import CONTENT_TYPE, parcel_of
from streams.webhooks.reports import letter_of, records_of

DELIVERED = Outcome("", 3)
REFUSED = Outcome("refused", 1, "answered 422: no such person")


def test_the_body_is_a_cloud_event_that_its_library_reads() -> None:
    it = parcel("ann", 7, expires_at=START + HOUR)
    read = from_structured_event(
        HTTPMessage({"content-type": CONTENT_TYPE}, it.body()), JSONFormat()
    )
    attributes = read.get_attributes()
    assert attributes["id"] == it.id
    assert attributes["type"] == "ebbtide.trigger.churn_alert"
    assert attributes["subject"] == "ann"
    assert attributes["expirytime"] == "2026-01-20T09:00:00.000Z"
    assert read.get_data() == json.loads(it.source.value or b"")


def test_a_trigger_that_does_not_expire_says_nothing_of_it() -> None:
    assert "expirytime" not in json.loads(parcel().body())


def test_a_delivery_is_one_event_and_no_letter() -> None:
    it = parcel("ann", 7)
    (report,) = records_of("mailer", it, DELIVERED, START)
    assert (report.topic, report.key) == ("profiles", b"ann")
    event = raw_decoders["profiles"].decode(report.value or b"")
    assert isinstance(event, TriggerDelivered)
    assert event.event_id == f"webhook/mailer/{it.id}/delivered"
    assert (event.customer_id, event.occurred_at, event.attempts) == ("ann", START, 3)
    assert (event.trigger_id, event.kind, event.target) == (it.id, "churn_alert", "mailer")


def test_a_report_on_a_visitor_names_them_as_a_storefront_would() -> None:
    (report,) = records_of("mailer", parcel("anon:c0ffee"), DELIVERED, START)
    event = raw_decoders["profiles"].decode(report.value or b"")
    assert isinstance(event, TriggerDelivered)
    assert (event.customer_id, event.anonymous_id) == (None, "c0ffee")
    assert event.subject == "anon:c0ffee"


@pytest.mark.parametrize("failure", ["refused", "failed", "expired", "too_old"])
def test_what_was_given_up_is_a_letter_and_what_was_not_worth_sending_is_none(
    failure: Any,
) -> None:
    it = parcel("ann", 7)
    *letters, report = records_of("mailer", it, Outcome(failure, 4, "answered 500"), START)
    event = raw_decoders["profiles"].decode(report.value or b"")
    assert isinstance(event, TriggerUndelivered)
    assert (event.event_id, event.reason) == (f"webhook/mailer/{it.id}/undelivered", failure)
    assert len(letters) == (failure in ("refused", "failed"))


def test_a_letter_keeps_the_trigger_with_its_headers_and_says_what_to_do() -> None:
    it = parcel("ann", 7)
    letter, _ = records_of("mailer", it, REFUSED, START)
    headers = {name: content.decode() for name, content in letter.headers or ()}
    validator("dead-letter-headers").validate(headers)
    assert (letter.topic, letter.key, letter.value) == ("dead-letters", b"ann", it.source.value)
    assert headers["reason"] == "webhook_refused"
    assert headers["detail"] == "mailer: answered 422: no such person"
    assert "redeliver" in headers["hint"]
    assert (headers["target"], headers["attempts"]) == ("mailer", "1")
    assert headers["source_topic"] == "triggers.churn_alert"
    assert headers["source_offset"] == str(it.source.offset)
    assert it.source.headers.items() <= headers.items()


BROKEN: dict[str, tuple[dict[str, str | None], bytes | None, str]] = {
    "no value": ({}, None, "Input data was truncated"),
    "no JSON": ({}, b"hello", "JSON is malformed"),
    "another body": ({}, b"{}", "Object missing required field `reason`"),
    "no id": ({"ce_id": None}, b"", "no header ce_id"),
    "an id of another": ({"ce_id": "7\r\nx: y"}, b"", "is none of ours"),
    "no customer": ({"ce_subject": ""}, b"", "no header ce_subject"),
    "no zone": ({"ce_time": "2026-01-20T08:00:00"}, b"", "ce_time has no zone"),
    "no moment": ({"ce_expirytime": "soon"}, b"", "Invalid isoformat string"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_record_that_is_no_trigger_is_a_letter_that_says_why(name: str) -> None:
    changed, value, detail = BROKEN[name]
    good = source()
    headers = {
        key: text for key, text in (good.headers | changed).items() if text is not None
    }  # fmt: skip
    record = msgspec.structs.replace(
        good, headers=headers, value=good.value if value == b"" else value
    )
    refusal = parcel_of(record)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "trigger_not_readable"
    assert detail in refusal.detail
    letter = letter_of(record, refusal, [("target", "mailer")])
    told = {key: content.decode() for key, content in letter.headers or ()}
    assert validator("dead-letter-headers").is_valid(told)
    assert not validator("dead-letter-headers").is_valid(told | {"reason": "no_such_reason"})
