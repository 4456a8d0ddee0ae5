"""How is a customer's account of points kept? In lots that end, with sums that always agree.

The law, at each moment:

    earned + owed = available + redeemed + reversed + expired

``available`` is what lies in the lots. ``owed`` is what was redeemed, and then reversed or never
earned: a debt, which is paid off before anything new becomes available. Nothing is forgotten: the
four sums only grow.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from agents.loyalty.kept_orders import KeptOrder

#: The month of the lot whose points never end. It is redeemed last.
NEVER = 0xFFFF


class Lot(Struct, array_like=True, gc=False, frozen=True):
    """The points of one month that are left. is_told: that they end was told."""

    month: int
    points: int
    is_told: bool = False


class Book(Struct, array_like=True, gc=False, frozen=True):
    """One customer's points. lots: by month, none of them empty. orders: those that may go back."""

    earned: int = 0
    redeemed: int = 0
    reversed: int = 0
    expired: int = 0
    owed: int = 0
    lots: list[Lot] = []
    orders: list[KeptOrder] = []

    @property
    def available(self) -> int:
        """What can be redeemed.

        >>> book = Book().earn(1, 100).earn(2, 50).redeem(120)
        >>> (book.available, book.reverse(1, 100).available, book.reverse(1, 100).owed)
        (30, 0, 70)
        """
        return sum(lot.points for lot in self.lots)

    def earn(self, month: int, points: int) -> "Book":
        """Put points into the lot of a month, when what is owed is paid off."""
        paid = min(self.owed, points)
        lots = _added(self.lots, month, points - paid)
        return replace(self, earned=self.earned + points, owed=self.owed - paid, lots=lots)

    def redeem(self, points: int) -> "Book":
        """Take points out of the lots, the oldest first; what is not there is owed."""
        lots, short = _taken(self.lots, points)
        return replace(self, redeemed=self.redeemed + points, owed=self.owed + short, lots=lots)

    def reverse(self, month: int, points: int) -> "Book":
        """Take points back: out of the lot of their month, then out of the oldest; or owe them.

        Where their own lot has less, they were redeemed. Without them others would have been.
        """
        if not points:
            return self
        own = [lot for lot in self.lots if lot.month == month]
        left, short = _taken(own, points)
        others, short = _taken([lot for lot in self.lots if lot.month != month], short)
        lots = sorted([*left, *others], key=lambda it: it.month)
        return replace(self, reversed=self.reversed + points, owed=self.owed + short, lots=lots)

    def ended(self, at: int, end_of: Callable[[int], int]) -> "Book":
        """Let the lots expire that have ended by a moment. end_of: when the lot of a month ends."""
        over = 0
        for lot in self.lots:
            if end_of(lot.month) > at:
                break  # Those that come after it end later.
            over += 1
        if not over:
            return self
        points = sum(lot.points for lot in self.lots[:over])
        return replace(self, expired=self.expired + points, lots=self.lots[over:])

    def told(self, month: int) -> "Book":
        """That the lot of a month ends was told."""
        lots = [replace(lot, is_told=True) if lot.month == month else lot for lot in self.lots]
        return replace(self, lots=lots)


def _added(lots: list[Lot], month: int, points: int) -> list[Lot]:
    if not points:
        return lots
    own = next((lot for lot in lots if lot.month == month), Lot(month, 0))
    others = [lot for lot in lots if lot.month != month]
    more = replace(own, points=own.points + points)
    return sorted([*others, more], key=lambda it: it.month)


def _taken(lots: list[Lot], points: int) -> tuple[list[Lot], int]:
    """Take points out of lots in their order. Returns what is left, and what they lacked."""
    left: list[Lot] = []
    for lot in lots:
        taken = min(lot.points, points)
        points -= taken
        if taken < lot.points:
            left.append(replace(lot, points=lot.points - taken))
    return left, points
