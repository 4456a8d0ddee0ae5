"""Schemas: what is valid is read and written back as it was; what is not is refused with its place."""

import json
from random import Random
from typing import Any

import msgspec
import pytest
from any_event import EVENT_TYPES, SHOP_EVENT_TYPES, TOPIC_OF, AnyEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import decode_record, encode_json, raw_decoders
from schemas.event import Event
from schemas.instant import EARLIEST, LATEST, to_millis, to_text
from schemas.journal import Entry, ShopEntry, Source, Tick
from schemas.shop_events import RatePublished, ShopEvent

# Both directions: read and written back, byte by byte. Every event ends with the same fields.
CASES = [
    ("clickstream", "page_viewed", '"url":"/sale",'),
    ("clickstream", "products_searched", '"query":"grüner Tee","result_count":0,'),
    ("clickstream", "product_viewed", '"product_id":"tea","category":"drinks","price_cents":450,"currency":"EUR",'),
    ("clickstream", "product_added", '"product_id":"tea","price_cents":450,"currency":"EUR","quantity":2,'),
    ("clickstream", "product_removed", '"product_id":"tea","quantity":2,'),
    ("clickstream", "checkout_started", '"order_id":"o1",'),
    ("clickstream", "product_wishlisted", '"product_id":"tea",'),
    ("clickstream", "product_shared", '"product_id":"tea","share_via":"email",'),
    ("clickstream", "stock_alert_requested", '"product_id":"tea",'),
    ("orders", "order_placed", '"order_id":"o1","products":[{"product_id":"tea","quantity":2,"price_cents":450,"category":"drinks","name":"Sencha"},{"product_id":"pot"}],"currency":"EUR","total_cents":900,"coupons":["EBB-1"],"referred_by":"bob",'),
    ("orders", "order_cancelled", '"order_id":"o1",'),
    ("orders", "order_refunded", '"order_id":"o1","refund_cents":450,"products":[{"product_id":"tea"}],'),
    ("orders", "order_shipped", '"order_id":"o1","promised_at":1769000000000,'),
    ("orders", "order_delivered", '"order_id":"o1",'),
    ("orders", "points_redeemed", '"points":250,"order_id":"o1",'),
    ("reviews", "review_posted", '"review_id":"r1","product_id":"tea","rating":5,"text":"Good.","order_id":"o1",'),
    ("reviews", "review_edited", '"review_id":"r1","product_id":"tea","rating":1,'),
    ("reviews", "question_asked", '"question_id":"q1","text":"Is it organic?","product_id":"tea","order_id":"o1","about":"complaint",'),
    ("reviews", "question_answered", '"question_id":"q1",'),
    ("reviews", "survey_answered", '"survey_id":"s1","score":10,"order_id":"o1",'),
    ("reviews", "case_closed", '"trigger_id":"t1",'),
    ("profiles", "profile_updated", '"birthday":"1990-02-28","locale":"de-AT","time_zone":"Europe/Vienna","traits":{"club":"gold"},"country":"AT",'),
    ("profiles", "consent_changed", '"purpose":"marketing","granted":true,"channel":"email",'),
    ("profiles", "message_sent", '"message_id":"m1","channel":"email","trigger_id":"t1",'),
    ("profiles", "message_opened", '"message_id":"m1","channel":"sms",'),
    ("profiles", "message_clicked", '"message_id":"m1","channel":"push",'),
    ("profiles", "message_bounced", '"message_id":"m1","channel":"in_app","permanent":false,'),
    ("profiles", "message_unsubscribed", '"message_id":"m1","channel":"web",'),
    ("profiles", "trigger_delivered", '"trigger_id":"t1","kind":"churn_alert","target":"mailer","attempts":1,'),
    ("profiles", "trigger_undelivered", '"trigger_id":"t1","kind":"churn_alert","target":"mailer","attempts":0,"reason":"expired",'),
    ("profiles", "erasure_requested", ""),
]  # fmt: skip
SHOP_CASES = [
    ("stock_changed", '"product_id":"tea","available":0,', "tea"),
    ("price_changed", '"product_id":"tea","price_cents":450,"currency":"EUR",', "tea"),
    ("rate_published", '"currency":"SEK","per":"EUR","rate":"0.0875",', "SEK"),
]

