"""What does the shop count of what it sells? How often a product is bought, and bought again."""

from msgspec import Struct


class Sold(Struct, array_like=True, gc=False):
    """Purchases of a product or a category. again: those by who had bought the product before.

    weight: of all of them.
    """

    bought: int = 0
    again: int = 0
    weight: int = 0

    def add(self, again: bool, weight: int) -> None:
        """Count a purchase."""
        self.bought += 1
        self.again += again
        self.weight += weight

    def take_out(self, again: bool, weight: int) -> None:
        """Count a purchase no longer."""
        self.bought = max(0, self.bought - 1)
        self.again = min(max(0, self.again - again), self.bought)
        self.weight = max(0, self.weight - weight)

    def halve(self) -> None:
        """Let it count half from now on."""
        self.bought //= 2
        self.again //= 2
        self.weight //= 2


class Kind(Sold, array_like=True, gc=False):
    """Purchases of a category. place: where it stands among all, which never changes."""

    place: int = 0


class Line(Struct, frozen=True, gc=False):
    """One product of an order. again: whether the customer is known to have bought it before."""

    product_id: str
    category: str
    again: bool


class Ordered(Struct, frozen=True, gc=False):
    """An entry: an order. weight: of each of its lines."""

    at: int
    weight: int
    lines: list[Line]


class WentBack(Struct, frozen=True, gc=False):
    """An entry: lines of an order that went back. weight: of each. whole: no other line is left."""

    weight: int
    lines: list[Line]
    whole: bool
