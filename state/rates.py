"""What is an amount of another currency worth in the shop's own? By the rate of the event's date.

The law: a rate is the last one that was published for the date, or for one of the days before it,
as weekends have none. Where there is none the amount is not known, and never zero. Arithmetic is
exact, with fractions, and rounded once, half away from zero, as invoices are.
"""

from bisect import bisect_right
from fractions import Fraction

from msgspec import Struct, field

from schemas.currency import minor_digits
from schemas.instant import DAY
from state.ledger import Ledger

# Three years of trading days; a ledger of 40 currencies is 1.3 MB then, at 40 bytes a rate.
RATES_MAX = 800
CURRENCIES_MAX = 40


class Rate(Struct, array_like=True, gc=False, frozen=True):
    """One unit of a currency is ``rate`` units of the shop's; or the other way round, if inverse.

    day: since 1970-01-01. at: when it was published. rate: decimal text.
    """

    day: int
    at: int
    rate: str
    inverse: bool = False

    @property
    def ratio(self) -> Fraction:
        """What one unit of the currency is worth, exactly."""
        return 1 / Fraction(self.rate) if self.inverse else Fraction(self.rate)


class Published(Struct, frozen=True):
    """A rate of a currency that has come in."""

    currency: str
    rate: Rate


class Rates(Ledger):
    """The rates of each currency by day, oldest first."""

    by_currency: dict[str, list[Rate]] = field(default_factory=dict)

    def enter(self, entry: Published) -> None:
        """Take in a rate. Of one day the one counts that was published last."""
        if entry.currency not in self.by_currency and len(self.by_currency) >= CURRENCIES_MAX:
            return
        rates = self.by_currency.setdefault(entry.currency, [])
        rate = entry.rate
        place = bisect_right(rates, rate.day, key=lambda it: it.day)
        if place and rates[place - 1].day == rate.day:
            if rate.at >= rates[place - 1].at:
                rates[place - 1] = rate
            return
        rates.insert(place, rate)
        del rates[:-RATES_MAX]

    def on(self, currency: str, at: int, days_max: int) -> Fraction | None:
        """What one unit was worth on the date of a moment; None where no rate is known.

        days_max: how many days before that date a rate may be of.
        """
        rates = self.by_currency.get(currency, [])
        day = at // DAY
        place = bisect_right(rates, day, key=lambda it: it.day)
        if not place or rates[place - 1].day < day - days_max:
            return None
        return rates[place - 1].ratio


def converted(cents: int, ratio: Fraction, currency: str, into: str) -> int:
    """Minor units of one currency as minor units of another. ratio: of their whole units.

    >>> converted(1_999, Fraction("156.25"), "EUR", "JPY")
    3123
    """
    exact = cents * ratio * Fraction(10) ** (minor_digits(into) - minor_digits(currency))
    return rounded(exact)


def rounded(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero.

    >>> [rounded(Fraction(it, 2)) for it in (1, 3, -1, 4)]
    [1, 2, -1, 2]
    """
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole
