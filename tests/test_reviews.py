"""A model of reviews: any text can be read, the same in whatever batch, and a file is taken whole."""

from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import pytest
import written_reviews
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.score.written import WRITTEN
from schemas.codec import decode_record, encode_json
from schemas.journal import Entry, Source
from schemas.reading import Reading
from schemas.reviews import ReviewPosted
from streams.reviews import ngrams, training
from streams.reviews.lexicon import mentions
from streams.reviews.model import (
    DIGEST_SIZE,
    MAGIC,
    Model,
    ReviewModelError,
    load,
    parse,
    save,
)
from streams.reviews.reader import Reader

TEXTS = st.text(max_size=60) | st.sampled_from(
    [
        "",
        " ",
        "😀",
        "😀😀😀",
        "\x02\x03",
        "很好",
        "ﷺ" * 900,
        "a" * 3000,
        "好" * 100_000,
        "it broke 了!!!",
    ]
)


# Reading


@given(st.lists(TEXTS, max_size=5), TEXTS)
def test_a_text_is_read_the_same_in_whatever_batch_it_comes(others: list[str], text: str) -> None:
    reader = written_reviews.reader()
    alone = reader.read([text])
    assert reader.read([*others, text, *others])[len(others)] == alone[0]


@given(TEXTS)
def test_any_text_at_all_has_a_reading_that_the_journal_can_hold(text: str) -> None:
    [reading] = written_reviews.reader().read([text])
    if reading is not None:
        assert 0 <= reading.negative <= 1
        review = ReviewPosted(
            event_id="e", occurred_at=1_768_896_000_000, customer_id="ann", review_id="r",
            product_id="tea", rating=1,
        )  # fmt: skip
        entry = Entry(review, Source("reviews", 0, 0, 0), reading=reading)
        assert decode_record(encode_json(entry)) == entry


@given(st.text(max_size=200), st.text(max_size=200))
def test_ngrams_never_reach_from_one_text_into_the_next(first: str, second: str) -> None:
    both = ngrams.grams([first, second])
    for number, text in enumerate((first, second)):
        alone = ngrams.grams([text])
        assert sorted(both.key[both.text == number].tolist()) == sorted(alone.key.tolist())


def test_what_says_nothing_to_the_model_has_no_reading() -> None:
    assert written_reviews.reader().read(["", "  ", "ЖЖЖ", "😀"]) == [None] * 4


def test_no_texts_have_no_readings() -> None:
    assert written_reviews.reader().read([]) == []
    assert len(written_reviews.reader().chances([])) == 0


def test_a_complaint_is_told_from_praise_in_both_languages() -> None:
    reader = written_reviews.reader()
    bad, good, worse, better = reader.read(
        ["my phone broke after a week", "these shoes: love the color", "水壶坏了", "水壶很好用"]
    )
    assert bad is not None
    assert worse is not None
    assert good is not None
    assert better is not None
    assert min(bad.negative, worse.negative) > 0.8
    assert max(good.negative, better.negative) < 0.2
    assert bad.model == "0a1b2c3d"


def test_an_issue_is_that_of_the_clause_that_complains() -> None:
    reader = written_reviews.reader()
    one, other = reader.read(
        [
            "鞋子质量不错, 就是发货太慢 发货太慢",
            "works great, but far too expensive, far too expensive",
        ]
    )
    assert one is not None
    assert other is not None
    assert (one.issues, other.issues) == (("delivery",), ("price",))


def test_praise_names_no_issue() -> None:
    [reading] = written_reviews.reader().read(["鞋子质量不错 非常满意"])
    assert reading is not None
    assert reading.issues == ()


def test_where_labels_are_there_the_model_learns_the_issues_itself() -> None:
    learned = written_reviews.model(with_issues=True)
    assert set(learned.issues) == {"quality", "delivery", "service", "price"}
    [reading] = Reader(learned, "x").read(["my kettle arrived two weeks late"])
    assert reading is not None
    assert reading.issues == ("delivery",)


def test_only_what_a_text_begins_and_ends_with_is_read() -> None:
    middle = "x" * 5_000
    assert ngrams.prepared("a" + middle + "b") == ngrams.prepared("a" + 2 * middle + "b")
    assert len(ngrams.prepared("ﷺ" * 100_000)) <= 2 * ngrams.TEXT_MAX


