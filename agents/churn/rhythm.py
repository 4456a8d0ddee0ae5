"""What does a shop's rhythm say of a customer's silence, as long as nothing else is known?"""

from collections.abc import Sequence

from msgspec import Struct

from schemas.instant import DAY, HOUR
from state.shop import Rhythm

# How strongly the shop's rhythm holds against a customer's own, in gaps. The moment estimate below
# goes to infinity for a shop of clockwork customers, and to 2 for one without any rhythm.
STRENGTH_MIN, STRENGTH_MAX = 2.1, 8.0
GAPS_TO_TRUST = 30


def prior_of(rhythm: Rhythm, default_gap_days: float) -> tuple[float, float]:
    """Shape and scale (days) of the shop's silences, by the moments of a Lomax distribution.

    default_gap_days: the mean until the shop has shown enough gaps of its own.
    """
    if rhythm.count < GAPS_TO_TRUST:
        return STRENGTH_MIN, default_gap_days * (STRENGTH_MIN - 1)
    mean = rhythm.days / rhythm.count
    spread = rhythm.days_squared / rhythm.count / mean**2 - 1
    a = 2 * spread / (spread - 1) if spread > 1 else STRENGTH_MAX
    a = min(max(a, STRENGTH_MIN), STRENGTH_MAX)
    return a, mean * (a - 1)


class Silences(Struct, frozen=True):
    """How long a customer's silences are, by the shop's rhythm and their own: a Lomax distribution.

    shape, scale_days: after n gaps of g days in all, the prior's and n, the prior's and g.
    """

    shape: float
    scale_days: float

    def chance(self, quiet_days: float) -> float:
        """How probable a silence of so many days is, or a longer one."""
        return float((self.scale_days / (self.scale_days + quiet_days)) ** self.shape)

    def days(self, chance: float) -> float:
        """After how many days a silence is so improbable.

        >>> round(Silences(2.1, 33.0).days(0.02), 1)
        179.7
        """
        return float(self.scale_days * (chance ** (-1 / self.shape) - 1))


def silences_of(rhythm: Rhythm, default_gap_days: float, gap_hours: Sequence[int]) -> Silences:
    """A customer's, by the gaps that the row has of them."""
    shape, scale_days = prior_of(rhythm, default_gap_days)
    return Silences(shape + len(gap_hours), scale_days + sum(gap_hours) * HOUR / DAY)
