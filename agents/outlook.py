"""What is a customer worth, and when do they come next? The outlook, learned from the stream.

The chance that they are still a customer, the purchases and the spend to be expected in the next
``horizon_days``, and the day of their next order with an interval: from a buy-till-you-die model
(``state/btyd.py``) that is fitted each week to a sample of the shop's customers. Until there are
enough, the shop's usual gap has to do (``outlook_model.first_guess``).

The agent says nothing. It keeps the outlook in its memory of the customer, anew at each order and
return, and in silence at growing distances; and it learns two traits for others to read:

    expected_spend_cents   for agents: what the customer is expected to spend in the horizon
    value                  for audiences: by that, ``high`` is the best fifth of the shop, and
                           ``low`` the lower half

Orders within 20 hours are one purchase, as in the row's rhythm. Spend is what is paid and kept.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal
from zlib import crc32

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Enter, Learn, Remember, SetTimer, Timer, View
from agents.lifetime.fit import fitted
from agents.lifetime.model import Shoppers, first_guess
from schemas.instant import DAY, HOUR, SECOND
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import Purpose
from state.btyd import Future
from state.census import Census, Counted, Left, key_of
from state.customer import Customer
from state.fold_orders import ONE_PURCHASE
from state.shop import Rhythm

#: In what share of cases they come before the interval, before its middle, and before its end.
SHARES = (0.1, 0.5, 0.9)
#: Silence is looked at again when it has grown by so much of itself.
_AGAIN = 0.25
_GAPS_TO_TRUST = 30


class Seen(Struct, array_like=True, gc=False):
    """What is remembered of a customer, and what was expected of them.

    repeats: purchases after the first one. last_s: the last order, in seconds since 1970.
    first_cents: what the first order was worth. seen_hour: when this was worked out, since 1970.
    alive: the chance that they are a customer still, in thousandths. orders: expected in
    ``horizon_days``, in hundredths; spend_cents: what they will pay. next_days: if they come in
    that time, after how many days: one in ten times before the first, and after the last of the
    three. model: by which it was worked out; empty: by the first guess.
    """

    repeats: int = -1
    last_s: int = 0
    first_cents: int = 0
    seen_hour: int = 0
    alive: int = 0
    orders: int = 0
    spend_cents: int = 0
    next_days: tuple[int, ...] = ()
    horizon_days: int = 0
    model: str = ""


class Outlook(Agent, frozen=True):
    """horizon_days: how far it looks. refresh_days: how old it gets in silence, at first.

    sample_max: so many customers of a partition are learned from. kept_days: silence after which
    they are no more. fit_days: how often the model is fitted; no first guess gets older than that,
    for then there may be one. default_gap_days: the shop's usual
    gap, until it has shown enough of its own.
    """

    listens: ClassVar = (OrderPlaced, OrderCancelled, OrderRefunded)
    remembers: ClassVar = Seen
    learns: ClassVar = {
        "expected_spend_cents": Annotated[str, Meta(pattern=r"^[0-9]+$")],
        "value": Literal["low", "medium", "high"],
    }
    keeps: ClassVar = Census
    # So that the end of a row after silence takes its customer out of the sample, too.
    keeps_at_ticks: ClassVar = True
    model: ClassVar[type[Struct] | None] = Shoppers

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    horizon_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
    refresh_days: Annotated[float, Meta(gt=0)] = 28.0
    sample_max: Annotated[int, Meta(ge=100, le=4_000)] = 1_000
    kept_days: Annotated[int, Meta(ge=30)] = 1_095
    fit_days: Annotated[float, Meta(gt=0)] = 7.0
    default_gap_days: Annotated[float, Meta(gt=0)] = 30.0

    def on_event(
        self, event: OrderPlaced | OrderCancelled | OrderRefunded, customer: View
    ) -> Iterable[Act]:
        """Look again: there is one purchase more, or it was worth less."""
        row, seen = customer.row, customer.recall(Seen)
        is_new = seen.repeats < 0
        if not row.order_count:
            return
        if isinstance(event, OrderPlaced):
            seen = _with_order(seen, event, row)
        elif is_new:
            return
        yield Enter(self._counted(customer.id, seen, row, is_new))
        yield from self._looked(seen, customer)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Time has passed, and they have not come."""
        seen = customer.recall(Seen)
        return self._looked(seen, customer) if seen.repeats >= 0 else ()

    def on_end(self, customer: View) -> Iterable[Enter]:
        """Nothing of them is learned from any more."""
        if customer.row.order_count:
            yield Enter(Left(key_of(customer.id)))

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Shoppers | None:
        """The shop's buyers by the samples of all partitions, each week."""
        known = before if isinstance(before, Shoppers) else None
        # A shop that has just begun is learned anew whenever it has twice as many customers.
        is_larger = known is None or sum(map(len, ledgers)) >= 2 * known.customers
        # Values are cut by what is spent in the horizon: of another one they would be wrong.
        is_other = known is not None and known.horizon_days != self.horizon_days
        is_due = known is None or at - known.fitted_at >= round(self.fit_days * DAY)
        if not (is_larger or is_other or is_due):
            return None
        return fitted((it for ledger in ledgers for it in ledger), known, at, self.horizon_days)

    def shoppers(self, customer: View) -> tuple[str, Shoppers]:
        """The model in effect and its version; the first guess where there is none."""
        known = customer.model(Shoppers)
        if known is not None:
            return known.version, known.model
        return "", self.guess(customer.shop.rhythm)

    def guess(self, rhythm: Rhythm) -> Shoppers:
        """What can be said before anything was fitted."""
        is_known = rhythm.count >= _GAPS_TO_TRUST
        return first_guess(round(rhythm.days / rhythm.count if is_known else self.default_gap_days))

    def _counted(self, customer_id: str, seen: Seen, row: Customer, is_new: bool) -> Counted:
        return Counted(
            key_of(customer_id), row.first_order_at // HOUR, row.last_order_at // HOUR,
            seen.repeats, _net_cents(row), seen.first_cents, self.sample_max, self.kept_days,
            is_new,
        )  # fmt: skip

    def _looked(self, seen: Seen, customer: View) -> Iterable[Act]:
        row = customer.row
        at = max(customer.at, customer.shop.clock_at, row.last_order_at)
        version, shoppers = self.shoppers(customer)
        ahead = future_of(shoppers, seen, row, at)
        orders = ahead.orders(self.horizon_days)
        spend_cents = round(orders * purchase_cents(shoppers, seen, row))
        next_days = ahead.comes_within(SHARES, self.horizon_days)
        yield Remember(
            Seen(
                seen.repeats, seen.last_s, seen.first_cents, at // HOUR, round(1_000 * ahead.alive),
                round(100 * orders), spend_cents, tuple(map(round, next_days)), self.horizon_days,
                version,
            )
        )  # fmt: skip
        silence = at - row.last_order_at
        wait = max(round(self.refresh_days * DAY), round(_AGAIN * silence))
        if not version:
            # The first guess stands in until a model is fitted, and no longer than that may take.
            # Not for all at one moment, who may have been imported together.
            spread = (1 + crc32(customer.id.encode()) / 2**32) / 2
            wait = min(wait, round(spread * self.fit_days * DAY))
        yield SetTimer(at + wait)
        yield Learn("expected_spend_cents", str(spend_cents))
        yield Learn("value", shoppers.value(spend_cents) or None)


