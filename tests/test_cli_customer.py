"""`ebbtide customer`: all that is known of one, in words for people and in JSON for programs."""

import json
from typing import Self

import pytest
from command_line import Ebbtide, put_in_place_of_kafka
from msgspec import Raw

from schemas.codec import encode_row
from schemas.instant import DAY
from state.customer import CartLine, Customer, Deliveries, Said
from streams.commands import customer_view, terminal
from streams.commands.watching import brief

AT = 1_768_896_000_000  # 2026-01-20 08:00 UTC


class FakeRows:
    """A table of one row."""

    row: bytes | None = None

    def __init__(self, _: str) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def customer(self, partition: int, customer_id: str) -> bytes | None:
        return self.row

    async def shop(self, partition: int) -> bytes | None:
        return None


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> type[FakeRows]:
    put_in_place_of_kafka(monkeypatch)
    monkeypatch.setattr(customer_view, "RedisTable", FakeRows)
    monkeypatch.setattr(FakeRows, "row", None)
    return FakeRows


def test_a_customer_is_shown_with_what_is_known_and_what_is_due(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    row.row = encode_row(
        Customer(
            first_seen_at=AT - 40 * DAY, last_seen_at=AT, currency="EUR", order_count=2,
            spent_cents=12_345, last_order_at=AT - 3 * DAY, gap_hours=[240],
            cart={"p1": CartLine(2, 500, AT)}, consent={"marketing": {"email": -AT}},
            said={"churn_alert": Said(AT - DAY, 1, "paused", 3)}, timers={"churn_alert": AT + 9 * DAY},
            memory={"churn_alert": Raw(encode_row(["e1"]))},
            deliveries=Deliveries(3, 1, AT, "mailer", "refused"),
        )
    )  # fmt: skip
    code, told, _ = ebbtide("customer", "ann")
    assert code == 0
    for line in [
        "2 orders, 123.45 EUR spent, 0.00 EUR refunded",
        "last  2026-01-17T08:00:00Z (3.0 d ago)",
        "gaps of 10.0 days",
        "2 x p1 at 5.00 EUR, 2026-01-20T08:00:00Z (0 s ago)",
        "worth 10.00 EUR",
        "marketing, email: no, 2026-01-20T08:00:00Z (0 s ago)",
        "churn_alert: 2026-01-29T08:00:00Z (in 9.0 d)",
        "churn_alert: sent 1, last 2026-01-19T08:00:00Z (24 h ago); then not, because paused, and 3 more",
        "churn_alert: ['e1']",
        "3 delivered, 1 not; mailer has not got the last one (refused), 2026-01-20T08:00:00Z (0 s ago)",
    ]:
        assert line in told
    code, told, _ = ebbtide("customer", "ann", "--json")
    view = json.loads(told)
    assert view["timers"] == [{"name": "churn_alert", "due_at": "2026-01-29T08:00:00.000Z"}]
    assert view["purchases"]["recency_days"] == 3.0
    assert [it["days"] for it in view["windows"]] == [1, 7, 28, 365]
    assert view["memory"] == {"churn_alert": ["e1"]}
    assert view["deliveries"]["undelivered"] == 1


def test_an_unknown_customer_is_exit_code_1_with_a_hint(
    ebbtide: Ebbtide, row: type[FakeRows]
) -> None:
    code, told, complained = ebbtide("customer", "nobody", "--json")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: customer 'nobody' is not known: ")
    assert "`anon:`" in complained


def test_a_row_of_a_newer_version_says_what_to_do(ebbtide: Ebbtide, row: type[FakeRows]) -> None:
    row.row = encode_row(Customer(version=99))
    code, told, complained = ebbtide("customer", "ann")
    assert (code, told) == (1, "")
    assert complained.startswith("ebbtide: the row of 'ann' has version 99, and this Ebbtide knows")


def test_money_is_written_with_the_digits_of_its_currency() -> None:
    told = [terminal.money(123_450, it) for it in ("EUR", "JPY", "KWD", "")]
    assert told == ["1,234.50 EUR", "123,450 JPY", "123.450 KWD", "1,234.50"]


def test_a_payload_is_told_on_one_line() -> None:
    products = [{"product_id": f"p{it}", "score": 0.5} for it in range(5)]
    payload = {"value_cents": 500, "currency": "EUR", "order_id": None, "products": products}
    assert brief(payload) == "value 5.00 EUR, products p0 p1 p2 and 2 more"
