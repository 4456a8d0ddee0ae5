"""Which category is on the rise? Views and orders in a window, against the windows before it.

It keeps a ledger of its partition: see ``agents/ops/lookout.py``. A category rises against itself
and against the rest of the shop: what doubles because everything doubles does not. It must lie
above every single one of the windows before too, so what peaks each Friday is no news on a Friday.
It is said when the rise begins, and not again while it goes on window after window.
"""

from collections.abc import Iterable, Sequence
from math import inf, sqrt
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agents.agent import Act, Enter, View
from agents.ops.tally import Pooled, Seen, SeenAll, Tally, Tallying
from schemas.clickstream import ProductViewed
from schemas.decisions import Evidence
from schemas.ops import Alert
from schemas.orders import OrderPlaced


class TrendPayload(Struct, frozen=True):
    """interest: views, and orders times their weight. expected: as the windows before had it."""

    category: str
    interest: int
    expected: float
    ratio: float


class Rise(Struct, frozen=True):
    """A category that is above what was to be expected, and by how many standard deviations."""

    category: str
    interest: int
    expected: float
    z: float

    @property
    def ratio(self) -> float:
        """How many times the expected it is; of what is new, how many times one."""
        return self.interest / max(self.expected, 1.0)


class Trend(Tallying, frozen=True):
    """order_weight: how many views an order is worth. baseline_windows: so many are compared with.

    interest_min, ratio_min, z_min: how much, how many times the expected, and how many standard
    deviations above it there must be. names_max: categories kept of a window and partition.
    """

    listens: ClassVar = (ProductViewed, OrderPlaced)
    keeps: ClassVar = Tally
    alert: ClassVar = "trend"
    tells: ClassVar = TrendPayload

    order_weight: Annotated[int, Meta(ge=0, le=1_000)] = 5
    baseline_windows: Annotated[int, Meta(ge=1, le=28)] = 7
    interest_min: Annotated[int, Meta(ge=1)] = 50
    ratio_min: Annotated[float, Meta(ge=1)] = 2.0
    z_min: Annotated[float, Meta(ge=0)] = 5.0

    @property
    def looks_back(self) -> int:
        """The windows compared with, and one more: was it on the rise in the window before?"""
        return self.baseline_windows + 1

    def on_event(self, event: ProductViewed | OrderPlaced, customer: View) -> Iterable[Act] | Enter:
        """Enter a view of a product whose category is known, or an order's categories."""
        at, clock_at = event.occurred_at, customer.shop.clock_at
        # By its type, and views first: isinstance takes 0.1 µs where it is none.
        if type(event) is ProductViewed:
            if not event.category:
                return ()
            return Enter(Seen(self, event.category, at, clock_at))
        items = event.products  # type: ignore[union-attr]
        names = list(dict.fromkeys(it.category for it in items if it.category))
        return Enter(SeenAll(self, names, at, clock_at, self.order_weight)) if names else ()

    def conclude(self, ledgers: Sequence[Tally], window: int) -> list[Alert]:
        """Categories whose rise has begun with this window, the steepest first."""
        begun = min((it.first for it in self.usable(ledgers) if it.first >= 0), default=window)
        oldest = window - self.looks_back
        windows = [self.pooled(ledgers, it) for it in range(oldest, window + 1)]
        # The first window may have been counted from its middle on.
        before = self._rising(windows[:-1]) if begun < oldest else []
        rises = self._rising(windows[1:]) if begun < oldest + 1 else []
        known = {it.category for it in before}
        return [
            self._alert(it, window)
            for it in [rise for rise in rises if rise.category not in known][: self.alerts_max]
        ]

    def _alert(self, rise: Rise, window: int) -> Alert:
        ratio = round(rise.ratio, 2)
        return self.alert_of(
            rise.category,
            window,
            reason="category_rises",
            payload=TrendPayload(rise.category, rise.interest, round(rise.expected, 1), ratio),
            evidence=Evidence(
                values={"interest": rise.interest, "ratio": ratio, "z": round(rise.z, 1)},
                thresholds={
                    "interest_min": self.interest_min,
                    "ratio_min": self.ratio_min,
                    "z_min": self.z_min,
                },
            ),
        )

    def _rising(self, windows: Sequence[Pooled]) -> list[Rise]:
        """All that is on the rise in the last of these windows, the steepest first.

        The least that a category may have now is held against the most that it may have had.
        """
        *earlier, now = windows
        if not any(it.total for it in earlier):
            return []
        found = []
        for category, (interest, _) in now.bounds.items():
            had = [it.most(category) for it in earlier]
            rest = now.total - interest
            others = [it.total - it.least(category) for it in earlier]
            # As the rest of the shop has grown since; where it has shrunk, as it was.
            scale = max(rest / (sum(others) or inf), 1 / len(earlier))
            expected = sum(had) * scale
            highest = max(
                most * max(rest / (other or inf), 1.0)
                for most, other in zip(had, others, strict=True)
            )
            # Both are counts: Poisson's variances, that of the base scaled as the base is.
            z = (interest - expected) / sqrt(max(expected, 1.0) * (1 + scale))
            rise = Rise(category, interest, expected, z)
            enough = interest >= self.interest_min and rise.ratio >= self.ratio_min
            if enough and z >= self.z_min and interest > highest:
                found.append(rise)
        return sorted(found, key=lambda it: (-it.z, it.category))
