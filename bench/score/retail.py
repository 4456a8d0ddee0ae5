"""Who buys nothing in the last 13 weeks? Online Retail, with wholesalers and returns."""

from pathlib import Path
from time import process_time

import numpy as np

from bench.histories import online_retail
from bench.score.cdnow import CHOSEN, correlations_of, errors_of, lift
from bench.score.foretold import foretell
from bench.score.resampled import auc_of, calibration_error_of, compare
from bench.score.scored import Curve, Task, auc, reliability
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from state import window
from state.fold_orders import ONE_PURCHASE

DAYS = 91
OURS = "outlook"


def score(data: Path) -> Task:
    """The figures of Online Retail. Raises MissingError where the file is not there."""
    began = process_time()
    events = [event for _, event in online_retail(data).arrivals]
    cut_at = events[-1].occurred_at - DAYS * DAY
    told = foretell(events, cut_at)
    known = told.customers
    purchases: dict[str, list[int]] = {}
    for it in events:
        if it.occurred_at < cut_at or not isinstance(it, OrderPlaced):
            continue
        at = purchases.setdefault(it.subject, [])
        if not at or it.occurred_at - at[-1] >= ONE_PURCHASE:
            at.append(it.occurred_at)
    orders = np.array([len(purchases.get(it.customer_id, ())) for it in known], float)
    lost = 1.0 - np.minimum(orders, 1.0)
    gone = np.array([1.0 - it.future.comes(DAYS) for it in known])
    expected = np.array([it.future.orders(DAYS) for it in known])
    rows = [it.row for it in known]
    scores = {
        OURS: gone,
        "recency": np.array([cut_at - it.last_order_at for it in rows], float),
        "frequency": -np.array([it.order_count for it in rows], float),
        "90-day frequency": -np.array(
            [window.total(it.orders, cut_at, 90 * DAY)[0] for it in rows], float
        ),
        "spend": -np.array([it.spent_cents for it in rows], float),
        "spend less returns": -np.array([it.spent_cents - it.refunded_cents for it in rows], float),
    }
    ages = np.array([(cut_at - it.first_order_at) / DAY for it in rows])
    own_rate = np.array([it.seen.repeats for it in known]) / np.maximum(ages, 1.0) * DAYS
    counts = {OURS: expected, "own rate": own_rate}
    who = [it.customer_id for it in known]
    best = max(auc(by, lost) for name, by in scores.items() if name != OURS)
    ranks = {name: auc_of(by, lost) for name, by in scores.items()}
    error = {OURS: calibration_error_of(gone, lost)}
    off, along = errors_of(counts, orders), correlations_of(counts, orders)
    return Task(
        "retail",
        f"Online Retail, {len(known):,} customers: who buys nothing in the last 13 weeks",
        [
            compare("nothing bought in 13 weeks: AUC", ranks, who, OURS, best),
            compare("chance of that: calibration error", error, who, OURS, less_is_better=True),
            compare("number of orders: MAE", off, who, OURS, less_is_better=True),
            compare("number of orders: correlation", along, who, OURS),
        ],
        [
            Curve("reliability", "chance of no order", "share without one",
                  {OURS: reliability(gone, lost)}),
            Curve("lift", "share of customers, the likeliest to be lost first",
                  "share of all who are lost", {n: lift(by, lost) for n, by in scores.items()}),
        ],
        ["The goal is the best plain score of the same run.", CHOSEN],
        process_time() - began,
    )  # fmt: skip