# One direction: what a storefront may also write, and what stands in the journal then.
VARIANTS = [
    ("occurred_at", "2026-01-20T08:00:00Z", 1_768_896_000_000),
    ("occurred_at", "2026-01-20T16:00:00.250+08:00", 1_768_896_000_250),
    ("occurred_at", "2026-01-20t08:00:00z", 1_768_896_000_000),
    ("occurred_at", "2026-01-20 08:00:00Z", 1_768_896_000_000),
    ("occurred_at", "2026-01-20T08:00:00.0004Z", 1_768_896_000_000),
    ("occurred_at", EARLIEST, EARLIEST),
    ("occurred_at", LATEST - 1, LATEST - 1),
    ("customer_id", "日本", "日本"),
    ("customer_id", "a" * 128, "a" * 128),
]

# What is refused, where, and with which words.
REFUSED = [
    ("event_id", "", "Expected `str` of length >= 1 - at `$.event_id`"),
    ("event_id", "e" * 129, "Expected `str` of length <= 128 - at `$.event_id`"),
    ("event_id", 7, "Expected `str`, got `int` - at `$.event_id`"),
    ("customer_id", "anon:7", "customer_id may not start with 'anon:', which is reserved"),
    ("customer_id", "", "Expected `str` of length >= 1 - at `$.customer_id`"),
    ("customer_id", None, "customer_id or anonymous_id is required"),
    ("occurred_at", None, "Expected `int | datetime`, got `null` - at `$.occurred_at`"),
    ("occurred_at", True, "Expected `int | datetime`, got `bool` - at `$.occurred_at`"),
    ("occurred_at", 1_768_896_000_000.0, "Expected `int | datetime`, got `float` - at `$.occurred_at`"),
    ("occurred_at", 1_768_896_000.5, "Expected `int | datetime`, got `float` - at `$.occurred_at`"),
    ("occurred_at", 1_768_896_000, "1768896000 looks like epoch seconds; milliseconds are wanted"),
    ("occurred_at", 0, "0 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", -1, "-1 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", EARLIEST - 1, "631151999999 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", LATEST, "4102444800000 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", 1_768_896_000_000_000, "1768896000000000 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", "1989-12-31T23:59:59Z", "631151999000 is not a moment between 1990 and 2100 in epoch milliseconds"),
    ("occurred_at", "2026-01-20T08:00:00", "Expected `datetime` with a timezone component - at `$.occurred_at`"),
    ("occurred_at", "2026-01-20", "Invalid RFC3339 encoded datetime - at `$.occurred_at`"),
    ("occurred_at", "2026-02-30T08:00:00Z", "Invalid RFC3339 encoded datetime - at `$.occurred_at`"),
    ("occurred_at", "yesterday", "Invalid RFC3339 encoded datetime - at `$.occurred_at`"),
    ("occurred_at", "1768896000000", "Invalid RFC3339 encoded datetime - at `$.occurred_at`"),
    ("price_cents", 4.5, "Expected `int`, got `float` - at `$.price_cents`"),
    ("price_cents", 450.0, "Expected `int`, got `float` - at `$.price_cents`"),
    ("price_cents", "450", "Expected `int`, got `str` - at `$.price_cents`"),
    ("price_cents", -1, "Expected `int` >= 0 - at `$.price_cents`"),
    ("price_cents", 10**12 + 1, "Expected `int` <= 1000000000000 - at `$.price_cents`"),
    ("currency", "eur", "Expected `str` matching regex '^[A-Z]{3}$' - at `$.currency`"),
    ("currency", "EUR\n", "Expected `str` of length <= 3 - at `$.currency`"),
    ("quantity", 0, "Expected `int` >= 1 - at `$.quantity`"),
]  # fmt: skip


