"""By what does a loyalty programme count? Units of money, and calendar months.

An agent that counts points and one that counts for tiers are set by the same names, each in its own
section, so that a programme may have either.
"""

from typing import Annotated, Literal

from msgspec import Meta

from agents.agent import Agent, CancelTimer, SetTimer
from agents.calendar.wall_clock import check_zone
from schemas.event import Currency
from schemas.instant import LATEST
from schemas.profiles import Purpose


class Programme(Agent, frozen=True):
    """points_per_unit: for each whole unit_cents. unit_cents_of: other units, by currency.

    refund_days: how long an order is kept for what may go back of it. time_zone: whose months.
    """

    purpose: Purpose | Literal["internal"] = "service"
    pause_hours: float = 0.0
    points_per_unit: Annotated[int, Meta(ge=1, le=10_000)] = 1
    unit_cents: Annotated[int, Meta(ge=1)] = 100
    unit_cents_of: dict[Currency, Annotated[int, Meta(ge=1)]] = {}
    refund_days: Annotated[int, Meta(ge=0, le=730)] = 100
    time_zone: Annotated[str, Meta(min_length=1)] = "UTC"

    def __post_init__(self) -> None:
        check_zone(self.time_zone)

    def unit_of(self, currency: str) -> int:
        """The money of a currency for which there are points."""
        return self.unit_cents_of.get(currency, self.unit_cents)


def waking(name: str, at: int) -> SetTimer | CancelTimer:
    """Wait for a moment; not for LATEST, which never comes."""
    return SetTimer(at, name) if at < LATEST else CancelTimer(name)
