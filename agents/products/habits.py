"""What will be in the next order? What was bought again and again, and is worth buying again.

A product's score is what of it will be in the customer's next order, by an estimate that shrinks
(a gamma prior on a Poisson rate, with its mean from the shop):

    weight of the customer's own purchases
        + PRIOR x (share of the shop's purchases of it that were not the first)^2 x (their weight)

A purchase in an order of n products weighs one by the fourth root of n: who buys one thing wants
that one thing, and of forty each is one of forty. (With no root the lists for small baskets are
worse, with the square root those for large ones.) It fades by the customer's own rhythm, to
``FADES`` of it with each order, and not by the calendar. So a score rests until the next order, and
the order in which a memory has its products is the order of their scores. That what was bought
again is nearly all that can be foreseen of a next basket: Hu et al., "Modeling personalized item
frequency information for next-basket recommendation" (TIFU-KNN), SIGIR 2020; Faggioli, Polato and
Aiolli, "Recency aware collaborative filtering for next basket recommendation" (UP-CF), UMAP 2020.
Neighbours, which both add, were tried and gave nothing here.

A product that the shop has not sold often enough is taken for one of its category, and a category
for the whole shop: shrunk again. What the customer never bought stands on the list with what the
shop sells of it for each order, and so only before what was bought once, long ago.

Weights are integers, thousandths of a purchase alone, so that every replay adds up the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

from msgspec import Struct, field

from agents.products.sold import Kind, Line, Ordered, Sold, WentBack
from schemas.instant import DAY
from state.ledger import Ledger

#: A purchase alone in its order.
UNIT = 1_000
#: Chosen at cuts of the Complete Journey before October 2017, ``FADES`` at ten and the others at
#: four of them, with what they are worth there.
FADES = 0.965
PRIOR = 2.0
POPULAR = 15.0
#: So many purchases count as much as what is above: a category for a product, the shop for a
#: category.
PRODUCT_SHRINKS, KIND_SHRINKS = 20, 100

#: Products kept of a customer; how many of them can be listed.
ITEMS_MAX, LISTED_MAX = 64, 20
#: Of the shop: products (at most twice as many stand in a ledger), categories, and orders between
#: two looks at what is sold most.
PRODUCTS_MAX, KINDS_MAX, LOOK_EVERY = 500, 400, 64
#: After so long what the shop has learned counts half, in days.
HALVED_AFTER = 180
#: A purchase more is not news.
TIMES_MAX = 120
#: So many orders can be taken out again: a bit for each, of a byte.
ORDERS_BACK = 7
_BITS = (1 << ORDERS_BACK) - 1


class Item(Struct, array_like=True, gc=False):
    """A product in mind. weight: of the customer's purchases; times: how many, 0 if none yet.

    kind: the place of its category in the shop's habits; 0 where it is not known. lately: a bit for
    each of the last orders that had it, the lowest for the last one.
    """

    weight: int
    times: int = 1
    kind: int = 0
    lately: int = 0


class Placed(Struct, array_like=True, gc=False, frozen=True):
    """One of the last orders. key: a hash of its id. weight: of each of its lines."""

    key: bytes
    weight: int


class Usual(Struct, array_like=True, gc=False, frozen=True):
    """The products in mind, by id, the most probable one in the next order first.

    recent: the last orders, the last one first. early: keys of orders that were cancelled and are
    not among them: they may come yet.
    """

    items: dict[str, Item] = {}
    recent: list[Placed] = []
    early: list[bytes] = []


class Habits(Ledger):
    """What the partition's customers buy, and buy again. orders: how many, halved as all is.

    kinds: by category; the first is of all together. popular: sold most, as of the last look.
    day: when all was halved last. left: orders until the next look.
    """

    products: dict[str, Sold] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=lambda: {"": Kind()})
    orders: int = 0
    popular: list[str] = field(default_factory=list)
    day: int = 0
    left: int = 0

    def enter(self, entry: Ordered | WentBack) -> None:
        """Count an order, or what went back of one no longer."""
        if isinstance(entry, WentBack):
            self._take_out(entry)
            return
        day = entry.at // DAY
        if day - self.day >= HALVED_AFTER:
            self._halve()
            self.day = day
        products, kinds, weight = self.products, self.kinds, entry.weight
        all_ = kinds[""]
        for line in entry.lines:
            again = line.again
            sold = products.get(line.product_id)
            if sold is None:
                sold = products[line.product_id] = Sold()
            sold.add(again, weight)
            all_.add(again, weight)
            if line.category:
                kind = kinds.get(line.category)
                if kind is None and len(kinds) < KINDS_MAX:
                    kind = kinds[line.category] = Kind(place=len(kinds))
                if kind is not None:
                    kind.add(again, weight)
        self.orders += 1
        self.left -= 1
        if len(products) > 2 * PRODUCTS_MAX:
            # Newcomers find room until there are twice as many (as in state/product.py).
            bought = {it: sold.bought for it, sold in products.items()}
            self.products = products = {it: products[it] for it in _most(bought)[:PRODUCTS_MAX]}
        if self.left <= 0:
            weights = {it: sold.weight for it, sold in products.items()}
            self.popular, self.left = _most(weights)[:LISTED_MAX], LOOK_EVERY

    def places(self, categories: Iterable[str]) -> dict[str, int]:
        """Where the categories of an order stand when it is entered; 0: there is no more room."""
        places, kinds, following = dict[str, int](), self.kinds, len(self.kinds)
        for it in categories:
            if it in kinds:
                places[it] = kinds[it].place
            elif it not in places:
                places[it] = following if following < KINDS_MAX else 0
                following += 1
        return places

    def ranked(self, items: Mapping[str, Item]) -> list[tuple[float, str]]:
        """Products by score, the best first; also those that the shop sells most, bought or not."""
        kinds = list(self.kinds.values())
        # ``sold`` shrunk towards a share and a weight, after ``by`` purchases, has the share
        # (again + by share) / (bought + by), and its weight likewise. It stands here three times:
        # a function for it would take longer than what it does, for each product in mind.
        all_ = kinds[0]
        of_all = KIND_SHRINKS * ((all_.again + 0.5) / (all_.bought + 1))
        weight_of_all = KIND_SHRINKS * ((all_.weight + UNIT / 2.0) / (all_.bought + 1))
        # Only of those that are wanted: of 300 it takes as long as all the rest.
        known: dict[int, tuple[float, float]] = {}
        scores: list[tuple[float, str]] = []
        products = self.products
        for product_id, item in items.items():
            of_kind = known.get(item.kind)
            if of_kind is None:
                kind = kinds[item.kind] if item.kind < len(kinds) else all_
                count = kind.bought + KIND_SHRINKS
                of_kind = known[item.kind] = (
                    (kind.again + of_all) / count, (kind.weight + weight_of_all) / count
                )  # fmt: skip
            share, weight = of_kind
            sold = products.get(product_id)
            if sold is not None:
                count = sold.bought + PRODUCT_SHRINKS
                share = (sold.again + PRODUCT_SHRINKS * share) / count
                weight = (sold.weight + PRODUCT_SHRINKS * weight) / count
            scores.append((-item.weight - PRIOR * share * share * weight, product_id))
        each = POPULAR / max(1, self.orders)
        scores += [
            (-each * products[it].weight, it)
            for it in self.popular
            if it not in items and it in products
        ]
        scores.sort()
        return scores

    def _take_out(self, entry: WentBack) -> None:
        for line in entry.lines:
            kinds = [self.kinds.get(it) for it in dict.fromkeys(("", line.category))]
            for sold in (self.products.get(line.product_id), *kinds):
                if sold is not None:
                    sold.take_out(line.again, entry.weight)
        self.orders = max(0, self.orders - entry.whole)

    def _halve(self) -> None:
        if not self.day:
            return
        self.orders //= 2
        for sold in (*self.products.values(), *self.kinds.values()):
            sold.halve()
        self.products = {it: sold for it, sold in self.products.items() if sold.bought}


def _most(counts: dict[str, int]) -> list[str]:
    """Names by count, the highest first; of equals the first by name.

    By name, and then by count: a sort keeps the order of equals. A key that is a function would
    take three times as long, and there are a thousand of them.
    """
    names = sorted(counts)
    names.sort(key=counts.__getitem__, reverse=True)
    return names


def remembered(
    before: Mapping[str, Item], lines: Sequence[tuple[str, str]], at: int, habits: Habits
) -> tuple[dict[str, Item], Ordered]:
    """What is in mind after an order, and what the shop learns of it.

    lines: distinct products, each with its category. Bounded: of an order of 500 lines no more
    products stay than of others.
    """
    weight = round(UNIT / sqrt(sqrt(len(lines))))
    # What was only listed, and not bought, is found anew.
    items = {
        it: Item(int(item.weight * FADES), item.times, item.kind, item.lately << 1 & _BITS)
        for it, item in before.items()
        if item.times
    }
    learned: list[Line] = []
    places = habits.places([category for _, category in lines])
    for product_id, category in lines:
        bought, kind = items.get(product_id), places[category]
        learned.append(Line(product_id, category, bought is not None))
        if bought is None:
            items[product_id] = Item(weight, 1, kind, 1)
        else:
            bought.weight += weight
            bought.times = min(bought.times + 1, TIMES_MAX)
            bought.kind = kind
            bought.lately |= 1
    return in_mind(items, habits), Ordered(at, weight, learned)


def in_mind(items: Mapping[str, Item], habits: Habits) -> dict[str, Item]:
    """As many of them as are kept, and what the shop sells most, the most probable one first."""
    after: dict[str, Item] = {}
    for place, (_, product_id) in enumerate(habits.ranked(items)):
        if len(after) >= ITEMS_MAX:
            break
        if product_id in items:
            after[product_id] = items[product_id]
        elif place < LISTED_MAX:
            after[product_id] = Item(0, 0, 0)
    return after
