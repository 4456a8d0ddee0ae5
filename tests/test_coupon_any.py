"""Coupons in any history: one open at a time, and no more redeemed than was sent, or returned than that."""

from collections import Counter
from random import Random
from typing import Any

import msgspec
from coupons import Bell
from msgspec import Struct
from msgspec.structs import replace
from partition import Partition, cut, journal

from agents.abandoned_cart import AbandonedCart
from agents.agent import Agent
from agents.gate.gate import Gate
from agents.gate.holdout import Holdout
from agents.gate.quiet_hours import QuietHours
from agents.win_back_coupon import WinBackCoupon
from schemas.clickstream import PageViewed, ProductAdded
from schemas.decisions import Decision
from schemas.event import Event
from schemas.instant import HOUR
from schemas.journal import Record, Tick
from schemas.orders import Item, OrderCancelled, OrderPlaced, OrderRefunded
from schemas.profiles import ConsentChanged
from streams.simulated.story import moment

BEGIN = moment("2026-01-20 15:00")
#: Half a day for what would take weeks: the wait, the reminder, the end, and until when it returns.
COUPON = WinBackCoupon(
    after="bell", after_days=0.125, valid_days=1.5, reminder_days=0.5, return_days=2,
    pause_hours=40, budget_cents={"EUR": 600}, budget_days=2,
)  # fmt: skip
GATES = (
    Gate(assume_consent=("marketing",), holdout=Holdout(share=0.4, over_all=0, key="b")),
    Gate(
        assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), at_once="defer",
        defer_hours=2, quiet_hours=QuietHours(begin="21:00", end="05:00", time_zone="UTC"),
    ),
    Gate(assume_consent=("marketing",), holdout=Holdout(share=0, over_all=0), at_once="merge"),
)  # fmt: skip


class Step(Struct, frozen=True):
    """What happens next: after so many half hours, by so many late, with the nth of what is known."""

    what: str
    who: str
    half_hours: int
    late: int
    nth: int


WHATS = {
    "alert": 5, "tick": 5, "redeem": 4, "order": 2, "cancel": 2, "refund": 2, "part": 3, "cart": 3,
    "consent": 1,
}  # fmt: skip


def steps_of(rng: Random, count: int) -> list[Step]:
    """Any steps, but time goes on often enough for what is waited for."""
    return [
        Step(
            rng.choices([*WHATS], [*WHATS.values()])[0],
            rng.choice(["ann", "ann", "bob"]),
            rng.choice([0, 0, 0, 1, 2, 6, 7, 7, 12, 24, 48]),
            rng.choice([0, 0, 0, 0, 1, 9]),
            rng.choice([0, 0, 1, 2, 7]),
        )
        for _ in range(count)
    ]


class Shop:
    """Runs steps one by one, because a code can be used only when it is known; notes the log."""

    def __init__(self, *agents: Agent, gate: Gate) -> None:
        self.partition = Partition(*agents, gate=gate)
        self.log: list[Record] = []
        self.said: list[Decision] = []
        self.codes: list[str] = []
        self.orders: list[str] = []
        self.redeeming: list[str] = []
        self.at = BEGIN

    def take(self, step: Step) -> None:
        """Let the clock go on, and then what the step says happen."""
        for _ in range(step.half_hours):
            self.at += HOUR // 2
            self._feed(Tick(self.at))
        if step.what == "tick":
            self._feed(Tick(self.at + 1))
            self.at += 1
        else:
            self._feed(self._event(step))

    def _event(self, step: Step) -> Event:
        number = len(self.log)
        common: dict[str, Any] = {
            "event_id": f"e{number}", "customer_id": step.who,
            "occurred_at": self.at - step.late * HOUR // 2,
        }  # fmt: skip
        # Mostly one of those that named a code.
        orders = self.redeeming if self.redeeming and step.nth % 2 == 0 else self.orders
        order_id = orders[-1 - step.nth % len(orders)] if orders else "none"
        others: dict[str, tuple[type[Event], dict[str, Any]]] = {
            "alert": (PageViewed, {}),
            "cart": (ProductAdded, {"product_id": "tea", "price_cents": 500}),
            "cancel": (OrderCancelled, {"order_id": order_id}),
            "refund": (OrderRefunded, {"order_id": order_id}),
            "part": (OrderRefunded, {"order_id": order_id, "refund_cents": 2_000}),
            "consent": (ConsentChanged, {"purpose": "marketing", "granted": step.nth % 3 > 0}),
        }
        if step.what in others:
            kind, more = others[step.what]
            return kind(**more, **common)
        self.orders.append(f"o{number}")
        if step.what == "redeem":
            self.redeeming.append(f"o{number}")
        used = (self.codes[-1 - step.nth % len(self.codes)],) if self.codes else ()
        return OrderPlaced(
            order_id=f"o{number}", products=(Item("tea", price_cents=3_000 + step.nth),),
            currency="EUR", coupons=used if step.what == "redeem" else (), **common,
        )  # fmt: skip

    def _feed(self, fact: Event | Tick) -> None:
        records = journal([fact], begin=len(self.log))
        self.log += records
        for decision in self.partition.feed(records):
            self.said.append(decision)
            for payload in (decision.payload, *(it.payload for it in decision.merged)):
                code = str(msgspec.json.decode(payload).get("code", ""))
                if code and code not in self.codes:
                    self.codes.append(code)


