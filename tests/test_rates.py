"""Rates: an amount is worth what the rate of its date says, exactly, and without one it is not known."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode_row
from schemas.currency import minor_digits
from schemas.instant import DAY
from state.rates import CURRENCIES_MAX, RATES_MAX, Published, Rate, Rates, converted, rounded

MONDAY = date(2026, 1, 19).toordinal() - date(1970, 1, 1).toordinal()


def rates(*days: tuple[int, str]) -> Rates:
    kept = Rates()
    for day, rate in days:
        kept.enter(Published("SEK", Rate(day, day * DAY, rate)))
    return kept


@pytest.mark.parametrize(
    ("day", "worth"),
    [
        (MONDAY - 1, None),  # Nothing had been published by then.
        (MONDAY, "0.0870"),
        (MONDAY + 1, "0.0880"),
        (MONDAY + 4, "0.0880"),  # The last one before a weekend.
        (MONDAY + 8, "0.0880"),
        (MONDAY + 9, None),  # Eight days are too many.
    ],
)
def test_the_last_rate_of_the_days_before_counts(day: int, worth: str | None) -> None:
    kept = rates((MONDAY + 1, "0.0880"), (MONDAY, "0.0870"))
    for moment in (day * DAY, (day + 1) * DAY - 1):
        assert kept.on("SEK", moment, 7) == (worth and Fraction(worth))
    assert kept.on("NOK", day * DAY, 7) is None


def test_of_one_day_the_rate_counts_that_was_published_last_in_whatever_order_they_come() -> None:
    early, late = (Rate(MONDAY, MONDAY * DAY + at, rate) for at, rate in ((1, "0.08"), (2, "0.09")))
    for both in ((early, late), (late, early)):
        kept = Rates()
        for rate in both:
            kept.enter(Published("SEK", rate))
        assert kept.on("SEK", MONDAY * DAY, 0) == Fraction("0.09")


def test_a_rate_the_other_way_round_is_turned() -> None:
    kept = Rates()
    kept.enter(Published("USD", Rate(MONDAY, 0, "1.25", inverse=True)))
    assert kept.on("USD", MONDAY * DAY, 0) == Fraction(4, 5)


@pytest.mark.parametrize(
    ("cents", "ratio", "currency", "into", "worth"),
    [
        (1_999, "0.85", "USD", "EUR", 1_699),  # 16.9915
        (1_000, "0.0061", "JPY", "EUR", 610),  # Yen have no hundredths.
        (610, "163.93", "EUR", "JPY", 1_000),  # 999.973
        (1_500, "2.78", "KWD", "EUR", 417),  # Dinars have thousandths.
        (5, "0.1", "USD", "EUR", 1),  # Half a cent goes up.
        (0, "3", "USD", "EUR", 0),
    ],
)
def test_amounts_are_rounded_once(
    cents: int, ratio: str, currency: str, into: str, worth: int
) -> None:
    assert converted(cents, Fraction(ratio), currency, into) == worth


@given(st.fractions())
def test_rounding_is_to_the_nearest_and_alike_on_both_sides_of_zero(exact: Fraction) -> None:
    assert abs(rounded(exact) - exact) <= Fraction(1, 2)
    assert rounded(-exact) == -rounded(exact)


@given(
    st.integers(0, 10**12),
    st.fractions(min_value=Fraction(1, 10**6), max_value=10**6),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_an_amount_is_never_off_by_more_than_half_a_minor_unit(
    cents: int, ratio: Fraction, currency: str, into: str
) -> None:
    worth = converted(cents, ratio, currency, into)
    whole = Fraction(cents, 10 ** minor_digits(currency)) * ratio
    assert abs(Fraction(worth, 10 ** minor_digits(into)) - whole) <= Fraction(
        1, 2 * 10 ** minor_digits(into)
    )


def test_rates_are_bounded_and_the_oldest_are_let_go() -> None:
    kept = rates(*((MONDAY + day, "0.08") for day in range(RATES_MAX + 10)))
    assert len(kept.by_currency["SEK"]) == RATES_MAX
    assert kept.by_currency["SEK"][0].day == MONDAY + 10
    for number in range(CURRENCIES_MAX + 5):
        kept.enter(Published(f"C{number:02}", Rate(MONDAY, 0, "1")))
    assert len(kept.by_currency) == CURRENCIES_MAX
    # The ledger that its docstring promises.
    assert len(encode_row(kept)) < 40 * RATES_MAX