ENVELOPE = {"event_id": "e1", "occurred_at": 1_768_896_000_000, "customer_id": "ann"}
ORDER = ENVELOPE | {
    "type": "order_placed", "order_id": "o", "currency": "EUR", "products": [{"product_id": "tea"}],
}  # fmt: skip
PROFILE = ENVELOPE | {"type": "profile_updated"}


def read(topic: str, value: bytes | str) -> Any:
    return raw_decoders[topic].decode(value)


def added(**changes: Any) -> str:
    """A product that was added, with changes."""
    return json.dumps(ENVELOPE | {"type": "product_added", "product_id": "tea"} | changes)


@pytest.mark.parametrize(("topic", "name", "fields"), CASES, ids=[name for _, name, _ in CASES])
def test_an_event_is_written_back_as_it_was_read(topic: str, name: str, fields: str) -> None:
    rest = '"event_id":"e1","occurred_at":1768896000000,"customer_id":"ann","anonymous_id":"7f3"}'
    published = f'{{"type":"{name}",{fields}{rest}'.encode()
    event = read(topic, published)
    assert encode_json(event) == published
    assert event.subject == "ann"


@pytest.mark.parametrize(("name", "fields", "subject"), SHOP_CASES)
def test_an_event_of_the_shop_is_about_no_customer(name: str, fields: str, subject: str) -> None:
    envelope = '"event_id":"e1","occurred_at":1768896000000}'
    published = f'{{"type":"{name}",{fields}{envelope}'.encode()
    event = read("shop", published)
    assert encode_json(event) == published
    assert event.subject == subject
    assert not hasattr(event, "customer_id")


def test_there_is_a_case_for_every_event() -> None:
    expected = {(TOPIC_OF[kind], str(kind.__struct_config__.tag)) for kind in TOPIC_OF}
    cases = [(topic, name) for topic, name, _ in CASES]
    assert {*cases, *(("shop", name) for name, _, _ in SHOP_CASES)} == expected


@pytest.mark.parametrize(
    "rate", ["0", "0.000", "-1", "1e3", ".5", "1.", "1,5", "1\n", " 1", "1/2", "NaN", "1" * 13]
)
def test_a_rate_is_a_decimal_text_above_zero(rate: str) -> None:
    published = {
        "type": "rate_published", "event_id": "e1", "occurred_at": 1_768_896_000_000,
        "currency": "SEK", "per": "EUR",
    }  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match=r"\$\.rate"):
        read("shop", json.dumps(published | {"rate": rate}))
    with pytest.raises(msgspec.ValidationError, match=r"\$\.rate"):
        read("shop", json.dumps(published | {"rate": 0.0875}))


