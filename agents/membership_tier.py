"""Which tier does a customer have, until when, and what would keep it? By what was ordered in time.

The rules, for whoever wants to count again:

1.  **What counts.** With ``measure = "spend"`` the money of an order that has not gone back, in
    minor units, of all orders or of those in ``currency`` alone; with ``"points"``
    ``points_per_unit`` for each whole ``unit_cents`` of it. What goes back is taken off the month
    of the order, whenever it goes back; ``loyalty/kept_orders.py`` says of which orders, and
    ``refund_days`` for how long.
2.  **Months.** An order counts in the calendar month in which it was placed, in ``time_zone``.
3.  **Qualifying.** An order reaches the highest tier whose threshold is not more than what counts
    in its period, up to the end of its month: with ``period = "calendar_year"`` the year so far,
    with ``"rolling"`` the last ``window_months`` months, the order's own being the last of them.
4.  **How long.** What an order has reached is valid until the end of the next period: of the next
    calendar year, or of the ``window_months`` months after the order's own. At the midnight after
    that it is over.
5.  **The tier** at any moment is the highest one that is valid. So it rises at once, falls at the
    end of a period to what has been reached again meanwhile, and falls at once where so much
    goes back that it was not reached. A month all of whose orders went back reaches nothing.
6.  **At risk.** ``at_risk_days`` days before the midnight at which the tier would fall, once for
    each such midnight. Missing is what has to be ordered before it, at whatever moment.
7.  **Time** goes on with the customer's newest event and with ticks: what has ended by then ends
    before an event counts.

The tier that the customer has is the trait ``tier``; who has none does not have the trait.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import (
    Act,
    Learn,
    Note,
    Remember,
    Say,
    Timer,
    View,
)
from agents.calendar.months import midnight, month_of
from agents.loyalty import kept_orders, qualifying
from agents.loyalty.kept_orders import gone_back, ordered
from agents.loyalty.programme import Programme, waking
from agents.loyalty.qualifying import Qualified, Standing
from schemas.decisions import Evidence
from schemas.event import CENTS_MAX, Name
from schemas.instant import DAY, LATEST, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded

PERIOD, AT_RISK = "period", "at_risk"
TRAIT, UP, RISK = "tier", "tier_up", "tier_at_risk"

Tiers = Annotated[tuple[tuple[Name, int], ...], Meta(min_length=1, max_length=16)]


class TierUpPayload(Struct, frozen=True):
    """previous: empty for none. valid_until: unless it is reached again. next_tier: empty for none.

    next_missing: what the next one takes in the period at hand. measure, currency: of amounts.
    """

    tier: str
    previous: str
    valid_until: str
    next_tier: str
    next_missing: int
    measure: str
    currency: str


class TierAtRiskPayload(Struct, frozen=True):
    """falls_to: the tier from ``ends_at`` on, unless ``missing`` is ordered before; empty for none.

    measure, currency: of amounts.
    """

    tier: str
    falls_to: str
    missing: int
    ends_at: str
    measure: str
    currency: str


class TierDown(Struct, frozen=True):
    """tier: the one from now on, empty for none. previous: the one until now."""

    tier: str
    previous: str


class MembershipTier(Programme, frozen=True):
    """tiers: name and threshold, the lowest first. measure: of what; currency: of which orders.

    Units and points are for ``measure = "points"``. period, window_months: in what time.
    at_risk_days: how long before its end a tier is told to be at risk; 0: not at all.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Standing
    says: ClassVar = {UP: TierUpPayload, RISK: TierAtRiskPayload}
    learns: ClassVar = {TRAIT: Name}

    tiers: Tiers = (("silver", 30_000), ("gold", 100_000))
    measure: Literal["spend", "points"] = "spend"
    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?$", max_length=3)] = ""
    period: Literal["calendar_year", "rolling"] = "calendar_year"
    window_months: Annotated[int, Meta(ge=1, le=24)] = 12
    at_risk_days: Annotated[int, Meta(ge=0, le=1_000)] = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        qualifying.check_tiers(self.tiers)
        if self.currency and self.measure == "points":
            raise ValueError(
                f"currency is {self.currency!r} and measure is 'points', which has unit_cents_of"
                " for each currency"
            )

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """See what has ended, and then what the order or its return makes of the tier."""
        if event.customer_id is None:
            return  # A visitor is not a member.
        now, newest_at = self._now(customer), max(customer.at, customer.row.last_seen_at)
        before = customer.recall(Standing)
        ended, _ = self._judged(before, now)
        young = kept_orders.pruned(ended.orders, newest_at, self.refund_days)
        if isinstance(event, OrderPlaced):
            unit, month = self._unit(event.currency), month_of(event.occurred_at, self.time_zone)
            orders, change = ordered(young, event, month, unit, self._per_unit)
        else:
            orders, change = gone_back(young, event, self._per_unit)
        orders = kept_orders.pruned(orders, newest_at, self.refund_days)
        months = qualifying.counted(ended.months, change.month, change.gained - change.lost)
        after, it = self._judged(replace(ended, months=months, orders=orders), now)
        previous = before.tier
        has_ended = ended.tier != previous
        if has_ended and self._rank(previous) > self._rank(ended.tier) < self._rank(after.tier):
            # It had ended, as no tick has told yet, and then it rose.
            yield from self._moved(previous, ended, customer, ())
            previous = ended.tier
        yield from self._moved(previous, after, customer, (event.event_id,))
        yield from self._kept(before, after, it.ends, customer)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """See what has ended, and whether something will soon."""
        before = customer.recall(Standing)
        after, it = self._judged(before, self._now(customer))
        yield from self._moved(before.tier, after, customer, ())
        if self._told_at(after, it.ends) <= customer.at:
            after = replace(after, warned=it.ends)
            yield self._risk(after, it.ends, customer)
        yield from self._kept(before, after, it.ends, customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is so by then, if it is still a reason to speak."""
        now, said = self._now(customer), held.payload
        standing, it = self._judged(customer.recall(Standing), now)
        if isinstance(said, TierUpPayload):
            rises = self._rank(standing.tier) > self._rank(said.previous)
            events = held.evidence.events
            return self._up(said.previous, standing, customer, events) if rises else None
        is_so = standing.tier and standing.warned == it.ends
        return self._risk(standing, it.ends, customer) if is_so else None

    def _moved(
        self, previous: str, standing: Standing, customer: View, events: tuple[str, ...]
    ) -> Iterable[Act]:
        """Learn another tier, and say so or note it."""
        tier = standing.tier
        if tier == previous:
            return
        yield Learn(TRAIT, tier or None)
        if self._rank(tier) > self._rank(previous):
            yield self._up(previous, standing, customer, events)
        else:
            yield Note(
                reason="tier_down", payload=TierDown(tier, previous),
                evidence=Evidence(events=events),
            )  # fmt: skip

    def _kept(
        self, before: Standing, standing: Standing, ends: int, customer: View
    ) -> Iterable[Act]:
        """Remember it, and wait for the end of the tier and for the moment to tell of that."""
        if standing != before:
            yield Remember(None if standing == Standing() else standing)
        yield waking(PERIOD, midnight(ends, self.time_zone) if standing.tier else LATEST)
        # What is late for its moment is told at the next tick.
        told_at = max(self._told_at(standing, ends), customer.shop.clock_at + 1)
        yield waking(AT_RISK, told_at)

    def _judged(self, standing: Standing, now: int) -> tuple[Standing, Qualified]:
        """With the tier that is valid in a month."""
        it = self._qualified(standing, now)
        tier = self.tiers[it.rank - 1][0] if it.rank else ""
        months = qualifying.pruned(standing.months, now, self._window)
        warned = standing.warned if it.rank else 0
        return replace(standing, tier=tier, months=months, warned=warned), it

    def _qualified(self, standing: Standing, now: int) -> Qualified:
        return qualifying.qualified(standing.months, now, self._thresholds, self._window)

    def _told_at(self, standing: Standing, ends: int) -> int:
        """When to tell that the tier ends; LATEST for never, or where it was told."""
        if not self.at_risk_days or not standing.tier or standing.warned == ends:
            return LATEST
        return midnight(ends, self.time_zone, -self.at_risk_days)

    def _up(
        self, previous: str, standing: Standing, customer: View, events: tuple[str, ...]
    ) -> Say:
        now = self._now(customer)
        it = self._qualified(standing, now)
        so_far = qualifying.amount(standing.months, now, self._window)
        name, threshold = self.tiers[it.rank] if it.rank < len(self.tiers) else ("", so_far)
        return Say(
            kind=UP,
            reason="threshold_reached",
            payload=TierUpPayload(
                standing.tier, previous, to_text(midnight(it.ends, self.time_zone)), name,
                max(0, threshold - so_far), self.measure, self._currency(customer),
            ),
            evidence=Evidence(
                events=events,
                values={"counted": it.counted},
                thresholds={"threshold": self._thresholds[it.rank - 1]},
            ),
        )  # fmt: skip

    def _risk(self, standing: Standing, ends: int, customer: View) -> Say:
        threshold = self._thresholds[self._rank(standing.tier) - 1]
        lower = self._qualified(standing, ends).rank
        # What is ordered sooner counts in a period with all of these months and earlier ones.
        counted = qualifying.amount(standing.months, ends - 1, self._window)
        end = midnight(ends, self.time_zone)
        return Say(
            kind=RISK,
            reason="not_requalified",
            payload=TierAtRiskPayload(
                standing.tier, self.tiers[lower - 1][0] if lower else "",
                threshold - counted, to_text(end), self.measure, self._currency(customer),
            ),
            expires_at=end,
            evidence=Evidence(
                values={"counted": counted, "left_days": round((end - customer.at) / DAY, 2)},
                thresholds={"threshold": threshold, "at_risk_days": self.at_risk_days},
            ),
        )  # fmt: skip

    @property
    def _window(self) -> int:
        return self.window_months if self.period == "rolling" else 0

    @property
    def _thresholds(self) -> list[int]:
        return [threshold for _, threshold in self.tiers]

    def _rank(self, tier: str) -> int:
        """1 for the lowest one; 0 for none, or for one that has left the settings."""
        return next((rank for rank, it in enumerate(self.tiers, 1) if it[0] == tier), 0)

    def _now(self, customer: View) -> int:
        """The month that has come, by the newest event or tick."""
        newest = max(customer.at, customer.row.last_seen_at, customer.shop.clock_at)
        return month_of(newest, self.time_zone)

    def _unit(self, currency: str) -> int:
        """The money that counts for one unit; more than there can be, where an order does not."""
        if self.measure == "points":
            return self.unit_of(currency)
        return 1 if self.currency in ("", currency) else CENTS_MAX + 1

    @property
    def _per_unit(self) -> int:
        return self.points_per_unit if self.measure == "points" else 1

    def _currency(self, customer: View) -> str:
        return "" if self.measure == "points" else self.currency or customer.row.currency
