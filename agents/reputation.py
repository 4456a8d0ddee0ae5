"""Which product's ratings have dropped? The last windows, against the long run before them.

It keeps a ledger of its partition: see ``agents/ops/lookout.py``. A drop is said when it begins:
when the recent ratings lie clearly below the usual ones, and did not a window ago. A review that
comes too late for its window is an opinion of the past: it counts to the long run, from the window
on that is open when it comes. An edit that changes the rating is a new opinion, of its own time.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import sqrt
from typing import Annotated, ClassVar

from msgspec import Meta, Struct, field

from agents.agent import Act, Enter, Remember, View
from agents.ops.lookout import Lookout
from schemas.decisions import Evidence
from schemas.ops import Alert
from schemas.reviews import Review, ReviewEdited, ReviewPosted
from state.heavy import Heavy
from state.ledger import Ledger

#: Of how many of their last reviews it is known what a customer has given.
REVIEWS_MAX = 4
#: Where all have given the same so far, ratings still differ by chance (a variance, in stars²).
_VARIANCE_MIN = 0.5
# A cell: what a summary puts first, then count, stars and squares of the long run, then as many
# for each window, after its key.
_BASE, _WINDOWS, _FIELDS = 2, 5, 4


class ReputationAlertPayload(Struct, frozen=True):
    """recent: mean and number of ratings of the last windows; usual: of the long run before."""

    product_id: str
    recent_mean: float
    recent_ratings: int
    usual_mean: float
    usual_ratings: int


class Given(Struct, array_like=True, gc=False, frozen=True):
    """What the customer gave in their last reviews, by hash of the review. Bytes: 34 at most."""

    ratings: dict[int, int] = {}


class Rated(Struct, frozen=True, gc=False):
    """An entry: a rating of a product."""

    rules: "Reputation"
    product_id: str
    rating: int
    at: int
    clock_at: int


class Ratings(Ledger):
    """The ledger: ratings by product and window, and those of the long run added up.

    width: that of its windows, in milliseconds; where another one is set, all there is is the past.
    late: how many came too late for their window. products: those rated most, see
    ``state/heavy.py``; of one that is let in late, N/k ratings at most are missing from the long
    run, and none where there were no more products than ``products_max``.
    Bytes: a product's id and some 10, and 8 for each window in which it was rated.
    """

    width: int = 0
    late: int = 0
    products: Heavy = field(default_factory=Heavy)

    def enter(self, entry: Rated) -> None:
        """Count it in its window, or to the long run where that is closed."""
        rules = entry.rules
        width = rules.width
        if width != self.width:
            for cell in self.products.cells.values():
                _add_up(cell, None)
            self.width = width
        newest = rules.newest_closed(entry.clock_at)
        window = entry.at // width
        # Two keys a window: of its own ratings, and of those that came too late for theirs.
        key = 2 * window if window > newest else 2 * newest + 3
        self.late += key % 2
        cell = self.products.add(entry.product_id, 1, rules.products_max)
        if len(cell) == _BASE:
            cell += (0, 0, 0)
        _add_up(cell, 2 * rules.oldest_kept(newest))
        for i in range(_WINDOWS, len(cell), _FIELDS):
            if cell[i] == key:
                break
        else:
            i = len(cell)
            cell += (key, 0, 0, 0)
        cell[i + 1] += 1
        cell[i + 2] += entry.rating
        cell[i + 3] += entry.rating**2
        windows = rules.windows_kept + rules.looks_back + rules.open_max
        if len(cell) > _WINDOWS + 2 * _FIELDS * windows:
            _add_up(cell, None)  # No clock is ticking.


class Stars(Struct, frozen=True):
    """Ratings added up: how many, their sum, and the sum of their squares."""

    count: int = 0
    stars: int = 0
    squares: int = 0

    @property
    def mean(self) -> float:
        """0 where there are none."""
        return self.stars / max(1, self.count)

    @property
    def variance(self) -> float:
        """Of single ratings, and not less than chance makes it."""
        return max(_VARIANCE_MIN, self.squares / max(1, self.count) - self.mean**2)


class Drop(Struct, frozen=True):
    """What fell, and by how many standard deviations."""

    product_id: str
    recent: Stars
    usual: Stars
    z: float


class Reputation(Lookout, frozen=True):
    """recent_windows: so many are held against the long run before them.

    recent_min, usual_min: how many ratings there must be of both. drop_min, z_min: how many stars,
    and standard deviations, the recent mean must lie below the usual one.
    products_max: of how many products a partition keeps ratings.
    """

    listens: ClassVar = (ReviewPosted, ReviewEdited)
    remembers: ClassVar = Given
    keeps: ClassVar = Ratings
    alert: ClassVar = "reputation_alert"
    tells: ClassVar = ReputationAlertPayload

    recent_windows: Annotated[int, Meta(ge=1, le=28)] = 7
    recent_min: Annotated[int, Meta(ge=1)] = 5
    usual_min: Annotated[int, Meta(ge=1)] = 20
    drop_min: Annotated[float, Meta(gt=0, lt=4)] = 0.7
    z_min: Annotated[float, Meta(ge=0)] = 3.0
    products_max: Annotated[int, Meta(ge=8, le=10_000)] = 500

    @property
    def looks_back(self) -> int:
        """The recent windows, and one more: had it dropped a window ago?"""
        return self.recent_windows

    def on_event(self, event: Review, customer: View) -> Iterable[Act]:
        """Enter a rating, unless the customer has given it already."""
        given = customer.recall(Given).ratings
        review = int.from_bytes(blake2b(event.review_id.encode(), digest_size=6).digest())
        # A post that comes after its own edit says nothing new.
        if review in given and (isinstance(event, ReviewPosted) or given[review] == event.rating):
            return
        others = [(it, rating) for it, rating in given.items() if it != review]
        kept = [*others, (review, event.rating)][-REVIEWS_MAX:]
        yield Remember(Given(dict(kept)))
        at, clock_at = event.occurred_at, customer.shop.clock_at
        yield Enter(Rated(self, event.product_id, event.rating, at, clock_at))

    def conclude(self, ledgers: Sequence[Ratings], window: int) -> list[Alert]:
        """Products whose drop has begun with this window, the clearest first."""
        usable = [it for it in ledgers if it.width == self.width]
        before = {it.product_id for it in self._dropped(usable, window - 1)}
        drops = [it for it in self._dropped(usable, window) if it.product_id not in before]
        return [self._alert(it, window) for it in drops[: self.alerts_max]]

    def _alert(self, it: Drop, window: int) -> Alert:
        recent, usual = round(it.recent.mean, 2), round(it.usual.mean, 2)
        return self.alert_of(
            it.product_id,
            window,
            reason="ratings_dropped",
            payload=ReputationAlertPayload(
                it.product_id, recent, it.recent.count, usual, it.usual.count
            ),
            evidence=Evidence(
                values={"drop": round(it.usual.mean - it.recent.mean, 2), "z": round(it.z, 1)},
                thresholds={
                    "drop_min": self.drop_min,
                    "z_min": self.z_min,
                    "recent_min": self.recent_min,
                    "usual_min": self.usual_min,
                },
            ),
        )

    def _dropped(self, ledgers: Sequence[Ratings], window: int) -> list[Drop]:
        found = []
        for product_id, (recent, usual) in self.parts(ledgers, window).items():
            drop = usual.mean - recent.mean
            enough = recent.count >= self.recent_min and usual.count >= self.usual_min
            if enough and drop >= self.drop_min:
                z = drop / sqrt(usual.variance * (1 / recent.count + 1 / usual.count))
                if z >= self.z_min:
                    found.append(Drop(product_id, recent, usual, z))
        return sorted(found, key=lambda it: (-it.z, it.product_id))

    def parts(self, ledgers: Iterable[Ratings], window: int) -> dict[str, tuple[Stars, Stars]]:
        """Each product's ratings of the recent windows, and of the long run before them.

        Plain lists, for it may be 64 partitions of 500 products: 0.1 s a window.
        """
        begin, end = 2 * (window - self.recent_windows + 1), 2 * (window + 1)
        sums: dict[str, list[int]] = {}
        for ledger in ledgers:
            for product_id, cell in ledger.products.cells.items():
                it = sums.get(product_id)
                if it is None:
                    it = sums[product_id] = [0] * 6
                it[3] += cell[_BASE]
                it[4] += cell[_BASE + 1]
                it[5] += cell[_BASE + 2]
                for i in range(_WINDOWS, len(cell), _FIELDS):
                    key = cell[i]
                    if key >= end:
                        continue
                    # An odd one is of what came too late for its window.
                    to = 3 if key < begin or key % 2 else 0
                    it[to] += cell[i + 1]
                    it[to + 1] += cell[i + 2]
                    it[to + 2] += cell[i + 3]
        return {name: (Stars(*it[:3]), Stars(*it[3:])) for name, it in sums.items()}


def _add_up(cell: list[int], key: int | None) -> None:
    """Add the windows before a key to the long run; None: all of them."""
    kept: list[int] = []
    for i in range(_WINDOWS, len(cell), _FIELDS):
        if key is None or cell[i] < key:
            for it in range(3):
                cell[_BASE + it] += cell[i + 1 + it]
        else:
            kept += cell[i : i + _FIELDS]
    cell[_WINDOWS:] = kept
