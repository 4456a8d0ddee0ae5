"""What does this customer like? The few heaviest names, with weights that fade.

Exponential decay in its forward form (Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay",
ICDE 2009): a weight grows with the moment at which it was given and is never touched again until
something new happens, so a row that rests costs nothing. Kept as integers relative to the row's own
reference moment, rescaled when that has moved by many half-lives.
"""

from collections.abc import Collection
from math import exp, inf, log

from msgspec import Struct

from schemas.instant import DAY

HALF_LIFE = 30 * DAY
_RATE = log(2) / HALF_LIFE
_UNIT = 10  # A fresh view weighs 10: small integers are a third of the bytes of floats in msgpack.
_RESCALE_AFTER = 10 * HALF_LIFE  # Weights have grown a thousandfold by then, and still fit 64 bits.


class Affinity(Struct, array_like=True, gc=False):
    """Names with their weights as of ``day``; the lightest leave when new ones need their place.

    day: days since 1970-01-01, a third of the bytes of a moment.
    """

    day: int = 0
    weights: dict[str, int] = {}

    def add(self, name: str, weight: float, at: int, names_max: int) -> None:
        """Give a name its weight at a moment. A late one gets what is left of it by now."""
        self._gain(name, self._gained(weight, at), names_max)

    def add_all(self, names: Collection[str], weight: float, at: int, names_max: int) -> None:
        """Give each of these names the same weight at a moment."""
        if not names:
            return
        gained = self._gained(weight, at)
        for name in names:
            self._gain(name, gained, names_max)

    def _gained(self, weight: float, at: int) -> int:
        passed = at - self.day * DAY
        if passed > _RESCALE_AFTER or not self.day:
            self._rescale(at // DAY)
            passed = at - self.day * DAY
        return round(weight * _UNIT * exp(_RATE * passed))

    def _gain(self, name: str, gained: int, names_max: int) -> None:
        weights = self.weights
        if name in weights:
            weights[name] += gained
            return
        weights[name] = gained
        # A loop, and not min() with a key: half the time, and it runs for most events.
        while len(weights) > names_max:
            gone, least = "", inf
            for other, held in weights.items():
                # Of equals the last one by name, so that every replay lets go of the same.
                if held < least or (held == least and other > gone):
                    gone, least = other, held
            del weights[gone]

    def shares(self) -> dict[str, float]:
        """Each name's share of all weight, heaviest first."""
        whole = sum(self.weights.values()) or 1
        heaviest_first = sorted(self.weights.items(), key=lambda pair: (-pair[1], pair[0]))
        return {name: weight / whole for name, weight in heaviest_first}

    def _rescale(self, day: int) -> None:
        fade = exp(_RATE * DAY * (self.day - day)) if self.day else 1.0
        self.weights = {
            name: faded for name, w in self.weights.items() if (faded := round(w * fade))
        }
        self.day = day
