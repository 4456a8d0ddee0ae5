"""Is an offer worth what it costs? By what it changes, and not by who answers.

The law: an offer earns by those who would not have come without it, and costs with everybody who
redeems it, those included who would have come anyway:

    gain = effect * earned - chance to answer * share of those who redeem * value

It is worth it unless the gain is below nought by more than some standard errors of the effect: a
wrong silence teaches nothing, and a wrong offer does.
"""

import hmac

from msgspec import Struct
from msgspec.structs import replace

from agents.coupons.uplift import Estimate, Uplift
from schemas.decisions import Evidence, Scalar
from state.model import Fitted

_WHOLE = 2**64


class Judgement(Struct, frozen=True, gc=False):
    """What a model expects of an offer. gain_cents: None where an answer has no known worth."""

    version: str
    estimate: Estimate
    gain_cents: float | None
    doubt: float
    is_worth_it: bool

    def told(self, evidence: Evidence, *, explored: bool) -> Evidence:
        """The evidence, and what speaks for the offer or against it."""
        low, high = self.estimate.interval
        values: dict[str, Scalar | list[Scalar]] = {
            "model": self.version,
            "effect": round(self.estimate.effect, 4),
            "effect_low": round(low, 4),
            "effect_high": round(high, 4),
            "chance": round(self.estimate.sent, 4),
            "because": [f"{name} {part:+.4f}" for name, part in self.estimate.reasons],
        }
        if self.gain_cents is not None:
            values["gain_cents"] = round(self.gain_cents)
        if explored:
            values["explored"] = True
        thresholds: dict[str, Scalar] = {**evidence.thresholds, "doubt": self.doubt}
        return replace(evidence, values={**evidence.values, **values}, thresholds=thresholds)


def judged(
    fitted: Fitted[Uplift], known: bytes, earned: float | None, value: int, doubt: float
) -> Judgement:
    """Judge an offer. earned: what an answer earns, in minor units; None where nobody can say.

    value: what the coupon is worth. doubt: so many standard errors are for the offer.
    """
    model = fitted.model
    estimate = model.estimate(known)
    if earned is None:
        is_worth_it = estimate.effect + doubt * estimate.error > 0
        return Judgement(fitted.version, estimate, None, doubt, is_worth_it)
    gain = estimate.effect * earned - estimate.sent * model.redeemed * value
    is_worth_it = gain + doubt * estimate.error * earned > 0
    return Judgement(fitted.version, estimate, gain, doubt, is_worth_it)


def explores(key: str, code: str, share: float) -> bool:
    """Whether an offer that is not worth it is made nevertheless: by lot, the same in each replay.

    >>> sum(explores("k", f"EBB-{it}", 0.1) for it in range(10_000))
    1008
    """
    digest = hmac.digest(key.encode(), f"explore {code}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big") < share * _WHOLE
