"""What stands in the one log? Everything that can change a customer, passing time included.

A journal partition is read in order by one owner. State and decisions depend on it and on the
config, and on nothing else. Values are JSON, so ``kcat`` can read them. A record type that this
version does not know stops the worker: skipping it would make the state wrong without a word.
Control records (merge, erase, import) join the union here when their time comes.
"""

from msgspec import Struct
from msgspec.structs import force_setattr

from schemas.clickstream import Clickstream
from schemas.instant import Instant, to_millis
from schemas.orders import Orders
from schemas.profiles import Profiles
from schemas.reviews import Reviews
from schemas.shop_events import ShopEvents

AnyEvent = Clickstream | Orders | Reviews | Profiles
#: What may be published: with what happens to no one customer.
AnyFact = AnyEvent | ShopEvents


class Source(Struct, frozen=True, gc=False, array_like=True):
    """Where ingest found an event: the raw record's coordinates and its time stamp there.

    Ingest may carry a raw record over twice (a crash between the append and its own commit). The
    coordinates let engage see that, exactly and in constant space.
    """

    topic: str
    partition: int
    offset: int
    appended_at: int


class Entry(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="event"):
    """An event that was accepted.

    imported_at: when it was brought in as history (epoch milliseconds); 0: ingest brought it, live.
    Nothing is said on history.
    """

    event: AnyEvent
    source: Source
    imported_at: int = 0


class ShopEntry(
    Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="shop_event"
):
    """An event of the shop as a whole that was accepted. It stands in every journal partition.

    imported_at: as of an entry.
    """

    event: ShopEvents
    source: Source
    imported_at: int = 0


class Tick(Struct, frozen=True, gc=False, tag_field="type", tag="tick"):
    """Time has come this far: all that reached the raw topics up to ``at`` is in the log before me.

    Timers fire on ticks and on nothing else.
    """

    at: Instant

    def __post_init__(self) -> None:
        force_setattr(self, "at", to_millis(self.at))


Record = Entry | ShopEntry | Tick
