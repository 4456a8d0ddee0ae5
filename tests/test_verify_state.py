"""Verifying the state: what is right is found right, and what is wrong shows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench import recount, retail, verify_state
from bench.place import ROOT
from schemas.event import Event
from schemas.instant import HOUR
from schemas.orders import Item, OrderPlaced, OrderRefunded
from streams.simulated.story import moment

DATA = ROOT.parent / "shared" / "data"


def history(seed: int) -> list[Event]:
    """A year of 70 customers who order, pay and return as chance has it."""
    chance, begin = Random(seed), moment("2025-01-01 07:13")
    moments = sorted(begin + chance.randrange(365 * 24) * HOUR for _ in range(500))
    found: list[Event] = []
    for number, at in enumerate(moments):
        who = f"c{min(chance.randrange(70), chance.randrange(70))}"
        common: dict[str, Any] = {
            "event_id": f"e{number}", "customer_id": who, "occurred_at": at, "order_id": f"o{number}",
        }  # fmt: skip
        if chance.random() < 0.15:
            found.append(OrderRefunded(refund_cents=chance.randrange(9_000), **common))
        else:
            item = Item(product_id="tea", price_cents=round(chance.lognormvariate(9, 1)))
            found.append(OrderPlaced(products=(item,), currency="EUR", **common))
    return found


def differing(events: list[Event]) -> dict[str, int]:
    figures = asyncio.run(verify_state.verify(events))
    counts: dict[str, int] = {}
    for it in figures["compared"]:
        assert it["customers"] == it["equal"] + it["within"] + it["differing"]
        counts[it["what"]] = counts.get(it["what"], 0) + it["differing"]
    return counts


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_right_is_found_right(seed: int) -> None:
    assert differing(history(seed)) == {"class": 0, "stage": 0, "rfm": 0}


@pytest.mark.parametrize(
    ("name", "wrong", "what"),
    [
        ("_bucket", lambda at, _: (at // HOUR * HOUR, at // HOUR * HOUR + HOUR), "class"),
        ("stage_of", lambda *_: "active", "stage"),
        ("_range", lambda *_: (3, 3), "rfm"),
    ],
)
def test_what_is_wrong_shows(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., object], what: str
) -> None:
    monkeypatch.setattr(recount, name, wrong)
    assert {it for it, count in differing(history(1)).items() if count} == {what}


def test_a_set_that_is_missing_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["verify_state", "--only", "retail", "--data", str(tmp_path)])
    assert verify_state.main() == 0
    assert "retail is left out: " in capsys.readouterr().err


@pytest.mark.skipif(
    not (DATA / retail.FILE).is_file(), reason="Online Retail is not in ../shared/data"
)
def test_online_retail_is_read_to_the_last_invoice_in_order() -> None:
    events = list(retail.events(DATA))
    assert len({it.event_id for it in events}) == len(events) > 10_000
    moments = [it.occurred_at for it in events]
    assert moments == sorted(moments)
    assert {type(it) for it in events} == {OrderPlaced, OrderRefunded}
