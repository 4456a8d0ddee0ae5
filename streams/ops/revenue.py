"""What has the shop taken, all partitions together? By class and by category, over some days."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from agents.ops.takings import OTHER, Split, Takings, by_category

#: Today, the last week and the last four weeks, today included.
SHOWN_DAYS = (1, 7, 28)

Amounts = dict[str, dict[str, int]]


class Revenue:
    """Ledgers added up. today: in days since 1970-01-01. Amounts are minor units, by currency."""

    def __init__(self, ledgers: Sequence[Takings], today: int) -> None:
        self._ledgers = ledgers
        self.today = today

    @cached_property
    def totals(self) -> dict[str, dict[int, int]]:
        """Net by currency and day."""
        found: dict[str, dict[int, int]] = {}
        for ledger in self._ledgers:
            for currency, totals in ledger.totals.items():
                held = found.setdefault(currency, {})
                for day, cents in totals.items():
                    held[day] = held.get(day, 0) + cents
        return dict(sorted(found.items()))

    @property
    def left_out(self) -> int:
        """How many entries the bounds have left out altogether."""
        return sum(it.left_out for it in self._ledgers)

    def net(self, days: int) -> dict[str, int]:
        """Of the last so many days, today included."""
        return {
            currency: sum(totals.get(it, 0) for it in self._last(days))
            for currency, totals in self.totals.items()
        }

    def classes(self, days: int) -> Amounts:
        """By class of customer."""
        found: Amounts = {}
        for currency, splits in self._over(days).items():
            held = found.setdefault(currency, {})
            for split in splits:
                for name, cents in split.classes.items():
                    held[name] = held.get(name, 0) + cents
        return found

    def categories(self, days: int) -> Amounts:
        """By category."""
        return {currency: by_category(splits) for currency, splits in self._over(days).items()}

    def history(self, currency: str) -> list[int]:
        """Net of every day from the first that is known to yesterday, those without a sale too."""
        totals = self.totals[currency]
        return [totals.get(it, 0) for it in range(min(totals), self.today)]

    def _last(self, days: int) -> range:
        return range(self.today - days + 1, self.today + 1)

    def _over(self, days: int) -> dict[str, list[Split]]:
        found: dict[str, list[Split]] = {}
        for day in self._last(days):
            for currency, split in self._split.get(day, ()):
                found.setdefault(currency, []).append(split)
        return dict(sorted(found.items()))

    @cached_property
    def _split(self) -> dict[int, list[tuple[str, Split]]]:
        """The splits of all days that may be shown, decoded once."""
        return {
            day: [pair for ledger in self._ledgers for pair in ledger.day(day).items()]
            for day in self._last(max(SHOWN_DAYS))
        }


def heaviest(amounts: Mapping[str, int], most: int) -> dict[str, int]:
    """The largest amounts, and the rest as one, if there is any.

    >>> heaviest({"tea": 5, "jam": 9, "milk": 1}, 1)
    {'jam': 9, '(other)': 6}
    """
    names = sorted(amounts, key=lambda it: (it == OTHER, -amounts[it], it))
    found = {it: amounts[it] for it in names[:most] if it != OTHER}
    if rest := sum(amounts.values()) - sum(found.values()):
        found[OTHER] = rest
    return found


def labelled(by_days: Mapping[int, Amounts], most: int) -> dict[tuple[str, str, str], int]:
    """Amounts by (currency, name, days), with so many names at most in each."""
    return {
        (currency, name, str(days)): cents
        for days, amounts in by_days.items()
        for currency, names in amounts.items()
        for name, cents in heaviest(names, most).items()
    }
