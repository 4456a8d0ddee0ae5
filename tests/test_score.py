"""`make score`: every task runs or says why not, none stops another, and what is told is what was found."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pages import ROOT, page

from bench.histories import MissingError
from bench.score import __main__ as command
from bench.score import found as kept
from bench.score import pages, table, tasks
from bench.score.found import Unsound
from bench.score.resampled import compare, mean_of
from bench.score.scored import Curve, Figure, Interval, Task

LEVEL = Interval(0.8, 0.7, 0.9)


def figure(value: float = 0.8, goal: float | None = 0.75, *, less: bool = False) -> Figure:
    """One of ours beside two plain ones, of forty customers."""
    customers = np.arange(40)
    measures = {
        "ours": mean_of(np.full(40, value)),
        "worst": mean_of(np.full(40, 0.1)),
        "best | plain": mean_of((customers % 5 == 0).astype(float)),
    }
    return compare("hit rate", measures, customers, "ours", goal, less_is_better=less)


def good(_: Path) -> Task:
    line = {"ours": [(0.5, 2.0), (1.0, 1.0)]}
    return Task("good", "Forty customers.", [figure()], [Curve("lift", "x", "y", line)], ["Easy."])


def missing(data: Path) -> Task:
    raise MissingError(f"no forty.csv in {data}")


def failing(_: Path) -> Task:
    raise ZeroDivisionError("by nought")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `make score` with these tasks in the place of the real ones: (exit code, out, err)."""
    monkeypatch.setattr(kept, "PATH", tmp_path / "build" / "score.json")
    there = {"good": good, "missing": missing, "failing": failing}
    monkeypatch.setattr(tasks, "TITLES", {name: f"Is it {name}?" for name in there})
    monkeypatch.setattr(table, "TITLES", tasks.TITLES)
    monkeypatch.setattr(tasks, "tasks", lambda: list(there))
    monkeypatch.setattr(tasks, "load", lambda name: SimpleNamespace(score=there[name]))

    def ran(*args: str, **instead: Any) -> tuple[int, str, str]:
        there.update(instead)
        monkeypatch.setattr("sys.argv", ["score", "--data", "/nowhere", *args])
        code = command.main()
        return code, *capsys.readouterr()

    return ran


def stored() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(kept.PATH.read_text("utf-8"))
    return told


def test_one_that_fails_and_one_without_data_do_not_stop_the_others(run: Any) -> None:
    code, out, err = run()
    assert code == 1
    assert "hit rate" in out
    assert "1 of 1 goals are reached" in out
    assert "missing is left out: no forty.csv in /nowhere" in err
    assert "failing failed: ZeroDivisionError: by nought" in err
    told = stored()
    assert told["left_out"] == {"missing": "no forty.csv in /nowhere"}
    assert told["failed"] == {"failing": "ZeroDivisionError: by nought"}
    assert list(told["tasks"]) == ["good"]


def test_a_goal_that_is_not_reached_is_no_failure(run: Any) -> None:
    code, out, _ = run("--only", "good", good=lambda _: Task("good", "", [figure(goal=0.9)]))
    assert code == 0
    assert "0 of 1 goals are reached" in out
    assert stored()["tasks"]["good"]["figures"][0]["reached"] is False


def test_data_that_are_missing_are_no_failure(run: Any) -> None:
    code, _, err = run("--only", "missing")
    assert (code, "left out" in err) == (0, True)


def test_a_run_of_one_task_keeps_what_is_known_of_the_others(run: Any) -> None:
    run()
    again = Task("failing", "It works now.", [figure(0.5)])
    code, out, _ = run("--only", "failing", "--json", failing=lambda _: again)
    assert code == 0
    told = stored()
    assert json.loads(out) == told
    assert list(told["tasks"]) == ["good", "failing"]
    assert told["failed"] == {}
    assert told["left_out"].keys() == {"missing"}


def test_what_fails_now_is_not_told_as_it_was_before(run: Any) -> None:
    run("--only", "good")
    code, out, _ = run("--only", "good", good=failing)
    assert code == 1
    assert "hit rate" not in out
    assert stored()["tasks"] == {}


def test_the_file_has_every_figure_with_its_interval(run: Any) -> None:
    run("--only", "good")
    task = stored()["tasks"]["good"]
    assert task.keys() == {"name", "about", "figures", "curves", "notes", "cpu_s"}
    (told,) = task["figures"]
    assert told["reached"] is True
    assert told["by"].keys() == {"ours", "worst", "best | plain"}
    assert told["ahead"].keys() == {"worst", "best | plain"}
    assert told["ahead"]["worst"]["value"] == pytest.approx(0.7)
    assert told["by"]["best | plain"]["low"] < 0.2 < told["by"]["best | plain"]["high"]
    found = kept.read(kept.PATH)
    assert found.tasks["good"].figures == [figure()]
    assert found.tasks["good"].curves == good(Path()).curves