def future_of(shoppers: Shoppers, seen: Seen, row: Customer, at: int) -> Future:
    """What is to be expected of a customer at a moment."""
    first = row.first_order_at
    last_days, age_days = (row.last_order_at - first) / DAY, max(0, at - first) / DAY
    return shoppers.future(seen.repeats, last_days, age_days, seen.first_cents)


def purchase_cents(shoppers: Shoppers, seen: Seen, row: Customer) -> float:
    """What a purchase of a customer is expected to be worth."""
    purchases = seen.repeats + 1
    return shoppers.spending.a_purchase(_net_cents(row) / purchases, purchases)


def _with_order(seen: Seen, event: OrderPlaced, row: Customer) -> Seen:
    at = event.occurred_at
    if seen.repeats < 0:
        # The agent was turned on when the customer had ordered before: each order was a purchase.
        first_cents = round(row.spent_cents / row.order_count)
        return Seen(row.order_count - 1, row.last_order_at // SECOND, first_cents)
    is_new = abs(at - seen.last_s * SECOND) >= ONE_PURCHASE
    last_s = max(seen.last_s, at // SECOND)
    return Seen(seen.repeats + is_new, last_s, seen.first_cents)


def _net_cents(row: Customer) -> int:
    return max(0, row.spent_cents - row.refunded_cents)
