"""What is looked at most of all, and in each category? For whoever is new, and what is.

The law: bounded space, by two rules of ``heavy.py`` and ``_age``: 24 products of each of 48
categories, and of all together; weights are halved each week of event time, so what was popular
last year is not for ever, and what is told of last year counts as little as if it had been told
then. When another category comes, the one of least weight makes room.
"""

from heapq import heapify, heappop, heappush, heapreplace

from msgspec import Struct, field

from schemas.instant import DAY
from state.heavy import Heavy
from state.ledger import Ledger

WEEK = 7 * DAY
NAMES_MAX = 24
CATEGORIES_MAX = 48
#: The products of all categories, under a name that is none.
ALL = ""
#: After so many halvings nothing is left of any weight.
_WEEKS_MAX = 62


class Looked(Struct, frozen=True, gc=False):
    """An entry: somebody looked at a product, or bought it. weight: how much that counts."""

    product_id: str
    category: str
    at: int
    weight: int = 1


class Bought(Struct, frozen=True, gc=False):
    """An entry: an order. lines: each a product and its category, and a look of this weight."""

    lines: list[tuple[str, str]]
    at: int
    weight: int


class Popular(Ledger, dict=True, gc=True):
    """week: the newest one, since 1970. categories: what is looked at, by category, and in all."""

    week: int = 0
    categories: dict[str, Heavy] = field(default_factory=dict)

    #: Not state: what each category weighs, once one has had to make room. To add that up for
    #: each entry took a third of all time on a log of 300 categories (`ebbtide demo`).
    _weights = dict[str, int]()
    #: Each of those categories as a heap, the lightest first, by what it weighed at some moment:
    #: weights only grow, so the first one is the lightest if that is still so.
    _lightest = list[tuple[int, str]]()

    def enter(self, entry: Looked | Bought) -> None:
        """Count it; half for each whole week between its own and the newest one.

        What comes some hours late at the turn of a week counts in full.
        """
        week = entry.at // WEEK
        if week > self.week:
            self._age(week - self.week)
            self.week = week
        weight = entry.weight >> min(max(0, self.week - week - 1), _WEEKS_MAX)
        if not weight:
            return
        if isinstance(entry, Looked):
            self._add(entry.product_id, entry.category, weight)
        else:
            for product_id, category in entry.lines:
                self._add(product_id, category, weight)

    def best(self, category: str, weight_min: int) -> list[tuple[str, int]]:
        """Products of a category that surely weigh so much, with what they weigh, heaviest first.

        >>> it = Popular()
        >>> for name in ("tea", "tea", "jam"):
        ...     it.enter(Looked(name, "food", 0))
        >>> it.best("food", 1), it.best(ALL, 2)
        ([('tea', 2), ('jam', 1)], [('tea', 2)])
        """
        heavy = self.categories.get(category) or Heavy()
        sure = [(name, cell[0] - cell[1]) for name, cell in heavy.cells.items()]
        return sorted(
            (it for it in sure if it[1] >= weight_min), key=lambda pair: (-pair[1], pair[0])
        )

    def _add(self, product_id: str, category: str, weight: int) -> None:
        """Count a product in all, and in its category."""
        self._of(ALL).add(product_id, weight, NAMES_MAX)
        if category == ALL:
            return
        self._of(category).add(product_id, weight, NAMES_MAX)
        weights = self._weights
        if weights:
            # A product that makes room leaves its count to the one that comes.
            if category not in weights:
                weights[category] = 0
                heappush(self._lightest, (0, category))
            weights[category] += weight

    def _of(self, category: str) -> Heavy:
        """What is looked at in a category, which may be new."""
        heavy = self.categories.get(category)
        if heavy is None:
            if len(self.categories) > CATEGORIES_MAX:
                self._make_room()
            heavy = self.categories[category] = Heavy(0, {})
        return heavy

    def _age(self, weeks: int) -> None:
        """Halve what weighs; what weighs nothing any more goes."""
        by = min(weeks, _WEEKS_MAX)
        self._weights, self._lightest = {}, []
        for category, heavy in list(self.categories.items()):
            halved = {name: [cell[0] >> by, cell[1] >> by] for name, cell in heavy.cells.items()}
            cells = {name: cell for name, cell in halved.items() if cell[0]}
            if cells:
                self.categories[category] = Heavy(heavy.missed >> by, cells)
            else:
                del self.categories[category]

    def _make_room(self) -> None:
        """Let go of the category that weighs least; of several, the first by name."""
        weights = self._weights
        if not weights:
            weights = {name: heavy.total for name, heavy in self.categories.items() if name != ALL}
            self._weights = weights
            self._lightest = [(weight, name) for name, weight in weights.items()]
            heapify(self._lightest)
        lightest = self._lightest
        while (now := weights[lightest[0][1]]) > lightest[0][0]:
            heapreplace(lightest, (now, lightest[0][1]))
        _, name = heappop(lightest)
        del self.categories[name], weights[name]
