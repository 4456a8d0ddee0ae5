"""`ebbtide reviews`: trains from what an operator has, says how good it is, and what is wrong."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
import written_reviews
from command_line import Ebbtide


def table(*columns: str, rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([columns, *rows])
    return file.getvalue()


def labelled() -> list[list[str]]:
    its = written_reviews.examples()
    return [
        [
            text,
            str(int(not negative)),
            " ".join(name for name in its.issues if its.issues[name][nth]),
        ]
        for nth, (text, negative) in enumerate(zip(its.texts, its.is_negative, strict=True))
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv.gz"
    path.write_bytes(gzip.compress(table("text", "label", "issue", rows=labelled()).encode()))
    return path


def test_a_model_is_trained_and_it_is_said_how_good_it_is(
    ebbtide: Ebbtide, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "reviews.ebb"
    code, told, _ = ebbtide(
        "reviews", "train", str(data), "--out", str(out), "--issue-column", "issue", "--json"
    )
    it = json.loads(told)
    assert (code, it["file"], it["file_bytes"]) == (0, str(out), out.stat().st_size)
    assert it["texts"] + it["held_out"] == len(labelled())
    assert it["plain"] < 0.6
    assert it["accuracy"] > 0.9
    assert it["calibration_error"] < 0.1
    assert sum(part["texts"] for part in it["reliability"]) == it["held_out"]
    assert set(it["issues"]) == {"quality", "delivery", "service", "price"}
    assert it["by_words"] == ["size"]

    code, told, _ = ebbtide(
        "reviews", "read", str(out), "the phone broke after a week", "😀", "--json"
    )
    bad, nothing = map(json.loads, told.splitlines())
    assert code == 0
    assert bad["negative_chance"] > 0.8
    assert bad["issues"] == ["quality"]
    assert bad["because"][0]["by"] > 0
    assert all(
        gram["gram"].strip("^$") in "the phone broke after a week" for gram in bad["because"]
    )
    assert nothing == {"text": "😀", "negative_chance": None, "issues": [], "because": []}


def test_a_person_is_told_the_same_in_words(ebbtide: Ebbtide, data: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "reviews.ebb")
    code, told, _ = ebbtide("reviews", "train", str(data), "--out", out)
    assert code == 0
    assert "By a list of words, not learned: quality, delivery, price, service, size." in told
    assert f"EBBTIDE_REVIEW_MODEL={out}" in told
    code, told, _ = ebbtide("reviews", "read", out, "the phone broke after a week", "😀")
    assert code == 0
    assert "A complaint with a chance of" in told
    assert "of quality" in told
    assert "The model knows nothing in it." in told


STARS = [[text, "5" if label == "1" else "1", ""] for text, label, _ in labelled()]


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (STARS + [["so so", "3", ""]] * 9, ()),
        ([[text, "good" if label == "1" else "bad", ""] for text, label, _ in labelled()], ("--negative", "bad")),
    ],
)  # fmt: skip
def test_stars_and_words_are_labels_too(
    ebbtide: Ebbtide, tmp_path: Path, rows: list[list[str]], options: tuple[str, ...]
) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(table("text", "label", "issue", rows=rows), "utf-8")
    out = str(tmp_path / "reviews.ebb")
    code, told, _ = ebbtide("reviews", "train", str(path), "--out", out, "--json", *options)
    it = json.loads(told)
    assert code == 0
    assert it["texts"] + it["held_out"] == len(labelled())
    assert it["left_out"] == len(rows) - len(labelled())
    assert it["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("content", "options", "complaint"),
    [
        (None, (), "reviews.csv: cannot be read: No such file or directory\n"),
        ("review,label\nx,1\n", (), "no column 'text'; the first line names review, label. It has to name"),
        ("", (), "no column 'text'; the first line names none"),
        ("text;label\nx;1\n", (), "its first line has `;` between the columns, and a comma is wanted"),
        ("text\tlabel\nx\t1\n", (), "has a tab between the columns"),
        ("text,label\n,\n", (), "no line has both a text and a label"),
        ("text,label\nx,fine\ny,bad\n", (), "which labels in 'label' are negative? There are 'fine', 'bad'."),
        ("text,label\nx,fine\n", ("--negative", "bad"), "no line has the label 'bad' in 'label'"),
        ("text,label,issue\nx,0,price; colour\n", ("--issue-column", "issue"),
         "line 2: no issue 'colour'; allowed are quality, delivery, price, service, size"),
        ("text,label\nx,0\ny,1\n", (), "too few"),
        ("text,label\n" + "".join(f"{n},{n % 5 + 1}\n" for n in range(60)), (),
         "are labelled negative and"),
        (b"text,label\n\xff\xfe,1\n", (), ". Save it as UTF-8, or turn it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_data_is_said_in_one_line(
    ebbtide: Ebbtide, tmp_path: Path, content: str | bytes | None, options: tuple[str, ...],
    complaint: str,
) -> None:  # fmt: skip
    path = tmp_path / "reviews.csv"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    out = tmp_path / "reviews.ebb"
    code, told, complained = ebbtide("reviews", "train", str(path), "--out", str(out), *options)
    assert (code, told, out.exists()) == (1, "", False)
    assert complaint in complained
    assert complained.startswith("ebbtide: ")
    assert len(complained.splitlines()) == 1


def test_a_file_that_is_no_model_is_refused(ebbtide: Ebbtide, tmp_path: Path) -> None:
    path = tmp_path / "reviews.ebb"
    path.write_text("hello")
    code, _, complained = ebbtide("reviews", "read", str(path), "x")
    assert code == 1
    assert "not a model of reviews: it begins with b'hello'" in complained
    assert ebbtide("reviews", "read", str(path))[0] == 2


def test_check_reads_the_model_as_a_worker_would(
    ebbtide: Ebbtide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reviews.ebb"
    path.write_text("hello")
    monkeypatch.setenv("EBBTIDE_COUPON_KEY", "secret")
    monkeypatch.setenv("EBBTIDE_REVIEW_MODEL", str(path))
    code, _, complained = ebbtide("check")
    assert code == 2
    assert complained.startswith(f"ebbtide: EBBTIDE_REVIEW_MODEL: {path}: not a model of reviews")
