"""What does this customer like? The few heaviest names, with weights that fade.

Exponential decay in its forward form (Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay",
ICDE 2009): a weight grows with the moment at which it was given and is never touched again until
something new happens, so a row that rests costs nothing. Kept as integers relative to the row's own
reference moment, rescaled when that has moved by many half-lives.
"""

from math import exp, log

from msgspec import Struct

from schemas.instant import DAY

HALF_LIFE = 30 * DAY
_RATE = log(2) / HALF_LIFE
_UNIT = 1_000  # A fresh view weighs 1,000: integers are a third of the bytes of floats in msgpack.
_RESCALE_AFTER = 10 * HALF_LIFE  # Weights have grown a thousandfold by then, and still fit 64 bits.


class Affinity(Struct, array_like=True, gc=False):
    """Names with their weights at ``at``; the lightest leaves when a new one needs its place."""

    at: int = 0
    weights: dict[str, int] = {}

    def add(self, name: str, weight: float, at: int, names_max: int) -> None:
        """Give ``name`` a weight at a moment. A late one gets what is left of it by now."""
        if not self.at or at - self.at > _RESCALE_AFTER:
            self._rescale(at)
        grown = round(_UNIT * weight * exp(_RATE * (at - self.at)))
        weights = self.weights
        weights[name] = weights.get(name, 0) + grown
        if len(weights) > names_max:
            del weights[min(weights, key=lambda other: (weights[other], other))]

    def shares(self) -> dict[str, float]:
        """Each name's share of all weight, heaviest first."""
        whole = sum(self.weights.values()) or 1
        heaviest_first = sorted(self.weights.items(), key=lambda pair: (-pair[1], pair[0]))
        return {name: weight / whole for name, weight in heaviest_first}

    def _rescale(self, at: int) -> None:
        fade = exp(_RATE * (self.at - at)) if self.at else 1.0
        self.weights = {name: faded for name, w in self.weights.items() if (faded := round(w * fade))}
        self.at = at
