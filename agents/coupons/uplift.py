"""Whose mind does an offer change? Its effect on each customer, learned from the holdout.

Who orders most after an offer is often who would have ordered anyway. What an offer changes is seen
only beside customers who did not get it by lot (Radcliffe and Surry, Real-World Uplift Modelling
with Significance-Based Uplift Trees, 2011). The gate holds out such customers, and each row says in
which arm its customer is and what came of it (``state/exposure.py``). So an example is: what was
known at the offer, the arm, and whether it was answered; one for each customer, as the report of
the effect counts them. The sums over examples lie in a ledger (``state/moments.py``), and what is
made of them stands in ``uplift_fit.py``:

    chance to answer = base(x) + (1/2 if sent, else -1/2) effect(x)

Both are linear in what is known, x, each value in its standard deviation from the mean.
"""

from collections.abc import Sequence
from math import fsum, sqrt

from msgspec import Struct, field

from agents.agent import View
from agents.coupons.coupon import Coupons
from schemas.event import Name
from schemas.instant import DAY, HOUR
from state.ledger import Ledger
from state.moments import BYTE, Moments, log_byte

#: What is known of each customer at an offer, in this order; what the shop adds comes after it.
KNOWN = (
    "silence", "quiet_days", "orders", "spent", "usual_order", "tenure_days", "visits", "responses",
    "redeems_coupons",
)  # fmt: skip
#: How many interests and traits the shop may add; each makes the ledger larger.
ADDED_MAX = 6
_LEVELS = {"": 0, "low": 60, "medium": 120, "high": 180}
#: Two-sided, for 95 % of a normal distribution.
_Z95 = 1.96


class Tried(Struct, array_like=True, gc=False, frozen=True):
    """An offer of which it is not known yet what came. at: when it was said. known: as bytes.

    redeemed: whether the coupon was.
    """

    at: int
    known: bytes
    redeemed: bool = False


class Offers(Coupons, array_like=True, gc=False, frozen=True):
    """An agent's memory: coupons, and the first offer, as long as its outcome is waited for."""

    tried: Tried | None = None


class Outcome(Struct, frozen=True, gc=False):
    """An entry: what came of an offer, or of none. names: what the bytes of ``known`` are.

    answered: whether what the agent wants to bring about came, such as an order.
    """

    names: tuple[str, ...]
    known: bytes
    held_out: bool
    answered: bool
    redeemed: bool


class Arms(Ledger):
    """The partition's examples by arm. names: what is known of each.

    answered, redeemed: how many of those sent have answered, and redeemed.
    """

    names: tuple[str, ...] = ()
    sent: Moments = field(default_factory=Moments)
    held_out: Moments = field(default_factory=Moments)
    answered: int = 0
    redeemed: int = 0

    def enter(self, entry: Outcome) -> None:
        """Add an example. If it tells of other things than the last one did, it is the first."""
        if entry.names != self.names:
            self.names, self.sent, self.held_out = entry.names, Moments(), Moments()
        arm = self.held_out if entry.held_out else self.sent
        arm.add(entry.known, came=entry.answered)
        if not entry.held_out:
            self.answered += entry.answered
            self.redeemed += entry.redeemed


class Estimate(Struct, frozen=True, gc=False):
    """What an offer does to a customer's chance to answer. effect: by how much it grows.

    error: the effect's standard error. sent: the chance with the offer. reasons: what sets the
    effect apart from the mean one, by how much, the strongest first.
    """

    effect: float
    error: float
    sent: float
    reasons: tuple[tuple[str, float], ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the effect lies, at 95 %."""
        return self.effect - _Z95 * self.error, self.effect + _Z95 * self.error


class Uplift(Struct, frozen=True):
    """A model. names: what it knows of a customer. means, scales: of each of these.

    base, effect: the coefficients, first the constant. covariance: of those of the effect, as the
    lower triangle, row by row. redeemed: the share of those who answer an offer who redeem its
    coupon. sent, held_out: how many examples it was made of.
    """

    names: tuple[str, ...]
    means: list[float]
    scales: list[float]
    base: list[float]
    effect: list[float]
    covariance: list[float]
    redeemed: float
    sent: int
    held_out: int

    def estimate(self, known: bytes) -> Estimate:
        """What it expects of a customer of whom this is known, told in the order of ``names``."""
        row = [1.0]
        row += [(x - m) / s for x, m, s in zip(known, self.means, self.scales, strict=True)]
        parts = [x * it for x, it in zip(row, self.effect, strict=True)]
        effect, variance, place = fsum(parts), 0.0, 0
        for i, x in enumerate(row):
            for j, y in enumerate(row[: i + 1]):
                variance += (1 if i == j else 2) * x * y * self.covariance[place]
                place += 1
        chance = fsum(x * it for x, it in zip(row, self.base, strict=True)) + effect / 2
        by_size = sorted(zip(self.names, parts[1:], strict=True), key=lambda it: (-abs(it[1]), it))
        return Estimate(
            effect, sqrt(max(0.0, variance)), min(max(chance, 0.0), 1.0),
            tuple((name, part) for name, part in by_size if part)[:3],
        )  # fmt: skip


def names_of(interests: Sequence[Name], traits: Sequence[tuple[Name, Name]]) -> tuple[str, ...]:
    """What is known, by name.

    >>> names_of(["tea"], [("zip", "rural")])[-2:]
    ('likes tea', 'zip rural')
    """
    return (*KNOWN, *(f"likes {it}" for it in interests), *(" ".join(it) for it in traits))


def known_of(
    customer: View, interests: Sequence[Name], traits: Sequence[tuple[Name, Name]]
) -> bytes:
    """What is known of a customer at the moment, each as a byte, in the order of ``names_of``.

    Amounts and times by their logarithms: what doubles counts the same wherever it begins.
    """
    row, at = customer.row, customer.at
    spent = max(0, row.spent_cents - row.refunded_cents)
    quiet = max(0, at - row.last_order_at) / DAY if row.last_order_at else 0.0
    rhythm = customer.shop.rhythm
    gaps = [it * HOUR / DAY for it in row.gap_hours]
    usual = fsum(gaps) / len(gaps) if gaps else rhythm.days / rhythm.count if rhythm.count else 30.0
    tenure = max(0, at - row.first_order_at) / DAY if row.first_order_at else 0.0
    answers = sum(it.opened + 2 * it.clicked for it in row.responses.values())
    asked = sum(it.sent for it in row.responses.values())
    likes = row.categories.weights
    told = [
        log_byte(quiet / max(usual, 1.0), 32), log_byte(quiet, 24), log_byte(row.order_count, 32),
        log_byte(spent, 8), log_byte(spent // max(1, row.order_count), 8), log_byte(tenure, 20),
        log_byte(row.session.count, 24), min(round(80 * (answers + 1) / (asked + 2)), BYTE),
        _LEVELS.get(customer.trait("redeems_coupons"), 0),
    ]  # fmt: skip
    told += [100 if it in likes else 0 for it in interests]
    told += [100 if row.traits.get(name) == value else 0 for name, value in traits]
    return bytes(told)
