"""Calendars: the days of a market by their English names, of each holiday the first."""

from datetime import date

import pytest

from agents.calendar.calendars import check_names, days_of
from agents.care_holiday import GREETS
from state.customer import Customer


def test_the_shipped_holidays_are_there_in_every_year_once() -> None:
    for market, names in GREETS.items():
        check_names(market, names)
        for year in range(2026, 2036):
            there = [name for _, name in days_of(market, year) if name in names]
            many = {name for name in names if there.count(name) != 1}
            assert not many - {"Eid al-Fitr", "Eid al-Adha"}, (market, year, many)


def test_of_a_holiday_that_lasts_some_days_the_first_counts() -> None:
    new_year = [day for day, name in days_of("CN", 2026) if name.startswith("Chinese New Year (")]
    assert new_year == [date(2026, 2, 17)]


@pytest.mark.parametrize(
    ("locale", "market"),
    [
        ("de", ""), ("de-DE", "DE"), ("en_gb", "GB"), ("zh-Hant-TW", "TW"), ("de-CH-1996", "CH"),
        ("es-419", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_market_is_the_region_of_a_locale(locale: str, market: str) -> None:
    assert Customer(locale=locale).market == market


def test_the_calendars_module_gives_each_market_its_english_names() -> None:
    for market in ("NZ", "NL", "SG"):
        assert "Christmas Day" in {name for _, name in days_of(market, 2026)}
