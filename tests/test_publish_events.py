"""Publish events: the page names every event, field, type and refusal as the code has them."""

import re
from types import SimpleNamespace
from typing import Any, cast, get_args

import msgspec
import pytest
from any_event import TOPIC_OF
from faust.types import TP
from pages import blocks, page, rows, section

from config.settings import Settings
from schemas import clickstream, event, instant, orders, profiles, reviews, shop_events
from schemas.dead_letter import Reason, Refusal
from schemas.event import Event
from schemas.shop_events import ShopEvent
from state.customer import EVENT_IDS_MAX, RECENT_ORDER_KEPT, RECENT_ORDERS_MAX, TRAITS_MAX
from streams.clock import Carried
from streams.ingest import Ingest
from streams.producer import Producer

PUBLISH = page("docs/publish-events.md")
REASONS: tuple[Reason, ...] = get_args(Reason)

#: The annotated types of the schemas by the word that the page uses for them.
WORDS: dict[str, Any] = {
    name.lower(): value
    for module in (event, clickstream, orders, profiles, reviews, shop_events)
    for name, value in vars(module).items()
    if name
    in ("Failure", "Id", "Name", "Text", "Cents", "Currency", "Quantity", "Rating", "Channel")
    or name in ("Purpose", "Locale", "Traits", "Items", "Coupons", "Country", "Concern", "Rate")
} | {"moment": instant.Instant}


def typed(kind: Any) -> str:
    """The word, or the words, that the page has to use for a field's type."""
    if type(None) in get_args(kind):
        bare = [it for it in get_args(kind) if it is not type(None)]
        return typed(bare[0] if len(bare) == 1 else instant.Instant)
    named = [word for word, wanted in WORDS.items() if kind == wanted]
    return named[0] if named else in_words(msgspec.inspect.type_info(kind))


def in_words(info: msgspec.inspect.Type) -> str:
    match info:
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.DateType():
            return "date"
        case msgspec.inspect.IntType(ge=low, le=high):
            return f"whole number from {low}" + ("" if high is None else f" to {high:,}")
        case msgspec.inspect.StrType(max_length=longest):
            return f"text of up to {longest:,} characters"
        case msgspec.inspect.VarTupleType(max_length=longest):
            return f"list of up to {longest:,} lines"
    raise NotImplementedError(f"no event has had a field of this type so far: {info}")


def told(table: list[list[str]]) -> list[tuple[str, str, str]]:
    return sorted((name.strip("`"), kind, needed) for name, kind, needed, _ in table)


def declared(
    kind: type[msgspec.Struct], without: tuple[str, ...] = ()
) -> list[tuple[str, str, str]]:
    return sorted(
        (it.name, typed(it.type), "yes" if it.required else "no")
        for it in msgspec.structs.fields(kind)
        if it.name not in without
    )


@pytest.mark.parametrize("kind", TOPIC_OF)
def test_every_event_is_on_the_page_with_its_fields_and_their_types(
    kind: type[Event | ShopEvent],
) -> None:
    tag = str(kind.__struct_config__.tag)
    text = section(PUBLISH, f"### {tag}").split("\nA line:\n")[0]
    assert told(rows(text)) == declared(kind, Event.__struct_fields__)
    assert PUBLISH.index(f"\n## {TOPIC_OF[kind]}\n") < PUBLISH.index(f"\n### {tag}\n")


def test_the_page_has_the_envelope_and_the_lines_of_an_order() -> None:
    envelope = told(rows(section(PUBLISH, "## What every event has")))
    assert envelope == sorted([("type", "text", "yes"), *declared(Event)])
    line = section(PUBLISH, "### order_placed").split("\nA line:\n")[1]
    assert told(rows(line)) == declared(orders.Item)


def test_the_page_describes_no_event_that_there_is_not() -> None:
    headings = set(re.findall(r"^### (\w+)$", PUBLISH, re.MULTILINE)) - {"Time", "Money"}
    assert headings == {str(it.__struct_config__.tag) for it in TOPIC_OF}


def test_every_type_is_explained_with_its_bounds() -> None:
    explained = {name.strip("`"): text for name, text in rows(section(PUBLISH, "## Types"))}
    assert explained.keys() == WORDS.keys()
    for word, kind in WORDS.items():
        if word == "moment":
            continue  # It has a part of its own.
        info = msgspec.inspect.type_info(kind)
        bounds = [getattr(info, it, None) for it in ("ge", "le", "min_length", "max_length")]
        for bound in bounds:
            assert bound is None or f"{bound:,}" in explained[word], word
        for value in getattr(info, "values", ()):
            assert f"`{value}`" in explained[word], word


def test_every_reason_of_a_dead_letter_has_its_fix() -> None:
    assert re.findall(r"^### `(\w+)`$", PUBLISH, re.MULTILINE) == list(REASONS)
    for reason in REASONS:
        told_fix = " ".join(section(PUBLISH, f"### `{reason}`").split())
        hint = Refusal(reason, "").hint
        # The page may say more, and it uses Markdown.
        for word in re.findall(r"[A-Za-z_]{4,}", hint):
            assert word.lower() in told_fix.lower(), f"{reason}: {hint}"


@pytest.mark.parametrize("reason", [it for it in REASONS if it not in ("empty", "too_large")])
def test_an_example_of_a_dead_letter_is_refused_for_that_reason(reason: str) -> None:
    text = section(PUBLISH, f"### `{reason}`")
    (value,) = blocks(text, "json") or blocks(text, "text")
    topic = re.search(r"On the topic `(\w+)`", text)
    record = SimpleNamespace(value=value.encode(), key=None, offset=0, timestamp=0)
    ingest = Ingest(Settings(), cast(Producer, None), Carried(), 4)
    (dead,), _, _, _ = ingest._check(TP(topic[1] if topic else "clickstream", 0), [record])
    headers = {name: content.decode() for name, content in dead.headers or ()}
    assert headers["reason"] == reason
    detail = re.search(r"Detail: (`+)(.*?)\1\.", " ".join(text.split()))
    assert detail, reason
    for part in detail[2].strip().split("…"):
        assert plain(part) in plain(headers["detail"]), reason


def plain(text: str) -> str:
    return text.replace("`", "").strip()


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    settings = Settings()
    assert f"{settings.event_bytes_max:,} bytes (`EBBTIDE_EVENT_BYTES_MAX`)" in PUBLISH
    half, whole = settings.dedupe_events_max // 2, settings.dedupe_events_max
    assert f"the last {half:,} to {whole:,} events" in PUBLISH
    assert f"the customer's last {EVENT_IDS_MAX} events" in PUBLISH
    assert f"{TRAITS_MAX} are kept" in PUBLISH
    assert f"last {('no', 'one', 'two', 'three')[RECENT_ORDERS_MAX]}," in PUBLISH
    assert f"{RECENT_ORDER_KEPT // instant.DAY} days old" in PUBLISH
