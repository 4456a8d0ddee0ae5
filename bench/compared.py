"""Do the rows and the plain lists agree? Customer by customer, at each cut, and by how much not."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from bench import told
from bench.histories import History
from bench.recount import classes, likeness, loyalty, scores, stages
from bench.recount.facts import Clock, Fact, by_customer, facts_of
from streams.partitioner import partition_of

EXAMPLES_MAX = 3
PARTITIONS_MAX = 4
#: The fields of an account of points.
POINTS = ("available", "earned", "redeemed", "reversed", "expired", "owed")

Advance = Callable[[int], object]


class Row(Struct):
    """What was compared. compared: values, of all customers at all cuts.

    by_one: of the scores that differ, those next to the right one. beyond: how many are farther off
    than the bound says; None where there is none to keep, and the figure is for information.
    examples: of those beyond it.
    """

    what: str
    bound: str
    compared: int = 0
    equal: int = 0
    by_one: int = 0
    beyond: int | None = 0
    at_cuts: list[dict[str, Any]] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    @property
    def differing(self) -> int:
        """How many are not equal."""
        return self.compared - self.equal

    def exact(self, cut: int, pairs: Iterable[tuple[str, Any, Any]]) -> None:
        """Compare what has to be equal: whose it is, what the row says, what is right."""
        self.within(cut, ((who, said, right, said == right) for who, said, right in pairs))

    def within(self, cut: int, found: Iterable[tuple[str, Any, Any, bool]]) -> None:
        """Compare what may differ within a bound; the last word of each says if it is kept."""
        before = self.compared, self.equal, self.beyond
        for who, said, right, is_within in found:
            self.compared += 1
            self.equal += said == right
            if said != right and isinstance(said, int) and isinstance(right, int):
                self.by_one += abs(said - right) == 1
            if is_within or self.beyond is None:
                continue
            self.beyond += 1
            if len(self.examples) < EXAMPLES_MAX:
                self.examples.append(f"{who} at {_day(cut)}: {said!r}, and {right!r} is right")
        self.at_cuts.append({
            "at": _day(cut), "compared": self.compared - before[0],
            "equal": self.equal - before[1],
            "beyond": None if self.beyond is None else self.beyond - (before[2] or 0),
        })  # fmt: skip


class Verified(Struct):
    """What was found of one history."""

    customers: int
    events: int
    partitions: int
    notes: dict[str, int]
    rows: list[Row]

    @property
    def beyond(self) -> int:
        """How many values are farther off than their bounds say."""
        return sum(it.beyond or 0 for it in self.rows)


def verify(history: History, advance: Advance = lambda _: None) -> Verified:
    """Run a history both ways. advance: is told of each step of ``steps``."""
    customers = history.customers
    agents, _, _ = told.settings()
    rules = told.rules(agents)
    partitions = _partitions(len(customers), rules["rfm"]["customers_min"])
    cuts = told.cuts_of(history.arrivals)
    looked = told.look(history.arrivals, cuts, partitions, advance)
    it = _Recount(history, cuts, rules, partitions, customers)
    rows = [
        row
        for rows in (it.class_rows, it.stage_rows, it.loyalty_rows, it.score_rows, it.cluster_rows)
        for row in _counted(rows(looked), advance, len(history.arrivals) // 5)
    ]
    return Verified(len(customers), len(history.arrivals), partitions, history.notes, rows)


def steps(history: History) -> int:
    """How much there is to do: records to apply twice, and the recount."""
    cuts = told.cuts_of(history.arrivals)
    ticks = len(told.ticks_of(history.arrivals, cuts[-1]))
    return 2 * (len(history.arrivals) + ticks) + len(history.arrivals)


def _counted(rows: Iterator[Row], advance: Advance, by: int) -> list[Row]:
    found = list(rows)
    advance(by)
    return found


def _partitions(customers: int, customers_min: int) -> int:
    """Four, unless there would be too few to be compared in them."""
    return max(1, min(PARTITIONS_MAX, customers // (2 * customers_min)))


class _Recount:
    """One history, as plain lists, beside what was told at each cut."""

    def __init__(
        self, history: History, cuts: Sequence[int], rules: Mapping[str, Mapping[str, Any]],
        partitions: int, customers: Sequence[str],
    ) -> None:  # fmt: skip
        self._facts = facts_of(history.arrivals)
        self._histories = by_customer(self._facts)
        self._clock = Clock(told.ticks_of(history.arrivals, cuts[-1]))
        self._cuts, self._rules, self._customers = cuts, rules, customers
        self._places = {who: partition_of(who, partitions) for who in customers}
        self._parts: dict[int, list[Fact]] = {it: [] for it in range(partitions)}
        for fact in self._facts:
            self._parts[self._places[fact.who]].append(fact)
        self._scorings = scores.scorings(self._facts, self._clock, cuts, rules["rfm"])

    def class_rows(self, looked: Sequence[told.Cut]) -> Iterator[Row]:
        """The class, and what it would be if nothing was rounded or let go."""
        by = self._rules["customer_class"]
        for exact in (False, True):
            right = {
                who: classes.classes(it, self._clock, self._cuts, by, exact=exact)
                for who, it in self._histories.items()
            }
            yield self._row("class", looked, lambda it: it.class_, right, is_limit=exact)

    def stage_rows(self, looked: Sequence[told.Cut]) -> Iterator[Row]:
        """The stage of life, and how many churn alerts were sent."""
        sent = [
            stages.alerts(part, self._clock, self._rules["churn_alert"])
            for part in self._parts.values()
        ]
        by_order = {order: alert for it in sent for order, alert in it.items()}
        alerts: dict[str, list[int]] = defaultdict(list)
        for order, alert in by_order.items():
            alerts[order.who].append(alert.sent_at)
        right = {
            who: stages.stages(it, by_order, self._clock, self._cuts, self._rules["lifecycle"])
            for who, it in self._histories.items()
        }
        yield self._row("stage", looked, lambda it: it.stage, right)
        counts = {
            who: [sum(at <= cut for at in alerts[who]) for cut in self._cuts]
            for who in self._customers
        }
        yield self._row("churn alerts sent", looked, lambda it: it.alerts, counts)

    def loyalty_rows(self, looked: Sequence[told.Cut]) -> Iterator[Row]:
        """Tier and points, and what they would be if all orders were remembered."""
        for unlimited in (False, True):
            tiers = {
                who: loyalty.tiers(
                    it, self._cuts, self._rules["membership_tier"], unlimited=unlimited
                ) for who, it in self._histories.items()
            }  # fmt: skip
            yield self._row("tier", looked, lambda it: it.tier, tiers, is_limit=unlimited)
            accounts = {
                who: loyalty.accounts(it, self._cuts, self._rules["points"], unlimited=unlimited)
                for who, it in self._histories.items()
            }
            for name in POINTS[:1] if unlimited else POINTS:
                right = {who: [getattr(it, name) for it in of] for who, of in accounts.items()}
                yield self._row(
                    f"points {name}", looked, lambda it, name=name: getattr(it.book, name), right,
                    is_limit=unlimited,
                )  # fmt: skip

    def _row(
        self, what: str, looked: Sequence[told.Cut], said: Callable[..., Any],
        right: Mapping[str, Sequence[Any]], *, is_limit: bool = False,
    ) -> Row:  # fmt: skip
        row = Row(what, "equal")
        if is_limit:
            row = Row(f"{what}, nothing let go", "", beyond=None)
        for number, (cut, it) in enumerate(zip(self._cuts, looked, strict=True)):
            blank = told.Told()
            row.exact(cut, (
                (who, said(it.customers.get(who, blank)), right[who][number])
                for who in self._customers
                if who in it.customers or right[who][number]
            ))  # fmt: skip
        return row

    def score_rows(self, looked: Sequence[told.Cut]) -> Iterator[Row]:
        """Recency, frequency and money, in the partition and in the whole shop."""
        right = scores.scores(self._scorings, self._rules["rfm"], self._places)
        scored = Row("rfm: who is scored", "equal")
        here = [Row(f"rfm {axis}", scores.BOUNDS[axis]) for axis in scores.AXES]
        shop = [
            Row(f"rfm {axis}, in the shop", "by its rank, below", beyond=None)
            for axis in scores.AXES
        ]
        drift = Row("rfm ranks of partitions", "")
        for cut, it, found in zip(self._cuts, looked, right, strict=True):
            scored.exact(cut, (
                (who, bool(it.scores.get(who)), who in found) for who in self._customers
            ))  # fmt: skip
            said = {who: [*map(int, text.split("-"))] for who, text in it.scores.items() if text}
            both = [(who, said[who], found[who]) for who in said if who in found]
            for axis in range(3):
                here[axis].within(cut, (
                    (who, is_[axis], be.exact[axis], be.allows(axis, is_[axis]))
                    for who, is_, be in both
                ))  # fmt: skip
                shop[axis].exact(cut, ((who, is_[axis], be.shop[axis]) for who, is_, be in both))
            drift.exact(cut, self._drifts(found))
        yield from (scored, *here)
        if len(self._parts) > 1:
            drift.beyond = max(0, drift.differing - drift.compared // 20)
            drift.examples = drift.examples if drift.beyond else []
            off_max = max((it.drift_max for it in right[-1].values()), default=0.0)
            drift.bound = f"19 of 20 within {off_max:.1%}"
            yield from (*shop, drift)

    def _drifts(self, found: Mapping[str, scores.Scores]) -> Iterator[tuple[str, str, str]]:
        """Whether the ranks of a partition are near enough to those of the shop, by axis."""
        for place in self._parts:
            of = [it for who, it in found.items() if self._places[who] == place]
            for axis, name in enumerate(scores.AXES) if of else ():
                is_near = all(it.drift[axis] <= it.drift_max for it in of)
                yield f"{name} of partition {place}", "near" if is_near else "off", "near"

    def cluster_rows(self, looked: Sequence[told.Cut]) -> Iterator[Row]:
        """The cluster, the means behind it, and what it would be without the sketch."""
        by = self._rules["rfm"]
        for rounded in (True, False):
            right = [
                likeness.clusters(
                    [it for it in self._scorings
                     if isinstance(it, int) or self._places[it.who] == place],
                    by, rounded=rounded,
                ) for place in self._parts
            ]  # fmt: skip
            what = "cluster" if rounded else "cluster, by exact values"
            row = Row(what, "equal" if rounded else "", beyond=0 if rounded else None)
            means = Row("sizes and sums of clusters", "equal")
            for number, (cut, it) in enumerate(zip(self._cuts, looked, strict=True)):
                names = {who: name for part in right for who, name in part[number][0].items()}
                row.exact(cut, (
                    (who, it.clusters.get(who, ""), names.get(who, ""))
                    for who in self._customers if it.clusters.get(who) or who in names
                ))  # fmt: skip
                summed = [part[number][1] for part in right]
                means.exact(cut, (
                    (f"partition {place}", said, be)
                    for place, (said, be) in enumerate(zip(it.means, summed, strict=True))
                ))  # fmt: skip
            yield row
            if rounded:
                yield means


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(" ", "minutes")[:16]
