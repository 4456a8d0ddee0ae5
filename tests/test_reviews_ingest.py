"""What is read in a text stands beside its event, decides nothing by itself, and outlives the text."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import written_reviews
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from partition import Partition

from agents.churn.causes import CauseRules, causes
from agents.service_recovery import ServiceRecovery
from config.settings import ConfigError, Settings
from schemas.codec import decode_record, encode_json
from schemas.decisions import Decision
from schemas.instant import DAY
from schemas.journal import Entry, ShopEntry, Source, Tick
from schemas.personal import personal_in, without
from schemas.reading import Reading
from schemas.reviews import QuestionAnswered, QuestionAsked, ReviewEdited, ReviewPosted
from schemas.shop_events import StockChanged
from streams.clock import Carried
from streams.commands import importing
from streams.ingest import Ingest
from streams.producer import Producer
from streams.reviews.door import TextReader, open_reader

AT = 1_768_896_000_000
COMPLAINT = Reading(0.97, ("delivery", "quality"), "0a1b2c3d")


def review(
    number: int, rating: int, text: str = "", kind: Any = ReviewPosted, **fields: Any
) -> Any:
    values = {
        "review_id": f"r{number}",
        "product_id": "tea",
        "rating": rating,
        "text": text,
    } | fields
    return kind(event_id=f"e{number}", occurred_at=AT + number, customer_id="ann", **values)


def records_of(facts: list[Any]) -> list[Any]:
    return [
        SimpleNamespace(value=encode_json(it), key=None, offset=nth, timestamp=AT, headers=())
        for nth, it in enumerate(facts)
    ]


def carried(facts: list[Any], reader: TextReader | None) -> list[Entry]:
    """What ingest writes of them."""
    ingest = Ingest(Settings(), cast(Producer, None), Carried(), 4, None, reader)
    outbound, _, _, personal = ingest._check(TP("reviews", 0), records_of(facts))
    assert personal == {}
    return [cast(Entry, decode_record(cast(bytes, it.value))) for it in outbound]


def heard(reading: Reading | None, event: Any, **settings: Any) -> list[Decision]:
    partition = Partition(ServiceRecovery(**settings))
    return partition.feed([Entry(event, Source("reviews", 0, 0, AT), reading=reading)])


def test_without_a_model_nothing_is_read_and_the_journal_is_as_it_was() -> None:
    facts = [review(1, 1, "水壶坏了")]
    [entry] = carried(facts, None)
    assert entry.reading is None
    assert b"reading" not in encode_json(entry)


def test_with_a_model_each_text_has_its_own_reading() -> None:
    question = QuestionAsked(
        event_id="q", occurred_at=AT, customer_id="bob", question_id="q", text="发货太慢"
    )
    answer = QuestionAnswered(event_id="a", occurred_at=AT, customer_id="bob", question_id="q")
    facts = [review(1, 1, "水壶坏了"), review(2, 5), answer, question, review(3, 5, "水壶很好用")]
    entries = carried(facts, written_reviews.reader())
    assert [it.event for it in entries] == facts
    one, silent, none, asked, good = (it.reading for it in entries)
    assert (silent, none) == (None, None)
    assert one is not None
    assert asked is not None
    assert good is not None
    assert (one.issues, asked.issues, good.issues) == (("quality",), ("delivery",), ())
    assert good.negative < 0.5 < one.negative


def test_what_is_to_be_sealed_is_read_before() -> None:
    class Seals:
        def concerns(self, event: Any) -> bool:
            return bool(personal_in(event))

    facts = [review(1, 1, "水壶坏了"), review(2, 5)]
    sealer: Any = Seals()
    ingest = Ingest(
        Settings(), cast(Producer, None), Carried(), 4, sealer, written_reviews.reader()
    )  # fmt: skip
    _, _, _, personal = ingest._check(TP("reviews", 0), records_of(facts))
    assert [(place, it.event) for place, it in personal.items()] == [(0, facts[0])]
    assert personal[0].reading is not None
    assert personal[0].reading.issues == ("quality",)


def test_history_is_read_as_well() -> None:
    stock = StockChanged(event_id="s", occurred_at=AT, product_id="tea", available=1)
    source = Source("import:1", 0, 0, 0)
    batch: list[Entry | ShopEntry] = [
        Entry(review(1, 1, "水壶坏了"), source, AT), ShopEntry(stock, source, AT),
        Entry(review(2, 5), source, AT),
    ]  # fmt: skip
    read = importing._read(written_reviews.reader(), batch)
    assert read[1:] == batch[1:]
    assert isinstance(read[0], Entry)
    assert read[0].reading is not None
    assert importing._read(None, batch) is batch


def test_a_replay_needs_no_model() -> None:
    entries = carried([review(1, 5, "水壶坏了")], written_reviews.reader())
    again = [decode_record(encode_json(it)) for it in entries]
    settings = {"negative_chance_min": 0.8}
    said = Partition(ServiceRecovery(**settings)).feed([*entries])  # type: ignore[arg-type]
    assert [it.reason for it in said] == ["complaint_in_text"]
    assert Partition(ServiceRecovery(**settings)).feed(again) == said  # type: ignore[arg-type]


def test_the_stars_decide_and_the_reading_stands_beside_them() -> None:
    [said] = heard(COMPLAINT, review(1, 1, "late and broken"))
    assert said.reason == "bad_review"
    assert said.evidence.values == {
        "rating": 1, "negative_chance": 0.97, "issues": ["delivery", "quality"], "model": "0a1b2c3d",
    }  # fmt: skip
    assert said.evidence.thresholds == {"rating_max": 2}


def test_a_good_rating_with_a_bad_text_is_silent_unless_it_is_set_otherwise() -> None:
    assert heard(COMPLAINT, review(1, 5, "late and broken")) == []
    assert heard(COMPLAINT, review(1, 5, "late and broken"), negative_chance_min=0.98) == []
    [said] = heard(COMPLAINT, review(1, 5, "late and broken"), negative_chance_min=0.97)
    assert (said.reason, said.outcome) == ("complaint_in_text", "sent")
    assert said.evidence.thresholds == {"rating_max": 2, "negative_chance_min": 0.97}
    assert heard(None, review(1, 5, "late and broken"), negative_chance_min=0.5) == []


@given(st.floats(0, 1).map(lambda it: round(it, 2)), st.integers(1, 2))
def test_a_bad_rating_calls_whatever_is_read(negative: float, rating: int) -> None:
    [said] = heard(Reading(negative, (), "m"), review(1, rating, "fine"))
    assert said.reason == "bad_review"


def test_the_row_knows_what_the_last_review_complains_of() -> None:
    partition = Partition()

    def feed(number: int, event: Any, reading: Reading | None) -> str:
        partition.feed([Entry(event, Source("reviews", 0, number, AT), reading=reading)])
        row = partition.row("ann")
        assert row is not None
        assert row.ratings is not None
        return row.ratings.last_issue

    assert feed(1, review(1, 1, "late"), COMPLAINT) == "delivery"
    late = review(0, 1, "faded", review_id="r0")
    assert feed(2, late, Reading(0.9, ("quality",), "m")) == "delivery"
    edited = review(5, 1, "too dear", ReviewEdited, review_id="r1")
    assert feed(3, edited, Reading(0.9, ("price",), "m")) == "price"
    assert feed(4, review(6, 2), None) == ""


def test_a_churn_cause_names_the_issue() -> None:
    partition = Partition()
    entry = Entry(review(1, 1, "late"), Source("reviews", 0, 0, AT), reading=COMPLAINT)
    partition.feed([entry, Tick(AT + DAY)])
    row = partition.row("ann")
    assert row is not None
    row.last_order_at = AT
    rules = CauseRules(cause_days=45, rating_max=2, empty_searches_min=3)
    [cause] = causes(row, AT + 40 * DAY, rules)
    assert cause.values == {"rating": 1, "review_id": "r1", "issue": "delivery"}


def test_when_the_text_is_gone_the_reading_is_still_there() -> None:
    event = review(1, 5, "水壶坏了")
    [entry] = carried([event], written_reviews.reader())
    gone = without(event, personal_in(event))
    assert gone.text == ""  # type: ignore[attr-defined]
    assert entry.reading is not None
    assert [it.reason for it in heard(entry.reading, gone, negative_chance_min=0.8)] == [
        "complaint_in_text"
    ]


def test_a_setting_that_names_no_model_is_said_at_the_start(tmp_path: Any) -> None:
    assert open_reader(Settings()) is None
    wrong = tmp_path / "engine.toml"
    for content in (None, b"[engine]"):
        if content is not None:
            wrong.write_bytes(content)
        with pytest.raises(ConfigError) as error:
            open_reader(Settings(review_model=str(wrong)))
        assert str(error.value).startswith(f"EBBTIDE_REVIEW_MODEL: {wrong}: ")
        assert "Allowed is a file of `ebbtide reviews train`" in str(error.value)
