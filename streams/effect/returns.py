"""Was it worth it? What a campaign cost, and what the revenue that it caused leaves over."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from streams.effect.counts import Counts
from streams.effect.intervals import Interval
from streams.effect.settings import Prices


class Return(Struct, frozen=True, kw_only=True):
    """Cost and return in one currency, in minor units.

    messages_cents: what the messages cost that were sent. handed_out_cents: the value of all
    coupons sent, which is no cost until somebody redeems one. cost_cents: messages, and redeemed
    less returned. extra_cents: the uplift in revenue a customer, times the customers sent to, times
    the margin share; with its 95 % interval. net_…: what is left over of that. A customer pays what
    a coupon leaves, so the extra bears the coupons by their margin share already; the rest of them,
    and the messages, come off. None: cannot be said.
    """

    currency: str
    messages_cents: int
    handed_out_cents: int
    redeemed_cents: int
    returned_cents: int
    cost_cents: int
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
    are paid, and their cost stands under an empty currency.
    """
    coupons, margin_share = counts.coupons, prices.effect.margin_share
    paid = {*uplifts, *coupons.handed_out, *coupons.redeemed, *coupons.returned}
    rate = prices.message_cost_cents.get(counts.campaign, 0.0)
    messages_cents = round(counts.messages * rate)
    of_messages = prices.effect.currency or (next(iter(paid)) if len(paid) == 1 else "")
    if messages_cents:
        paid.add(of_messages)
    return [
        _return(
            counts, it, messages_cents if it == of_messages else 0, margin_share, uplifts.get(it)
        )
        for it in sorted(paid)
    ]  # fmt: skip


def _return(
    counts: Counts, currency: str, messages_cents: int, margin_share: float,
    uplift: Interval | None,
) -> Return:  # fmt: skip
    coupons, customers = counts.coupons, counts.sent.customers
    redeemed, returned = coupons.redeemed.get(currency, 0), coupons.returned.get(currency, 0)
    cost = messages_cents + redeemed - returned
    told = Return(
        currency=currency,
        messages_cents=messages_cents,
        handed_out_cents=coupons.handed_out.get(currency, 0),
        redeemed_cents=redeemed,
        returned_cents=returned,
        cost_cents=cost,
    )
    if uplift is None:
        return told
    extra = uplift.scaled(customers * margin_share)
    # An interval of Welch's lies evenly about the difference.
    middle, low, high = round((extra.low + extra.high) / 2), round(extra.low), round(extra.high)
    rest = messages_cents + round((1 - margin_share) * (redeemed - returned))
    return replace(
        told,
        extra_cents=middle, extra_low_cents=low, extra_high_cents=high,
        net_cents=middle - rest, net_low_cents=low - rest, net_high_cents=high - rest,
    )  # fmt: skip
