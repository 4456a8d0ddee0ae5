"""The score of the next click: each is foreseen from what came before it, and from nothing else."""

import gzip
from pathlib import Path

import pytest

from bench.histories import MissingError
from bench.score.next_click import FILE, OURS, score
from bench.score.plain_visits import CoOccurrence, Method, Popularity, SessionNeighbours

BEGIN = 1_396_000_000
#: Two days before, two visits from a to b; and then one in which c comes, which nobody has seen.
CLICKS = (
    ("1", "a", 0), ("1", "b", 60), ("2", "a", 3_600), ("2", "b", 3_660),
    ("3", "a", 200_000), ("3", "b", 200_060), ("3", "c", 200_120), ("3", "c", 200_180),
)  # fmt: skip


def write(folder: Path, clicks: tuple[tuple[str, str, int], ...] = CLICKS) -> None:
    lines = ["SessionId,ItemId,Time", *(f"{who},{what},{BEGIN + at}" for who, what, at in clicks)]
    with gzip.open(folder / FILE, "wt") as file:
        file.write("\n".join(lines) + "\n")


def test_what_is_new_is_missed_once_and_then_known(tmp_path: Path) -> None:
    write(tmp_path)
    task = score(tmp_path)
    hits, ranks = task.figures[:2]
    # b after a, not c after b, and c after c: neighbours leave out the visit itself, so not that.
    assert hits.by[OURS].value == hits.by["popularity"].value == 2 / 3
    assert hits.by["VS-KNN"].value == hits.by["session-kNN"].value == 1 / 3
    # Both were the first of the list.
    assert ranks.by[OURS].value == pytest.approx(2 / 3)
    assert "of 1 visits" in task.about
    assert "3 clicks foreseen" in task.about


def test_what_was_in_view_does_not_count_where_it_is_left_out(tmp_path: Path) -> None:
    write(tmp_path)
    anew = score(tmp_path).figures[4]
    assert anew.by[OURS].value == 1 / 2


def test_where_nothing_is_learned_on_the_day_what_is_new_stays_so(tmp_path: Path) -> None:
    write(tmp_path, (*CLICKS, ("4", "b", 200_300), ("4", "c", 200_360)))
    task = score(tmp_path)
    assert task.figures[0].by[OURS].value == 3 / 4
    assert task.figures[2].by["VS-KNN"].value == 1 / 4
    # It is shown what is in view, whether it is known or not.
    assert task.figures[2].by[OURS].value == 2 / 4


def test_without_the_data_it_is_said_where_they_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="Give the folder that has yoochoose"):
        score(tmp_path)


@pytest.mark.parametrize(
    ("method", "ranked"),
    [
        (Popularity(), ["a", "b", "x"]),
        (CoOccurrence(), ["b", "x"]),
        (SessionNeighbours(recency=False), ["a", "b", "x"]),
        (SessionNeighbours(recency=True), ["a", "b", "x"]),
    ],
)
def test_plain_methods_foresee_what_was_seen_in_visits_before(
    method: Method, ranked: list[str]
) -> None:
    for visit, product in (("1", "a"), ("1", "b"), ("2", "x"), ("2", "a"), ("3", "a"), ("3", "b")):
        method.learn(visit, product)
    method.learn("now", "a")
    assert method.ranked("now", ["a"]) == ranked
