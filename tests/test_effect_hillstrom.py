"""A real randomised mailing: the report finds the effect that the textbook finds in the raw rows.

Hillstrom's MineThatData challenge of 2008: customers of a shop, a third each with a mail for women,
one for men, and none; what they did in the two weeks after. The file holds half of them.
"""

import csv
import gzip
from collections.abc import Iterator
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import fmean, variance

import pytest
from effect_counting import Gated
from effect_shop import BEGIN
from scipy import stats

from schemas.clickstream import PageViewed, ProductAdded
from schemas.event import Event
from schemas.instant import DAY
from schemas.orders import Item, OrderPlaced
from streams.effect.counts import counts_of
from streams.effect.judge import report_of
from streams.effect.report import Effect
from streams.effect.settings import Prices

FILE = Path(__file__).parents[2] / "shared" / "data" / "hillstrom_mailing.csv.gz"
ARMS = {"Womens E-Mail": "sent", "No E-Mail": "held_out"}

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"{FILE.name} is not here")

#: Whether they came, whether they ordered, and what they paid in cents.
Row = tuple[int, int, int]


@cache
def rows() -> dict[str, list[Row]]:
    """What the customers of each arm did."""
    found: dict[str, list[Row]] = {arm: [] for arm in ARMS.values()}
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if arm := ARMS.get(row["segment"]):
                spent = round(float(row["spend"]) * 100)
                found[arm].append((int(row["visit"]), int(row["conversion"]), spent))
    return found


@cache
def found() -> dict[str, Effect]:
    """What the report says when the rows come as events, and the gate decides and counts.

    Everybody's id is one that the hash puts into the arm that they were in.
    """
    counting = Gated("hillstrom", share=0.5)
    everybody = [
        (counting.id_in(arm, f"{arm}-{nth}"), row)
        for arm, customers in rows().items()
        for nth, row in enumerate(customers)
    ]
    sent = counting.feed(
        ProductAdded(event_id=f"cart-{who}", occurred_at=BEGIN, customer_id=who, product_id="mail")
        for who, _ in everybody
    )
    assert len(sent) == len(rows()["sent"])
    counting.feed(it for who, row in everybody for it in later(who, row))
    (counts,) = counts_of(counting.counters())
    report = report_of(counts, Prices())
    assert not report.split.is_off
    return {it.measure: it for it in report.effects}


def later(who: str, row: Row) -> Iterator[Event]:
    """What a customer did, as events."""
    visited, ordered, cents = row
    if visited:
        yield PageViewed(event_id=f"visit-{who}", occurred_at=BEGIN + DAY, customer_id=who)
    if ordered:
        yield OrderPlaced(
            event_id=f"order-{who}", occurred_at=BEGIN + 2 * DAY, customer_id=who,
            order_id=who, currency="USD", products=(Item("p", 1, cents),),
        )  # fmt: skip


@pytest.mark.parametrize(("measure", "column"), [("visited", 0), ("ordered", 1)])
def test_the_uplift_in_visits_and_orders_is_the_textbooks(measure: str, column: int) -> None:
    sent, held_out = ([row[column] for row in rows()[arm]] for arm in ("sent", "held_out"))
    p, q, m, n = fmean(sent), fmean(held_out), len(sent), len(held_out)
    # Newcombe's method 10 by the roots of |x - p| = z sqrt(x (1 - x) / n), as the paper has it.
    z = 1.959963984540054
    low1, high1 = score_roots(p, m, z)
    low2, high2 = score_roots(q, n, z)
    low = p - q - sqrt((p - low1) ** 2 + (high2 - q) ** 2)
    high = p - q + sqrt((high1 - p) ** 2 + (q - low2) ** 2)
    effect = found()[measure]
    assert effect.interval is not None
    assert effect.uplift == pytest.approx(p - q, abs=1e-12)
    assert (effect.interval.low, effect.interval.high) == pytest.approx((low, high), abs=1e-12)
    # With 10,000 in an arm the simple interval of Wald's is nearly the same.
    wald = z * sqrt(p * (1 - p) / m + q * (1 - q) / n)
    assert (low, high) == pytest.approx((p - q - wald, p - q + wald), abs=1e-4)
    assert effect.claim == "more"


def score_roots(p: float, n: int, z: float) -> tuple[float, float]:
    a, b, c = 1 + z * z / n, -(2 * p + z * z / n), p * p
    root = sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_the_uplift_in_visits_is_the_one_that_is_known_of_these_rows() -> None:
    visited = found()["visited"]
    assert visited.interval is not None
    assert (round(visited.uplift or 0.0, 4), visited.claim) == (0.0432, "more")
    assert (round(visited.interval.low, 4), round(visited.interval.high, 4)) == (0.0342, 0.0522)
    assert (
        visited.verdict
        == "More customers come back because of it: 4.32 points more (3.42 to 5.22)."
    )


def test_the_uplift_in_revenue_is_the_textbooks() -> None:
    sent, held_out = ([row[2] for row in rows()[arm]] for arm in ("sent", "held_out"))
    parts = [variance(it) / len(it) for it in (sent, held_out)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(it) - 1) for part, it in zip(parts, (sent, held_out), strict=True)
    )
    difference, reach = (
        fmean(sent) - fmean(held_out),
        stats.t.ppf(0.975, freedom) * sqrt(sum(parts)),
    )
    money = found()["money"]
    assert money.interval is not None
    assert money.uplift == pytest.approx(difference)
    expected = (difference - reach, difference + reach)
    assert (money.interval.low, money.interval.high) == pytest.approx(expected)
    # Above zero, but of 102 and 60 buyers: too few to know how likely that is.
    assert money.interval.low > 0
    assert (money.claim, money.why) == ("none", "few_buyers")