def check_the_books(shop: Shop, *, reopens: bool) -> None:
    """Follow every coupon by what was said of it alone."""
    state: dict[str, str] = {}
    given: dict[str, dict[str, Any]] = {}
    sums: Counter[str] = Counter()
    for it in shop.said:
        payload: dict[str, Any] = msgspec.json.decode(it.payload)
        code, cents = str(payload.get("code", "")), int(payload.get("value_cents", 0))
        if it.kind == "win_back_coupon" and it.outcome in ("sent", "merged"):
            theirs = [c for c, one in given.items() if one["who"] == it.customer_id]
            still_open = [
                c for c in theirs
                if state[c] == "open" and given[c]["expires_at"] > it.decided_at
            ]  # fmt: skip
            assert still_open == [], "two are open"
            assert code not in given, "a code comes twice"
            given[code] = {"who": it.customer_id, "expires_at": it.expires_at}
            state[code] = "open"
            sums["handed_out"] += cents
        elif it.kind == "coupon_expiring" and it.outcome in ("sent", "merged"):
            assert state[code] == "open", "a reminder of what is not open"
            assert it.decided_at < given[code]["expires_at"]
        elif it.reason in ("redeemed", "redeemed_after_expiry"):
            assert given[code]["who"] == it.customer_id, "redeemed by somebody else"
            assert state[code] in ("open", "expired"), "redeemed twice, or never sent"
            state[code] = "redeemed"
            sums["redeemed"] += cents
        elif it.reason == "redemption_returned":
            assert state[code] == "redeemed", "returned twice, or never redeemed"
            assert reopens or not payload["reopened"]
            state[code] = "open" if payload["reopened"] else "returned"
            sums["returned"] += cents
        elif it.reason == "expired_unused":
            assert state[code] == "open", "ended twice"
            state[code] = "expired"
        elif it.reason == "coupon_still_open":
            assert state[code] == "open"
    assert sums["returned"] <= sums["redeemed"]
    assert sums["redeemed"] - (sums["returned"] if reopens else 0) <= sums["handed_out"]
    assert counted(shop) == +sums


def counted(shop: Shop) -> Counter[str]:
    """The money in the counters of the store."""
    counters: dict[str, int] = shop.partition.state()["counters"]
    found = {it.split("/")[2]: by for it, by in counters.items() if it.startswith("money/win_back")}
    return Counter(found)


def run(seed: int) -> Shop:
    """One history, checked, with all that came of it."""
    rng = Random(seed)
    gate, reopens = rng.choice(GATES), rng.random() < 0.5
    agents = (
        Bell(),
        AbandonedCart(after_minutes=180, pause_hours=0, priority=1),
        replace(COUPON, reopens=reopens),
    )
    shop = Shop(*agents, gate=gate)
    first = [Step("order", who, 0, 0, 0) for who in ("ann", "bob")]
    for step in first + steps_of(rng, 60):
        shop.take(step)

    check_the_books(shop, reopens=reopens)
    other = Partition(*agents, gate=gate)
    for batch in cut(shop.log, [rng.randint(1, 9) for _ in range(100)]):
        other.feed(batch)
    assert state_of(other) == state_of(shop.partition)
    return shop


def test_in_any_history_the_books_are_right_and_batches_make_no_difference() -> None:
    happened: Counter[str] = Counter()
    for seed in range(100):
        try:
            shop = run(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        happened.update(f"{it.kind} {it.outcome}" for it in shop.said)
        happened.update(it.reason for it in shop.said)

    # Else it would prove nothing.
    for what in (
        "win_back_coupon sent", "win_back_coupon merged", "win_back_coupon held_out",
        "win_back_coupon deferred", "coupon_expiring sent", "coupon_expiring deferred", "redeemed",
        "redeemed_after_expiry", "redemption_returned", "expired_unused", "coupon_still_open",
        "reason_gone", "over_budget", "paused", "no_consent",
    ):  # fmt: skip
        assert happened[what] > 0, what


def state_of(partition: Partition) -> dict[str, Any]:
    """All that is committed; what was counted and taken back in one batch was never counted."""
    state = partition.state()
    return state | {"counters": {it: by for it, by in state["counters"].items() if by}}
