"""What does a customer buy again and again, and when is it due? A few days before, they are told.

A product has a rhythm when it was bought often enough and the gaps between its purchases are alike:
the median of how far they are from their median is a small share of it (a robust measure, which one
holiday does not disturb). It is due one usual gap after it was bought last. Each purchase begins a
cycle, and in a cycle a product is told of once.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, CancelTimer, Remember, Say, SetTimer, Timer, View
from schemas.decisions import Evidence
from schemas.instant import DAY, HOUR, SECOND, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded

#: Products kept in mind, and purchases of each; those bought most often stay.
ITEMS_MAX, PURCHASES_MAX = 12, 6
#: What was not bought for so long is forgotten, in seconds.
KEPT = 400 * DAY // SECOND
_DAY = DAY // SECOND


class DueProduct(Struct, frozen=True):
    """One product. expected_at: when it is due by its rhythm.

    gap_days: the usual gap. purchases: how many of them that rests on.
    """

    product_id: str
    expected_at: str
    bought_at: str
    gap_days: float
    purchases: int


class ReplenishmentDuePayload(Struct, frozen=True):
    """The products that are due, the first one first."""

    products: list[DueProduct]


class Bought(Struct, array_like=True, gc=False, frozen=True):
    """A product's purchases, in seconds, which fit into four bytes.

    last: the newest one, since 1970. gaps: from each to the one before it, newest first. told:
    whether it was told of since.
    """

    last: int
    gaps: list[int] = []
    told: bool = False

    @property
    def moments(self) -> list[int]:
        """When it was bought, newest first."""
        moments = [self.last]
        for gap in self.gaps:
            moments.append(moments[-1] - gap)
        return moments


class Basket(Struct, array_like=True, gc=False, frozen=True):
    """The products in mind, by id."""

    items: dict[str, Bought] = {}


class Rhythm(Struct, frozen=True, gc=False):
    """A product's rhythm, in seconds. due: when it is due; over: when that is missed for good.

    spread: how far the gaps are from the usual one, as a share of it.
    """

    gap: float
    spread: float
    due: int
    over: int


class ReplenishmentDue(Agent, frozen=True):
    """purchases_min: so many make a rhythm. spread_max: how much their gaps may differ.

    gap_days_min: what is bought more often needs no word. ahead_days: how long before it is due.
    together_days: what is due so much later is told of with it. one_purchase_hours: orders nearer
    to each other are one purchase, as in the fold.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Basket
    says: ClassVar = {"replenishment_due": ReplenishmentDuePayload}

    purchases_min: Annotated[int, Meta(ge=3, le=PURCHASES_MAX)] = 3
    spread_max: Annotated[float, Meta(ge=0, le=1)] = 0.3
    gap_days_min: Annotated[float, Meta(gt=0)] = 5.0
    ahead_days: Annotated[float, Meta(ge=0)] = 2.0
    together_days: Annotated[float, Meta(ge=0)] = 3.0
    one_purchase_hours: Annotated[float, Meta(ge=0)] = 20.0

    def __post_init__(self) -> None:
        if self.ahead_days >= self.gap_days_min:
            raise ValueError(
                f"ahead_days is {self.ahead_days}, not less than gap_days_min, which is"
                f" {self.gap_days_min}: what was bought just now would be due"
            )

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """An order begins a cycle of what it holds; one that went back as a whole never was."""
        items = customer.recall(Basket).items
        if isinstance(event, OrderPlaced):
            after = bought(items, event, round(self.one_purchase_hours * HOUR / SECOND))
        else:
            order = customer.row.recent_orders.get(event.order_id)
            is_refund = isinstance(event, OrderRefunded)
            if order is None or (is_refund and order.refunded_cents < order.paid_cents):
                return
            after = self._returned(items, order.placed_at // SECOND, customer.at // SECOND)
        yield from self._kept(after, customer.at)

    def _returned(self, items: dict[str, Bought], placed: int, now: int) -> dict[str, Bought]:
        """Without an order's purchases: the cycle before it goes on, and may have been told of."""
        after = dict[str, Bought]()
        for product_id, item in items.items():
            moments = [it for it in item.moments if it != placed]
            if len(moments) == len(item.moments):
                after[product_id] = item
            elif moments:
                left = product_of(moments, told=item.told)
                if left.last != item.last:
                    rhythm = self._rhythm(left)
                    is_past = rhythm is not None and now >= self._remind(rhythm)
                    left = replace(left, told=is_past)
                after[product_id] = left
        return after

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Tell of what is due, and of what is due a little later."""
        now, items = customer.at // SECOND, customer.recall(Basket).items
        waiting = self._waiting(items, customer.at)
        first = min((self._remind(it) for it in waiting.values()), default=now + 1)
        if first > now:
            yield from self._kept(items, customer.at)
            return
        until = now + round(self.together_days * DAY / SECOND)
        due = {it: rhythm for it, rhythm in waiting.items() if self._remind(rhythm) <= until}
        told = {it: replace(items[it], told=True) for it in due}
        yield from self._kept(items | told, customer.at)
        yield self._say(due, items, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: without what was bought in the night."""
        payload, items = held.payload, customer.recall(Basket).items
        if not isinstance(payload, ReplenishmentDuePayload):
            return None
        left = [
            it
            for it in payload.products
            if it.product_id in items
            and to_text(items[it.product_id].last * SECOND) == it.bought_at
        ]
        return replace(held, payload=ReplenishmentDuePayload(left)) if left else None

    def _kept(self, items: dict[str, Bought], at: int) -> Iterable[Act]:
        """Remember them, and wait for the next one that is due."""
        yield Remember(Basket(items) if items else None)
        waiting = self._waiting(items, at)
        if waiting:
            yield SetTimer(min(map(self._remind, waiting.values())) * SECOND)
        else:
            yield CancelTimer()

    def _waiting(self, items: dict[str, Bought], at: int) -> dict[str, Rhythm]:
        """The products with a rhythm that were not told of yet, and are not missed for good."""
        found = {it: self._rhythm(item) for it, item in items.items() if not item.told}
        return {it: rhythm for it, rhythm in found.items() if rhythm and at // SECOND < rhythm.over}

    def _rhythm(self, item: Bought) -> Rhythm | None:
        gaps = item.gaps
        if len(gaps) + 1 < self.purchases_min:
            return None
        gap = _median(gaps)
        spread = _median([abs(it - gap) for it in gaps]) / gap
        if spread > self.spread_max or gap * SECOND < self.gap_days_min * DAY:
            return None
        due = item.last + round(gap)
        return Rhythm(gap, spread, due, due + max(DAY // SECOND, round(self.spread_max * gap)))

    def _remind(self, rhythm: Rhythm) -> int:
        """When it is told."""
        return rhythm.due - round(self.ahead_days * DAY / SECOND)

    def _say(self, due: dict[str, Rhythm], items: dict[str, Bought], customer: View) -> Say:
        first_due = sorted(due, key=lambda it: (due[it].due, it))
        first = due[first_due[0]]
        return Say(
            reason="due_by_own_rhythm",
            payload=ReplenishmentDuePayload(
                [
                    DueProduct(
                        it, to_text(due[it].due * SECOND), to_text(items[it].last * SECOND),
                        round(due[it].gap / _DAY, 1), len(items[it].gaps) + 1,
                    )
                    for it in first_due
                ]
            ),
            expires_at=max(it.over for it in due.values()) * SECOND,
            evidence=Evidence(
                values={
                    "gap_days": [round(it / _DAY, 1) for it in items[first_due[0]].gaps],
                    "spread": round(first.spread, 3),
                    "purchases": len(items[first_due[0]].gaps) + 1,
                    "left_days": round((first.due * SECOND - customer.at) / DAY, 2),
                },
                thresholds={
                    "purchases_min": self.purchases_min,
                    "spread_max": self.spread_max,
                    "gap_days_min": self.gap_days_min,
                    "ahead_days": self.ahead_days,
                },
            ),
        )  # fmt: skip


def bought(items: dict[str, Bought], order: OrderPlaced, apart: int) -> dict[str, Bought]:
    """What is kept in mind after an order, which may be older than what is known.

    apart: purchases nearer to each other, in seconds, are one.
    """
    at = order.occurred_at // SECOND
    after = dict(items)
    for product_id in dict.fromkeys([line.product_id for line in order.products]):
        item = items.get(product_id)
        if item is None:
            after[product_id] = Bought(at)
        elif all(abs(at - it) >= max(1, apart) for it in item.moments):
            moments = sorted([*item.moments, at], reverse=True)[:PURCHASES_MAX]
            after[product_id] = product_of(moments, told=item.told and at < item.last)
    newest = max([it.last for it in after.values()])
    fresh = {it: item for it, item in after.items() if newest - item.last <= KEPT}
    if len(fresh) <= ITEMS_MAX:
        return fresh
    # Who was bought once stays only where there is room, and of an order nearly all were.
    again = [it for it, item in fresh.items() if item.gaps]
    ranked = again if len(again) >= ITEMS_MAX else list(fresh)
    ranked.sort(key=lambda it: (-len(fresh[it].gaps), -fresh[it].last, it))
    kept = set(ranked[:ITEMS_MAX])
    return {it: item for it, item in fresh.items() if it in kept}


def _median(values: Sequence[float]) -> float:
    """As ``statistics.median`` has it, in a third of the time: it is asked of all in mind."""
    ranked, middle = sorted(values), len(values) // 2
    if len(values) % 2:
        return ranked[middle]
    return (ranked[middle - 1] + ranked[middle]) / 2


def product_of(moments: list[int], *, told: bool) -> Bought:
    """A product by when it was bought, newest first."""
    return Bought(moments[0], [later - before for later, before in pairwise(moments)], told)
