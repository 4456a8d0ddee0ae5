"""A shop with a planted effect: who comes, orders and pays how much, with a message and without.

All of it follows from the seed and the customer's number, and from nothing else: the same customer
comes to the same decision in every run in which they were, or were not, sent a message. So what is
true of the shop is known exactly, and an interval can be held to it.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from math import exp
from random import Random
from statistics import NormalDist

from effect_counting import HOLDOUT
from msgspec import Struct

from schemas.clickstream import PageViewed, ProductAdded
from schemas.event import Event
from schemas.instant import DAY, HOUR, SECOND
from schemas.journal import Tick
from schemas.orders import Item, OrderPlaced, OrderRefunded

BEGIN = 1_768_896_000_000  # 2026-01-20 08:00 UTC
CURRENCY = "EUR"

# Of the orders, so many are refunded by half.
REFUNDED = 0.10


class Habits(Struct, frozen=True):
    """Of the customers who are held out, so many come, order, and order a second time.

    sigma: how unlike each other the orders are; most are small, some large.
    """

    visited: float
    ordered: float
    repeated: float
    sigma: float


USUAL = Habits(0.50, 0.20, 0.08, 0.8)

#: Nearly all of them order, so that few have to be counted for many buyers; and some pay far more.
#: What is still dearer is in ``effect_buyers.py``: 200 runs can't tell its 93 % from 92 %.
HEAVY = Habits(0.97, 0.92, 0.10, 1.0)


class Shop(Struct, frozen=True):
    """uplift: by how much a message raises every share, as a part of it: 0.1 is ten percent."""

    seed: int
    uplift: float
    customers: int
    habits: Habits = USUAL
    held_out: float = HOLDOUT

    @property
    def kind(self) -> str:
        """What it has in common with other shops."""
        return f"+{self.uplift:.0%}, {self.held_out:.0%} held out"

    def truth(self) -> dict[str, float]:
        """By how much the two arms differ, by measure; money in minor units a customer."""
        habits, values = self.habits, values_of(self.habits.sigma)
        paid = sum(values) / len(values) * (1 - REFUNDED / 2)
        shares = {it: getattr(habits, it) for it in ("visited", "ordered", "repeated")}
        money = {"money": (habits.ordered + habits.repeated) * paid}
        return {name: share * self.uplift for name, share in (shares | money).items()}

    def occasions(self) -> Iterator[Event | Tick]:
        """Everybody fills a cart, which is when a message would be sent."""
        for nth in range(self.customers):
            at = BEGIN + nth * SECOND
            yield ProductAdded(
                event_id=f"cart-{nth}", occurred_at=at, customer_id=self._id(nth),
                product_id="tea", price_cents=450, currency=CURRENCY,
            )  # fmt: skip
        yield Tick(BEGIN + self.customers * SECOND + HOUR)

    def outcomes(self, sent: AbstractSet[str]) -> Iterator[Event | Tick]:
        """What everybody does afterwards, in the order of time. sent: who was sent a message."""
        events: list[Event] = []
        for nth in range(self.customers):
            events += self._later(nth, sent=self._id(nth) in sent)
        events.sort(key=lambda it: (it.occurred_at, it.event_id))
        yield from events
        yield Tick(BEGIN + 60 * DAY)

    def _later(self, nth: int, *, sent: bool) -> Iterator[Event]:
        rng = Random(f"{self.seed}/{nth}")
        # One number decides how willing they are, so who orders also comes; a message raises the
        # bars under which it may lie. An order is a visit.
        willing = rng.random() / (1 + self.uplift if sent else 1)
        at = BEGIN + DAY + rng.randrange(6 * DAY)
        habits = self.habits
        if habits.ordered <= willing < habits.visited:
            yield PageViewed(event_id=f"visit-{nth}", occurred_at=at, customer_id=self._id(nth))
        if willing < habits.ordered:
            yield from self._order(rng, nth, at + HOUR, "first")
        if willing < habits.repeated:
            yield from self._order(rng, nth, at + 3 * DAY, "second")

    def _order(self, rng: Random, nth: int, at: int, which: str) -> Iterator[Event]:
        paid, order_id = rng.choice(values_of(self.habits.sigma)), f"{which}-{nth}"
        yield OrderPlaced(
            event_id=order_id, occurred_at=at, customer_id=self._id(nth), order_id=order_id,
            currency=CURRENCY, products=(Item("tea", 1, paid),),
        )  # fmt: skip
        if rng.random() < REFUNDED:
            yield OrderRefunded(
                event_id=f"back-{order_id}", occurred_at=at + DAY, customer_id=self._id(nth),
                order_id=order_id, refund_cents=paid // 2,
            )  # fmt: skip

    def _id(self, nth: int) -> str:
        # With the seed in it, so that the hash deals the arms anew for each.
        return f"c{self.seed}-{nth}"


@cache
def values_of(sigma: float) -> list[int]:
    """What people pay, each as often as the others: the quantiles of a lognormal.

    Whole and even, so that their mean is known and half of one is whole as well.
    """
    normal = NormalDist(0, sigma)
    return [2 * round(1_500 * exp(normal.inv_cdf((nth + 0.5) / 5_000))) for nth in range(5_000)]
