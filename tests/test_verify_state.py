"""Verifying the state: what is right is found right, and one wrong value shows whose it is."""

import ast
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.loyalty.points_book import Book
from bench import compared, histories, invented, retail, told, verify_state
from bench.compared import Verified, verify
from bench.histories import History, MissingError
from bench.place import ROOT
from schemas.instant import DAY
from schemas.orders import OrderPlaced, OrderRefunded
from state.sketch import quintile

#: Enough for scores and clusters, which take fifty.
CUSTOMERS = 60


def made_up(seed: int = 1) -> History:
    return History(invented.arrivals(CUSTOMERS, seed))


def beyond(found: Verified) -> dict[str, int]:
    return {it.what: it.beyond for it in found.rows if it.beyond}


def equal_to_the_last(found: Verified) -> bool:
    """Nobody differs in what has to be equal, and of everything there was something to compare."""
    return not beyond(found) and all(it.compared for it in found.rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_right_is_found_right_on_an_invented_history(seed: int) -> None:
    found = verify(made_up(seed))
    assert equal_to_the_last(found)
    assert found.customers >= CUSTOMERS - 3
    exact = {it.what: it.differing for it in found.rows if it.bound.startswith("equal")}
    assert set(exact.values()) == {0}
    assert {"class", "stage", "tier", "points owed", "cluster", "rfm recency"} <= exact.keys()


@pytest.mark.parametrize("name", ["Complete Journey", "Online Retail"])
def test_a_slice_of_real_orders_is_found_right(name: str) -> None:
    try:
        history = histories.HISTORIES[name](histories.DATA)
    except MissingError as missing:
        pytest.skip(str(missing))
    # From first to last: those who come first are those who come most often.
    everybody = history.customers
    some = set(everybody[:: len(everybody) // CUSTOMERS][:CUSTOMERS])
    found = verify(History([it for it in history.arrivals if it[1].subject in some]))
    assert found.customers == CUSTOMERS
    assert equal_to_the_last(found)


@pytest.mark.parametrize(
    ("where", "wrong", "what"),
    [
        ("agents.customer_class.YEAR", 300 * DAY, {"class"}),
        ("agents.lifecycle.ONE_PURCHASE", 40 * DAY, {"stage"}),
        ("agents.churn.rhythm.GAPS_TO_TRUST", 10**9, {"stage", "churn alerts sent"}),
        ("agents.points.Book.redeem", lambda book, _: book,
         {"points available", "points redeemed", "points owed", "points expired"}),
        ("agents.rfm.quintile", lambda *of: min(5, quintile(*of) + 1),
         {"rfm recency", "rfm frequency", "rfm money"}),
        ("agents.rfm.point_of", lambda age, orders, cents: (age, orders, cents),
         {"cluster", "sizes and sums of clusters"}),
    ],
)  # fmt: skip
def test_a_mistake_in_an_agent_shows_in_what_it_decides_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, where: str, wrong: object, what: set[str]
) -> None:
    monkeypatch.setattr(where, wrong)
    assert beyond(verify(made_up())).keys() == what


def test_orders_that_are_let_go_too_early_show_in_points_and_tiers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.loyalty.kept_orders.ORDERS_MAX", 1)
    found = beyond(verify(made_up()))
    assert {"points reversed", "points available", "tier"} <= found.keys()
    assert not {"class", "stage", "cluster"} & found.keys()


def looking(change: Callable[[told.Cut], None]) -> Callable[..., list[told.Cut]]:
    """Rows that are read as they are, but for a change at the last cut."""
    look = told.look

    def changed(*args: Any) -> list[told.Cut]:
        cuts = look(*args)
        change(cuts[-1])
        return cuts

    return changed


def one_point_more(cut: told.Cut) -> None:
    it = cut.customers["c7"]
    it.book = Book(it.book.earned + 1, *list(vars_of(it.book))[1:])


def vars_of(book: Book) -> tuple[Any, ...]:
    return (
        book.earned, book.redeemed, book.reversed, book.expired, book.owed, book.lots, book.orders,
    )  # fmt: skip


def test_one_point_of_one_customer_is_found_and_named_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_state, "FOUND", tmp_path / "found.json")
    monkeypatch.setattr(histories, "INVENTED_CUSTOMERS", CUSTOMERS)
    monkeypatch.setattr("sys.argv", ["verify_state", "--only", "invented", "--json"])
    assert verify_state.main() == 0
    assert json.loads(capsys.readouterr().out)["sets"]["invented"]["beyond"] == 0

    monkeypatch.setattr(told, "look", looking(one_point_more))
    assert verify_state.main() == 1
    found = json.loads((tmp_path / "found.json").read_text())["sets"]["invented"]
    assert found["beyond"] == 1
    (row,) = [it for it in found["rows"] if it["beyond"]]
    assert row["what"] == "points earned"
    assert row["examples"][0].startswith("c7 at 2026-")


def test_a_set_that_is_missing_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_state, "FOUND", tmp_path / "found.json")
    monkeypatch.setattr(
        "sys.argv", ["verify_state", "--only", "Online Retail", "--data", str(tmp_path)]
    )
    assert verify_state.main() == 0
    assert "Online Retail is left out: " in capsys.readouterr().err
    left_out = json.loads((tmp_path / "found.json").read_text())["left_out"]
    assert "--data" in left_out["Online Retail"]


