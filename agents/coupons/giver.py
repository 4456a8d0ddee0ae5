"""What do agents that give coupons answer with? The settings and the acts that they have in common.

The law: what becomes of a coupon is decided in ``coupon.py``; here it becomes timers, memory and
notes. A memory that holds nothing is forgotten.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from agents.agent import Act, Agent, Decided, Note, Remember, SetTimer, Timer, View
from agents.coupons.coupon import Coupon, CouponPayload, Coupons, code_of
from schemas.decisions import decision_id
from schemas.orders import OrderCancelled, OrderRefunded

#: The timer for a coupon's end.
EXPIRY = "expiry"


class CouponGiver(Agent, frozen=True):
    """valid_days: how long a coupon stands.

    return_days: how long after it the return of an order is waited for. reopens: whether a coupon
    is good again after that. code_key: the secret of the keyed hash; comes from the environment,
    not from the file.
    """

    valid_days: Annotated[float, Meta(gt=0)] = 28.0
    return_days: Annotated[float, Meta(ge=0)] = 30.0
    reopens: bool = False
    code_key: str = "development"

    def issued(self, kind: str, timer: Timer, customer: View) -> str:
        """The code of a coupon that a timer gives out: the same in every replay."""
        cause = f"{self.timer_key(timer.name)}@{timer.due_at}"
        return code_of(self.code_key, decision_id(self.name, kind, customer.id, cause))

    def returned(self, coupons: Coupons, event: OrderCancelled | OrderRefunded) -> Iterable[Act]:
        """An order went back, and perhaps its coupon; what is good again has an end again."""
        after, note = coupons.returned(event, reopens=self.reopens)
        yield from kept(after, note)
        if note and after.given and after.given is not coupons.given:
            yield SetTimer(after.given.expires_at, EXPIRY)


def given(coupons: Coupons, said: CouponPayload, end: int, sent: Decided) -> Iterable[Act]:
    """A coupon has left: it is the customer's from now on, and its end is waited for."""
    coupon = Coupon(said.code, said.value_cents, end, said.currency, sent.decided_at)
    yield Remember(replace(coupons, given=coupon))
    yield SetTimer(end, EXPIRY)


def kept(coupons: Coupons, note: Note | None) -> Iterable[Act]:
    """What is remembered from now on, and what of it is put on record."""
    yield Remember(None if coupons == type(coupons)() else coupons)
    if note:
        yield note
