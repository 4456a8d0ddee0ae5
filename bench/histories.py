"""Which histories are looked at? A grocer's year, a web shop's, and one that is invented."""

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bench import invented, retail
from bench.place import ROOT
from schemas.event import Event
from streams.demo import journey

INVENTED_CUSTOMERS = 300
#: Where Online Retail is looked for: beside the checkout.
DATA = ROOT.parent / "shared" / "data"


class MissingError(Exception):
    """A data set is not there; the message says which, and what to do."""


class History(Struct):
    """Events with the moments at which they arrive, in that order. notes: how it was read."""

    arrivals: list[tuple[int, Event]]
    notes: dict[str, int] = {}

    @property
    def customers(self) -> list[str]:
        """Everybody, in the order in which they are first heard of."""
        return list(dict.fromkeys(event.subject for _, event in self.arrivals))

    def slice(self, customers: int) -> "History":
        """The first so many customers alone; 0: all."""
        if not customers:
            return self
        kept = set(self.customers[:customers])
        return History([it for it in self.arrivals if it[1].subject in kept], self.notes)


def complete_journey(_: Path) -> History:
    """The Complete Journey, from its package. What is in a basket is left out: nothing asks."""
    try:
        orders = journey.orders()
    except journey.JourneyError as error:
        raise MissingError(str(error)) from error
    events = [replace(it, products=it.products[:1]) for it in orders]
    return History([(it.occurred_at, it) for it in events], {"orders": len(events)})


def online_retail(data: Path) -> History:
    """Online Retail, from its file."""
    try:
        events, notes = retail.read(data)
    except OSError as error:
        raise MissingError(
            f"{error}. Give the folder that has {retail.FILE}, or the file itself, with --data"
        ) from error
    return History([(it.occurred_at, it) for it in events], notes)


def made_up(_: Path) -> History:
    """An invented shop, in which events are told twice, come late, and before their orders."""
    return History(invented.arrivals(INVENTED_CUSTOMERS))


#: By name, as they are told.
HISTORIES: dict[str, Any] = {
    "Complete Journey": complete_journey, "Online Retail": online_retail, "invented": made_up,
}  # fmt: skip