def test_the_recount_has_no_code_of_what_it_counts_again() -> None:
    """It may know what an event looks like, and nothing else."""
    imported = set[str]()
    for file in (ROOT / "bench" / "recount").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {it.name for it in node.names}
    ours = {it for it in imported if it.split(".")[0] in {"agents", "state", "streams", "schemas"}}
    assert ours == {"schemas.event", "schemas.orders"}
    assert {it for it in imported if it.startswith("bench")} <= {
        f"bench.recount.{it}" for it in ("facts", "scores")
    }


INVOICES = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,TEA,TEA,3.0,2010-12-01 08:00:00,1.25,17850.0,UK
1,TEA,TEA,3.0,2010-12-01 08:00:00,1.25,17850.0,UK
1,CUP,CUP,1.0,2010-12-01 08:01:00,4.005,17850.0,UK
2,TEA,TEA,2.0,2010-12-02 08:00:00,1.5,17850.0,UK
3,TEA,TEA,9.0,2010-12-02 09:00:00,1.5,,UK
4,TEA,TEA,9.0,2010-12-02 10:00:00,1.5,12345.0,UK
C5,TEA,TEA,-5.0,2010-12-03 08:00:00,1.5,17850.0,UK
C6,TEA,TEA,-4.0,2010-12-04 08:00:00,1.0,17850.0,UK
C6,D,DISCOUNT,-1.0,2010-12-04 08:00:00,2.5,17850.0,UK
"""


def test_a_credit_note_refunds_the_newest_orders_that_have_the_product(tmp_path: Path) -> None:
    (tmp_path / retail.FILE).write_bytes(lzma.compress(INVOICES.encode()))
    events, counted = retail.read(tmp_path)
    orders = [it for it in events if isinstance(it, OrderPlaced)]
    assert [(it.order_id, it.customer_id, it.total_cents) for it in orders] == [
        ("1", "17850", 375 + 375 + 401), ("2", "17850", 300), ("4", "12345", 1_350),
    ]  # fmt: skip
    refunds = [it for it in events if isinstance(it, OrderRefunded)]
    assert [(it.event_id, it.order_id, it.refund_cents) for it in refunds] == [
        ("C5/2", "2", 300), ("C5/1", "1", 450),
        # Three of the four are left; the fourth, and the discount, are of no order.
        ("C6/1", "1", 300), ("C6/C6", "C6", 100 + 250),
    ]  # fmt: skip
    assert counted["lines without a customer"] == 1
    assert (counted["credit notes"], counted["refunds"]) == (2, 4)
    assert counted["credited lines without an order"] == 2
    assert (counted["refunds without an order"], counted["cents without an order"]) == (1, 350)


def test_an_invented_history_has_what_real_ones_lack() -> None:
    arrivals = made_up().arrivals
    kinds = {type(event).__name__ for _, event in arrivals}
    assert kinds == {"OrderPlaced", "OrderCancelled", "OrderRefunded", "PointsRedeemed"}
    ids = [event.event_id for _, event in arrivals]
    assert len(set(ids)) < len(ids)
    assert any(arrived_at - event.occurred_at > DAY for arrived_at, event in arrivals)
    assert [at for at, _ in arrivals] == sorted(at for at, _ in arrivals)
    assert compared.steps(made_up()) > 2 * len(arrivals)
