"""Which days does a market celebrate? By the calendar of the ``holidays`` library, in English.

The law: the calendar is a table of the version that is locked with us, and asks no clock, so a
replay finds the same days. An update of it may move the days that were estimated, such as Eid.
"""

from datetime import date, timedelta
from functools import cache, lru_cache

from holidays import HolidayBase, country_holidays, list_supported_countries

LANGUAGE = "en_US"
_ESTIMATED = " (estimated)"
#: The years whose names a setting may use: a holiday may be missing in one, and not in all of them.
_YEARS = range(2020, 2031)
_DAY = timedelta(days=1)


@lru_cache(maxsize=1024)
def days_of(market: str, year: int) -> tuple[tuple[date, str], ...]:
    """The holidays of a market in a year, in order; of one that lasts some days, the first.

    All that the whole market celebrates, working days like Halloween included. A holiday that comes
    twice in a year, as Eid does in 2033, is there twice.
    """
    calendar = _calendar(market, year - 1, year)
    return tuple(
        (day, name)
        for day in sorted(calendar)
        if day.year == year
        for name in _names(calendar, day)
        if name not in _names(calendar, day - _DAY)
    )


def check_names(market: str, names: tuple[str, ...]) -> None:
    """Raises ValueError for a market or a holiday that the library does not know."""
    if market not in _markets():
        raise ValueError(f"there is no calendar of the market {market!r}: ISO 3166-1 is wanted")
    known = _known(market)
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known))
            raise ValueError(f"{market} has no holiday {name!r}; it has {there}")


@cache
def _markets() -> frozenset[str]:
    return frozenset(list_supported_countries(include_aliases=False))


@cache
def _known(market: str) -> frozenset[str]:
    return frozenset(name for year in _YEARS for _, name in days_of(market, year))


def _calendar(market: str, *years: int) -> HolidayBase:
    kind = country_holidays(market)
    # Countries whose holidays have English names only name no languages.
    language = LANGUAGE if LANGUAGE in kind.supported_languages else None
    # Days off for a holiday on a Sunday are no holidays to greet on, so `observed` is off.
    return country_holidays(
        market, years=years, expand=False, observed=False, language=language,
        categories=kind.supported_categories,
    )  # fmt: skip


def _names(calendar: HolidayBase, day: date) -> list[str]:
    return [name.removesuffix(_ESTIMATED) for name in calendar.get_list(day)]
