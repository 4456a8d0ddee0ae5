"""What has been counted of each campaign? The counters' names, read back into structs.

The counters are committed with the rows, by partition; the sums over all partitions are the truth.
Every name begins with its family and the campaign: ``effect/win_back/sent/customers``. A name that
is not known here is passed over: a newer version may count more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from state.exposure import ALL_CAMPAIGNS
from state.outcome import SQUARES_LOW

ARMS = ("sent", "held_out")
FAMILIES = ("effect", "gate", "money", "cost")

Named = Mapping[tuple[str, ...], int]
#: Minor units by currency.
Money = dict[str, int]


class Arm(Struct, frozen=True):
    """The customers of one arm, each counted once, and what they did in the time that counts.

    customers: exposed, which is that a trigger went out or would have. visited, ordered, repeated:
    of those, who came, ordered, ordered at least twice. orders: in all. money: net revenue by
    currency, in minor units; below zero where more went back than was paid. squares: the sum over
    customers of their revenue squared.
    """

    customers: int = 0
    visited: int = 0
    ordered: int = 0
    repeated: int = 0
    orders: int = 0
    money: Money = {}
    squares: Money = {}


class Occasions(Struct, frozen=True):
    """How often something would have gone out, and what became of it; the last three by reason."""

    sent: int = 0
    held_out: int = 0
    suppressed: dict[str, int] = {}
    deferred: dict[str, int] = {}
    merged: dict[str, int] = {}


class Spent(Struct, frozen=True):
    """What was spent on the customers sent to, each within the time that counts for them.

    messages: triggers that were really sent. redeemed: value of coupons in minor units by currency;
    returned: of those, where the order went back. What comes after that time isn't in it, as it is
    not in the revenue either.
    """

    messages: int = 0
    redeemed: Money = {}
    returned: Money = {}


class Coupons(Struct, frozen=True):
    """Value of all coupons in minor units by currency, whenever and whoever redeemed them.

    returned: redeemed, and the order went back.
    """

    handed_out: Money = {}
    redeemed: Money = {}
    returned: Money = {}


class Counts(Struct, frozen=True, kw_only=True):
    """All that is counted of one campaign.

    expected_millionths, variance_millionths: of the number of held-out customers, the sums of p and
    of p(1-p) over all exposures, p being the share held out at that time. spent: what the revenue
    is held against. coupons, messages: all that there ever were, of whomever and at whatever time.
    """

    campaign: str
    sent: Arm = Arm()
    held_out: Arm = Arm()
    expected_millionths: int = 0
    variance_millionths: int = 0
    occasions: Occasions = Occasions()
    spent: Spent = Spent()
    coupons: Coupons = Coupons()
    messages: int = 0


def added(partitions: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The counters of several partitions, added up.

    >>> added([{"a": 1, "b": 2}, {"b": 3}])
    {'a': 1, 'b': 5}
    """
    total: Counter[str] = Counter()
    for counters in partitions:
        total.update(counters)
    return dict(total)


def counts_of(counters: Mapping[str, int]) -> list[Counts]:
    """The campaigns that the counters tell of, by name; the holdout over all comes last."""
    found: dict[str, dict[tuple[str, ...], int]] = {}
    for name, count in counters.items():
        family, *rest = name.split("/")
        if family in FAMILIES and len(rest) > 1:
            found.setdefault(rest[0], {})[family, *rest[1:]] = count
    return [
        _counts(name, found[name])
        for name in sorted(found, key=lambda it: (it == ALL_CAMPAIGNS, it))
    ]


def _counts(campaign: str, named: Named) -> Counts:
    return Counts(
        campaign=campaign,
        sent=_arm(named, "sent"),
        held_out=_arm(named, "held_out"),
        expected_millionths=named.get(("effect", "expected", "mean"), 0),
        variance_millionths=named.get(("effect", "expected", "variance"), 0),
        occasions=Occasions(
            sent=sum(_under(named, "gate", "sent").values()),
            held_out=sum(_under(named, "gate", "held_out").values()),
            suppressed=_under(named, "gate", "suppressed"),
            deferred=_under(named, "gate", "deferred"),
            merged=_under(named, "gate", "merged"),
        ),
        spent=Spent(
            named.get(("effect", "sent", "messages"), 0),
            _under(named, "effect", "sent", "redeemed"),
            _under(named, "effect", "sent", "returned"),
        ),
        coupons=Coupons(
            _under(named, "money", "handed_out"),
            _under(named, "money", "redeemed"),
            _under(named, "money", "returned"),
        ),
        messages=named.get(("cost", "sent"), 0),
    )


def _arm(named: Named, arm: str) -> Arm:
    high, low = (_under(named, "effect", arm, f"squares_{it}") for it in ("high", "low"))
    return Arm(
        customers=named.get(("effect", arm, "customers"), 0),
        visited=named.get(("effect", arm, "visited"), 0),
        ordered=named.get(("effect", arm, "ordered"), 0),
        repeated=named.get(("effect", arm, "repeated"), 0),
        orders=named.get(("effect", arm, "orders"), 0),
        money=_under(named, "effect", arm, "money"),
        squares={
            currency: high.get(currency, 0) * SQUARES_LOW + low.get(currency, 0)
            for currency in sorted(high.keys() | low.keys())
        },
    )


def _under(named: Named, *prefix: str) -> dict[str, int]:
    """What is counted by the last word of the name, under all the words before it."""
    return {
        name[-1]: count
        for name, count in sorted(named.items())
        if name[:-1] == prefix and len(name) == len(prefix) + 1
    }
