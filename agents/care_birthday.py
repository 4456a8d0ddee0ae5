"""Whose birthday is it? A greeting at the hour, once a year, by the clock on the customer's wall.

A year is one of the calendar, and half a year lies between two greetings, so a birthday that is
corrected is not greeted twice. Whoever tells it on the day itself is greeted then. Where a new time
zone, or a correction, puts the day into the past shortly before the hour, it is done at once.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from agents.agent import Act, Agent, CancelTimer, Note, Remember, Say, SetTimer, Timer, View
from agents.calendar.wall_clock import (
    Occasion,
    check_zone,
    day_at,
    end_of_day,
    occasion_of,
    zone_of,
)
from schemas.decisions import Evidence
from schemas.instant import HOUR, to_text
from schemas.orders import OrderPlaced
from schemas.profiles import ProfileUpdated

#: Less lies between two greetings only where the birthday was corrected over the turn of the year.
APART_DAYS = 180
#: From the first to the last zone of the world: -12:00 to +14:00.
AROUND_THE_WORLD = 26 * HOUR


class CareBirthdayPayload(Struct, frozen=True):
    """The day that is greeted, as it is in this year (YYYY-MM-DD)."""

    day: str


class Greeted(Struct, array_like=True, gc=False, frozen=True):
    """The day of the last greeting, as ``date.toordinal`` counts; 0: there was none."""

    number: int = 0


class CareBirthday(Agent, frozen=True):
    """hour: of the customer's day. leap_day: when 29 February is kept in a year that has none.

    time_zone: for customers whose own is not known; empty: they are not greeted.
    """

    listens: ClassVar = (ProfileUpdated, OrderPlaced)
    remembers: ClassVar = Greeted
    says: ClassVar = {"care_birthday": CareBirthdayPayload}

    hour: Annotated[int, Meta(ge=0, le=23)] = 9
    leap_day: Literal["02-28", "03-01"] = "02-28"
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        check_zone(self.time_zone)

    def on_event(self, event: ProfileUpdated | OrderPlaced, customer: View) -> Iterable[Act]:
        """Wait for the next birthday, anew whenever the profile has changed.

        An order is for those whose timer an import has left out, because it was past by then.
        """
        row = customer.row
        if row.birthday is None or (type(event) is OrderPlaced and self.name in row.timers):
            return ()
        return self._expect(row.birthday, customer)

    def _expect(self, birthday: date, customer: View) -> Iterable[Act]:
        zone = zone_of(customer.row.time_zone, self.time_zone)
        if zone is None:
            return
        at = max(customer.at, customer.shop.clock_at)
        greeted = customer.recall(Greeted).number
        pending = customer.row.timers.get(self.name)
        if pending is not None and pending - at <= AROUND_THE_WORLD:
            slipped = self._next(birthday, zone, at - AROUND_THE_WORLD, greeted)
            if slipped is not None and slipped.ends_at <= at:
                yield from self._greet(slipped, end_of_day(at, zone), zone)
                greeted = slipped.number
        yield self._wait(self._next(birthday, zone, at, greeted), customer)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """The hour has struck: greet, unless the day is over, and wait for the next one."""
        birthday, zone = customer.row.birthday, zone_of(customer.row.time_zone, self.time_zone)
        if birthday is None or zone is None:
            return
        greeted = customer.recall(Greeted).number
        occasion = self._next(birthday, zone, timer.due_at, greeted)
        if occasion is not None and occasion.begins_at <= customer.at:
            if customer.at < occasion.ends_at:
                yield from self._greet(occasion, occasion.ends_at, zone)
                greeted = occasion.number
            else:
                over = {"day": occasion.day.isoformat(), "ended_at": to_text(occasion.ends_at)}
                yield Note(reason="day_missed", evidence=Evidence(values={**over}))
        yield self._wait(self._next(birthday, zone, customer.at, greeted), customer)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: if it is their birthday still, for it may have been corrected."""
        payload, birthday = held.payload, customer.row.birthday
        if birthday is None or not isinstance(payload, CareBirthdayPayload):
            return None
        day = date.fromisoformat(payload.day)
        return held if self._kept_on(birthday, day.year) == day else None

    def _greet(self, occasion: Occasion, ends_at: int, zone: ZoneInfo) -> Iterable[Act]:
        yield Remember(Greeted(occasion.number))
        yield Say(
            reason="birthday",
            payload=CareBirthdayPayload(occasion.day.isoformat()),
            expires_at=ends_at,
            evidence=Evidence(
                values={"day": occasion.day.isoformat(), "time_zone": zone.key},
                thresholds={"hour": self.hour, "leap_day": self.leap_day},
            ),
        )

    def _wait(self, occasion: Occasion | None, customer: View) -> SetTimer | CancelTimer:
        if occasion is None:
            return CancelTimer()
        # What is due already is due with the next tick: the engine would take it for late else.
        return SetTimer(max(occasion.begins_at, customer.shop.clock_at + 1))

    def _next(self, birthday: date, zone: ZoneInfo, at: int, greeted: int) -> Occasion | None:
        """The first birthday that is not over at a moment; None for one of the future."""
        last = date.fromordinal(greeted) if greeted else None
        this_year = day_at(at, zone).year
        for year in range(max(this_year - 1, birthday.year + 1), this_year + 3):
            occasion = occasion_of(self._kept_on(birthday, year), self.hour, zone)
            if last and (year == last.year or occasion.number - greeted < APART_DAYS):
                continue
            if occasion.ends_at > at:
                return occasion
        return None

    def _kept_on(self, birthday: date, year: int) -> date:
        try:
            return birthday.replace(year=year)
        except ValueError:  # It is 29 February, and the year has none.
            month, day = self.leap_day.split("-")
            return date(year, int(month), int(day))