def test_words_are_the_same_wherever_they_stand() -> None:
    here, there = ngrams.grams(["leaking kettle"]), ngrams.grams(["the red one: leaking kettle !!"])
    long = here.length == len("leaking")
    assert set(here.key[long & (here.begin == 1)].tolist()) <= set(there.key.tolist())


def test_the_list_of_words_agrees_with_most_of_what_was_written_by_hand() -> None:
    its = [(text, issues) for _, text, issues in WRITTEN if issues]
    agree = [{it for it, _ in mentions(ngrams.prepared(text))} == issues for text, issues in its]
    assert sum(agree) / len(agree) >= 0.8


# Training


def test_training_is_repeatable() -> None:
    its = written_reviews.examples()
    assert training.train(replace(its, issues={})) == written_reviews.model()


def test_too_few_labels_are_refused_with_how_many_are_needed() -> None:
    few = training.Examples(["bad"] * 5 + ["good"] * 50, np.arange(55) < 5, {})
    with pytest.raises(
        training.TrainingError, match=r"5 are labelled negative and 50 are not; 30 of"
    ):
        training.train(few)


def test_texts_without_anything_in_common_are_refused() -> None:
    its = training.Examples([chr(0x4E00 + it) for it in range(80)], np.arange(80) % 2 == 0, {})
    with pytest.raises(training.TrainingError, match="no n-gram stands in 3 texts"):
        training.train(its)


def test_a_text_is_held_out_by_its_hash_alone() -> None:
    texts = [f"text {it}" for it in range(5_000)]
    away = [it for it in texts if training.is_held_out(it)]
    assert 0.18 < len(away) / len(texts) < 0.22
    assert away == [it for it in reversed(texts) if training.is_held_out(it)][::-1]


def test_the_calibration_error_is_zero_where_what_came_is_what_was_said() -> None:
    chances, came = np.array([0.25] * 4 + [0.75] * 4), np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    bins = training.reliability(chances, came, bins=2)
    assert [(it.said, it.came, it.texts) for it in bins] == [(0.25, 0.25, 4), (0.75, 0.75, 4)]
    assert training.calibration_error(np.array([1.0, 1.0]), np.array([False, False])) == 1.0


# The file


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "reviews.ebb"
    version = save(path, written_reviews.model())
    assert load(path) == (written_reviews.model(), version)
    assert [it.name for it in tmp_path.iterdir()] == ["reviews.ebb"]
    assert path.stat().st_size < 2 * 2**20


def packed(model: Model) -> bytes:
    body = msgspec.msgpack.encode(model)
    return MAGIC + blake2b(body, digest_size=DIGEST_SIZE).digest() + body


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a model of reviews: it begins with b''"),
        (b"[engine]\n", "it begins with b'[engine]"),
        (packed(written_reviews.model())[:-9], "damaged: its content has the hash"),
        (packed(written_reviews.model()) + b"x", "damaged"),
        (packed(replace(written_reviews.model(), ngrams=99)), "n-grams of version 99"),
        (packed(replace(written_reviews.model(), keys=b"\2\0\0\0\1\0\0\0")), "not in order"),
        (packed(replace(written_reviews.model(), keys=b"\2\0\0")), "not in order"),
        (packed(replace(written_reviews.model(), keys=b"\1\0\0\0")), "weights for 1 n-grams"),
        (
            packed(
                replace(
                    written_reviews.model(),
                    negative=replace(written_reviews.model().negative, step=float("nan")),
                )
            ),
            "figures that are none",
        ),
        (MAGIC + blake2b(b"\xc1", digest_size=DIGEST_SIZE).digest() + b"\xc1", "not readable"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_with_what_is_wrong(
    content: bytes, complaint: str
) -> None:
    with pytest.raises(ReviewModelError) as error:
        parse(content, "reviews.ebb")
    assert str(error.value).startswith("reviews.ebb: ")
    assert complaint in str(error.value)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_noticed(place: int, by: int) -> None:
    content = bytearray(packed(written_reviews.model()))
    content[place % len(content)] ^= by
    with pytest.raises(ReviewModelError):
        parse(bytes(content), "reviews.ebb")


def test_readings_are_short_in_the_journal() -> None:
    assert (
        encode_json(Reading(0.93, ("delivery",), "3f9a2c11")) == b'[0.93,["delivery"],"3f9a2c11"]'
    )
