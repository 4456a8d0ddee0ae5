"""Which rows need not be read again? Those that this worker has written, as it has them in memory.

The law: rows are kept as of one position, that of the commit that wrote them. Taken for a batch,
they are given away, and come back with the batch's commit; whatever fails in between, they are not
here any more. At any other position nothing is: somebody else has written, or the store went back.
"""

from collections.abc import Iterable

from msgspec import Struct

from state.customer import Customer
from state.shop import Shop
from state.table import Position


class Held(Struct, frozen=True):
    """What a batch need not load."""

    shop: Shop | None = None
    customers: dict[str, Customer] = {}


HELD_NOTHING = Held()


class Kept:
    """Rows of one partition in memory: the last ones used, ``rows_max`` at most.

    Two generations, of which the older is let go whole: at least half of ``rows_max`` are kept.
    """

    def __init__(self, rows_max: int) -> None:
        self._generation_max = rows_max // 2
        self._position: Position | None = None
        self._shop: Shop | None = None
        self._young: dict[str, Customer] = {}
        self._old: dict[str, Customer] = {}

    def take(self, position: Position, customer_ids: Iterable[str]) -> Held:
        """Give away the rows of these customers, and the shop's."""
        if position != self._position:
            self._young, self._old, self._shop = {}, {}, None
        shop, self._shop = self._shop, None
        young, old = self._young, self._old
        customers: dict[str, Customer] = {}
        for customer_id in customer_ids:
            row = young.pop(customer_id, None) or old.pop(customer_id, None)
            if row is not None:
                customers[customer_id] = row
        return Held(shop, customers)

    def keep(self, position: Position, shop: Shop, customers: dict[str, Customer | None]) -> None:
        """Take in the rows of a batch that has been committed at this position."""
        self._position, self._shop = position, shop
        if not self._generation_max:
            return
        for customer_id, row in customers.items():
            if row is None:
                continue
            if len(self._young) >= self._generation_max:
                self._young, self._old = {}, self._young
            self._young[customer_id] = row
