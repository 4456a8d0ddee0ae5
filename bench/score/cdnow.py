"""Will they buy again, how often, for how much, and when? CDNOW, 39 weeks after 39 weeks."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from time import process_time

import numpy as np

from agents.outlook import SHARES
from bench import cdnow
from bench.histories import MissingError
from bench.score import bgnbd
from bench.score.foretold import Told, foretell
from bench.score.resampled import (
    Measure,
    auc_of,
    calibration_error_of,
    compare,
    correlation_of,
    mean_of,
)
from bench.score.scored import Curve, Figure, Floats, Task, reliability
from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import OrderPlaced

DAYS = 273
OURS = "outlook"
_ESTIMATE = (
    "AUC, MAE and correlation are all of one number, the expected number of orders, as is customary"
    " for BG/NBD; it is a mean, and the median would have a lower MAE."
)

CHOSEN = (
    "Variants of the model were compared on these very weeks (ADR 16), and the parameters of each"
    " were fitted to what came before: the interval is of who the customers are, and not of that"
    " choice."
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
        [_ESTIMATE, CHOSEN, f"{told.models} models were fitted on the way."],
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
        self.who = np.array([it.customer_id for it in known])
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
    scores = it.counts | {f"{OURS}, by the chance of an order": it.comes}
    measures = {name: auc_of(by, it.came) for name, by in scores.items()}
    error = {OURS: calibration_error_of(it.comes, it.came)}
    return [
        compare("buys again in weeks 40 to 78: AUC", measures, it.who, OURS, 0.785),
        compare(
            "chance of that: calibration error", error, it.who, OURS, less_is_better=True
        ),
    ]  # fmt: skip


def _how_many(it: Columns) -> list[Figure]:
    counts = {OURS: it.expected, "BG/NBD": it.bgnbd, "own rate": it.own_rate}
    off, along = errors_of(counts, it.orders), correlations_of(counts, it.orders)
    return [
        compare("number of orders: MAE", off, it.who, OURS, 0.75, less_is_better=True),
        compare("number of orders: correlation", along, it.who, OURS, 0.63),
    ]


def _spend(it: Columns) -> list[Figure]:
    spends = {
        OURS: it.worth / 100, "BG/NBD x own average": it.bgnbd * it.average / 100,
        "own rate x own average": it.own_rate * it.average / 100,
    }  # fmt: skip
    off, along = errors_of(spends, it.cents / 100), correlations_of(spends, it.cents / 100)
    return [
        compare("spend in dollars: MAE", off, it.who, OURS, less_is_better=True),
        compare("spend: correlation", along, it.who, OURS),
    ]


def _when(it: Columns) -> list[Figure]:
    """Of those who came: how often within the interval, which is to hold in four of five cases."""
    came = it.came > 0
    days, spans, who = it.days_to_next[came], it.next_days[came], it.who[came]
    within = (spans[:, 0] <= days) & (days <= spans[:, 2])
    return [
        compare(name, {OURS: mean_of(hits.astype(float))}, who, OURS)
        for name, hits in (
            ("next order within the 80 % interval: share", within),
            ("next order before the middle: share", days <= spans[:, 1]),
        )
    ]


def errors_of(said: Mapping[str, Floats], came: Floats) -> dict[str, Measure]:
    """Mean absolute errors."""
    return {name: mean_of(np.abs(it - came)) for name, it in said.items()}


def correlations_of(said: Mapping[str, Floats], came: Floats) -> dict[str, Measure]:
    """Pearson's r."""
    return {name: correlation_of(it, came) for name, it in said.items()}
