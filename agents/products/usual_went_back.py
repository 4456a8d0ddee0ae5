"""What is the usual, after an order or a part of it has gone back? What it was without that.

The law: a purchase that went back is taken out of what it was added to: its weight as it has faded
since, one of the times, and what the shop has counted. That the others have faded by one order more
stays so: all of them have.

An order can be taken out as long as it is among the last ``ORDERS_BACK``. One that is cancelled and
not among them may come yet, late: it will count for nothing then. What was let go with a full
memory is not there to be taken out.
"""

from collections.abc import Collection
from hashlib import blake2b

from msgspec.structs import replace

from agents.products.habits import (
    FADES,
    ORDERS_BACK,
    Habits,
    Item,
    Placed,
    Usual,
    in_mind,
)
from agents.products.sold import Line, WentBack

#: Of 10**8 customers with so many orders one has two that are taken for the same.
KEY_BYTES = 6
#: Cancelled orders that may come yet.
EARLY_MAX = 4


def key_of(order_id: str) -> bytes:
    """By what an order is known."""
    return blake2b(order_id.encode(), digest_size=KEY_BYTES).digest()


def placed(recent: list[Placed], order_id: str, weight: int) -> list[Placed]:
    """The last orders, with one more."""
    return [Placed(key_of(order_id), weight), *recent[: ORDERS_BACK - 1]]


def went_back(
    usual: Usual, order_id: str, products: Collection[str], habits: Habits
) -> tuple[Usual, WentBack | None]:
    """Take out what has gone back. products: of the order; none: all that are left of it."""
    key, items, lines = key_of(order_id), dict(usual.items), list[Line]()
    place = next((it for it, order in enumerate(usual.recent) if order.key == key), None)
    if place is None:
        early = usual.early if products or key in usual.early else [key, *usual.early][:EARLY_MAX]
        return replace(usual, early=early), None
    weight = faded = usual.recent[place].weight
    for _ in range(place):
        faded = int(faded * FADES)
    bit, names = 1 << place, {kind.place: it for it, kind in habits.kinds.items()}
    for product_id in [it for it, item in items.items() if item.lately & bit]:
        if products and product_id not in products:
            continue
        item = items.pop(product_id)
        lines.append(Line(product_id, names.get(item.kind, ""), item.times > 1))
        if item.times > 1:
            rest = max(0, item.weight - faded)
            items[product_id] = Item(rest, item.times - 1, item.kind, item.lately & ~bit)
    if not lines:
        return usual, None
    whole = not any(item.lately & bit for item in items.values())
    # The shop counts it until the entry is made; but who has sent it back is not told to buy it.
    gone = {it.product_id for it in lines} - items.keys()
    left = {it: item for it, item in in_mind(items, habits).items() if it not in gone}
    return replace(usual, items=left), WentBack(weight, lines, whole)
