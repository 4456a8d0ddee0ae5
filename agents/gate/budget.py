"""How much may a campaign hand out? So much in a period, shared out evenly over the partitions.

A partition knows of its own customers only, so each may spend its part of the budget and no more.
Over all, a campaign never hands out more than its budget; what is left is at most what those
partitions have not spent that had fewer customers to spend it on.
"""

from schemas.decisions import Money, Scalar
from schemas.instant import DAY
from state.exposure import CAMPAIGNS_MAX
from state.shop import Shop, Spent


def exceeded(
    shop: Shop, campaign: str, budget_cents: dict[str, int], budget_days: float,
    partitions: int, money: Money, at: int,
) -> dict[str, Scalar] | None:  # fmt: skip
    """What stands against handing this out; None where the budget has room for it."""
    part = budget_cents.get(money.currency, 0) // partitions
    spent = shop.budgets.get(campaign)
    gone = 0
    if spent is not None and spent.since >= _began_at(budget_days, at):
        gone = spent.cents.get(money.currency, 0)
    if gone + money.cents <= part:
        return None
    return {
        "asked_cents": money.cents, "spent_cents": gone, "budget_cents": part,
        "currency": money.currency,
    }  # fmt: skip


def spend(shop: Shop, campaign: str, budget_days: float, money: Money, at: int) -> None:
    """Note what was handed out. A period that has begun is not left again for an earlier one."""
    budgets = shop.budgets
    spent = budgets.setdefault(campaign, Spent())
    if len(budgets) > CAMPAIGNS_MAX:
        others = (it for it in budgets if it != campaign)
        del budgets[min(others, key=lambda it: (budgets[it].since, it))]
    began_at = _began_at(budget_days, at)
    if began_at > spent.since:
        spent.since = began_at
        spent.cents = {}
    spent.cents[money.currency] = spent.cents.get(money.currency, 0) + money.cents


def _began_at(budget_days: float, at: int) -> int:
    """When the period began in which a moment lies; they follow each other from 1970-01-01 on."""
    length = max(1, round(budget_days * DAY))
    return at // length * length
