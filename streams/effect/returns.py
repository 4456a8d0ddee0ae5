"""Was it worth it? What a campaign cost, and what the revenue that it caused leaves over.

The law: cost is held against revenue of the same customers and the same time, which is that of the
customers sent to, each within the outcome window. What was spent outside of it is told beside it.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from state.exposure import ALL_CAMPAIGNS
from streams.effect.counts import Counts
from streams.effect.intervals import Interval
from streams.effect.settings import Prices


class InAll(Struct, frozen=True, kw_only=True):
    """Facts in minor units: all messages and coupons there ever were, whether they count or not.

    handed_out_cents: the value of all coupons sent, no cost until somebody redeems one.
    """

    messages_cents: int
    handed_out_cents: int
    redeemed_cents: int
    returned_cents: int


class Return(Struct, frozen=True, kw_only=True):
    """Cost and return in one currency, in minor units.

    messages_cents: what the messages cost that were sent to customers sent to, while what they did
    counted. redeemed_cents, returned_cents: the value of the coupons that they redeemed in that
    time, and of those whose order went back in it. cost_cents: messages, and redeemed less
    returned. extra_cents: the uplift in revenue a customer, times the customers sent to, times the
    margin share; with its 95 % interval. net_…: what is left over of that. A customer pays what a
    coupon leaves, so the extra bears the coupons by their margin share already; the rest of them,
    and the messages, come off. None: cannot be said.
    """

    currency: str
    messages_cents: int
    redeemed_cents: int
    returned_cents: int
    cost_cents: int
    in_all: InAll
    extra_cents: int | None = None
    extra_low_cents: int | None = None
    extra_high_cents: int | None = None
    net_cents: int | None = None
    net_low_cents: int | None = None
    net_high_cents: int | None = None


def returns_of(
    counts: Counts, prices: Prices, uplifts: Mapping[str, Interval | None]
) -> list[Return]:
    """Cost and return in every currency there is. uplifts: in revenue a customer, by currency.

    Where customers pay in several currencies and none is set, nobody can say in which one messages
    are paid, and their cost stands under an empty currency. Of all campaigns together there is no
    return: messages and coupons are counted by campaign, each in a time of its own.
    """
    if counts.campaign == ALL_CAMPAIGNS:
        return []
    coupons, spent, margin_share = counts.coupons, counts.spent, prices.effect.margin_share
    paid = {
        *uplifts, *coupons.handed_out, *coupons.redeemed, *coupons.returned, *spent.redeemed,
        *spent.returned,
    }  # fmt: skip
    rate = prices.message_cost_cents.get(counts.campaign, 0.0)
    of_messages = prices.effect.currency or (next(iter(paid)) if len(paid) == 1 else "")
    if round(counts.messages * rate):
        paid.add(of_messages)
    return [
        _with_extra(
            _cost(counts, it, rate if it == of_messages else 0.0),
            uplifts.get(it),
            counts.sent.customers,
            margin_share,
        )
        for it in sorted(paid)
    ]


def _cost(counts: Counts, currency: str, rate: float) -> Return:
    """What was spent in a currency. rate: what a message costs in it, in minor units."""
    spent, coupons = counts.spent, counts.coupons
    messages_cents = round(spent.messages * rate)
    redeemed, returned = spent.redeemed.get(currency, 0), spent.returned.get(currency, 0)
    return Return(
        currency=currency,
        messages_cents=messages_cents,
        redeemed_cents=redeemed,
        returned_cents=returned,
        cost_cents=messages_cents + redeemed - returned,
        in_all=InAll(
            messages_cents=round(counts.messages * rate),
            handed_out_cents=coupons.handed_out.get(currency, 0),
            redeemed_cents=coupons.redeemed.get(currency, 0),
            returned_cents=coupons.returned.get(currency, 0),
        ),
    )


def _with_extra(
    cost: Return, uplift: Interval | None, customers: int, margin_share: float
) -> Return:
    """With what the uplift has brought, where it is known."""
    if uplift is None:
        return cost
    extra = uplift.scaled(customers * margin_share)
    # An interval of Welch's lies evenly about the difference.
    middle, low, high = round((extra.low + extra.high) / 2), round(extra.low), round(extra.high)
    coupons = cost.redeemed_cents - cost.returned_cents
    rest = cost.messages_cents + round((1 - margin_share) * coupons)
    return replace(
        cost,
        extra_cents=middle, extra_low_cents=low, extra_high_cents=high,
        net_cents=middle - rest, net_low_cents=low - rest, net_high_cents=high - rest,
    )  # fmt: skip
