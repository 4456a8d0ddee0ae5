"""What would a plain list say? Class, stage and RFM once more, from all events, by other means.

Written from the docstrings of the agents and with none of their code but ``classify``: lists that
forget nothing, sorted anew, in place of windows, timers and sketches. Ticks come at each full hour.
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush

from agents.customer_class import CustomerClass, classify
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.orders import OrderPlaced, OrderRefunded

YEAR, BLOCK = 365 * DAY, 28 * DAY
RETURNS_MAX = 12
#: Of money that a sketch may take for equal.
WIDTH = 1.01 / 0.99

Paid = list[tuple[int, int]]


def tick_after(at: int) -> int:
    """The first tick at which a timer that is due then fires."""
    return -(-at // HOUR) * HOUR


class Histories:
    """Orders and refunds by customer, each a list of (moment, cents), up to some moment."""

    def __init__(self) -> None:
        self.orders: dict[str, Paid] = defaultdict(list)
        self.refunds: dict[str, Paid] = defaultdict(list)

    def add(self, events: Iterable[Event]) -> None:
        """Take in more of them, in order of time."""
        for event in events:
            if isinstance(event, OrderPlaced):
                self.orders[event.subject].append((event.occurred_at, event.paid_cents))
            elif isinstance(event, OrderRefunded):
                cents = event.refund_cents or 0
                self.refunds[event.subject].append((event.occurred_at, cents))


# The stage --------------------------------------------------------------------------------------


def stage_of(orders: Paid, end: int, at_risk_days: float, lapsed_days: float) -> str:
    """The stage at a tick of somebody with a customer_id and without an alert."""
    at_risk, lapsed = at_risk_days * DAY, lapsed_days * DAY
    newest = since = orders[0][0]
    stage = "new"
    for at, _ in orders[1:]:
        silence, newest = at - newest, at
        if silence >= lapsed:
            stage, since = "won_back", at
        elif silence >= at_risk or at - since >= 20 * HOUR:
            stage = "active"
    silence = end - newest
    return "lapsed" if silence >= lapsed else "at_risk" if silence >= at_risk else stage


# The class --------------------------------------------------------------------------------------


def class_of(orders: Paid, refunds: Paid, end: int, by: CustomerClass) -> str:
    """The class at a tick: judged at each event, and whenever something has grown too old."""
    first = orders[0][0]
    events = [(at, 0, cents) for at, cents in orders] + [(at, 1, cents) for at, cents in refunds]
    # Those of one moment stay as they came.
    events.sort(key=lambda it: it[:2])
    found, due, at = "", 0, 0
    known: Paid = []
    back: Paid = []
    for moment, kind, cents in [*events, (end, 2, 0)]:
        # A tick comes before what happens at its moment; the last one is itself a tick.
        while due and (at := tick_after(due)) <= moment:
            found, due = _judged(known, back, at, found, first, by)
        if kind == 2 or (kind == 1 and not known):
            continue
        (back if kind else known).append((moment, cents))
        back = [it for it in back if it[1]][-RETURNS_MAX:]
        found, due = _judged(known, back, moment, found, first, by)
    return found


def _judged(
    known: Paid, back: Paid, at: int, before: str, first: int, by: CustomerClass
) -> tuple[str, int]:
    """The class, and when to look again; 0 for never."""
    buckets = [_bucket(it, known[-1][0]) for it, _ in known]
    edge = at - YEAR
    young = [cents for (_, cents), (_, end) in zip(known, buckets, strict=True) if end > edge]
    gone = 0
    for moment, cents in back:
        hour = moment // HOUR * HOUR
        ends = [end for begin, end in buckets if begin <= hour < end]
        gone += cents if (ends[0] if ends else hour) > edge else 0
    new_until = first + round(by.new_days * DAY)
    is_new = len(known) == 1 and at < new_until
    found = classify(len(young), max(0, sum(young) - gone), before, is_new, by)
    if is_new:
        return found, new_until
    leaving = [end + YEAR for _, end in buckets if end > edge]
    if found == "low_end" or not leaving:
        return found, 0
    return found, min(leaving) + first % DAY


def _bucket(at: int, newest: int) -> tuple[int, int]:
    """Begin and end of what holds a moment: an hour, a day or 28 days, by its age at the newest."""
    for width, kept in ((HOUR, DAY), (DAY, BLOCK)):
        if at // width > (newest - kept) // width - 1:
            break
    else:
        width = BLOCK
    return at // width * width, (at // width + 1) * width


# RFM --------------------------------------------------------------------------------------------

Range = tuple[int, int]


class Sorted:
    """Three sorted lists of all customers' values as they are now, and each one's last scores."""

    def __init__(self, rescore_days: float, customers_min: int) -> None:
        self.scores: dict[str, tuple[Range, Range, Range]] = {}
        self._rescore = round(rescore_days * DAY)
        self._customers_min = customers_min
        self._axes: tuple[list[int], list[int], list[int]] = ([], [], [])
        self._values: dict[str, tuple[int, int, int]] = {}
        self._rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._due: dict[str, int] = {}
        self._timers: list[tuple[int, str]] = []

    def add(self, events: Iterable[Event], end: int) -> None:
        """Go on to a tick, through these events, each after the ticks up to its moment."""
        for event in events:
            self._fire(event.occurred_at)
            row, who = self._rows[event.subject], event.subject
            if isinstance(event, OrderPlaced):
                row[0] = event.occurred_at // DAY
                row[1] += 1
                row[2] += event.paid_cents
            elif isinstance(event, OrderRefunded):
                row[2] -= event.refund_cents or 0
            if row[1]:
                self._score(who, event.occurred_at)
        self._fire(end)

    def _fire(self, until: int) -> None:
        """Score again whoever is due at a tick up to this moment: tick by tick, then by due."""
        while self._timers and (tick := tick_after(self._timers[0][0])) <= until:
            while self._timers and self._timers[0][0] <= tick:
                due, who = heappop(self._timers)
                if self._due[who] == due:
                    self._score(who, tick)

    def _score(self, who: str, at: int) -> None:
        day, orders, net = self._rows[who]
        new, old = (day, orders, max(0, net)), self._values.get(who)
        for axis, values in enumerate(self._axes):
            if old:
                del values[bisect_left(values, old[axis])]
            insort(values, new[axis])
        self._values[who] = new
        self._due[who] = at + self._rescore
        heappush(self._timers, (at + self._rescore, who))
        if len(self._values) >= self._customers_min:
            self.scores[who] = (
                _range(self._axes[0], day, 1), _range(self._axes[1], orders, 1),
                _range(self._axes[2], new[2], WIDTH),
            )  # fmt: skip


def _range(values: list[int], value: int, width: float) -> Range:
    """The scores of the amounts within the bound, from the lowest to the highest."""
    total = len(values)

    def score(below: int, up_to: int) -> int:
        return 1 + min(4, 5 * (below + up_to) // (2 * total))

    low, high = value / width, value * width
    return (
        score(bisect_left(values, low), bisect_right(values, value)),
        score(bisect_left(values, value), bisect_right(values, high)),
    )
