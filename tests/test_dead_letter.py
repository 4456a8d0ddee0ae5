"""Dead letters: whatever bytes arrive, they are an event or have a reason that says what to fix."""

import json
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from any_event import TOPIC_OF, AnyEvent
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.settings import Settings
from schemas.codec import RAW_TOPICS, decode_record, encode_json, raw_decoders
from schemas.dead_letter import Reason, Refusal, refusal_of
from schemas.event import Event
from schemas.instant import MINUTE
from schemas.journal import Entry, ShopEntry, Source, Tick
from schemas.shop_events import ShopEvent
from streams.ingest import Ingest

NOW = 1_768_896_000_000  # 2026-01-20 08:00 UTC
GOOD = '{"type":"page_viewed","event_id":"e1","occurred_at":1768896000000,"customer_id":"ann"}'
PROFILE = GOOD.replace("page_viewed", "profile_updated")

# What is published, and what its publisher is told.
REFUSED: list[tuple[str, str | bytes | None, Reason, str]] = [
    ("clickstream", None, "empty", "the record has no value"),
    ("clickstream", b"", "empty", "the record has no value"),
    ("clickstream", GOOD.replace("ann", "n" * 300_000), "too_large", "300083 bytes; 262144 are allowed"),
    ("clickstream", "{", "not_json", "Input data was truncated"),
    ("clickstream", GOOD[:-1], "not_json", "Input data was truncated"),
    ("clickstream", GOOD + "}", "not_json", "JSON is malformed: trailing characters (byte 87)"),
    ("clickstream", "hello", "not_json", "JSON is malformed: invalid character (byte 0)"),
    ("clickstream", "[]", "not_json", "Expected `object`, got `array`"),
    ("clickstream", "null", "not_json", "Expected `object`, got `null`"),
    ("clickstream", '"page_viewed"', "not_json", "Expected `object`, got `str`"),
    ("clickstream", GOOD.encode("utf-16"), "not_json", "JSON is malformed: invalid character (byte 0)"),
    ("clickstream", GOOD.replace("ann", "jürgen").encode("latin-1"), "not_json", "'utf-8' codec can't decode byte 0xfc in position 1: invalid start byte"),
    ("clickstream", GOOD.replace("ann", r"\ud800 is half"), "not_json", "JSON is malformed: unexpected end of escaped utf-16 surrogate pair (byte 87)"),
    ("clickstream", '{"x":' + "[" * 200_000, "not_json", "maximum recursion depth exceeded while deserializing an object"),
    ("clickstream", "{}", "unknown_type", "Object missing required field `type`"),
    ("clickstream", GOOD.replace("page_viewed", "page_seen"), "unknown_type", "Invalid value 'page_seen' - at `$.type`"),
    ("clickstream", GOOD.replace("page_viewed", "two\\nlines"), "unknown_type", "Invalid value 'two\nlines' - at `$.type`"),
    ("orders", GOOD, "unknown_type", "Invalid value 'page_viewed' - at `$.type`"),
    ("clickstream", GOOD.replace("event_id", "id"), "missing_field", "Object missing required field `event_id`"),
    ("clickstream", GOOD.replace("page", "product"), "missing_field", "Object missing required field `product_id`"),
    ("clickstream", GOOD.replace("customer_id", "user"), "no_customer", "customer_id or anonymous_id is required"),
    ("clickstream", GOOD.replace('"ann"', "null"), "no_customer", "customer_id or anonymous_id is required"),
    ("clickstream", GOOD.replace("1768896000000", '"2026-01-20T08:00:00"'), "zone_missing", "Expected `datetime` with a timezone component - at `$.occurred_at`"),
    ("clickstream", GOOD.replace('"e1"', "1"), "invalid_field", "Expected `str`, got `int` - at `$.event_id`"),
    ("clickstream", GOOD.replace("000,", ","), "invalid_field", "1768896000 looks like epoch seconds; milliseconds are wanted"),
    ("clickstream", GOOD.replace("ann", "anon:1"), "invalid_field", "customer_id may not start with 'anon:', which is reserved"),
    ("clickstream", GOOD.replace("1768", "1769"), "from_the_future", "occurred_at 2026-01-31T21:46:40.000Z is later than 2026-01-20T08:05:00.000Z, our clock and the tolerance - at `$.occurred_at`"),
    ("clickstream", '{"type":"tick","at":1768896000000}', "tick_not_allowed", "a tick on a raw topic, and the clock is `wall`"),
    # What a publisher wrote must not be taken for one of our own words.
    ("profiles", PROFILE[:-1] + ',"time_zone":"customer_id or anonymous_id is required"}', "invalid_field", "time_zone 'customer_id or anonymous_id is required' is not an IANA time zone"),
    ("clickstream", GOOD.replace("page_viewed", "timezone component"), "unknown_type", "Invalid value 'timezone component' - at `$.type`"),
]  # fmt: skip

