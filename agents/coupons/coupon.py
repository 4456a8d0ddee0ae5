"""What is a coupon, and what becomes of it? Open once it was sent; then redeemed, or expired.

The law: a coupon is there when its trigger has left, and not before. What the gate refuses, holds
back or holds out can be redeemed by nobody, and nobody is reminded of it. A customer has one coupon
of a campaign at a time; and what is redeemed comes back once at most, when its order does.

Any agent that gives coupons away keeps ``Coupons`` as its memory, or what adds fields to it, and
asks it what an event means; what it answers with then stands in ``coupons/giver.py``.
"""

import hmac
from base64 import b32encode
from collections.abc import Iterable
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from agents.agent import Note
from schemas.decisions import Evidence, Money
from schemas.instant import DAY, to_text
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded


class CouponPayload(Struct, frozen=True):
    """A code worth ``value_cents`` of ``currency`` off one order, until ``expires_at``."""

    code: str
    value_cents: int
    currency: str
    expires_at: str


class CouponRedeemed(Struct, frozen=True):
    """What redeemed the coupon, and for how much."""

    code: str
    order_id: str
    value_cents: int
    paid_cents: int
    currency: str


class CouponReturned(Struct, frozen=True):
    """The order that had redeemed it went back. reopened: whether the code is good once more."""

    code: str
    order_id: str
    value_cents: int
    currency: str
    reopened: bool


class Coupon(Struct, array_like=True, gc=False, frozen=True):
    """One that was sent. order_id: what has redeemed it; empty for nothing so far.

    left_cents: what of that order has not gone back. returns_until: how long it may go back.
    is_over: it has expired, and that is on record.
    """

    code: str
    value_cents: int
    expires_at: int
    currency: str = ""
    sent_at: int = 0
    order_id: str = ""
    left_cents: int = 0
    returns_until: int = 0
    is_over: bool = False

    def is_among(self, codes: Iterable[str]) -> bool:
        """Whether one of the codes is this one, however it was typed.

        >>> Coupon("EBB-LZ2C-6QVP-E6OI", 500, 0).is_among(["SPRING", "ebb lz2c6qvpe6oi "])
        True
        """
        return letters(self.code) in map(letters, codes)


class Coupons(Struct, array_like=True, gc=False, frozen=True):
    """An agent's memory of one customer's coupons.

    occasion: the id of what a coupon shall answer; empty for nothing. given: the one that the
    customer has, open or expired. redeemed: the last one that was, while its order may go back.
    """

    occasion: str = ""
    given: Coupon | None = None
    redeemed: Coupon | None = None

    def open_at(self, at: int) -> Coupon | None:
        """The coupon that the customer can redeem at this moment."""
        return self.given if self.given and at < self.given.expires_at else None

    def ordered(self, order: OrderPlaced, return_days: float) -> tuple[Self, Note | None]:
        """An order may redeem the coupon; after its end, one without the code lets it go."""
        at, given, redeemed = order.occurred_at, self.given, self.redeemed
        if redeemed and at > redeemed.returns_until:
            redeemed = None
        if given is None or not given.is_among(order.coupons):
            kept = None if given is None or given.is_over else given
            return replace(self, given=kept, redeemed=redeemed), None
        redeemed = replace(
            given, currency=given.currency or order.currency, order_id=order.order_id,
            left_cents=order.paid_cents, returns_until=at + round(return_days * DAY),
        )  # fmt: skip
        return replace(self, given=None, redeemed=redeemed), _redeemed(redeemed, order)

    def returned(
        self, event: OrderCancelled | OrderRefunded, *, reopens: bool
    ) -> tuple[Self, Note | None]:
        """An order that went back as a whole gives back what it had redeemed."""
        at, coupon = event.occurred_at, self.redeemed
        if coupon is None or coupon.order_id != event.order_id:
            return self, None
        back = event.refund_cents if isinstance(event, OrderRefunded) else None
        left = 0 if back is None else coupon.left_cents - back
        if at > coupon.returns_until:
            return replace(self, redeemed=None), None
        if left > 0:
            return replace(self, redeemed=replace(coupon, left_cents=left)), None
        reopened = reopens and at < coupon.expires_at and self.open_at(at) is None
        fresh = replace(coupon, order_id="", left_cents=0, returns_until=0)
        given = fresh if reopened else self.given
        note = _returned(coupon, event, reopened=reopened)
        return replace(self, given=given, redeemed=None), note

    def ended(self, at: int) -> tuple[Self, Note | None]:
        """A coupon that has expired unused; it is said once, and a shop may honour it still."""
        given = self.given
        if given is None or given.is_over or at < given.expires_at:
            return self, None
        return replace(self, given=replace(given, is_over=True)), _expired(given)


def worth_cents(usual_cents: int, share: float, low: int, high: int, margin_share: float) -> int:
    """What a coupon is worth: a share of the usual order, from ``low`` to ``high``, or 0 for none.

    margin_share: what of an order's value is left to give away. It is never more than that, and
    where that is less than ``low`` there is no coupon.

    >>> [worth_cents(it, 0.15, 200, 2_000, 0.3) for it in (600, 700, 8_000, 90_000)]
    [0, 200, 1200, 2000]
    """
    margin = int(margin_share * usual_cents)
    return 0 if margin < low else min(max(round(share * usual_cents), low), high, margin)


def check_bounds(value_cents_min: int, value_cents_max: int) -> None:
    """Raises ValueError for settings between which no coupon's worth can lie."""
    if value_cents_min > value_cents_max:
        raise ValueError(
            f"value_cents_min is {value_cents_min}, more than value_cents_max, which is"
            f" {value_cents_max}"
        )


def code_of(key: str, trigger_id: str) -> str:
    """Twelve letters and digits: 60 bits of HMAC-SHA256 over the trigger's id.

    >>> code_of("development", "e3a89c28726c3b0636a982fb3fc1de86")
    'EBB-LZ2C-6QVP-E6OI'
    """
    digest = hmac.digest(key.encode(), trigger_id.encode(), "sha256")
    letters = b32encode(digest).decode()
    return f"EBB-{letters[:4]}-{letters[4:8]}-{letters[8:12]}"


def payload_of(coupon: Coupon) -> CouponPayload:
    """A coupon as it is told."""
    until = to_text(coupon.expires_at)
    return CouponPayload(coupon.code, coupon.value_cents, coupon.currency, until)


def letters(code: str) -> str:
    """What of a code counts, however it was typed."""
    return "".join(filter(str.isalnum, code)).casefold()


def _redeemed(coupon: Coupon, order: OrderPlaced) -> Note:
    in_time = order.occurred_at <= coupon.expires_at
    return Note(
        reason="redeemed" if in_time else "redeemed_after_expiry",
        evidence=Evidence(
            events=(order.event_id,), values={"redeemed_at": to_text(order.occurred_at)}
        ),
        payload=CouponRedeemed(
            coupon.code, order.order_id, coupon.value_cents, order.paid_cents, order.currency
        ),
        redeemed=Money(coupon.value_cents, coupon.currency),
    )


def _expired(coupon: Coupon) -> Note:
    return Note(reason="expired_unused", payload=payload_of(coupon))


def _returned(coupon: Coupon, event: OrderCancelled | OrderRefunded, *, reopened: bool) -> Note:
    return Note(
        reason="redemption_returned",
        evidence=Evidence(
            events=(event.event_id,), values={"returned_at": to_text(event.occurred_at)}
        ),
        payload=CouponReturned(
            coupon.code, coupon.order_id, coupon.value_cents, coupon.currency, reopened
        ),
        returned=Money(coupon.value_cents, coupon.currency),
    )
