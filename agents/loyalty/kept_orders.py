"""What is a recent order still worth? What it counted for, less what of it has gone back.

The law: an order counts for ``worth_of(what was paid)``, and after money went back for
``worth_of(what is left)``. The difference is taken off at each refund, so all refunds of an order
and its cancellation together take off what it counted for, and never more.

Amounts are those that the engine gives: in the shop's own currency, where it has one. Of an order
in another one, a part that goes back without a currency, after the row has let the order go
(``RECENT_ORDERS_MAX``), is taken for the shop's own.

An order and what goes back of it may arrive in any order: what goes back of an order that is not
there yet is kept until it comes. An order that comes again counts once.

What is kept is bounded. An order is let go when more than ``days`` days have begun (in UTC) after
the one it was placed on, by the newest event of the customer; and the one placed on the first day
is, where there are more than 32. Of an order that was let go nothing is taken off.
"""

from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from schemas.event import CENTS_MAX
from schemas.instant import DAY
from schemas.orders import OrderCancelled, OrderPlaced, OrderRefunded

ORDERS_MAX = 32
# Of 5 * 10**11 customers with 32 orders one has two that are taken for the same.
KEY_BYTES = 6


class KeptOrder(Struct, array_like=True, gc=False, frozen=True):
    """One recent order.

    key: a hash of its id. day: when it was placed, in days since 1970-01-01; of one that has not
    come yet, when its first refund was. month: what it counts in. left_cents: what was paid less
    what went back; below zero before the order has come. worth: what it counts for now. unit_cents:
    the money that counts for one unit; 0: the order has not come yet.
    """

    key: bytes
    day: int
    month: int = 0
    left_cents: int = 0
    worth: int = 0
    unit_cents: int = 0


class Change(Struct, frozen=True, gc=False):
    """What an event has changed. month: in which; gained, lost: what counts more there, and less.

    An order that arrives after its refund does both.
    """

    month: int = 0
    gained: int = 0
    lost: int = 0


NOTHING = Change()


def worth_of(cents: int, unit_cents: int, per_unit: int) -> int:
    """So much for each whole unit; what is left over counts for nothing.

    >>> [worth_of(it, 100, 2) for it in (99, 100, 199, 2_000)]
    [0, 2, 2, 40]
    """
    return max(0, cents) // unit_cents * per_unit


def ordered(
    kept: list[KeptOrder], event: OrderPlaced, month: int, unit_cents: int, per_unit: int
) -> tuple[list[KeptOrder], Change]:
    """An order has come: it counts, less what of it went back before."""
    key = _key(event.order_id)
    early = next((it for it in kept if it.key == key), None)
    if early is not None and early.unit_cents:
        return kept, NOTHING
    left = max(0, event.paid_cents + (early.left_cents if early else 0))
    gained = worth_of(event.paid_cents, unit_cents, per_unit)
    worth = worth_of(left, unit_cents, per_unit)
    order = KeptOrder(key, event.occurred_at // DAY, month, left, worth, unit_cents)
    return _put(kept, order), Change(month, gained, gained - worth)


def gone_back(
    kept: list[KeptOrder], event: OrderCancelled | OrderRefunded, per_unit: int
) -> tuple[list[KeptOrder], Change]:
    """Money of an order has gone back, or all of it."""
    key = _key(event.order_id)
    back = event.refund_cents if isinstance(event, OrderRefunded) else None
    back = CENTS_MAX if back is None else back
    order = next((it for it in kept if it.key == key), None) or KeptOrder(
        key, event.occurred_at // DAY
    )
    if not order.unit_cents:
        left = max(-CENTS_MAX, order.left_cents - back)
        return _put(kept, replace(order, left_cents=left)), NOTHING
    left = max(0, order.left_cents - back)
    # Under settings that have changed meanwhile no order gives back more than it counted for.
    worth = min(order.worth, worth_of(left, order.unit_cents, per_unit))
    change = Change(order.month, 0, order.worth - worth)
    return _put(kept, replace(order, left_cents=left, worth=worth)), change


def pruned(kept: list[KeptOrder], at: int, days: int) -> list[KeptOrder]:
    """Let go what is too old at a moment, and then the oldest of what is too many."""
    today = at // DAY
    young = [it for it in kept if today - it.day <= days]
    if len(young) > ORDERS_MAX:
        young.remove(min(young, key=lambda it: it.day))
    return young


def _put(kept: list[KeptOrder], order: KeptOrder) -> list[KeptOrder]:
    """Put an order in the place that it has, or last."""
    if all(it.key != order.key for it in kept):
        return [*kept, order]
    return [order if it.key == order.key else it for it in kept]


def _key(order_id: str) -> bytes:
    return blake2b(order_id.encode(), digest_size=KEY_BYTES).digest()
