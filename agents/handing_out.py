"""What do agents that give coupons answer with? The acts that they have in common.

The law: what becomes of a coupon is decided in ``coupon.py``; here it becomes timers, memory and
notes. A memory that holds nothing is forgotten.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from agents.agent import Act, Agent, Decided, Note, Remember, SetTimer, Timer, View
from agents.coupon import Coupon, CouponPayload, Coupons, code_of
from schemas.decisions import decision_id
from schemas.orders import OrderCancelled, OrderRefunded

#: The timer for a coupon's end.
EXPIRY = "expiry"


def issued(agent: Agent, kind: str, key: str, timer: Timer, customer: View) -> str:
    """The code of a coupon that a timer gives out: the same in every replay."""
    cause = f"{agent.timer_key(timer.name)}@{timer.due_at}"
    return code_of(key, decision_id(agent.name, kind, customer.id, cause))


def given(coupons: Coupons, said: CouponPayload, end: int, sent: Decided) -> Iterable[Act]:
    """A coupon has left: it is the customer's from now on, and its end is waited for."""
    coupon = Coupon(said.code, said.value_cents, end, said.currency, sent.decided_at)
    yield Remember(replace(coupons, given=coupon))
    yield SetTimer(end, EXPIRY)


def returned(
    coupons: Coupons, event: OrderCancelled | OrderRefunded, *, reopens: bool
) -> Iterable[Act]:
    """An order went back, and perhaps what it had redeemed; what is good again has an end again."""
    after, note = coupons.returned(event, reopens=reopens)
    yield from kept(after, note)
    if note and after.given and after.given is not coupons.given:
        yield SetTimer(after.given.expires_at, EXPIRY)


def kept(coupons: Coupons, note: Note | None) -> Iterable[Act]:
    """What is remembered from now on, and what of it is put on record."""
    yield Remember(None if coupons == type(coupons)() else coupons)
    if note:
        yield note
