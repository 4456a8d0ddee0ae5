"""What would a shop look like? A simulation: nobody in it is real, and its seed is all of it.

The same seed gives the same customers, who do the same things at the same distance from
``start_at``. Ids contain both, so that two runs of one seed at different times do not meet.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from schemas.instant import DAY
from schemas.orders import OrderPlaced
from schemas.profiles import ErasureRequested
from streams.simulated.scripts import (
    Fact,
    Pen,
    Script,
    arrival,
    fulfilment,
    newsletter,
    opinion,
    visit,
)
from streams.simulated.shelf import Shelf
from streams.simulated.shop import Shopper, pick, shopper

# Of what happens live, how much does on the shelves.
SHELF_SHARE = 0.02


class Simulation:
    """A simulated shop with so many customers, whose present is ``start_at`` (epoch milliseconds).

    Each call of ``history`` and ``live`` begins anew with the same customers.
    """

    def __init__(self, customers: int, seed: int, start_at: int) -> None:
        if customers < 1:
            raise ValueError(f"A simulated shop needs at least one customer, not {customers}")
        self.customers = customers
        self.seed = seed
        self.start_at = start_at

    def history(self, days: int) -> Iterator[Fact]:
        """(topic, event) of the simulated past: the days up to ``start_at``, customer by customer.

        First comes what happened to no one customer, on the shelves.

        Each customer's events are together and in time order, beginning with the profile and the
        consents. The customers' pasts come one after the other and not mixed, because the clock
        does not wait: a tick that the running system writes while a history streams in makes all
        before it the past. This way a tick falls into the middle of one customer's past at most,
        and the others are complete before anything is decided about them, or untouched.
        """
        begin_at = self.start_at - days * DAY
        shelf = Shelf(Pen(self._prefix("shelf"), begin_at, self._rng("shelf past")))
        while (fact := shelf.next_fact())[1].occurred_at < self.start_at:
            yield fact
        for number in range(self.customers):
            for fact in self._past(number, begin_at):
                if fact[1].occurred_at >= self.start_at:
                    break
                yield fact

    def live(self, rate: float) -> Iterator[Fact]:
        """(topic, event) of the simulated present: one each 1/rate seconds from start_at, endless.

        A few customers are in the shop at any time, and their sessions interleave. Time is
        pressed together: however few the customers are, one event follows the other at the rate
        asked for, and an order is shipped, delivered and reviewed within minutes. Those who have
        left in the past do not come back. Carts are empty at the beginning.
        """
        if rate <= 0:
            raise ValueError(f"A rate is in events per second and above zero, not {rate}")
        pen = Pen(self._prefix("live"), self.start_at, self._rng("live"), own_clock=False)
        shelves = Pen(self._prefix("stock"), self.start_at, self._rng("stock"), own_clock=False)
        stage = Stage(pen, [it for it in self._shoppers() if it.leaves_after is None])
        shelf = Shelf(shelves)
        written = 0
        while True:
            pen.at = shelves.at = self.start_at + round(written * 1000 / rate)
            yield shelf.next_fact() if shelves.chance(SHELF_SHARE) else stage.next_fact()
            written += 1

    def _shoppers(self) -> Iterator[Shopper]:
        return (shopper(self.seed, number) for number in range(self.customers))

    def _prefix(self, part: str) -> str:
        return f"sim-{self.seed}-{self.start_at}-{part}"

    def _rng(self, part: str) -> Random:
        return Random(f"{self.seed} {part}")  # noqa: S311 - A simulation, and no secret.

    def _past(self, number: int, begin_at: int) -> list[Fact]:
        """All that one customer does, in time order, also some of what lies beyond start_at."""
        who = shopper(self.seed, number)
        rng = self._rng(f"past {number}")
        # Everybody joins in the first half, so that everybody has a past.
        joined_at = begin_at + round((self.start_at - begin_at) * rng.uniform(0, 0.5))
        end_at = self.start_at
        if who.leaves_after is not None:
            end_at = joined_at + round((self.start_at - joined_at) * who.leaves_after)
        pen = Pen(self._prefix(str(number)), joined_at, rng)
        facts = list(arrival(pen, who))
        for gap_days, buys in rhythm(rng, who):
            pen.at = in_daytime(rng, who, pen.at + round(gap_days * DAY))
            if pen.at >= end_at:
                break
            facts += _outing(pen, who, buys=buys)
        facts.sort(key=lambda fact: fact[1].occurred_at)
        if who.leaves_after is not None and pen.chance(0.1):
            pen.at = facts[-1][1].occurred_at + DAY
            facts.append(pen.write(who, ErasureRequested))
        return facts


def rhythm(rng: Random, who: Shopper) -> Iterator[tuple[float, bool]]:
    """The visits of a simulated customer: days since the one before, and whether it buys.

    The time between orders scatters about the customer's own mean by half of it (a gamma
    distribution of shape 4), with up to two visits in between that only look. A day at least lies
    between visits.
    """
    while True:
        days = rng.gammavariate(4, who.gap_days / 4)
        visits = min(rng.randint(1, 3), max(1, int(days)))
        for left in reversed(range(visits)):
            yield max(1.0, days / visits), left == 0


def in_daytime(rng: Random, who: Shopper, at: int) -> int:
    """A moment on the same day when the simulated customer is awake, by the clock where they live.

    >>> ann = shopper(seed=1, number=0)
    >>> moment = in_daytime(Random(1), ann, 1768896000000)
    >>> 8 <= datetime.fromtimestamp(moment / 1000, ZoneInfo(ann.time_zone)).hour < 23
    True
    """
    hours = rng.triangular(8, 23, 20)
    midnight = datetime.fromtimestamp(at / 1000, ZoneInfo(who.time_zone)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    moment = midnight + timedelta(hours=hours)
    return round(moment.timestamp() * 1000)


def _outing(pen: Pen, who: Shopper, *, buys: bool) -> list[Fact]:
    """A visit with what goes before it and what follows from it, though that takes days."""
    facts = list(newsletter(pen, who)) if who.subscribed and pen.chance(0.3) else []
    facts += visit(pen, who, buys=buys)
    left_at = pen.at
    if isinstance(order := facts[-1][1], OrderPlaced):
        facts += fulfilment(pen, who, order)
    pen.at = left_at
    return facts


class Stage:
    """Who is in the simulated shop at the moment. Each call lets one of them do one thing."""

    def __init__(self, pen: Pen, shoppers: list[Shopper]) -> None:
        self._pen = pen
        self._shoppers = shoppers
        # Whoever buys often comes often.
        self._weights = list(accumulate(1 / it.gap_days for it in shoppers))
        # One customer in eight: enough for sessions to interleave, few enough for them to end soon.
        self._places = max(1, len(shoppers) // 8)
        self._playing: list[tuple[Shopper, Script]] = []
        # The orders that are yet to be shipped. Each visit brings one at most, and one script in
        # two that begin takes one away, so that they do not pile up.
        self._open: deque[tuple[Shopper, OrderPlaced]] = deque()

    def next_fact(self) -> Fact:
        """The next event of anybody's, whoever's turn it is."""
        while True:
            while len(self._playing) < self._places:
                self._playing.append(self._begin())
            turn = self._pen.rng.randrange(len(self._playing))
            who, script = self._playing[turn]
            fact = next(script, None)
            if fact is None:
                del self._playing[turn]
                continue
            if isinstance(order := fact[1], OrderPlaced):
                self._open.append((who, order))
            return fact

    def _begin(self) -> tuple[Shopper, Script]:
        pen = self._pen
        if self._open and pen.chance(0.5):
            who, order = self._open.popleft()
            return who, fulfilment(pen, who, order)
        who = self._someone_idle()
        if pen.chance(0.25):
            return who, opinion(pen, who, pick(pen.rng, who).product_id, None)
        if who.subscribed and pen.chance(0.2):
            return who, newsletter(pen, who)
        return who, visit(pen, who, buys=pen.chance(0.5))

    def _someone_idle(self) -> Shopper:
        """Nobody is in the shop twice at a time."""
        busy = {who.customer_id for who, _ in self._playing}
        while True:
            (who,) = self._pen.rng.choices(self._shoppers, cum_weights=self._weights)
            if who.customer_id not in busy:
                return who
