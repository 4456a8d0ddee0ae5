"""How many points, and which tier? From the orders of each month, and what of them went back.

An order is remembered for ``refund_days`` days (UTC) after its own, by the newest event of the
customer, and of one customer 32 are: what goes back of another one is not taken off. What goes back
of an order that has not come yet waits for it, as if it had been placed on the day of the first
refund. ``unlimited``: all orders are remembered for ever.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bench.recount.facts import DAY, Fact, Facts

ORDERS = 32
ALL = 10**15


class Worth(NamedTuple):
    """What an event has made of an order: cents that were left of it before, and are after.

    order: of which; None where the order is not remembered, or has not come.
    """

    fact: Fact
    order: Fact | None
    before: int
    after: int


class _Kept:
    """One remembered order; without ``order`` it has not come yet."""

    def __init__(self, key: str, at: int) -> None:
        self.key, self.day = key, at // DAY
        self.order: Fact | None = None
        self.left = 0


def worths(history: Facts, refund_days: int, *, unlimited: bool = False) -> list[Worth]:
    """What becomes of orders, event by event."""
    kept: list[_Kept] = []
    found: list[Worth] = []
    seen_at = 0

    def let_go() -> None:
        if unlimited:
            return
        kept[:] = [it for it in kept if seen_at // DAY - it.day <= refund_days]
        if len(kept) > ORDERS:
            kept.remove(min(kept, key=lambda it: it.day))

    for fact in history:
        seen_at = max(seen_at, fact.at)
        let_go()
        it = next((one for one in kept if one.key == fact.order), None)
        if fact.kind == "order":
            if it is not None and it.order is not None:
                continue  # It has come before.
            it = it or _Kept(fact.order, fact.at)
            paid = fact.cents or 0
            it.order, it.day, it.left = fact, fact.at // DAY, max(0, paid + it.left)
            found.append(Worth(fact, fact, paid, it.left))
        elif fact.kind != "redeem":
            back = ALL if fact.cents is None else fact.cents
            it = it or _Kept(fact.order, fact.at)
            before = it.left
            it.left = it.left - back if it.order is None else max(0, it.left - back)
            found.append(Worth(fact, it.order, before, it.left))
        if it is not None and it not in kept:
            kept.append(it)
        let_go()
    return found


# Points -----------------------------------------------------------------------------------------


class Account(NamedTuple):
    """One customer's points."""

    available: int = 0
    earned: int = 0
    redeemed: int = 0
    reversed: int = 0
    expired: int = 0
    owed: int = 0


class _Purse:
    """Parcels of points, each of one order: [month, points]. The oldest months come first."""

    def __init__(self, by: Mapping[str, Any]) -> None:
        self._by = by
        self._parcels: list[list[int]] = []
        self._earned: list[int] = []
        self._redeemed: list[int] = []
        self._reversed: list[int] = []
        self._expired: list[int] = []
        self._owed = 0

    def account(self) -> Account:
        return Account(
            available=sum(points for _, points in self._parcels), earned=sum(self._earned),
            redeemed=sum(self._redeemed), reversed=sum(self._reversed),
            expired=sum(self._expired), owed=self._owed,
        )  # fmt: skip

    def expire(self, until: int) -> None:
        while self._parcels and self._end(self._parcels[0][0]) <= until:
            self._expired.append(self._parcels.pop(0)[1])

    def earn(self, month: int, points: int) -> None:
        self._earned.append(points)
        paid_off = min(self._owed, points)
        self._owed -= paid_off
        self._parcels.append([month, points - paid_off])
        self._parcels.sort(key=lambda it: it[0])

    def redeem(self, points: int) -> None:
        self._redeemed.append(points)
        self._owed += _take(self._parcels, points)

    def reverse(self, month: int, points: int) -> None:
        if not points:
            return
        self._reversed.append(points)
        own = [it for it in self._parcels if it[0] == month]
        others = [it for it in self._parcels if it[0] != month]
        self._owed += _take(others, _take(own, points))

    def _end(self, month: int) -> int:
        by = self._by
        if not by["expiry_months"] and not by["expiry_days"]:
            return ALL
        return midnight(month + 1 + by["expiry_months"], by["time_zone"], by["expiry_days"])


def _take(parcels: list[list[int]], points: int) -> int:
    """Take points out of parcels in their order; returns what was not there."""
    for parcel in parcels:
        if not points:
            break
        taken = min(parcel[1], points)
        parcel[1] -= taken
        points -= taken
    return points


def accounts(
    history: Facts, cuts: Sequence[int], by: Mapping[str, Any], *, unlimited: bool = False
) -> list[Account]:
    """The account at each cut, which is a tick."""
    changes = {it.fact: it for it in worths(history, by["refund_days"], unlimited=unlimited)}
    purse, found, begin, seen_at = _Purse(by), [], 0, 0
    unit: int = by["unit_cents"]
    per_unit: int = by["points_per_unit"]

    def points(cents: int) -> int:
        return max(0, cents) // unit * per_unit

    for cut in cuts:
        while begin < len(history) and history[begin].arrived_at < cut:
            fact, begin = history[begin], begin + 1
            purse.expire(fact.at)
            change = changes.get(fact)
            if fact.kind == "redeem":
                purse.redeem(fact.cents or 0)
            elif change is not None and change.order is not None:
                month = month_of(change.order.at, by["time_zone"])
                if fact.kind == "order":
                    purse.earn(month, points(change.before))
                purse.reverse(month, points(change.before) - points(change.after))
            seen_at = max(seen_at, fact.at)
            purse.expire(seen_at)
        purse.expire(cut)
        found.append(purse.account())
    return found


# Tiers ------------------------------------------------------------------------------------------


def tiers(
    history: Facts, cuts: Sequence[int], by: Mapping[str, Any], *, unlimited: bool = False
) -> list[str]:
    """The tier at each cut, which is a tick; empty for none. Of spend, by calendar years."""
    if (by["measure"], by["period"], by["currency"]) != ("spend", "calendar_year", ""):
        raise ValueError("tiers are counted again for spend in calendar years, in any currency")
    changes = worths(history, by["refund_days"], unlimited=unlimited)
    found = []
    for cut in cuts:
        left: dict[Fact, int] = {}
        for it in changes:
            if it.fact.arrived_at < cut and it.order is not None:
                left[it.order] = it.after
        months: dict[int, int] = defaultdict(int)
        for order, cents in left.items():
            months[month_of(order.at, by["time_zone"])] += cents
        seen_at = max((it.at for it in history if it.arrived_at < cut), default=0)
        found.append(_tier(months, month_of(max(cut, seen_at), by["time_zone"]), by["tiers"]))
    return found


def _tier(months: Mapping[int, int], now: int, thresholds: Sequence[tuple[str, int]]) -> str:
    """The highest of all that a month of this year or of the one before has reached."""
    best = 0
    for month, cents in months.items():
        year = month // 12
        if cents <= 0 or now // 12 - year > 1:
            continue
        so_far = sum(it for m, it in months.items() if m // 12 == year and m <= month)
        best = max(best, sum(so_far >= least for _, least in thresholds))
    return thresholds[best - 1][0] if best else ""


# Months -----------------------------------------------------------------------------------------


@cache
def month_of(at: int, zone: str) -> int:
    """The calendar month of a moment: 12 times the year, and 0 for January."""
    day = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone))
    return day.year * 12 + day.month - 1


@cache
def midnight(month: int, zone: str, days: int) -> int:
    """When the day begins that is so many days after the first of a month."""
    first = datetime(month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return round((first + timedelta(days=days)).timestamp() * 1000)
