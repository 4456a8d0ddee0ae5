"""What do examples say together? Sums of products, of which a least-squares fit needs no more.

The law: all is in whole numbers, so what is added in several partitions adds up to the same in any
order. An example is a row of bytes, and whether something came of it.
"""

from collections.abc import Sequence
from math import log2
from typing import Self

from msgspec import Struct, field

#: Of so many examples all sums are halved, so that what is long past counts ever less; and a sum
#: of products of bytes stays far below 64 bits.
EXAMPLES_MAX = 65_536
#: The largest value of an example.
BYTE = 255


class Moments(Struct, array_like=True, gc=False):
    """Sums over examples, each of whose rows has a 1 before its values.

    products: of all pairs in a row, as the lower triangle of a matrix, row by row; the first one is
    the number of examples. came: of the rows of those of whom something came; first their number.
    """

    products: list[int] = field(default_factory=list)
    came: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many examples there are, as far as they have not been halved."""
        return self.products[0] if self.products else 0

    def add(self, values: Sequence[int], *, came: bool) -> None:
        r"""Add an example. One of another width begins anew: other things are told by it.

        >>> moments = Moments()
        >>> moments.add(b"\x02\x03", came=True)
        >>> moments.add(b"\x01\x00", came=False)
        >>> moments.products, moments.came
        ([2, 3, 5, 3, 6, 9], [1, 2, 3])
        """
        row = (1, *values)
        if len(row) != len(self.came):
            self.products = [0] * (len(row) * (len(row) + 1) // 2)
            self.came = [0] * len(row)
        products, place = self.products, 0
        for i, x in enumerate(row):
            for y in row[: i + 1]:
                products[place] += x * y
                place += 1
        if came:
            self.came = [it + x for it, x in zip(self.came, row, strict=True)]
        if self.count >= EXAMPLES_MAX:
            self.products = [it // 2 for it in products]
            self.came = [it // 2 for it in self.came]

    def plus(self, other: Self) -> Self:
        """The sums of both. One of another width than this, or an empty one, adds nothing."""
        if len(self.came) != len(other.came):
            return self if self.came else other
        products = [a + b for a, b in zip(self.products, other.products, strict=True)]
        came = [a + b for a, b in zip(self.came, other.came, strict=True)]
        return type(self)(products, came)


def log_byte(value: float, steps: int) -> int:
    """A value of an example, of which so many steps are a doubling.

    >>> [log_byte(it, 32) for it in (0, 1, 3, 10**6)]
    [0, 32, 64, 255]
    """
    return min(round(steps * log2(1 + value)), BYTE)
