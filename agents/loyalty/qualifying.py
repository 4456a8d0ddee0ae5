"""What has a customer qualified for? Thresholds, held against what counts in months.

The law: it depends on nothing but what counts in each month, so it is the same in whatever order
orders and refunds arrive. Months are numbers (``agents/calendar/months.py``); ranks are, too: 0 for
no tier, 1 for the lowest.

window: how many months a period has, the month itself being the last of them; 0: a period is the
calendar year.
"""

from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from agents.loyalty.kept_orders import KeptOrder

YEAR = 12

#: What counts in each month, oldest first, none of it 0.
Months = list[tuple[int, int]]


class Standing(Struct, array_like=True, gc=False, frozen=True):
    """What is remembered. warned: the month at whose beginning a tier ends of which that was told.

    orders: those that may go back.
    """

    tier: str = ""
    warned: int = 0
    months: Months = []
    orders: list[KeptOrder] = []


class Qualified(Struct, frozen=True, gc=False):
    """A rank, up to which month it is valid, not including it, and what counted for it."""

    rank: int = 0
    ends: int = 0
    counted: int = 0


def check_tiers(tiers: Sequence[tuple[str, int]]) -> None:
    """Raises ValueError for tiers that are not in order, with different names."""
    for number, (name, threshold) in enumerate(tiers):
        lower = dict((("", 0), *tiers[:number]))
        if name in lower or threshold <= max(lower.values()):
            raise ValueError(
                f"tiers: {name!r} begins at {threshold}; it has to have a name of its own, and to"
                f" begin above those before it, which begin at {max(lower.values())} or below"
            )


def first_of(month: int, window: int) -> int:
    """With which month the period begins whose last month this is, so far.

    >>> first_of(24_317, 0), first_of(24_317, 12)  # 2026-06
    (24312, 24306)
    """
    return month - window + 1 if window else month // YEAR * YEAR


def until(month: int, window: int) -> int:
    """Up to which month, not including it, it is valid what this one has reached.

    >>> until(24_317, 0) - 24_312, until(24_317, 12) - 24_317
    (24, 13)
    """
    return month + window + 1 if window else (month // YEAR + 2) * YEAR


def amount(months: Months, month: int, window: int) -> int:
    """What counts in a month's period, up to its end."""
    first = first_of(month, window)
    return sum(cents for it, cents in months if first <= it <= month)


def qualified(months: Months, now: int, thresholds: Sequence[int], window: int) -> Qualified:
    """The highest rank that is valid in a month, for as long as it is."""
    best, total, begin = (0, 0, 0), 0, 0
    for month, cents in months:
        total += cents
        first = first_of(month, window)
        while months[begin][0] < first:
            total -= months[begin][1]
            begin += 1
        ends = until(month, window)
        if now < ends:
            best = max(best, (bisect_right(thresholds, total), ends, total))
    return Qualified(*best)


def counted(months: Months, month: int, by: int) -> Months:
    """Let more or less count in a month; one in which nothing counts is not kept."""
    counts = dict(months)
    counts[month] = counts.get(month, 0) + by
    return sorted((it, cents) for it, cents in counts.items() if cents > 0)


def pruned(months: Months, now: int, window: int) -> Months:
    """Let go what can't count any more: two periods are enough."""
    return [it for it in months if it[0] > now - 2 * (window or YEAR)]
