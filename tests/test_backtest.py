"""examples/backtest.py: another engine.toml over the same history says otherwise, and how much."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("backtest", ROOT / "examples" / "backtest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
backtest = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(backtest)


def review(number: int, rating: int) -> str:
    return json.dumps(
        {
            "type": "review_posted", "event_id": f"e-{number}", "customer_id": f"c-{number}",
            "occurred_at": f"2026-01-2{number}T08:00:00Z", "review_id": f"r-{number}",
            "product_id": "tent", "rating": rating,
        }
    )  # fmt: skip


def test_two_files_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "history.jsonl"
    # The first line is the last to have happened.
    history.write_text("\n".join(review(number, 4 - number) for number in (3, 1, 2)))
    for name, rating in (("as_is", 1), ("mine", 2)):
        section = f"[gate]\nassume_consent = ['service']\n[agents.service_recovery]\nrating_max = {rating}\n"
        (tmp_path / f"{name}.toml").write_text(section)
    backtest.main(str(history), str(tmp_path / "as_is.toml"), str(tmp_path / "mine.toml"))
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["as_is.toml", "mine.toml"],
        ["service_recovery", "sent", "1", "2"],
        ["customers", "to", "whom", "something", "was", "sent", "1", "2"],
    ]


def test_a_tick_stands_at_each_full_hour_up_to_a_day_after_the_end(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text(review(1, 5))
    (event,) = backtest.facts(history)
    feed = list(backtest.with_ticks([event]))
    assert feed[0] is event
    assert [it.at - event.occurred_at for it in feed[1:]] == [
        hour * backtest.HOUR for hour in range(1, 25)
    ]
