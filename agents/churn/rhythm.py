"""What does a shop's rhythm say of a customer's silence, as long as nothing else is known?"""

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
