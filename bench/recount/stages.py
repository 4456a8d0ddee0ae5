"""Where in their life with the shop is a customer, and whom did an alert find? From all orders.

The stage goes by the silences between orders: one of ``lapsed_days`` is ended by coming back, one of
``at_risk_days`` or after an alert by being active again; else the next order that is another
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
    at_risk, lapsed = round(by["at_risk_days"] * DAY), round(by["lapsed_days"] * DAY)
    orders = [it for it in history if it.kind == "order"]

    def as_of(moment: int) -> str:
        stage, first, begun = "", 0, 0
        newest: Fact | None = None

        def waited(stage: str, until: int) -> str:
            """What silence has made of a stage."""
            if newest is None:
                return stage
            if until - newest.at >= lapsed:
                return "lapsed"
            alert = told.get(newest)
            is_alerted = alert is not None and alert.counts_at <= until
            return "at_risk" if until - newest.at >= at_risk or is_alerted else stage

        for order in orders:
            if order.arrived_at >= moment:
                break
            first = min(first or order.at, order.at)
            clock_at = clock.last(order.arrived_at)
            if newest is not None and order.at < newest.at:
                # Late: it may show that the newest one was another purchase.
                if waited(stage, clock_at) == "new" and newest.at - first >= ONE_PURCHASE:
                    stage = "active"
                continue
            found = waited(stage, max(order.at, clock_at))
            if found == "lapsed":
                stage, begun = "won_back", order.at
            elif found == "at_risk":
                stage = "active"
            elif not found:
                stage = "new"
            elif order.at - (begun if found == "won_back" else first) >= ONE_PURCHASE:
                stage = "active"
            newest = order
        return waited(stage, moment)

    return [as_of(it) for it in cuts]
