"""What is remembered of how a customer buys, and what a score sees of it at any moment of silence?

The law: a habit changes when an order comes, and between two orders by time alone. So what a score
saw at a moment that has passed can be told exactly until the next order, and what it will see at
one to come can be told in advance, as long as nothing is bought.

Purchases fade: one that is ``d`` days old counts ``exp(-d / span)``, on several spans at once, so a
few numbers tell a rate and how it has changed. Spans are multiples of the horizon (``days``), in
which nothing is to be bought: a shop of another rhythm sets another horizon, and nothing else.

A *moment* is one at which a customer is scored to learn from it: each ``days``, at a phase of their
own, so a customer has one at a time that waits for its end. What was seen then is kept in a byte a
number.
"""

from binascii import crc32
from functools import lru_cache
from math import exp, expm1, log, log1p
from operator import mul

from msgspec import Struct, field

from schemas.instant import DAY, SECOND
from schemas.orders import OrderPlaced
from state.fold_orders import ONE_PURCHASE

#: On which spans purchases, what silences went beyond the horizon, and kinds of goods fade, in
#: horizons. Found on the Complete Journey before September 2017; see ADR 13.
PURCHASES, EXCESSES, KINDS = (0.25, 0.5, 1.0, 2.0, 4.0), (4.0, 36.0), (1.0, 4.0)
_SPANS = (*PURCHASES, *EXCESSES, *KINDS)
_EXCESS, _KIND = len(PURCHASES), len(PURCHASES) + len(EXCESSES)
#: Sums are whole thousandths: three bytes in a row where a float takes nine.
_PARTS = 1_000
#: Of what was seen at a moment a byte holds so many steps to one. Logarithms, so 8 is the most.
_STEPS = 31
#: The days of a horizon to which features are brought, so that they do not depend on it.
_USUAL_DAYS = 28.0
#: How long customers stay, in horizons: a year and more, where they are the usual ones.
_LIFETIMES = 13.0
#: Nobody is scored to learn from it after a silence of so many horizons.
SCOPE = 3
#: Instead of a moment: there is no other before the next order.
OUT_OF_SCOPE = -1

#: What a model weighs, in the order of ``features``; several of them are of one thing.
MEANINGS = (
    "", "silence", "silence", "tenure", "bought_lately", "bought_lately", "bought_lately",
    "bought_before", "bought_before", "long_silences", "long_silences", "variety", "variety",
    "silence", "bought_before", "silence", "bought_lately", "shop",
)  # fmt: skip

#: Silence, tenure, the sums: each the logarithm of one and as much, and the log-odds of the prior.
Seen = list[float]


class Habit(Struct, array_like=True, gc=False):
    """As of the last order. event_id, at: of that. sums: faded, in thousandths, by span.

    moment_at: the moment that waits for its end; 0 before the first, and OUT_OF_SCOPE. seen: what a
    score saw then. bought: whether something was bought since. alerted: whether this silence has
    been told. span_s: the horizon, in seconds, that sums and moments are of.
    """

    event_id: str = ""
    at: int = 0
    sums: list[int] = field(default_factory=list)
    moment_at: int = 0
    seen: bytes = b""
    bought: bool = False
    alerted: bool = False
    span_s: int = 0

    def is_of_horizon(self, days: float) -> bool:
        """Whether sums and moments are of this horizon."""
        return self.span_s == round(days * DAY / SECOND)

    def of_horizon(self, days: float) -> "Habit":
        """The habit by this horizon: what was kept by another one begins anew."""
        if not self.is_of_horizon(days):
            self.sums, self.moment_at, self.seen, self.bought = [], 0, b"", False
            self.span_s = round(days * DAY / SECOND)
        return self

    def ends_at(self, customer_id: str, days: float) -> int:
        """When the moment ends that waits; of somebody who has none yet, when the first one is."""
        if not self.moment_at:
            return next_moment(customer_id, self.at, days)
        return self.moment_at + round(days * DAY)

    def take(self, event: OrderPlaced, days: float) -> None:
        """An order that is the newest."""
        at, before = event.occurred_at, self.at
        silence = (at - before) / DAY if before else 0.0
        is_purchase = not before or at - before >= ONE_PURCHASE
        kinds = len({it.category or it.product_id for it in event.products})
        sums = self.sums if len(self.sums) == len(_SPANS) else [0] * len(_SPANS)
        faded = [it * exp(-silence / (span * days)) for it, span in zip(sums, _SPANS, strict=True)]
        excess = max(0.0, silence - days) * _USUAL_DAYS / days
        added = [is_purchase] * _EXCESS + [excess] * len(EXCESSES) + [kinds] * len(KINDS)
        self.sums = [round(a + _PARTS * b) for a, b in zip(faded, added, strict=True)]
        self.at, self.event_id, self.alerted = at, event.event_id, False
        if self.is_out_of_scope:
            self.moment_at = 0

    @property
    def is_out_of_scope(self) -> bool:
        """Whether the silence is so long that nothing is learned from it any more."""
        return self.moment_at == OUT_OF_SCOPE

    def wait(self, at: int, seen: Seen) -> None:
        """Let a moment wait for its end."""
        self.moment_at, self.seen, self.bought = at, _packed(seen), False

    @property
    def seen_then(self) -> Seen:
        """What was seen at the moment that waits."""
        return _unpacked(self.seen)


