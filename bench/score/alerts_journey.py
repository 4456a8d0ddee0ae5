"""How often does silence follow a churn alert? The Complete Journey's year, by the demo's measure.

The year goes through the shipping engine in memory, once as it ships and once without learning:
then an alert comes when the silence itself is improbable by the customer's rhythm. Plainer still:
an alert after a fixed number of days without an order. The measure is the demo's
(``streams/demo/churn_score.py``): the share of alerts that are followed by 28 days without an
order, against the same share of all known households at those moments.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from bench.score.quiet_journey import PARTITIONS, alerting, orders
from bench.score.resampled import Measure, compare, ratio_of
from bench.score.scored import Floats, Task
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from streams.demo import journey
from streams.replay import Replay

Alerts = list[tuple[str, int]]
HORIZON = 28 * DAY
PLAIN_DAYS = (28, 56)


def score(_: Path) -> Task:
    """The lift of the year's alerts, ours and the plain ones'."""
    return scored(orders())


def scored(history: Sequence[OrderPlaced]) -> Task:
    """The same of a part of the year."""
    begun = process_time()
    bought: dict[str, list[int]] = {}
    for order in history:
        bought.setdefault(order.subject, []).append(order.occurred_at)
    end = history[-1].occurred_at
    alerts = {
        "churn_alert": alerted(history, learns=True),
        "improbable silence, nothing learned": alerted(history, learns=False),
    }
    for days in PLAIN_DAYS:
        alerts[f"{days} days without an order"] = _after(bought, days * DAY, end)
    counts, notes = {}, []
    for name, those in alerts.items():
        counts[name] = counts_of(bought, those, end)
        notes.append(f"{name}: {len(those)} alerts to {len({it for it, _ in those})} households")
    return Task(
        name="alerts_journey",
        about=f"Complete Journey, {len(history)} orders of {len(bought)} households: 28 days"
        " without an order after an alert",
        figures=[
            compare(
                "lift of alerts over all households",
                {name: lift_of(of) for name, of in counts.items()},
                list(bought),
                "churn_alert",
                3.0,
            ),
            compare(
                "share of alerts that silence follows",
                {name: share_of(of) for name, of in counts.items()},
                list(bought),
                "churn_alert",
            ),
        ],
        notes=notes,
        cpu_s=process_time() - begun,
    )


def alerted(history: Sequence[OrderPlaced], *, learns: bool) -> Alerts:
    """Whom the shipping agent alerts on, and when."""
    replay = Replay(alerting(), PARTITIONS, learns=learns)
    asyncio.run(replay.run(journey.feed(history)))
    return [
        (it.customer_id, it.decided_at)
        for partition in replay.decisions
        for it in partition
        if it.kind == "churn_alert" and it.outcome == "sent"
    ]


def _after(bought: dict[str, list[int]], silence: int, end: int) -> Alerts:
    """An alert after each silence of that length."""
    return [
        (it, at + silence)
        for it, own in bought.items()
        for at, following in zip(own, [*own[1:], end + 1], strict=True)
        if following - at > silence
    ]


def counts_of(bought: dict[str, list[int]], alerts: Alerts, end: int) -> Floats:
    """By household: alerts, those that silence followed; of all then: how many known, and quiet."""
    scored = [it for it in alerts if it[1] + HORIZON <= end]
    known, quiet = _all_known(bought, np.array([at for _, at in scored]))
    places = {it: place for place, it in enumerate(bought)}
    counts = np.zeros((len(bought), 4))
    for (who, at), its_known, its_quiet in zip(scored, known, quiet, strict=True):
        counts[places[who]] += (1, _is_quiet(bought[who], at), its_known, its_quiet)
    return counts


def share_of(counts: Floats) -> Measure:
    """How large a share of alerts silence follows."""
    return ratio_of(counts[:, 1], counts[:, 0])


def lift_of(counts: Floats) -> Measure:
    """How many times as often silence follows alerts as it does all households then."""
    share, of_all = share_of(counts), ratio_of(counts[:, 3], counts[:, 2])

    def measured(weights: Floats) -> float:
        usual = of_all(weights)
        return share(weights) / usual if usual else float("nan")

    return measured


def _is_quiet(own: list[int], at: int) -> bool:
    coming = bisect_right(own, at)
    return coming == len(own) or own[coming] > at + HORIZON


def _all_known(
    bought: dict[str, list[int]], moments: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """At each moment, how many households are known, and how many of these are quiet.

    Between two purchases one is quiet from the first to where the horizon reaches the second.
    """
    firsts = sorted(own[0] for own in bought.values())
    begins, ends = [own[-1] for own in bought.values()], []
    for own in bought.values():
        for purchase, following in pairwise(own):
            if following - purchase > HORIZON:
                begins.append(purchase)
                ends.append(following - HORIZON)
    count = [np.searchsorted(sorted(it), moments, "right") for it in (firsts, begins, ends)]
    return count[0], count[1] - count[2]
