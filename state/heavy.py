"""Which names are the heaviest of a stream? Those of one summary, in bounded space: Space-Saving.

The law: a summary of k names is never more than N/k off, where N is the weight of all that was
added. A name that is held weighs at most its count, and at least its count less its error; one that
is not held weighs at most ``missed``. Errors and ``missed`` are N/k at most, and nothing is off as
long as there were no more than k names. Summaries of several streams are merged by adding up, and
the sum is off by the sum of their bounds at most, so again by N/k.

Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data
streams", ICDT 2005; that it merges: Agarwal et al., "Mergeable summaries", PODS 2012.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush, heapreplace

from msgspec import Struct


class Heavy(Struct, array_like=True, dict=True):
    """A summary. missed: the most that a name can weigh that is not held.

    cells: name → [count, error, …]; what follows the two belongs to whoever added it, and goes when
    the name does. Bytes: some five and the name for each.
    """

    missed: int = 0
    cells: dict[str, list[int]] = {}

    #: Not state: a heap of (count, place, name), the lightest of those that came first at its head,
    #: by what each weighed at some moment: counts only grow, so it is the lightest if that is still
    #: so. Made when the first name has to make room.
    _lightest = list[tuple[int, int, str]]()
    _places = 0

    def add(self, name: str, by: int, names_max: int) -> list[int]:
        """Add a weight, none or more, to a name; returns its cell. names_max: the k of above.

        Of the lightest names the one that came first makes room.
        """
        cells = self.cells
        cell = cells.get(name)
        if cell is not None:
            cell[0] += by
            return cell
        least = 0
        while len(cells) >= names_max:
            least = self._make_room()
        cell = cells[name] = [least + by, least]
        if self._lightest:
            heappush(self._lightest, (least + by, self._places, name))
            self._places += 1
        return cell

    @property
    def total(self) -> int:
        """The weight of all that was added: who makes room leaves its count to who comes."""
        return sum(cell[0] for cell in self.cells.values())

    def bounds(self, name: str) -> tuple[int, int]:
        """The least and the most that a name can weigh.

        >>> it = Heavy()
        >>> for name in ("tea", "tea", "tea", "milk", "jam"):
        ...     _ = it.add(name, 1, 2)
        >>> it.bounds("tea"), it.bounds("jam"), it.bounds("milk")
        ((3, 3), (1, 2), (0, 1))
        """
        cell = self.cells.get(name)
        return (0, self.missed) if cell is None else (cell[0] - cell[1], cell[0])

    def _make_room(self) -> int:
        """Let go of the first of the lightest names; returns its count."""
        cells, lightest = self.cells, self._lightest
        if not lightest:
            lightest = [(cell[0], at, name) for at, (name, cell) in enumerate(cells.items())]
            heapify(lightest)
            self._lightest, self._places = lightest, len(lightest)
        count, place, name = lightest[0]
        while (now := cells[name][0]) != count:
            heapreplace(lightest, (now, place, name))
            count, place, name = lightest[0]
        heappop(lightest)
        del cells[name]
        self.missed = max(self.missed, count)
        return count


def added(summaries: Iterable[Heavy]) -> dict[str, tuple[int, int]]:
    """The least and the most that each name weighs in several streams, for all that are held."""
    parts = list(summaries)
    missed = sum(it.missed for it in parts)
    found: dict[str, tuple[int, int]] = {}
    for it in parts:
        for name, cell in it.cells.items():
            low, high = found.get(name, (0, missed))
            found[name] = (low + cell[0] - cell[1], high + cell[0] - it.missed)
    return found
