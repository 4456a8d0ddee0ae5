"""What does an effect say in plain words? One sentence for each measure, claim or no claim."""

from state.exposure import ALL_CAMPAIGNS
from streams.amounts import money, plural
from streams.effect.counts import Counts
from streams.effect.report import Effect, Split, Why

#: Fewer customers than this in an arm, and nothing is claimed: a rate of so few says little, and
#: such a campaign has only begun.
CUSTOMERS_MIN = 100

#: Fewer customers who paid in an arm, and nothing is claimed of money: most customers pay nothing
#: and some pay much, and the mean of such a sample is not yet near to normal. With orders as unlike
#: each other as a lognormal's with sigma 1.2 and five of a hundred held out, an interval of 200
#: buyers holds the truth in 92.2 %, which is just enough, and one of 300 in 93.1 %
#: (``python tests/effect_buyers.py``).
BUYERS_MIN = 300

_DID = {
    "visited": "customers come back",
    "ordered": "customers order",
    "repeated": "customers order twice or more",
}


def verdict(effect: Effect, counts: Counts, split: Split) -> str:
    """The sentence, with the figures that it rests on."""
    if effect.claim == "none":
        return f"No claim: {_reason(effect, counts, split)}"
    size = f"{amount(effect, abs(effect.uplift or 0.0))} {effect.claim} ({bounds(effect)})"
    if effect.measure == "money":
        return f"Sending it brought {size} a customer."
    sign = "More" if effect.claim == "more" else "Fewer"
    return f"{sign} {_DID[effect.measure]} because of it: {size}."


def amount(effect: Effect, value: float, *, sign: bool = False) -> str:
    """A difference in the measure's unit: percentage points, or money."""
    plus = "+" if sign and value > 0 else ""
    if effect.measure == "money":
        return f"{plus}{money(round(value), effect.currency)}"
    return f"{plus}{100 * value:.2f} points"


def bounds(effect: Effect) -> str:
    """The interval of the uplift."""
    if effect.interval is None:
        return "no interval"
    low, high = effect.interval.low, effect.interval.high
    if effect.measure == "money":
        return f"{money(round(low), effect.currency)} to {money(round(high), effect.currency)}"
    return f"{100 * low:.2f} to {100 * high:.2f}"


def _shares_changed(campaign: str) -> str:
    why = (
        "the share held out was not the same for all its customers, so the arms hold different"
        " mixes of times (or of agents), and not all that differs comes of the sending."
    )
    if campaign == ALL_CAMPAIGNS:
        return f"{why} It cannot begin anew: judge the campaigns one by one."
    return f"{why} Give the campaign another name (`campaign` in engine.toml) to begin anew."


def _reason(effect: Effect, counts: Counts, split: Split) -> str:
    sent, held_out = counts.sent, counts.held_out
    z = "" if split.z is None else f", z = {split.z:+.1f}"
    reasons: dict[Why, str] = {
        "nothing_sent": "nothing has been sent to anybody yet.",
        "not_measured": "nobody is compared. Either no share of its customers is held out"
        " (`gate.holdout` in engine.toml), or it is no campaign: a service message, or one for the"
        " shop's own people.",
        "nobody_held_out": "no customer was held out, so there is nothing to compare with: see"
        " `gate.holdout` in engine.toml.",
        "arms_differ": f"{plural(held_out.customers, 'customer')} held out, where the hash should"
        f" give {split.expected:,.0f}{z}. The arms differ in more than the sending, so believe no"
        " figure of this campaign before the cause is found.",
        "shares_changed": _shares_changed(counts.campaign),
        "few_customers": f"{plural(sent.customers, 'customer')} sent to and"
        f" {held_out.customers:,} held out are too few; {CUSTOMERS_MIN} in each arm are the least.",
        "few_buyers": f"{sent.ordered:,} and {held_out.ordered:,} customers with an order are too"
        f" few for a mean of money; {BUYERS_MIN} in each arm are the least.",
        "crosses_zero": f"the interval ({bounds(effect)}) crosses zero, so sending may have brought"
        " nothing, or the opposite.",
        "many_questions": f"the interval ({bounds(effect)}) is clear of zero, but not by enough for"
        " one of several measures that were looked at together.",
    }
    return reasons[effect.why]
