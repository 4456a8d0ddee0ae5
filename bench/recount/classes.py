"""In which class is a customer? From lists of all orders and returns, judged one after the other.

An order counts until the bucket that holds it is 365 days old: an hour if it is of the day before
the newest order, a day if of the 28 days before, else one of the blocks of 28 days since 1970. What
went back leaves with its order, if the row knew that; else 365 days after the hour in which it did.
It is looked at with each order and each return; when the first of what counts has left, later by as
much as their first order was after midnight (UTC); and when somebody is not new any more.
``exact``: nothing is rounded and nothing let go.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.recount.facts import DAY, HOUR, Clock, Fact, Facts, Return, returns

YEAR, BLOCK = 365 * DAY, 28 * DAY
RETURNS = 12

#: Who has reached the thresholds of a class too.
REACHED = {
    "high_value": {"high_value"},
    "high_end": {"high_end"},
    "frequent": {"frequent", "high_value"},
    "potential": {"potential", "frequent", "high_end", "high_value"},
}


class Judging:
    """One customer. found: the class."""

    def __init__(self, history: Facts, by: Mapping[str, Any], *, exact: bool) -> None:
        self.found = ""
        self._by, self._exact = by, exact
        self._returns = returns(history, unlimited=exact)
        self._orders: list[tuple[int, int]] = []
        self._back: list[Return] = []
        #: The newest event; as of the newest order, by which orders have their buckets.
        self._seen_at = self._window_at = 0
        #: What counts, when that was looked at, and the last tick then.
        self._young: list[tuple[int, int]] = []
        self._now = self._clock_at = 0
        self._new_until = 0

    def take(self, fact: Fact, clock_at: int) -> None:
        """An event has come."""
        self._seen_at = max(self._seen_at, fact.at)
        if fact.kind == "order":
            self._orders.append((fact.at, fact.cents or 0))
            self._window_at = self._seen_at
        elif fact.kind == "redeem" or not self._orders:
            return  # Something went back of which there never was an order.
        elif (back := self._returns[fact]).cents > 0:
            self._back.append(back)
            if not self._exact:
                self._back = self._back[-RETURNS:]
        self.look(fact.at, clock_at)

    def look(self, at: int, clock_at: int) -> None:
        """Judge anew."""
        now = max(at, self._seen_at)
        self._now, self._clock_at = now, clock_at
        self._young = [
            it for it in self._orders if it[0] > now - YEAR or self._leaves(it[0]) > now
        ]  # fmt: skip
        gone = [it for it in self._back if self._leaves_again(it) > now]
        orders = max(0, len(self._young) - sum(it.is_whole for it in gone))
        spend = max(0, sum(it for _, it in self._young) - sum(it.cents for it in gone))
        new_until = min(self._orders)[0] + round(self._by["new_days"] * DAY)
        self._new_until = new_until if len(self._orders) == 1 and now < new_until else 0
        self.found = "new" if self._new_until else self._class(orders, spend)

    def due_by(self, until: int) -> int | None:
        """When to look again, if it may be by then; None for later, or never."""
        if self._new_until:
            due = self._new_until
        elif not self._young or self.found == "low_end" or until <= min(self._young)[0] + YEAR:
            return None
        else:
            due = min(self._leaves(it) for it, _ in self._young)
            due += 0 if self._exact else min(self._orders)[0] % DAY
        return due if due > self._clock_at else self._clock_at + DAY

    def _class(self, orders: int, spend: int) -> str:
        average = spend // orders if orders else -1
        if self._has("high_value", (orders, "frequent_orders"), (spend, "high_value_spend_cents")):
            return "high_value"
        if self._has("high_end", (average, "high_end_order_cents")) and orders:
            return "high_end"
        if self._has("frequent", (orders, "frequent_orders")):
            return "frequent"
        enough = orders and self._has("potential", (spend, "potential_spend_cents"))
        if enough or self._has("potential", (orders, "potential_orders")):
            return "potential"
        return "low_end"

    def _has(self, wanted: str, *measures: tuple[int, str]) -> bool:
        """Whether all thresholds are reached; whoever has the class may be below by the band."""
        keeps = self.found in REACHED[wanted]
        for value, name in measures:
            least = self._by[name]
            if keeps and name.endswith("_orders"):
                least -= self._by["orders_band"]
            elif keeps:
                least *= 1 - self._by["spend_band"]
            if value < least:
                return False
        return True

    def _leaves(self, at: int) -> int:
        """When an order does not count any more."""
        if self._exact:
            return at + YEAR
        newest = self._window_at
        if at // HOUR >= (newest - DAY) // HOUR:
            width = HOUR
        elif at // DAY >= (newest - BLOCK) // DAY:
            width = DAY
        else:
            width = BLOCK
        return (at // width + 1) * width + YEAR

    def _leaves_again(self, back: Return) -> int:
        if back.placed_at is not None:
            return self._leaves(back.placed_at)
        return (back.fact.at if self._exact else back.fact.at // HOUR * HOUR) + YEAR


def classes(
    history: Facts, clock: Clock, cuts: Sequence[int], by: Mapping[str, Any], *, exact: bool = False
) -> list[str]:
    """The class at each cut, which is a tick; empty for none."""
    judging, found, begin = Judging(history, by, exact=exact), [], 0

    def fire(until: int) -> None:
        while (due := judging.due_by(until)) and (tick := clock.fires_at(due)) <= until:
            judging.look(tick, tick)

    for cut in cuts:
        while begin < len(history) and history[begin].arrived_at < cut:
            fact = history[begin]
            fire(fact.arrived_at)
            judging.take(fact, clock.last(fact.arrived_at))
            begin += 1
        fire(cut)
        found.append(judging.found)
    return found
