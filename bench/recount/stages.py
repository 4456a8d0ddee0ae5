"""Where in their life with the shop is a customer, and whom did an alert find? From all orders.

The stage goes by the silences between orders: one of ``lapsed_days`` is ended by coming back, one
of ``at_risk_days`` or after an alert by being active again; else the next order that is another
purchase (20 hours after the first one, or after that which won them back) makes active. An alert
counts from the tick after its own on, if no order came before that.

The alert is due when a silence is as improbable as ``chance`` by gaps of gamma-distributed rates:
(b / (b + t)) ** a, with a and b from the gaps of all customers of the partition so far, by their
mean and their spread, and from the last eight of the customer's own, in whole hours.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from bench.recount.facts import DAY, HOUR, ONE_PURCHASE, Clock, Fact, Facts

GAPS_TO_TRUST, OWN_GAPS = 30, 8
STRENGTHS = 2.1, 8.0


class Alert(NamedTuple):
    """sent_at: its tick. counts_at: the next one."""

    sent_at: int
    counts_at: int


def alerts(facts: Facts, clock: Clock, by: Mapping[str, Any]) -> dict[Fact, Alert]:
    """The alerts of one partition, each by the order after which it was quiet."""
    gaps: list[int] = []
    known: list[tuple[Fact, int, list[int]]] = []
    newest: dict[str, int] = {}
    own: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        if fact.kind != "order":
            continue
        last = newest.get(fact.who)
        if last is not None and fact.at - last >= ONE_PURCHASE:
            gaps.append(fact.at - last)
            own[fact.who].append((fact.at - last) // HOUR)
        if last is None or fact.at >= last:
            newest[fact.who] = fact.at
            known.append((fact, len(gaps), own[fact.who][-OWN_GAPS:]))
    sums = [0, *accumulate(gaps)]
    squares = [0, *accumulate(it * it for it in gaps)]
    following: dict[str, int] = {}
    found: dict[Fact, Alert] = {}
    for fact, count, hours in reversed(known):
        a, b = _prior(count, sums[count], squares[count], by)
        a, b = a + len(hours), b + sum(hours) / 24
        days = max(by["quiet_days_min"], b * (by["chance"] ** (-1 / a) - 1))
        sent_at = clock.fires_at(fact.at + round(days * DAY))
        if sent_at <= following.get(fact.who, sent_at):
            found[fact] = Alert(sent_at, clock.after(sent_at))
        following[fact.who] = fact.arrived_at
    return found


def _prior(count: int, total: int, squares: int, by: Mapping[str, Any]) -> tuple[float, float]:
    """Shape and scale of the partition's silences."""
    if count < GAPS_TO_TRUST:
        return STRENGTHS[0], by["default_gap_days"] * (STRENGTHS[0] - 1)
    mean = total / count
    spread = squares / count / mean**2 - 1
    a = 2 * spread / (spread - 1) if spread > 1 else STRENGTHS[1]
    a = min(max(a, STRENGTHS[0]), STRENGTHS[1])
    return a, mean / DAY * (a - 1)


def stages(
    history: Facts, told: Mapping[Fact, Alert], clock: Clock, cuts: Sequence[int],
    by: Mapping[str, Any],
) -> list[str]:  # fmt: skip
    """The stage at each cut, which is a tick; empty for nobody who has ever ordered."""
    life, orders, begin, found = (
        _Life(told, by),
        [it for it in history if it.kind == "order"],
        0,
        [],
    )
    for cut in cuts:
        while begin < len(orders) and orders[begin].arrived_at < cut:
            life.order(orders[begin], clock.last(orders[begin].arrived_at))
            begin += 1
        found.append(life.stage(cut))
    return found


class _Life:
    """One customer's orders so far, and what they have made of the stage."""

    def __init__(self, told: Mapping[Fact, Alert], by: Mapping[str, Any]) -> None:
        self._told = told
        self._at_risk = round(by["at_risk_days"] * DAY)
        self._lapsed = round(by["lapsed_days"] * DAY)
        self._ordered = ""
        self._newest: Fact | None = None
        self._first = self._won_back_at = 0

    def stage(self, until: int) -> str:
        """What silence has made of it by a moment."""
        newest = self._newest
        if newest is None:
            return ""
        silence, alert = until - newest.at, self._told.get(newest)
        if silence >= self._lapsed:
            return "lapsed"
        is_alerted = alert is not None and alert.counts_at <= until
        return "at_risk" if silence >= self._at_risk or is_alerted else self._ordered

    def order(self, order: Fact, clock_at: int) -> None:
        """What an order makes of it. clock_at: the last tick before it."""
        self._first = min(self._first or order.at, order.at)
        if self._newest is not None and order.at < self._newest.at:
            # Late: it may show that the newest one was another purchase.
            is_another = self._newest.at - self._first >= ONE_PURCHASE
            if is_another and self.stage(clock_at) == "new":
                self._ordered = "active"
            return
        before = self.stage(max(order.at, clock_at))
        begun = self._won_back_at if before == "won_back" else self._first
        if before == "lapsed":
            self._ordered, self._won_back_at = "won_back", order.at
        elif not before:
            self._ordered = "new"
        elif before == "at_risk" or order.at - begun >= ONE_PURCHASE:
            self._ordered = "active"
        self._newest = order