def next_moment(customer_id: str, after: int, days: float) -> int:
    """The first moment of a customer's after another.

    >>> first = next_moment("ann", 0, 28.0)
    >>> next_moment("ann", first, 28.0) - first == 28 * DAY
    True
    """
    width = round(days * DAY)
    phase = crc32(customer_id.encode()) * DAY // 1_000 % width
    return after + width - (after - phase) % width


class Silence:
    """A customer's features at any moment of the silence after the order that came last.

    first_at: of their first order. strength, scale: the shop's gamma distribution of rates.
    """

    __slots__ = ("_days", "_prior", "_scale", "_sums", "_tenure")

    def __init__(
        self, habit: Habit, first_at: int, days: float, prior: tuple[float, float]
    ) -> None:
        self._days, self._prior = days, prior
        self._scale = _USUAL_DAYS / days
        self._tenure = max(0.0, (habit.at - first_at) / DAY)
        self._sums = [it / _PARTS for it in habit.sums] or [0.0] * len(_SPANS)

    def seen(self, quiet_days: float) -> Seen:
        """What a score sees after so many days without an order."""
        quiet = max(0.0, quiet_days)
        tenure, kept = self._tenure + quiet, _kept(quiet, self._days)
        seen = [log1p(quiet * self._scale), log1p(tenure * self._scale)]
        seen += map(log1p, map(mul, self._sums, kept))
        seen.append(self._prior_odds(quiet, tenure))
        return seen

    def _prior_odds(self, quiet: float, tenure: float) -> float:
        """Log-odds of buying nothing, by the shop's rhythm and the customer's faded purchases.

        Buy till you die, with closed forms: rates differ by a gamma distribution, and whoever has
        left does so after an exponential lifetime. After x purchases in T days and a silence of t,

            S(t) = (b / (b + t)) ** a      a = (a0 + x) / 2,  b = b0 + T
            gone : alive = (integral of S from 0 to t) / lifetime : S(t)

        Purchases come in clumps, so each counts as half of an independent one.
        """
        span = PURCHASES[-1] * self._days
        a0, b0 = self._prior
        a = (a0 + self._sums[_EXCESS - 1]) / 2
        b = b0 - span * expm1((quiet - tenure) / span)
        now = b + quiet
        shrunk = log(b / now)
        silent = exp(a * shrunk)
        # The closed form has no value for a = 1, and this near to it none that is exact.
        off = a - 1 if abs(a - 1) > 1e-6 else 1e-6
        gone = b / off * -expm1(off * shrunk) / (_LIFETIMES * self._days) / silent
        none = exp(-a * log1p(self._days / now))
        # gone + alive * none : alive * (1 - none), with alive = 1.
        return log((gone + none) / max(1.0 - none, 1e-9))


# A crossing is looked for at the same moments of each silence, for the most part.
@lru_cache(maxsize=4096)
def _kept(quiet: float, days: float) -> tuple[float, ...]:
    """What is left of a purchase after a silence, on each span."""
    return tuple(exp(-1.0 / (span * days) * quiet) for span in _SPANS)


def features(seen: Seen) -> list[float]:
    """What a model weighs, of what was seen: each thing, and how some of them meet."""
    silence, tenure, p0, p1, p2, p3, p4, e0, e1, k0, k1, prior = seen
    days = expm1(silence)
    return [
        1.0, silence, log(days + 0.01), tenure, p0, p1, p2, p3, p4, e0, e1, k0, k1,
        silence * p3, p3 * p3, days / 28.0 - 0.5 if days > 14.0 else 0.0, p2 * p2, prior,
    ]  # fmt: skip


def _packed(seen: Seen) -> bytes:
    return bytes(
        min(255, max(0, round(it * _STEPS)))
        for it in (*seen[:-1], seen[-1] / 2 + 4)  # The log-odds of the prior, from -8 to 8.
    )


def _unpacked(packed: bytes) -> Seen:
    *seen, prior = (it / _STEPS for it in packed)
    return [*seen, 2 * (prior - 4)]
