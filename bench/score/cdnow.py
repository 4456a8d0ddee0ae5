"""Will they buy again, how often, for how much, and when? CDNOW, 39 weeks after 39 weeks."""

from collections import defaultdict
from pathlib import Path
from time import process_time

import numpy as np

from agents.outlook import SHARES
from bench import cdnow
from bench.histories import MissingError
from bench.score import bgnbd
from bench.score.foretold import Told, foretell
from bench.score.scored import (
    Curve,
    Figure,
    Floats,
    Interval,
    Task,
    auc,
    by_customer,
    calibration_error,
    reliability,
)
from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import OrderPlaced

DAYS = 273
OURS = "outlook"
_ESTIMATE = (
    "AUC, MAE and correlation are all of one number, the expected number of orders, as is customary"
    " for BG/NBD; it is a mean, and the median would have a lower MAE."
)


def score(data: Path) -> Task:
    """The figures of CDNOW. Raises MissingError where the file is not there."""
    began = process_time()
    try:
        events = cdnow.read(data)
    except OSError as error:
        raise MissingError(f"{error}. Give the folder that has {cdnow.FILE}") from error
    told = foretell(events, cdnow.CUT_AT)
    seen = Columns(told, events)
    return Task(
        "cdnow",
        "CDNOW, 2,357 customers: what 39 weeks foretell of the next 39; a purchase is a day with"
        " orders",
        [*_again(seen), *_how_many(seen), *_spend(seen), *_when(seen)],
        [
            Curve("reliability", "chance of another order", "share that ordered",
                  {OURS: reliability(seen.comes, seen.came)}),
            Curve("lift", "share of customers, the best first", "share of all orders",
                  {name: lift(by, seen.orders) for name, by in seen.counts.items()}),
        ],
        [_ESTIMATE, f"{told.models} models were fitted on the way."],
        process_time() - began,
    )  # fmt: skip


def lift(scores: Floats, amounts: Floats, steps: int = 20) -> list[tuple[float, float]]:
    """Of all amounts, which share the best so many customers bring, by the score."""
    ordered = amounts[np.argsort(-scores, kind="stable")].cumsum() / amounts.sum()
    places = [round(len(scores) * it / steps) for it in range(1, steps + 1)]
    return [(it / len(scores), float(ordered[it - 1])) for it in places]


class Columns:
    """What was foretold and what came, a value of each customer."""

    def __init__(self, told: Told, events: list[Event]) -> None:
        came: dict[str, set[int]] = defaultdict(set)
        cents: dict[str, int] = defaultdict(int)
        for it in events:
            if it.occurred_at >= cdnow.CUT_AT and isinstance(it, OrderPlaced):
                came[it.subject].add(it.occurred_at)
                cents[it.subject] += it.paid_cents
        known = told.customers
        self.orders = np.array([len(came[it.customer_id]) for it in known], float)
        self.came = np.minimum(self.orders, 1.0)
        self.cents = np.array([cents[it.customer_id] for it in known], float)
        self.expected = np.array([it.future.orders(DAYS) for it in known])
        self.comes = np.array([it.future.comes(DAYS) for it in known])
        self.worth = self.expected * np.array([it.purchase_cents for it in known])
        self.repeats = np.array([it.seen.repeats for it in known], float)
        first = np.array([it.row.first_order_at for it in known], float)
        last = np.array([it.row.last_order_at for it in known], float)
        #: Noon of the last day is the moment up to which the classic figures count.
        end = cdnow.CUT_AT - DAY // 2
        self.last, self.age = (last - first) / DAY, (end - first) / DAY
        self.average = np.array([it.row.spent_cents for it in known]) / (self.repeats + 1)
        spans = [it.future.comes_within(SHARES, DAYS) if it.future.alive else [] for it in known]
        self.next_days = np.array([it or [0.0, DAYS, DAYS] for it in spans])
        firsts = [min(came[it.customer_id], default=0) for it in known]
        self.days_to_next = (np.array(firsts, float) - cdnow.CUT_AT) / DAY
        plain = bgnbd.fit(self.repeats, self.last / 7, self.age / 7)
        self.bgnbd = plain.expected(self.repeats, self.last / 7, self.age / 7, DAYS / 7)
        self.own_rate = self.repeats / self.age * DAYS
        self.counts = {
            OURS: self.expected, "BG/NBD": self.bgnbd, "recency": self.last - self.age,
            "frequency": self.repeats,
        }  # fmt: skip


def _again(it: Columns) -> list[Figure]:
    scores = it.counts | {"outlook's chance of an order": it.comes}
    again = {name: by_customer(auc, by, it.came) for name, by in scores.items()}
    error = by_customer(calibration_error, it.comes, it.came)
    return [
        Figure("buys again in weeks 40 to 78: AUC", again, OURS, 0.785),
        Figure("chance of that: calibration error", {OURS: error}, OURS, less_is_better=True),
    ]


def _how_many(it: Columns) -> list[Figure]:
    counts = {OURS: it.expected, "BG/NBD": it.bgnbd, "own rate": it.own_rate}
    off = {name: by_customer(mean_error, by, it.orders) for name, by in counts.items()}
    along = {name: by_customer(correlation, by, it.orders) for name, by in counts.items()}
    return [
        Figure("number of orders: MAE", off, OURS, 0.75, less_is_better=True),
        Figure("number of orders: correlation", along, OURS, 0.63),
    ]


def _spend(it: Columns) -> list[Figure]:
    spends = {
        OURS: it.worth, "BG/NBD x own average": it.bgnbd * it.average,
        "own rate x own average": it.own_rate * it.average,
    }  # fmt: skip
    off = {name: by_customer(mean_error, by / 100, it.cents / 100) for name, by in spends.items()}
    along = {name: by_customer(correlation, by, it.cents) for name, by in spends.items()}
    return [
        Figure("spend in dollars: MAE", off, OURS, less_is_better=True),
        Figure("spend: correlation", along, OURS),
    ]


def _when(it: Columns) -> list[Figure]:
    """Of those who came: how often within the interval, which is to hold in four of five cases."""
    came = it.came > 0
    days, spans = it.days_to_next[came], it.next_days[came]
    within = ((spans[:, 0] <= days) & (days <= spans[:, 2])).astype(float)
    early = (days <= spans[:, 1]).astype(float)
    return [
        Figure("next order within the 80 % interval: share", {OURS: share_of(within)}, OURS),
        Figure("next order before the middle: share", {OURS: share_of(early)}, OURS),
    ]


def mean_error(said: Floats, came: Floats) -> float:
    """The mean absolute error."""
    return float(np.abs(said - came).mean())


def correlation(said: Floats, came: Floats) -> float:
    """Pearson's."""
    return float(np.corrcoef(said, came)[0, 1])


def share_of(hits: Floats) -> Interval:
    """How large a share of customers it is."""
    return by_customer(lambda first, _: float(first.mean()), hits, hits)