Accepted = Event | ShopEvent | Tick | Refusal


def accepted(topic: str, value: str | bytes | None) -> Accepted:
    """What ingest makes of a raw record that arrives at ``NOW``, with five minutes' tolerance."""
    nothing: Any = None
    ingest = Ingest(Settings(), nothing, nothing, journal_partitions=1)
    published = value.encode() if isinstance(value, str) else value
    return ingest._accept(raw_decoders[topic].decode, published, NOW + 5 * MINUTE)


def test_a_good_event_is_no_dead_letter() -> None:
    assert isinstance(accepted("clickstream", GOOD), Event)


@pytest.mark.parametrize(("topic", "value", "reason", "detail"), REFUSED)
def test_a_refusal_names_its_reason_and_what_was_found(
    topic: str, value: str | bytes | None, reason: Reason, detail: str
) -> None:
    assert accepted(topic, value) == Refusal(reason, detail)


def test_there_is_an_example_for_every_reason_and_each_says_what_to_do() -> None:
    assert {reason for _, _, reason, _ in REFUSED} == set(get_args(Reason))
    hints = [Refusal(reason, "").hint for reason in get_args(Reason)]
    assert all(hint.endswith(".") for hint in hints)
    assert len(set(hints)) == len(hints)


def test_an_error_of_another_kind_is_not_taken_for_a_refusal() -> None:
    with pytest.raises(TypeError):
        refusal_of(KeyError("a mistake of ours"))


# Anything at all


def check(topic: str, value: bytes) -> None:
    """The bytes are an event that the journal can hold, or an error with a reason; never else."""
    try:
        fact = raw_decoders[topic].decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        refusal = refusal_of(error)
        assert refusal.reason in get_args(Reason)
        assert refusal.detail
        assert refusal.hint
        return
    if isinstance(fact, Tick):
        assert decode_record(encode_json(fact)) == fact
        return
    kind = ShopEntry if isinstance(fact, ShopEvent) else Entry
    entry = kind(fact, Source(topic, 0, 0, NOW))
    assert decode_record(encode_json(entry)) == entry
    assert fact.subject.encode()


# What no field expects: the edges of numbers, text that is none, and the depths.
STRANGE = [
    "null", "true", "-0", "0.0", "1e400", "-1e-400", "NaN", "Infinity", "9" * 400, str(2**63),
    str(2**64), str(-(2**63) - 1), '""', '"\\u0000"', '"\\ud83d"', '"\\udc00\\ud83d"', '"\\uD83D\\uDE00"',
    '"9999-12-31T23:59:59.999999999-23:59"', '"0001-01-01T00:00:00+23:59"', '"24:00"', "[]", "{}",
    "[[[[]]]]", '{"type":"tick"}', "'", "[" * 5_000, '{"a":' * 5_000,
]  # fmt: skip


def mutated(rng: Random, published: dict[str, Any]) -> bytes:
    """A good event after one to three accidents."""
    fields = {name: json.dumps(value) for name, value in published.items()}
    name = rng.choice(list(fields))
    match rng.randrange(4):
        case 0:
            fields[name] = rng.choice(STRANGE)
        case 1:
            fields[rng.choice(list(fields))] = fields.pop(name)
        case 2:
            fields[name] = fields[rng.choice(list(fields))]
        case _:
            pass
    value = bytearray(("{" + ",".join(f'"{it}":{fields[it]}' for it in fields) + "}").encode())
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                value[at] = rng.randrange(256)
            case 1:
                value[at:at] = rng.randbytes(3)
            case 2:
                del value[at : at + rng.randrange(9)]
            case _:
                del value[at + 1 :]
    return bytes(value)


@given(value=st.binary(max_size=200))
@example(value=b"[" * 100_000)
@example(value=b'{"type":' * 100_000)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_an_event_or_have_a_reason(value: bytes) -> None:
    for topic in RAW_TOPICS:
        check(topic, value)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_an_event_after_any_accident_is_an_event_or_has_a_reason(seed: int) -> None:
    rng = Random(seed)
    any_event = AnyEvent(rng, letter="é")
    for kind in TOPIC_OF:
        check(TOPIC_OF[kind], mutated(rng, any_event.published(kind)))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_a_truncated_event_is_never_taken_for_a_whole_one(seed: int) -> None:
    rng = Random(seed)
    kind = rng.choice(list(TOPIC_OF))
    value = encode_json(AnyEvent(rng).of(kind))
    for length in range(1, len(value)):
        refused = accepted(TOPIC_OF[kind], value[:length])
        assert isinstance(refused, Refusal)
        assert refused.reason == "not_json"
