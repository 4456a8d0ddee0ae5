"""`ebbtide report sales`: what the shop took, by class and category, and a forecast beside naive ones."""

import json
from pathlib import Path
from typing import ClassVar

import pytest
from command_line import Ebbtide, FakeInRedis, put_in_place_of_kafka
from partition import Partition, journal

from agents.sales import Sales
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced
from schemas.profiles import ProfileUpdated
from state.table import Loaded, Needs
from streams.commands import sales_page

BEGIN = 1_768_867_200_000  # 2026-01-20, a Tuesday.


class FakeRows(FakeInRedis):
    """Four partitions, of which the first two have ledgers."""

    partitions: ClassVar[list[Partition]] = []

    async def load(self, partition: int, needs: Needs) -> Loaded:
        return await self.partitions[partition].table.load(0, needs)


@pytest.fixture
def rows(ebbtide: Ebbtide, monkeypatch: pytest.MonkeyPatch) -> type[FakeRows]:
    put_in_place_of_kafka(monkeypatch)
    monkeypatch.setattr(sales_page, "RedisTable", FakeRows)
    monkeypatch.setattr(FakeRows, "partitions", [Partition(Sales()) for _ in range(4)])
    return FakeRows


def sell(rows: type[FakeRows], days: int) -> None:
    """Ann is a vip and buys tea each day, more on Fridays; bob buys jam today."""
    ann, bob = rows.partitions[:2]
    profile = ProfileUpdated(
        event_id="p", customer_id="ann", occurred_at=BEGIN - 99 * DAY, traits={"class": "vip"}
    )
    ann.feed(journal([profile]))
    for day in range(days):
        at = BEGIN - day * DAY
        cents = 3_000 if (at // DAY) % 7 == 1 else 1_000
        ann.feed(journal([order(day, "ann", "tea", cents, at)], day + 1))
    bob.feed(journal([order(999, "bob", "jam", 250, BEGIN)]))
    for it in rows.partitions:
        it.feed([Tick(BEGIN + HOUR)])


def order(number: int, who: str, category: str, cents: int, at: int) -> OrderPlaced:
    item = Item(product_id="p", price_cents=cents, category=category)
    return OrderPlaced(
        event_id=f"o{number}", customer_id=who, occurred_at=at, order_id=f"o{number}",
        currency="EUR", products=(item,),
    )  # fmt: skip


def test_what_was_taken_is_shown_with_a_forecast_beside_the_naive_ones(
    ebbtide: Ebbtide, rows: type[FakeRows]
) -> None:
    sell(rows, 80)
    code, told, complained = ebbtide("report", "sales")
    assert (code, complained) == (0, "")
    lines = [" ".join(it.split()) for it in told.splitlines()]
    for line in [
        "EUR, today is Tue 2026-01-20",
        "net revenue today last 7 days last 28 days",
        "in all 12.50 EUR 92.50 EUR 362.50 EUR",
        "class vip 10.00 EUR 90.00 EUR 360.00 EUR",
        "class (none) 2.50 EUR 2.50 EUR 2.50 EUR",
        "category tea 10.00 EUR 90.00 EUR 360.00 EUR",
        "category jam 2.50 EUR 2.50 EUR 2.50 EUR",
        "Tue 2026-01-20 10.00 EUR",
        "Fri 2026-01-23 30.00 EUR",
        "mean error a day on the last 32 days: 0.00 EUR; as yesterday 5.12 EUR, as the same weekday last week 0.00 EUR",
    ]:
        assert line in lines, told
    assert lines[-1].startswith("mean error")


def test_a_naive_forecast_that_did_better_is_named(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    ann = rows.partitions[0]
    for day in range(80):  # Twice as much since a month: last week knows it, and smoothing hardly.
        at = BEGIN - day * DAY
        ann.feed(journal([order(day, "ann", "tea", 9_000 if day < 30 else 1_000, at)], day))
    for it in rows.partitions:
        it.feed([Tick(BEGIN + HOUR)])
    assert "One of the naive forecasts did better: go by that one." in ebbtide("report", "sales")[1]


def test_a_program_reads_one_object_a_currency(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    sell(rows, 80)
    code, told, complained = ebbtide("report", "sales", "--json")
    assert (code, complained) == (0, "")
    [report] = map(json.loads, told.splitlines())
    assert (report["currency"], report["today"], report["known_days"]) == ("EUR", BEGIN // DAY, 79)
    assert [it["days"] for it in report["spans"]] == [1, 7, 28]
    assert report["spans"][1]["classes"] == {"vip": 9_000, "(none)": 250}
    assert report["forecast"]["next_days"] == [1_000, 1_000, 1_000, 3_000, 1_000, 1_000, 1_000]
    assert report["forecast"]["backtest"].keys() == {"days", "ours", "yesterday", "last_week"}


def test_too_few_days_are_no_forecast(ebbtide: Ebbtide, rows: type[FakeRows]) -> None:
    sell(rows, 20)
    told = ebbtide("report", "sales")[1]
    assert "No forecast: 19 whole days are known, and 56 are needed" in told
    assert json.loads(ebbtide("report", "sales", "--json")[1])["forecast"] is None


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_where_nothing_was_sold_it_says_what_to_do(
    ebbtide: Ebbtide, rows: type[FakeRows], option: tuple[str, ...]
) -> None:
    assert ebbtide("report", "sales", *option) == (0, "", f"{sales_page.EMPTY}\n")


def test_the_day_is_that_of_the_shop_s_time_zone_and_a_wrong_one_is_exit_code_2(
    ebbtide: Ebbtide, rows: type[FakeRows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(rows, 2)
    file = tmp_path / "engine.toml"
    monkeypatch.setenv("EBBTIDE_CONFIG", str(file))
    file.write_text("[agents.sales]\ntime_zone = 'America/New_York'\n")
    assert "today is Mon 2026-01-19" in ebbtide("report", "sales")[1]
    file.write_text("[agents.sales]\ntime_zone = 'Mars'\n")
    code, told, complained = ebbtide("report", "sales")
    assert (code, told) == (2, "")
    assert complained.startswith(f"ebbtide: {file}: agents.sales: time_zone is 'Mars'")
