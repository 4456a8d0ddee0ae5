"""How recent, frequent and valuable is a customer among the others? By sorted lists of all values.

Whoever has ever ordered is scored with each order and each return, and ``rescore_days`` after the
last time, at the next tick; if the partition has ``customers_min`` of them. A score is by the
middle rank: those below, and half of those who are equal.

The bounds. Money, and orders from 99 on, are known to 1 per cent, so a score lies between the exact
ones of two values nearer than ``NEAR`` to the customer's. Among n customers a rank is within
sqrt(ln 40 / 2n) of that in the whole shop, in 19 of 20 partitions.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from math import log, sqrt
from typing import Any, NamedTuple

from bench.recount.facts import DAY, Clock, Fact, Facts, by_customer, returns

NEAR = 1.01 / 0.99
#: Below this each number of orders is known exactly.
EXACT_ORDERS = 99
AXES = ("recency", "frequency", "money")
BOUNDS = {
    "recency": "equal", "frequency": "equal below 99 orders", "money": "amounts within 2.02 %",
}  # fmt: skip

Values = tuple[int, int, int]
Span = tuple[int, int]


class Scoring(NamedTuple):
    """Somebody is scored. values: as they are. day: of today. counts: none follows before a cut."""

    who: str
    values: Values
    day: int
    counts: bool = True


Scorings = Sequence[Scoring | int]


def scorings(
    facts: Facts, clock: Clock, cuts: Sequence[int], by: Mapping[str, Any]
) -> list[Scoring | int]:
    """All scorings in the order in which they happen, and each cut after its tick.

    At one tick they go by when they were due, and then by customer.
    """
    found, later = [*_scorings(facts, clock, cuts, by)], set[str]()
    for place in range(len(found) - 1, -1, -1):
        it = found[place]
        if isinstance(it, int):
            later.clear()
        elif it.who in later:
            found[place] = it._replace(counts=False)
        else:
            later.add(it.who)
    return found


def _scorings(
    facts: Facts, clock: Clock, cuts: Sequence[int], by: Mapping[str, Any]
) -> Iterator[Scoring | int]:
    diary, begin = _Diary(facts, clock, round(by["rescore_days"] * DAY)), 0
    for cut in cuts:
        while begin < len(facts) and facts[begin].arrived_at < cut:
            yield from diary.wake(facts[begin].arrived_at)
            yield from diary.take(facts[begin])
            begin += 1
        yield from diary.wake(cut)
        yield cut


class _Diary:
    """What everybody ordered and paid, and when who is to be scored again."""

    def __init__(self, facts: Facts, clock: Clock, rescore: int) -> None:
        self._clock, self._rescore = clock, rescore
        self._gone = {
            fact: it.cents
            for history in by_customer(facts).values()
            for fact, it in returns(history).items()
        }
        self._orders: dict[str, list[int]] = defaultdict(list)
        self._cents: dict[str, list[int]] = defaultdict(list)
        self._wakes: dict[str, int] = {}
        self._waiting: list[tuple[int, str]] = []

    def take(self, fact: Fact) -> Iterator[Scoring]:
        """An event has come."""
        if fact.kind == "redeem":
            return
        if fact.kind == "order":
            self._orders[fact.who].append(fact.at)
        cents = -self._gone[fact] if fact in self._gone else fact.cents or 0
        self._cents[fact.who].append(cents)
        if self._orders[fact.who]:
            yield self._scored(fact.who, fact.at, self._clock.last(fact.arrived_at))

    def wake(self, until: int) -> Iterator[Scoring]:
        """All whose time has come at the ticks up to a moment."""
        waiting = self._waiting
        while waiting and (tick := self._clock.fires_at(waiting[0][0])) <= until:
            while waiting and waiting[0][0] <= tick:
                due_at, who = heappop(waiting)
                if self._wakes[who] == due_at:
                    yield self._scored(who, tick, tick)

    def _scored(self, who: str, at: int, clock_at: int) -> Scoring:
        self._wakes[who] = max(at, clock_at) + self._rescore
        heappush(self._waiting, (self._wakes[who], who))
        newest = max(self._orders[who])
        values = newest // DAY, len(self._orders[who]), max(0, sum(self._cents[who]))
        return Scoring(who, values, max(at, clock_at, newest) // DAY)


class Scores(NamedTuple):
    """exact: by the values themselves. spans: what the sketch may say. shop: among all partitions.

    drift: by how much the rank in the partition is off from that in the shop, as a share.
    """

    exact: tuple[int, int, int]
    spans: tuple[Span, Span, Span]
    shop: tuple[int, int, int]
    drift: tuple[float, float, float]
    customers: int

    def allows(self, axis: int, score: int) -> bool:
        """Whether the sketch may say so."""
        low, high = self.spans[axis]
        return low <= score <= high

    @property
    def drift_max(self) -> float:
        """What the rank may be off by, in 19 of 20 partitions."""
        return sqrt(log(40) / (2 * self.customers))


def scores(
    scored: Scorings, by: Mapping[str, Any], places: Mapping[str, int]
) -> list[dict[str, Scores]]:
    """Everybody's scores at each cut. places: in which partition a customer is."""
    shop = _Lists()
    partitions: dict[int, _Lists] = defaultdict(_Lists)
    latest: dict[str, Scores] = {}
    found = []
    for it in scored:
        if isinstance(it, int):
            found.append(dict(latest))
            continue
        here = partitions[places[it.who]]
        shop.put(it.who, it.values)
        here.put(it.who, it.values)
        if it.counts and len(here.values) >= by["customers_min"]:
            latest[it.who] = _scored(it.values, here, shop)
    return found


class _Lists:
    """The values of all who have been scored, and each of the three in order."""

    def __init__(self) -> None:
        self.values: dict[str, Values] = {}
        self.axes: tuple[list[int], list[int], list[int]] = ([], [], [])

    def put(self, who: str, values: Values) -> None:
        old = self.values.get(who)
        if old == values:
            return
        for axis, ordered in enumerate(self.axes):
            if old is not None:
                del ordered[bisect_left(ordered, old[axis])]
            insort(ordered, values[axis])
        self.values[who] = values


def _scored(values: Values, here: _Lists, shop: _Lists) -> Scores:
    exact, spans, in_shop, drift = [], [], [], []
    for axis, value in enumerate(values):
        ordered, everybody = here.axes[axis], shop.axes[axis]
        below, up_to = bisect_left(ordered, value), bisect_right(ordered, value)
        below_all, up_to_all = bisect_left(everybody, value), bisect_right(everybody, value)
        score = _fifth(below + up_to, len(ordered))
        is_near = axis == 2 or (axis == 1 and value >= EXACT_ORDERS)
        low = bisect_left(ordered, value / NEAR) if is_near else below
        high = bisect_right(ordered, value * NEAR) if is_near else up_to
        exact.append(score)
        spans.append((_fifth(low + up_to, len(ordered)), _fifth(below + high, len(ordered))))
        in_shop.append(_fifth(below_all + up_to_all, len(everybody)))
        off = (below + up_to) / 2 / len(ordered) - (below_all + up_to_all) / 2 / len(everybody)
        drift.append(abs(off))
    return Scores(
        tuple(exact), tuple(spans), tuple(in_shop), tuple(drift), len(here.values),  # type: ignore[arg-type]
    )  # fmt: skip


def _fifth(twice_the_rank: int, customers: int) -> int:
    """From 1 to 5."""
    return min(5, 1 + 5 * twice_the_rank // (2 * customers))
