"""Which holiday is it where they live? A greeting at the hour, once a year for each holiday.

The calendar is that of the customer's market (``calendar/calendars.py``), the hour is by the clock
on their wall. There is one timer for each customer, for the next holiday that the shop greets on;
it is set anew when it fires, and when country, locale or time zone change.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar
from zlib import crc32
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from agents.agent import Act, Agent, CancelTimer, Note, Remember, Say, SetTimer, Timer, View
from agents.calendar.calendars import check_names, days_of
from agents.calendar.wall_clock import Occasion, check_zone, day_at, occasion_of, zone_of
from schemas.decisions import Evidence
from schemas.event import Name
from schemas.instant import to_text
from schemas.orders import OrderPlaced
from schemas.profiles import Country, ProfileUpdated

#: Two of one name are two holidays if so much lies between them: a lunar year has 354 days.
APART_DAYS = 300

#: By market, in the words of the calendar: what nearly every shop there greets on.
GREETS: dict[str, tuple[str, ...]] = {
    "AE": ("Eid al-Fitr", "Eid al-Adha"),
    "CN": ("Chinese New Year (Spring Festival)", "Dragon Boat Festival", "Mid-Autumn Festival"),
    "DE": ("New Year's Day", "Easter Monday", "Christmas Day"),
    "FR": ("New Year's Day", "Easter Monday", "Christmas Day"),
    "GB": ("New Year's Day", "Christmas Day"),
    "ID": ("Lunar New Year", "Eid al-Fitr", "Eid al-Adha", "Christmas Day"),
    "IN": ("Holi", "Eid al-Fitr", "Diwali", "Christmas"),
    "JP": ("New Year's Day", "Children's Day"),
    "KR": ("Korean New Year", "Chuseok"),
    "SG": ("Chinese New Year", "Eid al-Fitr", "Diwali", "Christmas Day"),
    "TW": ("Chinese New Year", "Dragon Boat Festival", "Mid-Autumn Festival"),
    "US": ("New Year's Day", "Independence Day", "Thanksgiving Day", "Christmas Day"),
}


class CareHolidayPayload(Struct, frozen=True):
    """Which holiday, on which day (YYYY-MM-DD), and by whose calendar."""

    holiday: str
    day: str
    market: str


class Greeted(Struct, array_like=True, gc=False, frozen=True):
    """The day of the last greeting, and the last ones by holiday (CRC-32 of its name).

    Days are counted as ``date.toordinal`` does; those that are too old to matter are let go.
    """

    last: int = 0
    by_name: dict[int, int] = {}

    def and_now(self, it: Occasion) -> "Greeted":
        """The memory after one more greeting."""
        recent = {name: day for name, day in self.by_name.items() if it.number - day < APART_DAYS}
        return Greeted(it.number, recent | {crc32(it.name.encode()): it.number})

    def has_had(self, number: int, name: str) -> bool:
        """Whether there was a greeting for this holiday, or on this day or a later one."""
        had = self.by_name.get(crc32(name.encode()))
        return number <= self.last or (had is not None and number - had < APART_DAYS)


class CareHoliday(Agent, frozen=True):
    """hour: of the customer's day. greets: by market, the holidays; the first counts on one day.

    time_zone, market: for customers whose own is not known; empty: they are not greeted.
    """

    listens: ClassVar = (ProfileUpdated, OrderPlaced)
    remembers: ClassVar = Greeted
    says: ClassVar = {"care_holiday": CareHolidayPayload}

    hour: Annotated[int, Meta(ge=0, le=23)] = 9
    greets: dict[Country, tuple[Name, ...]] = field(default_factory=GREETS.copy)
    time_zone: str = "UTC"
    market: str = ""

    def __post_init__(self) -> None:
        check_zone(self.time_zone)
        if self.greets != GREETS:  # A test looks at those; it takes a while.
            for market, names in self.greets.items():
                check_names(market, names)
        if self.market and self.market not in self.greets:
            raise ValueError(
                f"market is {self.market!r}, and greets has only {', '.join(sorted(self.greets))}"
            )

    def on_event(self, event: ProfileUpdated | OrderPlaced, customer: View) -> Iterable[Act]:
        """Wait for the next holiday, anew whenever the profile has changed.

        An order is for those who have no timer, because an import has left out a past one.
        """
        row = customer.row
        if type(event) is OrderPlaced and self.name in row.timers:
            return ()
        if self._market(customer) not in self.greets:
            return (CancelTimer(),) if self.name in row.timers else ()
        at = max(customer.at, customer.shop.clock_at)
        return (self._wait(customer, at, customer.recall(Greeted)),)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """The hour has struck: greet, unless the day is over, and wait for the next one."""
        zone = zone_of(customer.row.time_zone, self.time_zone)
        if zone is None:
            return
        greeted = customer.recall(Greeted)
        market = self._market(customer)
        occasion = self._next(market, zone, timer.due_at, greeted)
        if occasion is not None and occasion.begins_at <= customer.at:
            if customer.at < occasion.ends_at:
                greeted = greeted.and_now(occasion)
                yield Remember(greeted)
                yield self._greeting(occasion, market, zone)
            else:
                ended = to_text(occasion.ends_at)
                over = Evidence(values={"holiday": occasion.name, "ended_at": ended})
                yield Note(reason="day_missed", evidence=over)
        yield self._wait(customer, customer.at, greeted)

    def _greeting(self, occasion: Occasion, market: str, zone: ZoneInfo) -> Say:
        day = occasion.day.isoformat()
        return Say(
            reason="holiday",
            payload=CareHolidayPayload(occasion.name, day, market),
            expires_at=occasion.ends_at,
            evidence=Evidence(
                values={
                    "holiday": occasion.name, "day": day, "market": market, "time_zone": zone.key
                },
                thresholds={"hour": self.hour},
            ),
        )  # fmt: skip

    def _market(self, customer: View) -> str:
        return customer.row.market or self.market

    def _wait(self, customer: View, at: int, greeted: Greeted) -> SetTimer | CancelTimer:
        zone = zone_of(customer.row.time_zone, self.time_zone)
        found = zone and self._next(self._market(customer), zone, at, greeted)
        if not found:
            return CancelTimer()
        # What is due already is due with the next tick: the engine would take it for late else.
        return SetTimer(max(found.begins_at, customer.shop.clock_at + 1))

    def _next(self, market: str, zone: ZoneInfo, at: int, greeted: Greeted) -> Occasion | None:
        """The first holiday to greet on that is not over at a moment."""
        names, today = self.greets.get(market, ()), day_at(at, zone)
        for year in (today.year, today.year + 1) if names else ():
            days = [it for it in days_of(market, year) if it[0] >= today and it[1] in names]
            for day, name in sorted(days, key=lambda it: (it[0], names.index(it[1]))):
                if not greeted.has_had(day.toordinal(), name):
                    return occasion_of(day, self.hour, zone, name)
        return None
