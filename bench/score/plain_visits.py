"""What do plain methods foresee of a visit? Each learns from clicks one by one, and ranks products.

``learn(visit, product)``: a click in a visit. ``ranked(visit, clicks)``: what may come next, best
first, after these clicks, the newest last.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Protocol

LIST = 20


class Method(Protocol):
    """What foresees clicks."""

    def learn(self, visit: str, product: str) -> None:
        """Take in a click, which comes after all before."""
        ...

    def ranked(self, visit: str, clicks: Sequence[str]) -> list[str]:
        """The likeliest products after these clicks of a visit, at most ``LIST``."""
        ...


def best(scores: Mapping[str, float]) -> list[str]:
    """The heaviest, ties by name."""
    return [it for it, _ in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:LIST]]


class Popularity:
    """What was clicked most often."""

    def __init__(self) -> None:
        self._clicks: Counter[str] = Counter()

    def learn(self, visit: str, product: str) -> None:
        self._clicks[product] += 1

    def ranked(self, visit: str, clicks: Sequence[str]) -> list[str]:
        return [it for it, _ in self._clicks.most_common(LIST)]


class CoOccurrence:
    """What was clicked in the same visits as the last product, most often."""

    def __init__(self) -> None:
        self._visits: dict[str, list[str]] = defaultdict(list)
        self._together: dict[str, Counter[str]] = defaultdict(Counter)

    def learn(self, visit: str, product: str) -> None:
        for other in self._visits[visit]:
            if other != product:
                self._together[other][product] += 1
                self._together[product][other] += 1
        self._visits[visit].append(product)

    def ranked(self, visit: str, clicks: Sequence[str]) -> list[str]:
        return best(self._together[clicks[-1]])


class SessionNeighbours:
    """Session-kNN: what is in the visits most like this one (Jannach and Ludewig, RecSys 2017).

    recency: VS-KNN's way, in which later clicks count more, both for which visits are alike and for
    what is in them (Ludewig and Jannach, UMUAI 2018; linear decay for the one, 1/steps for the
    other). neighbours, sampled: how many visits count, and among how many of the newest.
    """

    def __init__(self, *, recency: bool, neighbours: int = 100, sampled: int = 2_000) -> None:
        self._recency = recency
        self._neighbours, self._sampled = neighbours, sampled
        self._visits: dict[str, list[str]] = defaultdict(list)
        self._newest: dict[str, int] = {}
        self._having: dict[str, dict[str, None]] = defaultdict(dict)
        self._clicks = 0

    def learn(self, visit: str, product: str) -> None:
        self._clicks += 1
        self._visits[visit].append(product)
        self._newest[visit] = self._clicks
        self._having[product][visit] = None

    def ranked(self, visit: str, clicks: Sequence[str]) -> list[str]:
        place = {it: number for number, it in enumerate(clicks, 1)}
        length = len(clicks)
        alike = {other for it in place for other in self._having.get(it, ())} - {visit}
        newest = sorted(alike, key=lambda it: -self._newest[it])[: self._sampled]
        near = sorted(((self._likeness(it, place, length), self._newest[it], it) for it in newest),
                      reverse=True)[: self._neighbours]  # fmt: skip
        scores: dict[str, float] = defaultdict(float)
        for likeness, _, other in near:
            products = dict.fromkeys(self._visits[other])
            weight = likeness
            if self._recency:
                weight /= 1 + length - max(place[it] for it in products if it in place)
            for it in products:
                scores[it] += weight
        return best(scores)

    def _likeness(self, other: str, place: Mapping[str, int], length: int) -> float:
        products = dict.fromkeys(self._visits[other])
        if self._recency:
            return sum(place[it] / length for it in products if it in place)
        shared = sum(it in place for it in products)
        return shared / sqrt(len(products) * len(place))
