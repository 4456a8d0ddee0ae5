"""Where in their life with the shop is a customer? From visitor to won back, by one table.

The table ``NEXT`` is the law: a stage changes by what happened, and by nothing that the table does
not name. What can happen:

    interest    an event that only somebody interested gives: any under a customer_id, which a shop
                gives with an account; a profile or a consent; a product in the cart or on the wish
                list, a checkout, a stock alert; a view, once the visit has ``lead_views`` of them
                or is the ``lead_visits``-th
    order       an order
    purchase    the same, 20 hours or more after the first order, or after the one that won the
                customer back (who forgot the milk buys once: ``ONE_PURCHASE``)
    alert       a trigger of the kind ``alert`` was sent, and no order came before the next tick
    quiet       ``at_risk_days`` after the newest order there was no other
    long_quiet  ``lapsed_days`` after the newest order there was no other

Silence is one of orders: who looks around and buys nothing has not come back. A late order that is
older than the newest can make that one a second purchase, and changes nothing else. Silence that an
order ends before a tick could tell of it was silence all the same: its stages are noted with the
order, so a stage depends on what happened and not on when ticks come. An order that goes back was
an order. Where the row is older than the agent, the stage begins at what the row shows, unsaid.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import (
    Act,
    Agent,
    CancelTimer,
    Decided,
    Learn,
    Note,
    Remember,
    Say,
    SetTimer,
    Timer,
    View,
)
from schemas.clickstream import (
    CheckoutStarted,
    PageViewed,
    ProductAdded,
    ProductViewed,
    ProductWishlisted,
    StockAlertRequested,
)
from schemas.decisions import Evidence, Scalar
from schemas.event import ANONYMOUS, Name
from schemas.instant import DAY, to_text_if_ever
from schemas.orders import OrderPlaced
from schemas.profiles import ConsentChanged, ProfileUpdated, Purpose
from state.fold_orders import ONE_PURCHASE

Stage = Literal["visitor", "lead", "new", "active", "at_risk", "lapsed", "won_back"]
Days = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]

#: All that can happen to a stage, by (stage, what happens): the next stage, and the reason given.
NEXT: dict[tuple[str, str], tuple[Stage, str]] = {
    ("visitor", "interest"): ("lead", "showed_interest"),
    ("visitor", "order"): ("new", "first_order"),
    ("lead", "order"): ("new", "first_order"),
    ("new", "purchase"): ("active", "second_purchase"),
    ("new", "alert"): ("at_risk", "alerted"),
    ("new", "quiet"): ("at_risk", "grew_quiet"),
    ("active", "alert"): ("at_risk", "alerted"),
    ("active", "quiet"): ("at_risk", "grew_quiet"),
    ("at_risk", "order"): ("active", "back_in_time"),
    ("at_risk", "purchase"): ("active", "back_in_time"),
    ("at_risk", "long_quiet"): ("lapsed", "stayed_away"),
    ("lapsed", "order"): ("won_back", "came_back"),
    ("lapsed", "purchase"): ("won_back", "came_back"),
    ("won_back", "purchase"): ("active", "stays_back"),
    ("won_back", "alert"): ("at_risk", "alerted"),
    ("won_back", "quiet"): ("at_risk", "grew_quiet"),
}
#: The stages in which an order is waited for, and what happens if none comes.
_WAITS = {it: how for it, how in NEXT if how in {"quiet", "long_quiet"}}
_SILENCES = {"alert", "quiet", "long_quiet"}
#: The settings behind what happens.
_LIMITS = {
    "interest": ("lead_views", "lead_visits"), "quiet": ("at_risk_days",),
    "long_quiet": ("lapsed_days",),
}  # fmt: skip
#: What an order is, by whether it is another purchase.
_ORDERS = ("order", "purchase")
_ALERT = "alert"

Interest = (
    ProductAdded | ProductWishlisted | StockAlertRequested | CheckoutStarted | ProfileUpdated
    | ConsentChanged
)  # fmt: skip


class LifecyclePayload(Struct, frozen=True):
    """From which stage to which."""

    from_stage: Stage
    to_stage: Stage
    orders: int
    last_order_at: str | None


class Lived(Struct, array_like=True, gc=False, frozen=True):
    """When the newest order was, and the one that won them back; an alert without an answer."""

    ordered_at: int = 0
    won_back_at: int = 0
    alert_id: str = ""


class Lifecycle(Agent, frozen=True):
    """lead_views, lead_visits: from when on looking around is interest. alert: a kind of trigger.

    at_risk_days, lapsed_days: so long after the last order. See the file's docstring.
    """

    listens: ClassVar = (
        PageViewed, ProductViewed, ProductAdded, ProductWishlisted, StockAlertRequested,
        CheckoutStarted, ProfileUpdated, ConsentChanged, OrderPlaced, Decided,
    )  # fmt: skip
    remembers: ClassVar = Lived
    says: ClassVar = {"lifecycle_changed": LifecyclePayload}
    learns: ClassVar = {"stage": Stage}

    purpose: Purpose | Literal["internal"] = "internal"
    pause_hours: float = 0.0
    lead_views: Count = 5
    lead_visits: Count = 3
    at_risk_days: Days = 60.0
    lapsed_days: Days = 180.0
    alert: Name = "churn_alert"

    def __post_init__(self) -> None:
        if self.lapsed_days <= self.at_risk_days:
            raise ValueError(
                f"lapsed_days is {self.lapsed_days:g}, and that is not more than at_risk_days,"
                f" which is {self.at_risk_days:g}"
            )

    def on_event(
        self, event: PageViewed | ProductViewed | Interest | OrderPlaced | Decided, customer: View
    ) -> Iterable[Act]:
        """Nearly all events are views of somebody whose stage they do not change."""
        stage, kind = customer.trait("stage"), type(event)
        if kind is OrderPlaced:
            return self._ordered(event, stage, customer)  # type: ignore[arg-type]
        if kind is Decided:
            return self._alerted(event, stage, customer)  # type: ignore[arg-type]
        if stage in _WAITS:
            # Imported history sets no timers for the past: what it left open is made up for here.
            return () if self.name in customer.row.timers else self._made_up(stage, customer)
        if stage in {"lead", "lapsed"}:
            return ()
        return self._seen(event, stage, customer)  # type: ignore[arg-type]

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """No order came: neither on an alert nor for so many days."""
        stage, lived = customer.trait("stage"), customer.recall(Lived)
        if timer.name == _ALERT:
            yield Remember(replace(lived, alert_id=""))
            happening, cause = "alert", lived.alert_id
        else:
            happening, cause = _WAITS.get(stage, ""), ""
        if (stage, happening) in NEXT:
            yield from self._step(stage, happening, customer, cause)
            yield from self._wait(NEXT[stage, happening][0], lived.ordered_at)

    def _seen(
        self, event: PageViewed | ProductViewed | Interest, stage: str, customer: View
    ) -> Iterable[Act]:
        if not stage and customer.row.order_count:
            return self._begun(customer)
        if shown := self._shown(event, customer):
            return self._step("visitor", "interest", customer, event.event_id, interest=shown)
        return () if stage else (Learn("stage", "visitor"),)

    def _shown(self, event: PageViewed | ProductViewed | Interest, customer: View) -> str:
        """By what somebody shows interest; empty where they do not."""
        if not customer.id.startswith(ANONYMOUS):
            return "customer_id"
        if isinstance(event, PageViewed | ProductViewed):
            session = customer.row.session
            if session.views < self.lead_views and session.count < self.lead_visits:
                return ""
            return "views"
        if isinstance(event, ConsentChanged) and not event.granted:
            return ""
        return str(event.__struct_config__.tag)

    def _ordered(self, order: OrderPlaced, stage: str, customer: View) -> Iterable[Act]:
        row, lived, at = customer.row, customer.recall(Lived), order.occurred_at
        if not stage and row.order_count > 1:
            yield from self._begun(customer)
            return
        is_newest = at >= lived.ordered_at
        if not is_newest and stage != "new":
            return
        found = stage or "visitor"
        if is_newest and lived.ordered_at:
            for happening in self._overdue(found, at - lived.ordered_at):
                yield _note(found, happening, customer)
                found = NEXT[found, happening][0]
        begun_at = lived.won_back_at if found == "won_back" else row.first_order_at
        is_another = bool(lived.ordered_at) and row.last_order_at - begun_at >= ONE_PURCHASE
        happening = _ORDERS[is_another]
        to, _ = NEXT.get((found, happening), ("", ""))
        if to:
            yield from self._step(found, happening, customer, order.event_id)
        if is_newest:
            won_back_at = at if to == "won_back" else 0 if to else lived.won_back_at
            yield Remember(Lived(at, won_back_at))
            yield CancelTimer(_ALERT)
            yield from self._wait(to or found, at)

    def _alerted(self, sent: Decided, stage: str, customer: View) -> Iterable[Act]:
        """Wait for the tick after this one: nothing is said in answer to what was said."""
        if sent.kind == self.alert and (stage, "alert") in NEXT:
            yield Remember(replace(customer.recall(Lived), alert_id=sent.id))
            yield SetTimer(sent.decided_at + 1, _ALERT)

    def _begun(self, customer: View) -> Iterable[Act]:
        """Begin with a row that is older than the agent."""
        row = customer.row
        stage: Stage = "new"
        if row.last_order_at - row.first_order_at >= ONE_PURCHASE:
            stage = "active"
        yield Learn("stage", stage)
        yield Remember(Lived(row.last_order_at))
        yield from self._wait(stage, row.last_order_at)

    def _made_up(self, stage: str, customer: View) -> Iterable[Act]:
        """Note what silence had done by now, and wait for the rest."""
        ordered_at = customer.recall(Lived).ordered_at
        for happening in self._overdue(stage, customer.at - ordered_at):
            yield _note(stage, happening, customer)
            stage = NEXT[stage, happening][0]
        yield Learn("stage", stage)
        yield from self._wait(stage, ordered_at)

    def _overdue(self, stage: str, silence: int) -> Iterable[str]:
        """What so long a silence does to a stage, step by step."""
        while (happening := _WAITS.get(stage)) and silence >= self._limit(happening):
            yield happening
            stage = NEXT[stage, happening][0]

    def _limit(self, happening: str) -> int:
        return round((self.at_risk_days if happening == "quiet" else self.lapsed_days) * DAY)

    def _wait(self, stage: str, ordered_at: int) -> Iterable[Act]:
        """Be woken when silence changes this stage."""
        if happening := _WAITS.get(stage):
            yield SetTimer(ordered_at + self._limit(happening))

    def _step(
        self, stage: str, happening: str, customer: View, event_id: str, interest: str = ""
    ) -> Iterable[Act]:
        """Change the stage, and say so."""
        to, reason = NEXT[stage, happening]
        yield Learn("stage", to)
        yield Say(
            kind="lifecycle_changed",
            reason=reason,
            payload=_payload(stage, to, customer),
            evidence=Evidence(
                events=(event_id,) if event_id else (),
                values={"interest": interest} if interest else _evidence(happening, customer),
                thresholds=self._thresholds(happening),
            ),
        )

    def _thresholds(self, happening: str) -> dict[str, Scalar]:
        return {it: getattr(self, it) for it in _LIMITS.get(happening, ())}


def _note(stage: str, happening: str, customer: View) -> Note:
    """Put a stage on record that is over by now, or that nobody heard of in time."""
    to, reason = NEXT[stage, happening]
    return Note(
        kind="lifecycle_changed",
        reason=reason,
        payload=_payload(stage, to, customer),
        evidence=Evidence(values=_evidence(happening, customer)),
    )


def _payload(stage: str, to: Stage, customer: View) -> LifecyclePayload:
    last_order_at, orders = to_text_if_ever(customer.row.last_order_at), customer.row.order_count
    return LifecyclePayload(stage, to, orders, last_order_at)  # type: ignore[arg-type]


def _evidence(happening: str, customer: View) -> dict[str, Scalar | list[Scalar]]:
    if happening not in _SILENCES:
        return {}
    return {"quiet_days": round((customer.at - customer.recall(Lived).ordered_at) / DAY, 2)}