@given(numerator=st.integers(1, 10**12 - 1), places=st.integers(0, 12))
def test_a_rate_is_read_exactly(numerator: int, places: int) -> None:
    digits = str(numerator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    rate = RatePublished("SEK", "EUR", text, event_id="e1", occurred_at=EARLIEST)
    assert rate.ratio * 10**places == numerator
    assert read("shop", encode_json(rate)) == rate


@pytest.mark.parametrize(("field", "published", "kept"), VARIANTS)
def test_other_ways_of_writing_it_are_read(field: str, published: Any, kept: Any) -> None:
    assert getattr(read("clickstream", added(**{field: published})), field) == kept


@pytest.mark.parametrize(("field", "value", "error"), REFUSED)
def test_what_is_wrong_is_refused_with_its_place_and_a_hint(
    field: str, value: Any, error: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read("clickstream", added(**{field: value}))
    assert str(refused.value) == error


@pytest.mark.parametrize("kind", TOPIC_OF)
def test_a_wrong_type_in_any_field_is_refused_with_the_fields_name(
    kind: type[Event | ShopEvent],
) -> None:
    published = AnyEvent(Random(1)).published(kind)
    for field in msgspec.structs.fields(kind):
        # No field is a list of lists.
        wrong = json.dumps(published | {field.encode_name: [[True]]})
        with pytest.raises(msgspec.ValidationError, match=rf"`\$\.{field.encode_name}(`|\[)"):
            read(TOPIC_OF[kind], wrong)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_any_event_comes_through_the_journal_as_it_is(seed: int) -> None:
    any_event = AnyEvent(Random(seed), letter="é")
    for kind in EVENT_TYPES:
        published = any_event.published(kind)
        event = read(TOPIC_OF[kind], json.dumps(published))
        assert read(TOPIC_OF[kind], encode_json(event)) == event
        entry = Entry(event, Source("orders", 3, 12, 1_768_896_000_123))
        assert decode_record(encode_json(entry)) == entry
    for shop_kind in SHOP_EVENT_TYPES:
        change = read("shop", json.dumps(any_event.published(shop_kind)))
        shop_entry = ShopEntry(change, Source("shop", 3, 12, 1_768_896_000_123), 5)
        assert decode_record(encode_json(shop_entry)) == shop_entry


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_fields_that_we_do_not_know_are_left_out(seed: int) -> None:
    any_event = AnyEvent(Random(seed))
    for kind in TOPIC_OF:
        published = any_event.published(kind)
        more = published | {"campaign": {"id": [1, {"x": None}]}, "": 0.5}
        if "products" in more:
            more["products"] = [it | {"colour": "green"} for it in published["products"]]
        event = read(TOPIC_OF[kind], json.dumps(more))
        assert event == read(TOPIC_OF[kind], json.dumps(published))
        assert not {b"campaign", b"colour"} & set(encode_json(event).split(b'"'))


def test_an_anonymous_visitor_is_a_customer_apart() -> None:
    visitor = read("clickstream", added(customer_id=None, anonymous_id="ann"))
    assert visitor.subject == "anon:ann"
    known = read("clickstream", added(anonymous_id="7f3"))
    assert known.subject == "ann"


def test_an_order_is_worth_its_total_or_else_the_sum_of_its_lines() -> None:
    lines = [{"product_id": "tea", "quantity": 2, "price_cents": 450}, {"product_id": "pot"}]
    assert read("orders", json.dumps(ORDER | {"products": lines})).paid_cents == 900
    given_total = ORDER | {"products": lines, "total_cents": 0}
    assert read("orders", json.dumps(given_total)).paid_cents == 0


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("products", [], "`$.products`"),
        ("products", [{"product_id": "tea", "price_cents": 4.5}], "`$.products[0].price_cents`"),
        ("products", [{"product_id": "tea"}, {}], "`$.products[1]`"),
        ("products", [{"product_id": "tea"}] * 1_001, "`$.products`"),
        ("total_cents", 9.0, "`$.total_cents`"),
        ("coupons", ["c"] * 21, "`$.coupons`"),
        ("coupons", [""], "`$.coupons[0]`"),
    ],
)
def test_what_is_wrong_inside_an_order_is_refused_with_its_place(
    field: str, value: Any, place: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        read("orders", json.dumps(ORDER | {field: value}))
    assert place in str(refused.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "utc+2", "../etc/passwd"])
def test_a_time_zone_must_be_one_of_the_worlds(zone: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="is not an IANA time zone"):
        read("profiles", json.dumps(PROFILE | {"time_zone": zone}))


def test_a_locale_is_a_language_tag_of_a_bearable_length() -> None:
    for locale in ("de", "en_GB", "zh-Hant-TW"):
        assert read("profiles", json.dumps(PROFILE | {"locale": locale})).locale == locale
    for locale in ("", "DE", "de-", "de\n", "de" + "-aa" * 12):
        with pytest.raises(msgspec.ValidationError, match=r"\$\.locale"):
            read("profiles", json.dumps(PROFILE | {"locale": locale}))


@given(millis=st.integers(EARLIEST, LATEST - 1))
@settings(max_examples=300, deadline=None)
def test_a_moment_is_written_to_the_millisecond_and_read_back(millis: int) -> None:
    text = to_text(millis)
    assert len(text) == len("2026-01-20T08:00:00.000Z")
    assert read("clickstream", json.dumps({"type": "tick", "at": text})) == Tick(millis)
    assert to_millis(millis) == millis