@pytest.mark.parametrize(
    ("task", "what"),
    [
        (Task("t", "", []), "not one figure"),
        (Task("t", "", [Figure("AUC", {"plain": LEVEL}, "ours")]), "`ours` is not among plain"),
        (Task("t", "", [Figure("AUC", {"ours": Interval(float("nan"), 0, 1)}, "ours")]), "not a number"),
        (Task("t", "", [figure()], [Curve("lift", "", "", {"a": [(0, float("inf"))]})]), "not a number"),
        (Task("t", "", [figure()], [Curve("roc", "", "", {})]), "`roc` is no kind of curve"),
    ],
)  # fmt: skip
def test_what_is_no_figure_is_a_failure_and_not_told(run: Any, task: Task, what: str) -> None:
    with pytest.raises(Unsound, match=what):
        kept.check(task)
    code, _, err = run("--only", "good", good=lambda _: task)
    assert code == 1
    assert what in err.replace("\n", " ")
    assert stored()["failed"].keys() == {"good"}


# What is told -------------------------------------------------------------------------------------


def test_a_row_says_how_far_ours_is_from_the_best_plain_one() -> None:
    it = table.row(figure())
    assert it.ours == "0.800"  # It is the same for all, so there is no interval to tell.
    assert it.ahead.startswith("+0.600 (+0.")
    assert it.plain == "best | plain 0.200, worst 0.100"
    assert (it.goal, it.reached) == ("at least 0.750", "yes")


def test_where_less_is_better_the_best_is_the_least() -> None:
    it = table.row(figure(less=True))
    assert it.plain == "worst 0.100, best | plain 0.200"
    assert it.ahead == "+0.700"
    assert (it.goal, it.reached) == ("at most 0.750", "no")


def test_ours_under_other_conditions_is_told_and_is_no_plain_one() -> None:
    measures = {it: mean_of(np.full(9, value)) for it, value in
                (("ours", 0.7), ("ours, 4 partitions", 0.6), ("plain", 0.5))}  # fmt: skip
    found = compare("hit rate", measures, range(9), "ours")
    assert found.ahead.keys() == {"plain"}
    it = table.row(found)
    assert it.ours == "0.700; 4 partitions: 0.600"
    assert it.plain == "plain 0.500"


def test_a_figure_without_a_goal_is_for_information() -> None:
    it = table.row(Figure("orders", {"ours": Interval(1_234.4, 999.94, 12_345)}, "ours"))
    assert (it.ours, it.goal, it.reached) == ("1,234 (999.9 to 12,345)", "", "")
    assert (it.plain, it.ahead) == ("", "")


# The pages ----------------------------------------------------------------------------------------


def test_the_pages_are_filled_between_their_markers_and_nowhere_else(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/score.md"):
        (tmp_path / name).write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n")
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    drawn = dict[str, Path]()

    def draw(script: str, path: Path) -> int:
        drawn[script] = path
        return 0

    monkeypatch.setattr(command, "draw", draw)
    assert run("--plot")[0] == 0
    assert drawn == {"bench.score.plot": kept.PATH}

    readme, found = (
        (tmp_path / it).read_text() for it in ("README.md", "docs/score.md")
    )  # fmt: skip
    for text in (readme, found):
        assert text.startswith(f"before\n{pages.BEGIN}\n\n")
        assert text.endswith(f"\n\n{pages.END}\nafter\n")
        assert "old" not in text
    assert "| Is it good? | hit rate | 0.800 | best \\| plain: 0.200 |" in readme
    assert "1 of 1 goals are reached." in readme
    assert "(score-lift.svg)" in found
    assert "- Easy." in found
    assert "Not scored: no forty.csv" in found
    assert run("--plot")[0] == 0
    assert (tmp_path / "README.md").read_text() == readme


def test_before_anything_was_measured_there_is_nothing_to_draw(run: Any) -> None:
    code, _, err = run("--plot")
    assert (code, "Nothing was measured yet" in err) == (1, True)


def test_a_page_without_markers_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="has no"):
        pages.filled("a page", ["| a row |"])


@pytest.mark.parametrize("name", ["README.md", "docs/score.md"])
def test_our_pages_have_a_place_for_the_figures(name: str) -> None:
    assert pages.filled(page(name), []).count(pages.BEGIN) == 1


# The tasks ----------------------------------------------------------------------------------------


def test_every_module_that_scores_is_a_task_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {it.stem: it.read_text("utf-8") for it in (ROOT / "bench" / "score").glob("*.py")}
    assert {name for name, text in modules.items() if "\ndef score(" in text} == set(tasks.tasks())
    fake = ModuleType("bench.score.cdnow")
    monkeypatch.setitem(sys.modules, "bench.score.cdnow", fake)
    assert tasks.load("cdnow") is fake


def test_the_list_names_every_task_with_its_question(run: Any) -> None:
    code, out, _ = run("--list")
    assert code == 0
    assert [it.split(maxsplit=1) for it in out.splitlines()] == [
        ["good", "Is it good?"], ["missing", "Is it missing?"], ["failing", "Is it failing?"],
    ]  # fmt: skip
