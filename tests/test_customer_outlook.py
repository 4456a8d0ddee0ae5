"""`ebbtide customer` says what is expected of somebody: as of when, in which time, by which model."""

import json

import pytest
from command_line import Ebbtide, put_in_place_of_kafka
from msgspec import Raw
from recorded import FakeRows

from agents.outlook import Seen
from schemas.codec import encode_row
from schemas.instant import DAY, HOUR
from state.customer import Customer
from streams.customer import row as customer_row

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC
SEEN = Seen(7, AT // 1_000, 500, (AT - 2 * DAY) // HOUR, 816, 444, 30_206, (5, 33, 119), 365, "m.1")


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> type[FakeRows]:
    put_in_place_of_kafka(monkeypatch)
    monkeypatch.setattr(customer_row, "RedisTable", FakeRows)
    monkeypatch.setattr(FakeRows, "row", None)
    monkeypatch.setattr(FakeRows, "of_shop", None)
    return FakeRows


def remember(rows: type[FakeRows], memory: object) -> None:
    rows.row = encode_row(
        Customer(last_seen_at=AT, currency="EUR", memory={"outlook": Raw(encode_row(memory))})
    )


def test_the_outlook_has_a_section_of_its_own(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    remember(rows, SEEN)
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    for line in [
        "still a customer: 82%",
        "next 365 days: 4.4 orders, 302.06 EUR",
        "next order, if any: around 2026-02-20 (80 %: 2026-01-23 to 2026-05-17)",
        "as of 2026-01-18T08:00:00Z (2.0 d ago), by model m.1",
    ]:
        assert line in told
    assert "memory" not in told


def test_a_program_reads_the_same(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    remember(rows, SEEN)
    view = json.loads(ebbtide("customer", "ann", "--json")[1])
    assert view["outlook"] == {
        "as_of": "2026-01-18T08:00:00.000Z", "still_customer": 0.816, "horizon_days": 365,
        "expected_orders": 4.44, "expected_spend_cents": 30_206, "model": "m.1",
        "next_order": {
            "around": "2026-02-20T08:00:00.000Z", "earliest": "2026-01-23T08:00:00.000Z",
            "latest": "2026-05-17T08:00:00.000Z",
        },
    }  # fmt: skip
    assert view["memory"]["outlook"]["repeats"] == 7


def test_a_first_guess_is_called_one(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    remember(rows, Seen(0, AT // 1_000, 500, AT // HOUR, 1_000, 50, 900, (5, 33, 119), 365))
    assert "by a first guess, as there was no model then" in ebbtide("customer", "ann")[1]


@pytest.mark.parametrize("memory", [Seen(), ["of", "another", "version"]])
def test_without_an_outlook_there_is_no_section(
    ebbtide: Ebbtide, rows: type[FakeRows], memory: object
) -> None:
    remember(rows, memory)
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    assert "still a customer" not in told
    assert json.loads(ebbtide("customer", "ann", "--json")[1])["outlook"] is None
