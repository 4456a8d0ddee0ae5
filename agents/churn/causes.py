"""Why has this customer stopped coming? The likeliest cause that the row has evidence of.

The law: what went wrong near the last order counts, before it or after it, and nothing else. Where
the shop has failed (a bad review, a late delivery, money that went back) is before what the
customer did not like (a price, something not to be had). Of equals the newest one counts, and of
one day the first of ``PRECEDENCE``. Without evidence it is plain inactivity.

What is seen here was not asked: a cause is what went wrong, not what the customer says it was.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from schemas.decisions import Scalar
from schemas.instant import DAY, HOUR
from state.customer import Customer
from state.fold_grievances import LATE
from state.grievance import Grievance, Kind

CauseName = Literal["bad_review", "late_delivery", "refund", "price", "out_of_stock", "inactivity"]
#: The first of them explains more than the next.
PRECEDENCE: tuple[CauseName, ...] = (
    "bad_review", "late_delivery", "refund", "price", "out_of_stock", "inactivity"
)  # fmt: skip
#: Where the shop itself has failed.
STRONG: frozenset[CauseName] = frozenset(("bad_review", "late_delivery", "refund"))


class ChurnCause(Struct, frozen=True):
    """One cause that comes into question. at: when it was. values: what is known of it."""

    name: CauseName
    at: int
    values: dict[str, Scalar] = {}

    def days_ago(self, at: int) -> float:
        """How long it was before a moment."""
        return round((at - self.at) / DAY, 2)


class CauseRules(Struct, frozen=True):
    """What counts. cause_days: how near to the last order. rating_max: the best bad rating.

    empty_searches_min: fewer searches that found nothing are slips of the keyboard.
    """

    cause_days: float
    rating_max: int
    empty_searches_min: int


def evidence_of(
    cause: ChurnCause, others: list[ChurnCause], at: int, rules: CauseRules
) -> tuple[dict[str, Scalar | list[Scalar]], dict[str, Scalar]]:
    """What speaks for a cause, and what it was held against; of inactivity the silence does."""
    if cause.name == "inactivity":
        return {}, {}
    values: dict[str, Scalar | list[Scalar]] = {"cause_days_ago": cause.days_ago(at)}
    values |= cause.values
    if others:
        values["others_days_ago"] = [it.days_ago(at) for it in others]
    thresholds: dict[str, Scalar] = {"cause_days": rules.cause_days}
    limits = {"rating": "rating_max", "empty_searches": "empty_searches_min"}
    thresholds |= {limits[it]: getattr(rules, limits[it]) for it in limits if it in values}
    return values, thresholds


def causes(row: Customer, at: int, rules: CauseRules) -> list[ChurnCause]:
    """All that come into question, the likeliest first, each name once; never empty.

    >>> rules = CauseRules(cause_days=45, rating_max=2, empty_searches_min=3)
    >>> row = Customer(last_order_at=100 * DAY)
    >>> row.grievances["late"] = Grievance(102 * 24, 30, "o-1")
    >>> row.grievances["stock"] = Grievance(109 * 24, 0, "tea")
    >>> [it.name for it in causes(row, 150 * DAY, rules)]
    ['late_delivery', 'out_of_stock']
    >>> [it.name for it in causes(Customer(last_order_at=100 * DAY), 150 * DAY, rules)]
    ['inactivity']
    """
    near = round(rules.cause_days * DAY)
    found = [it for it in _found(row, at, rules) if abs(it.at - row.last_order_at) <= near]
    found.sort(
        key=lambda it: (
            it.name not in STRONG, -(it.at // DAY), PRECEDENCE.index(it.name), -it.at,
        )
    )  # fmt: skip
    first: dict[CauseName, ChurnCause] = {}
    for it in found:
        first.setdefault(it.name, it)
    return [*first.values()] or [ChurnCause("inactivity", row.last_order_at)]


def _found(row: Customer, at: int, rules: CauseRules) -> Iterator[ChurnCause]:
    ratings = row.ratings
    if ratings is not None and 0 < ratings.last <= rules.rating_max:
        values: dict[str, Scalar] = {"rating": ratings.last, "review_id": ratings.last_review_id}
        if ratings.last_issue:
            values["issue"] = ratings.last_issue
        yield ChurnCause("bad_review", ratings.last_at, values)
    for order_id, order in row.recent_orders.items():
        if order.is_open and order.promised_at and at - order.promised_at >= LATE:
            late_hours = (at - order.promised_at) // HOUR
            values = {"late_hours": late_hours, "order_id": order_id, "has_arrived": False}
            yield ChurnCause("late_delivery", order.promised_at, values)
    for kind, it in row.grievances.items():
        if kind != "search" or it.amount >= rules.empty_searches_min:
            name, values = _told(kind, it)
            yield ChurnCause(name, it.at, values)


def _told(kind: Kind, it: Grievance) -> tuple[CauseName, dict[str, Scalar]]:
    """Of which cause a grievance is, and what of it is known."""
    match kind:
        case "late":
            values: dict[str, Scalar] = {"late_hours": it.amount, "order_id": it.about}
            return "late_delivery", values | {"has_arrived": True}
        case "refund":
            return "refund", {"refund_percent": it.amount, "order_id": it.about}
        case "dearer":
            return "price", {"dearer_percent": it.amount, "product_id": it.about}
        case "stock":
            return "out_of_stock", {"product_id": it.about}
        case "search":
            return "out_of_stock", {"empty_searches": it.amount, "query": it.about}
