"""What have we learned of this customer? Traits, each with a confidence that fades.

The law: a trait is learned by one agent and read by all, so that no agent has to know another. What
is sure stays until it is learned anew; what was guessed loses half of its confidence in each of its
half-lives, and is not there any more when too little is left.
"""

from msgspec import Struct

from schemas.instant import DAY

# As many as the agents learn, which a test counts; one more pushes out the one learned first.
PORTRAIT_MAX = 24
#: Below this a guess is none.
CONFIDENCE_MIN = 0.1


class Trait(Struct, array_like=True, gc=False, frozen=True):
    """A value and how sure it is. Days and per cents, for they take few bytes.

    day: when it was learned, in days since 1970-01-01. percent: how sure it was then.
    half_life_days: after so long half of that is left; 0: it does not fade.
    """

    value: str
    day: int
    percent: int = 100
    half_life_days: int = 0

    def confidence(self, at: int) -> float:
        """How sure it is at a moment, from 0 to 1.

        >>> [Trait("tea", 20_000, 80, 30).confidence((20_000 + days) * DAY) for days in (0, 30, 60)]
        [0.8, 0.4, 0.2]
        """
        if not self.half_life_days:
            return self.percent / 100
        days = max(0.0, at / DAY - self.day)
        return float(self.percent / 100 * 0.5 ** (days / self.half_life_days))


Portrait = dict[str, Trait]


def learn(portrait: Portrait, name: str, trait: Trait | None) -> None:
    """Put a trait into the portrait, in the place of what was known of it; None: take it out."""
    if trait is None:
        portrait.pop(name, None)
        return
    portrait[name] = trait
    while len(portrait) > PORTRAIT_MAX:
        del portrait[min(portrait, key=lambda it: (portrait[it].day, it))]


def known(portrait: Portrait, name: str, at: int) -> str:
    """The value of a trait at a moment; empty where it is not known, or not sure enough."""
    trait = portrait.get(name)
    if trait is None or (trait.half_life_days and trait.confidence(at) < CONFIDENCE_MIN):
        return ""
    return trait.value
