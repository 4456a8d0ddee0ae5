"""What did a customer do after a trigger? Counted for the arm that they are in, as it happens.

The law: an outcome is what happened within the outcome window after the exposure, by event time,
and was heard of after it. Money is what was paid less what went back, and may be less than nothing.
The counters are part of the commit that changes the row, so they are exact across crashes.
"""

from typing import get_args

from schemas import clickstream as click
from schemas.event import CENTS_MAX, Event
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from state.customer import Customer
from state.exposure import Counts, Exposure

# Currencies in which one customer's orders are added up; a fifth one is not counted.
CURRENCIES_MAX = 4

# Squares of amounts do not fit into the store's 64 bits; they are counted in two parts.
SQUARES_LOW = 10**9

_VISITS = frozenset((*get_args(click.Clickstream), OrderPlaced))
_MONEY_BACK = frozenset((OrderCancelled, OrderRefunded))
#: What may always be an outcome; a visit may be only while one is awaited.
OUTCOMES = _MONEY_BACK | {OrderPlaced}


def count_outcome(
    row: Customer, event: Event, refunded_before: int, window: int, counts: Counts
) -> None:
    """Count what an event says about the campaigns under whose impression it happened.

    row: as it is after the event. refunded_before: what had gone back before it, in minor units.
    window: how long after an exposure something counts as its outcome, in milliseconds.
    """
    kind = type(event)
    if event.occurred_at <= row.visit_awaited_until and kind in _VISITS:
        _visited(row, event.occurred_at, window, counts)
    if kind is OrderPlaced:
        _ordered(row, event, window, counts)  # type: ignore[arg-type]
    elif kind in _MONEY_BACK and row.refunded_cents > refunded_before:
        _gave_back(row, event, row.refunded_cents - refunded_before, window, counts)  # type: ignore[arg-type]


def count_cost(
    row: Customer, campaign: str, what: str, by: int, at: int, window: int, counts: Counts
) -> None:
    """Count what a customer costs while what they do counts: messages, or money redeemed."""
    exposure = row.exposures.get(campaign)
    if exposure is not None and not exposure.held_out and at <= exposure.at + window:
        counts[f"effect/{campaign}/{exposure.arm}/{what}"] += by


def await_visit(row: Customer, at: int, window: int) -> None:
    """Look out for the first visit within the window after a moment."""
    row.visit_awaited_until = max(row.visit_awaited_until, at + window)


def _visited(row: Customer, at: int, window: int, counts: Counts) -> None:
    awaited_until = 0
    for campaign, exposure in row.exposures.items():
        if exposure.visited:
            continue
        if exposure.at < at <= exposure.at + window:
            exposure.visited = True
            counts[f"effect/{campaign}/{exposure.arm}/visited"] += 1
        else:
            awaited_until = max(awaited_until, exposure.at + window)
    row.visit_awaited_until = awaited_until


def _ordered(row: Customer, event: OrderPlaced, window: int, counts: Counts) -> None:
    for campaign, exposure in row.exposures.items():
        if not exposure.at < event.occurred_at <= exposure.at + window:
            continue
        counted = f"effect/{campaign}/{exposure.arm}"
        exposure.orders += 1
        counts[f"{counted}/orders"] += 1
        if exposure.orders == 1:
            counts[f"{counted}/ordered"] += 1
        elif exposure.orders == 2:
            counts[f"{counted}/repeated"] += 1
        _add_money(exposure, counted, event.currency, event.paid_cents, counts)


def _gave_back(
    row: Customer, event: OrderCancelled | OrderRefunded, cents: int, window: int, counts: Counts
) -> None:
    """Take off what goes back within the window, whatever order it is of.

    What was ordered before the exposure goes back in both arms alike, so the comparison is fair;
    and the row need not remember every order that was counted.
    """
    order = row.recent_orders.get(event.order_id)
    currency = order.currency if order and order.currency else row.currency
    for campaign, exposure in row.exposures.items():
        if exposure.at < event.occurred_at <= exposure.at + window:
            counted = f"effect/{campaign}/{exposure.arm}"
            _add_money(exposure, counted, currency, -cents, counts)


def _add_money(exposure: Exposure, counted: str, currency: str, cents: int, counts: Counts) -> None:
    money = exposure.money
    if currency not in money and len(money) >= CURRENCIES_MAX:
        return
    before = money.get(currency, 0)
    after = money[currency] = min(max(-CENTS_MAX, before + cents), CENTS_MAX)
    counts[f"{counted}/money/{currency}"] += after - before
    high, low = divmod(after * after - before * before, SQUARES_LOW)
    counts[f"{counted}/squares_high/{currency}"] += high
    counts[f"{counted}/squares_low/{currency}"] += low
