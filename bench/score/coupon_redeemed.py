"""Who redeems a mailed coupon? A grocer's campaigns as messages, through the engine, one by one.

The baskets of the Complete Journey are orders, with the codes that were used with them: of a
campaign's coupons, as ``<campaign>-<coupon>``, and ``till`` for any other. Whoever was in a
campaign got a letter at its start, with coupons that begin with ``<campaign>-`` and the campaign's
type as its template. A household's score is the chance that ``coupon_response`` gives when the
letter goes out; its model is fitted once a day from the letters that were over by then.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from agents.coupon_response import CouponResponse
from agents.coupons.redeeming import Habit
from bench.histories import MissingError
from bench.score import curves, plain, shipped
from bench.score.resampled import auc_of, compare
from bench.score.scored import Curve, Figure, Floats, Task, reliability
from schemas.event import Event
from schemas.instant import DAY, HOUR
from schemas.journal import Tick
from schemas.orders import OrderPlaced
from schemas.profiles import MessageSent
from state import window
from state.customer import Customer, decode_customer
from streams.demo import journey
from streams.replay import Replay

PARTITIONS = 4
#: Scored are the campaigns from here on; what was tuned, was tuned on those before the cut.
SCORED_FROM = datetime(2017, 8, 1, tzinfo=UTC)
CUT = datetime(2017, 10, 1, tzinfo=UTC)
END = datetime(2018, 1, 1, tzinfo=UTC)
GOAL = 0.80
#: A campaign's outcome is known for the plain ones after so long, as for ours.
KNOWN_AFTER = timedelta(days=28)


class Campaign(Struct, frozen=True):
    """One mailing. redeemed: by household, when coupons of it were redeemed, the first one first.

    before: how many coupons a household had redeemed of earlier ones when it began.
    """

    name: str
    template: str
    starts: datetime
    households: tuple[str, ...]
    redeemed: dict[str, list[datetime]]
    before: dict[str, int] = {}


class Pair(Struct):
    """A household that got a letter. chance: ours at that moment; -1 where there was no model.

    known: what an analyst's table has of it then. quick: whether it was redeemed in 28 days.
    """

    campaign: Campaign
    household: str
    chance: float
    known: tuple[float, ...]
    redeemed: bool
    quick: bool


def score(data: Path) -> Task:
    """Run the year, and see who redeemed."""
    del data  # It comes with a package.
    try:
        campaigns = read_campaigns()
        orders = list(_with_codes(journey.orders(), campaigns))
    except journey.JourneyError as error:
        raise MissingError(str(error)) from error
    pairs = asyncio.run(run(orders, campaigns))
    before = [it for it in pairs if SCORED_FROM <= it.campaign.starts < CUT]
    after = [it for it in pairs if it.campaign.starts >= CUT]
    figures, lines = [], {}
    for name, here, goal in (
        ("AUC, campaigns of August and September, on which settings were chosen", before, GOAL),
        ("AUC, campaigns from October on", after, GOAL),
    ):
        if here:
            by = _by(here, pairs)
            figures.append(_figure(name, here, by, goal))
            lines = {who: curves.lift(it, _hits(here)) for who, it in by.items()}
    last = after or before
    chances = np.array([it.chance for it in last])
    return Task(
        "coupon_redeemed",
        f"Complete Journey, {len(before):,} letters of August and September (redeemed before"
        f" October) and {len(after):,} from October on; features and settings were chosen on the"
        " former. A campaign is scored by what was over before it began.",
        figures,
        [
            Curve("lift", "share of letters", "times the mean", lines),
            Curve("reliability", "said", "redeemed", {"ours": reliability(chances, _hits(last))}),
        ],
        [(
            "What carries most is how many of a household's orders have a coupon of any kind, and"
            " which campaigns they redeemed from before; a letter's template adds how such letters"
            " do. What share of the campaign's products a household has bought before would help"
            " a little more, and no row has room for it (ADR 15)."
        )],
    )  # fmt: skip


def _figure(name: str, here: list[Pair], by: dict[str, Floats], goal: float | None) -> Figure:
    hits = _hits(here)
    measures = {who: auc_of(it, hits) for who, it in by.items()}
    return compare(name, measures, [it.household for it in here], "ours", goal)


def _by(here: list[Pair], pairs: list[Pair]) -> dict[str, Floats]:
    return {
        "ours": np.array([it.chance for it in here]),
        "earlier redemptions": np.array([it.known[0] for it in here]),
        "spend": np.array([it.known[1] for it in here]),
        "logistic regression": _regression(here, pairs),
    }


def _hits(pairs: list[Pair]) -> Floats:
    return np.array([it.redeemed for it in pairs], float)


def _regression(here: list[Pair], pairs: list[Pair]) -> Floats:
    """A plain one for each campaign, from the letters of those whose outcome was known by then."""
    found: list[float] = []
    for _, group in groupby(here, key=lambda it: it.campaign.starts):
        now = list(group)
        starts = now[0].campaign.starts
        past = [it for it in pairs if it.campaign.starts + KNOWN_AFTER <= starts]
        weights = plain.fit(np.log1p([it.known for it in past]), [float(it.quick) for it in past])
        found += plain.chances(weights, np.log1p([it.known for it in now])).tolist()
    return np.array(found)


async def run(orders: list[OrderPlaced], campaigns: list[Campaign]) -> list[Pair]:
    """The year through the engine, stopped after each mailing to look at the rows."""
    replay = Replay(shipped.engine(shipped.agents(CouponResponse.name), PARTITIONS), PARTITIONS)
    pairs: list[Pair] = []
    place, last = 0, orders[0].occurred_at
    for starts, group in groupby(campaigns, key=lambda it: it.starts):
        at = _millis(starts)
        if at > orders[-1].occurred_at:
            break
        mailings = list(group)
        until = place
        while until < len(orders) and orders[until].occurred_at < at:
            until += 1
        letters = [_letter(it, who, at) for it in mailings for who in it.households]
        await replay.run(_feed(orders[place:until], last, at))
        await replay.run(letters)
        place, last = until, at
        rows = {
            who: decode_customer(who, row)
            for partition in range(PARTITIONS)
            for who, row in replay.table.rows(partition).items()
        }
        pairs += [_pair(it, who, rows[who], at) for it in mailings for who in it.households]
    return pairs


def _feed(orders: Iterable[Event], begin: int, end: int) -> Iterator[Event | Tick]:
    """Orders with a tick each hour; the last one at ``end``, before which models are fitted."""
    due = (begin // HOUR + 1) * HOUR
    for it in orders:
        while due <= it.occurred_at:
            yield Tick(due)
            due += HOUR
        yield it
    yield from map(Tick, range(due, end + 1, HOUR))


def _letter(campaign: Campaign, household: str, at: int) -> MessageSent:
    return MessageSent(
        event_id=f"letter-{campaign.name}-{household}", occurred_at=at, customer_id=household,
        message_id=f"{campaign.name}-{household}", channel="post",
        coupons=(f"{campaign.name}-*",), template=campaign.template,
    )  # fmt: skip


def _pair(campaign: Campaign, household: str, row: Customer, at: int) -> Pair:
    habit = msgspec.msgpack.decode(row.memory[CouponResponse.name], type=Habit)
    (mine,) = [it for it in habit.open if it.codes == (f"{campaign.name}-*",)]
    redeemed_at = campaign.redeemed.get(household, [END])[0]
    until = CUT if campaign.starts < CUT else END
    quiet = (at - row.last_order_at) / DAY if row.last_order_at else 365.0
    orders, spent = (window.total(row.orders, at, days * DAY) for days in (28, 91))
    known = (
        campaign.before.get(household, 0), max(0, row.spent_cents), row.order_count, orders[0],
        max(0, spent[1]), quiet, habit.mailed - 1, campaign.template == "Type A",
        campaign.template == "Type B",
    )  # fmt: skip
    return Pair(
        campaign, household, mine.chance / 10_000, known,
        redeemed_at < until, redeemed_at <= campaign.starts + KNOWN_AFTER,
    )  # fmt: skip


# The data -----------------------------------------------------------------------------------------


def read_campaigns() -> list[Campaign]:
    """The campaigns that began within the year, by their start. Raises JourneyError."""
    about = _read("campaign_descriptions", "campaign_id", "campaign_type", "start_date")
    mailed: dict[str, list[str]] = {}
    for name, household in _read("campaigns", "campaign_id", "household_id"):
        mailed.setdefault(str(name), []).append(str(household))
    redeemed: dict[str, dict[str, list[datetime]]] = {}
    days: dict[str, list[datetime]] = {}
    for name, household, on in sorted(
        _read("coupon_redemptions", "campaign_id", "household_id", "redemption_date"),
        key=lambda it: it[2],
    ):
        redeemed.setdefault(str(name), {}).setdefault(str(household), []).append(_day(on))
        days.setdefault(str(household), []).append(_day(on))
    found = [
        Campaign(
            str(name), str(kind), _day(starts), tuple(sorted(set(mailed.get(str(name), [])))),
            redeemed.get(str(name), {}),
            {who: sum(it < _day(starts) for it in those) for who, those in days.items()},
        )
        for name, kind, starts in about
        if _day(starts).year == CUT.year
    ]  # fmt: skip
    return sorted(found, key=lambda it: (it.starts, it.name))


def _with_codes(orders: Iterable[OrderPlaced], campaigns: list[Campaign]) -> Iterator[OrderPlaced]:
    """Orders with the codes that were used with them.

    Redemptions have a day and no basket: a day's are put on the household's first basket with a
    coupon, and on its first one where there is none.
    """
    used = _baskets_with_coupons()
    known = {it.name for it in campaigns}
    codes: dict[tuple[str, datetime], set[str]] = {}
    for name, household, on, coupon in _read(
        "coupon_redemptions", "campaign_id", "household_id", "redemption_date", "coupon_upc"
    ):
        if str(name) in known:
            codes.setdefault((str(household), _day(on)), set()).add(f"{name}-{coupon}")
    ordered = list(orders)
    first: dict[tuple[str, datetime], str] = {}
    for it in sorted(ordered, key=lambda it: it.order_id not in used):  # Stable: by time.
        first.setdefault((it.subject, _on(it)), it.order_id)
    for it in ordered:
        key = it.subject, _on(it)
        here = sorted(codes.get(key, ())) if first[key] == it.order_id else []
        if it.order_id in used:
            here = [*here, "till"]
        yield replace(it, products=it.products[:1], coupons=tuple(here[:20]),
                      total_cents=it.paid_cents)  # fmt: skip


def _baskets_with_coupons() -> set[str]:
    return {str(it) for it, off in _read("transactions", "basket_id", "coupon_disc") if off > 0}


def _read(name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    from pyarrow import parquet

    table: Any = parquet.ParquetFile(journey.folder() / f"{name}.parquet").read(list(columns))
    yield from zip(*(table[it].to_pylist() for it in columns), strict=True)


def _on(order: OrderPlaced) -> datetime:
    return datetime.fromtimestamp(order.occurred_at // DAY * DAY / 1000, UTC)


def _day(value: Any) -> datetime:
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
