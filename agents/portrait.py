"""What kind of customer is this? Traits that are guessed from what they do, and fade without it.

A guess is the most frequent of a few values, and its confidence is how probable that value is on
the next occasion, by the rule of succession (Laplace): with c of n occasions, and k values that are
possible, (c + 1) / (n + k). So one order makes nobody a night owl. Occasions count half after
``half_life_days``, and so does the confidence of what nothing new is heard of.

It says nothing. Other agents, and the audiences of campaigns, read it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Learn, Remember, View
from agents.calendar.wall_clock import check_zone, zone_of
from agents.gate.channels import answer_rate
from schemas.event import Name
from schemas.instant import DAY
from schemas.orders import OrderPlaced
from schemas.profiles import Channel, MessageClicked, MessageOpened

DayPart = Literal["night", "morning", "afternoon", "evening"]
Share = Literal["never", "sometimes", "always"]
DAY_PARTS: tuple[DayPart, ...] = ("night", "morning", "afternoon", "evening")
WEEK_PARTS: tuple[Literal["weekday", "weekend"], ...] = ("weekday", "weekend")
_HOURS = 24 // len(DAY_PARTS)
_SATURDAY = 5
# Shares of orders with a coupon below and above which it is never and always.
_NEVER, _ALWAYS = 0.1, 0.7
# Counts are kept in hundredths, because floats take nine bytes in a row.
_UNIT = 100


class Habits(Struct, array_like=True, gc=False, frozen=True):
    """Orders in hundredths, faded to ``day``: by part of the day, of the week, and with coupons."""

    day: int = 0
    by_hour: tuple[int, ...] = (0,) * len(DAY_PARTS)
    by_weekday: tuple[int, ...] = (0,) * len(WEEK_PARTS)
    with_coupon: int = 0


class Portrait(Agent, frozen=True):
    """half_life_days: after so long an occasion counts half. time_zone: where theirs is unknown."""

    listens: ClassVar = (OrderPlaced, MessageOpened, MessageClicked)
    remembers: ClassVar = Habits
    learns: ClassVar = {
        "favourite_category": Name,
        "shops_at": DayPart,
        "shops_on": Literal[WEEK_PARTS],
        "uses_coupons": Share,
        "answers_on": Channel,
    }

    half_life_days: Annotated[int, Meta(ge=1, le=3_650)] = 90
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        check_zone(self.time_zone)

    def on_event(
        self, event: OrderPlaced | MessageOpened | MessageClicked, customer: View
    ) -> Iterable[Act]:
        """Learn from an order, or from a message that was answered."""
        if isinstance(event, OrderPlaced):
            yield from self._ordered(event, customer)
        else:
            yield from self._answered(customer)

    def _ordered(self, event: OrderPlaced, customer: View) -> Iterable[Act]:
        habits = self._with(event, customer)
        yield Remember(habits)
        yield self._guess("shops_at", DAY_PARTS, habits.by_hour)
        yield self._guess("shops_on", WEEK_PARTS, habits.by_weekday)
        orders = sum(habits.by_weekday)
        yield self._coupons(habits.with_coupon / _UNIT, orders / _UNIT)
        if weights := customer.row.categories.weights:
            heaviest = max(weights.values())
            category = min([it for it, weight in weights.items() if weight == heaviest])
            share = heaviest / sum(weights.values())
            yield Learn("favourite_category", category, share, self.half_life_days)

    def _with(self, event: OrderPlaced, customer: View) -> Habits:
        """What was known, faded to the day of the newest order, and this one added."""
        before = customer.recall(Habits)
        zone = zone_of(customer.row.time_zone, self.time_zone) or ZoneInfo("UTC")
        local = datetime.fromtimestamp(event.occurred_at / 1000, zone)
        today = event.occurred_at // DAY
        day = max(before.day, today)
        fade, weight = self._left(day - before.day), round(_UNIT * self._left(day - today))
        by_hour = [round(it * fade) for it in before.by_hour]
        by_weekday = [round(it * fade) for it in before.by_weekday]
        by_hour[local.hour // _HOURS] += weight
        by_weekday[local.weekday() >= _SATURDAY] += weight
        with_coupon = round(before.with_coupon * fade) + (weight if event.coupons else 0)
        return Habits(day, tuple(by_hour), tuple(by_weekday), with_coupon)

    def _left(self, days: int) -> float:
        return float(0.5 ** (days / self.half_life_days))

    def _guess(self, trait: str, values: Sequence[str], counts: Sequence[int]) -> Learn:
        count = max(counts)
        value = values[counts.index(count)]
        confidence = (count / _UNIT + 1) / (sum(counts) / _UNIT + len(values))
        return Learn(trait, value, confidence, self.half_life_days)

    def _coupons(self, used: float, orders: float) -> Learn:
        share = used / orders if orders else 0.0
        return Learn(
            "uses_coupons", _how_often(share), (orders + 1) / (orders + 3), self.half_life_days
        )

    def _answered(self, customer: View) -> Iterable[Act]:
        """The channel on which they answer best, as the gate would choose it."""
        responses = customer.row.responses
        best = max(responses, key=lambda it: (answer_rate(responses[it]), it), default="")
        if best:
            rate = answer_rate(responses[best])
            yield Learn("answers_on", best, rate, self.half_life_days)


def _how_often(share: float) -> Share:
    if share < _NEVER:
        return "never"
    if share > _ALWAYS:
        return "always"
    return "sometimes"
