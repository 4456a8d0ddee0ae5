"""How recent, how frequent, how valuable is a customer, beside the others? RFM, and a cluster.

Each of the three is a score from 1 to 5 among the partition's customers with an order, as they are
at the moment of scoring: by the middle rank (those below, and half of those who are equal, by all),
``state.sketch.quintile``. What is ranked:

    recency    the day of the last order (UTC)
    frequency  all orders that the row knows
    money      what was paid for them, less what went back, in minor units; not below 0

The error. Money in one bucket of the sketch counts as equal, so a score lies between the exact ones
of two amounts within 2.02 % of the customer's own. Days are exact, and so are orders below 99. If
there are more than 512 buckets, the lowest count as equal (``state/sketch.py``). A partition ranks
its own customers, who are a sample of the shop's: with n of them, a rank is off by more than
sqrt(ln(40) / 2n) in one partition of twenty at most (the DKW inequality; 1.4 % of the customers for
n = 10,000). And a score is as old as its scoring: at each order and return, and every
``rescore_days``, because recency ages in silence. Whoever has not been scored yet is not compared.

The cluster is the nearest of some means (``state/clusters.py``), by the name of how good it is now.
The agent says nothing: scores move with nearly every order, and who needs them reads the traits.
The end of a row takes its values out of the ledger.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from agents.agent import Act, Agent, Enter, Learn, Remember, SetTimer, Timer, View
from schemas.event import Name
from schemas.instant import DAY
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose
from state.clusters import Clusters, Population, point_of
from state.customer import Customer
from state.ledger import Ledger
from state.sketch import Buckets, bucket_of, quintile


class Scored(Struct, array_like=True, gc=False, frozen=True):
    """What of a customer is in the ledger: as which they were scored. orders 0: nothing.

    day: of the last order. age_days: how long ago that was when they were scored.
    """

    orders: int = 0
    day: int = 0
    cents: int = 0
    age_days: int = 0
    cluster: int = -1
    generation: int = 0

    @property
    def point(self) -> tuple[int, int, int]:
        """Where they lie among the clusters."""
        return point_of(self.age_days, self.orders, self.cents)


class Moved(Struct, frozen=True, gc=False):
    """An entry: a customer is not as they were. clusters: how many there are, once seeded."""

    before: Scored
    after: Scored
    today: int
    clusters: int
    customers_min: int


class Standings(Ledger):
    """The partition's customers by bucket, and the clusters of them."""

    population: Population = field(default_factory=Population)
    clusters: Clusters = field(default_factory=Clusters)

    def scores(self, before: Scored, after: Scored) -> tuple[int, int, int]:
        """Recency, frequency, money from 1 to 5, as of after the move."""
        here, old = self.population, before
        total = here.days.total + (not old.orders)

        def score(buckets: Buckets, new: int, old: int) -> int:
            below, equal = buckets.rank(new, old if before.orders else None)
            return quintile(below, equal, total)

        return (
            score(here.days, after.day, old.day),
            score(here.orders, bucket_of(after.orders), bucket_of(old.orders)),
            score(here.cents, bucket_of(after.cents), bucket_of(old.cents)),
        )

    def enter(self, entry: Moved) -> None:
        """Take a customer out as they were, and put them in as they are."""
        here, clusters = self.population, self.clusters
        for it, by in ((entry.before, -1), (entry.after, 1)):
            if it.orders:
                change = here.add if by > 0 else here.remove
                change(it.day, it.orders, it.cents)
            if it.orders and it.cluster >= 0 and it.generation == clusters.generation:
                clusters.move(it.cluster, it.point, by)
        is_new_day = entry.today > clusters.spread_on
        is_seeded = len(clusters.sizes) == entry.clusters
        if is_new_day or not is_seeded:
            clusters.spreads = here.spreads(entry.today)
            clusters.spread_on = entry.today
        if is_seeded and is_new_day:
            clusters.seed_again(here.seeds(entry.clusters, entry.today))
        elif not is_seeded and here.days.total >= entry.customers_min:
            clusters.seed(here.seeds(entry.clusters, entry.today))


class Rfm(Agent, frozen=True):
    """rescore_days: how often everybody is scored again. customers_min: fewer are not compared.

    clusters: their names, from the best to the worst, hence how many there are.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Scored
    learns: ClassVar = {
        "rfm": Annotated[str, Meta(pattern=r"^[1-5]-[1-5]-[1-5]$")],
        "cluster": Name,
    }
    keeps: ClassVar = Standings
    keeps_at_ticks: ClassVar = True

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    rescore_days: Annotated[float, Meta(gt=0)] = 30.0
    customers_min: Annotated[int, Meta(ge=1)] = 50
    clusters: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=9)] = (
        "champions", "loyal", "promising", "fading", "gone",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if len(set(self.clusters)) < len(self.clusters):
            raise ValueError(f"clusters are {list(self.clusters)}: two of them have one name")
        for market, changes in self.markets.items():
            if other := changes.keys() & {"clusters", "customers_min"}:
                raise ValueError(
                    f"markets.{market} sets {sorted(other)}: a partition has one, for all markets"
                )

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """Score whoever has ever ordered; the others are not compared."""
        return self._scored(customer) if customer.row.order_count else ()

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Time has passed."""
        return self._scored(customer)

    def on_end(self, customer: View) -> Iterable[Enter]:
        """Nobody is compared with them any more."""
        before = customer.recall(Scored)
        if before.orders:
            yield Enter(self._moved(before, Scored(), _today(customer)))

    def _scored(self, customer: View) -> Iterable[Act]:
        ledger, before = customer.ledger(Standings), customer.recall(Scored)
        today, clusters = _today(customer), ledger.clusters
        after = _as_now(customer.row, today, clusters)
        yield Enter(self._moved(before, after, today))
        yield Remember(after)
        # Not from the event on: imported history sets no timers for the past.
        seen_at = max(customer.at, customer.shop.clock_at)
        yield SetTimer(seen_at + round(self.rescore_days * DAY))
        if ledger.population.days.total + (not before.orders) < self.customers_min:
            return
        yield Learn("rfm", "-".join(map(str, ledger.scores(before, after))))
        if after.cluster >= 0 and len(clusters.sizes) == len(self.clusters):
            yield Learn("cluster", self.clusters[clusters.place(after.cluster)])

    def _moved(self, before: Scored, after: Scored, today: int) -> Moved:
        return Moved(before, after, today, len(self.clusters), self.customers_min)


def _as_now(row: Customer, today: int, clusters: Clusters) -> Scored:
    """What is scored of a customer today."""
    day = row.last_order_at // DAY
    age, cents = max(0, today - day), max(0, row.spent_cents - row.refunded_cents)
    cluster = clusters.nearest(point_of(age, row.order_count, cents))
    return Scored(row.order_count, day, cents, age, cluster, clusters.generation)


def _today(customer: View) -> int:
    row, shop = customer.row, customer.shop
    return max(customer.at, shop.clock_at, row.last_order_at) // DAY
