"""What of all that can happen do real shops' files not show? An invented history, from a seed.

Of some hundred customers over more than a year: orders, refunds in parts and whole, of orders that
nobody knows and of some that come later; cancellations, points that are spent; events that are told
twice, and some that arrive hours or days late.
"""

from random import Random
from typing import Any

from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded, PointsRedeemed

BEGIN = 1_704_096_780_000  # 2024-01-01 08:13 UTC
DAYS = 400

Arrivals = list[tuple[int, Event]]


def arrivals(customers: int, seed: int = 1) -> Arrivals:
    """Events with the moment at which each arrives, in that order."""
    chance = Random(seed)
    found: Arrivals = []
    for number in range(customers):
        for event in _life(f"c{number}", chance):
            arrives_at = event.occurred_at
            if chance.random() < 0.04:
                arrives_at += round(chance.expovariate(1 / (10 * HOUR)))
            found.append((arrives_at, event))
            if chance.random() < 0.03:
                found.append((arrives_at + chance.randrange(2 * HOUR), event))
    return sorted(found, key=lambda it: it[0])


def _life(who: str, chance: Random) -> list[Event]:
    """One customer: a rhythm, a purse, a temper, and a pause in between."""
    gap, purse = chance.lognormvariate(3.3, 0.8) * DAY, chance.lognormvariate(8.4, 0.9)
    temper = chance.choice((0.02, 0.1, 0.4))
    at = BEGIN + round(chance.random() ** 2 * DAYS * DAY)
    end, found, number = BEGIN + DAYS * DAY, list[Event](), 0
    while at < end:
        number += 1
        order_id = f"{who}-{number}"
        common: dict[str, Any] = {"customer_id": who, "order_id": order_id}
        # Some give things away.
        cents = 0 if chance.random() < 0.01 else round(purse * chance.lognormvariate(0, 0.6))
        found.append(
            OrderPlaced(
                event_id=order_id, occurred_at=at, currency="EUR",
                products=(Item(product_id="tea", price_cents=cents),), **common,
            )
        )  # fmt: skip
        for again in range(3):
            if chance.random() < temper:
                common["event_id"] = f"{order_id}/{again}"
                found.append(_return(cents, at, common, chance))
        if chance.random() < 0.1:
            found.append(
                PointsRedeemed(
                    event_id=f"{order_id}/p", customer_id=who, occurred_at=at + 3 * MINUTE,
                    points=1 + round(purse / 100 * chance.random()),
                )
            )  # fmt: skip
        at += round(gap * chance.expovariate(1))
        if chance.random() < 0.05:
            at += chance.randrange(300) * DAY
    return sorted(found, key=lambda it: it.occurred_at)


def _return(cents: int, at: int, common: dict[str, Any], chance: Random) -> Event:
    """What goes back of an order: a part or all, at once or months later, or of another order."""
    at += round(chance.expovariate(1 / (20 * DAY)))
    kind = chance.random()
    if kind < 0.05:
        at -= 30 * DAY  # Before the order itself, for some.
    if kind < 0.15:
        return OrderCancelled(occurred_at=at, **common)
    if kind < 0.3:
        return OrderRefunded(occurred_at=at, **common)
    if kind < 0.35:
        common["order_id"] += "?"
    back = cents if kind > 0.8 else chance.randrange(cents + 500)
    return OrderRefunded(occurred_at=at, refund_cents=back, **common)
