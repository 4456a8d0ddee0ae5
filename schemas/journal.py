"""What stands in the one log? Everything that can change a customer, passing time included.

A journal partition is read in order by one owner. State and decisions depend on it and on the
config, and on nothing else. Values are JSON, so ``kcat`` can read them. A record type that this
version does not know stops the worker: skipping it would make the state wrong without a word.
Control records stand among the facts: a model that takes effect, in every partition alike, and what
was looked at in the other partitions.
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct
from msgspec.structs import force_setattr

from schemas.clickstream import Clickstream
from schemas.event import Id, Name
from schemas.instant import Instant, to_millis
from schemas.orders import Orders
from schemas.profiles import Profiles
from schemas.reading import Reading
from schemas.reviews import Reviews
from schemas.shop_events import ShopEvents

#: An id of a key is so many characters, of those that base64 has in urls. Several stand in a row.
KEY_ID_LENGTH = 8


def each_of(key_ids: str) -> list[str]:
    """The ids of keys that stand in a row.

    >>> each_of("aaaaaaaabbbbbbbb")
    ['aaaaaaaa', 'bbbbbbbb']
    """
    return [key_ids[at : at + KEY_ID_LENGTH] for at in range(0, len(key_ids), KEY_ID_LENGTH)]


def merged(key_ids: str, more: str) -> str:
    """Ids of keys and further ones, each once.

    >>> merged("aaaaaaaabbbbbbbb", "bbbbbbbbcccccccc")
    'aaaaaaaabbbbbbbbcccccccc'
    """
    return "".join(dict.fromkeys([*each_of(key_ids), *each_of(more)]))


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
    sealed: what is personal in the event, encrypted: the id of the key, and base64; the event holds
    neutral values in its place.
    destroys: of an erasure, the ids of the keys that the customer had when ingest saw it.
    reading: what a model has read in the text of the event; None where none was asked, or it knew
    nothing in it.
    """

    event: AnyEvent
    source: Source
    imported_at: int = 0
    sealed: str = ""
    destroys: str = ""
    reading: Reading | None = None

    @property
    def key_id(self) -> str:
        """The id of the key that this was sealed with."""
        return self.sealed[:KEY_ID_LENGTH]


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


class ModelEntry(Struct, frozen=True, gc=False, tag_field="type", tag="model"):
    """From here on the agent of this name decides by this model. It stands in every partition.

    version: the day of its making and a hash of its content. made_at: the time of the log up to
    which it knows; a newer model in effect stays. model: of the type that the agent names, as JSON.
    """

    agent: str
    version: str
    made_at: Instant
    model: Raw

    def __post_init__(self) -> None:
        force_setattr(self, "made_at", to_millis(self.made_at))


#: A look at a product teaches of itself, and of so many that were looked at before it.
LOOK_PRODUCTS_MAX = 5

#: Of a look, by a clock in microseconds, where once it was in milliseconds; -1: of none.
LookNumber = Annotated[int, Meta(ge=-1, le=2**62)]


class Look(Struct, frozen=True, gc=False, array_like=True):
    """A look at a product, as another partition has learned from it. It says nothing of by whom.

    number: grows from look to look of that partition, by its clock. day: of the look, since 1970
    (UTC). products: the one looked at, and those of the visit before it, the newest first.
    """

    number: LookNumber
    day: Annotated[int, Meta(ge=0, le=10**6)]
    category: Name
    products: Annotated[list[Id], Meta(min_length=1, max_length=LOOK_PRODUCTS_MAX)]


class LooksOf(Struct, frozen=True, gc=False, array_like=True):
    """Looks in one partition, in the order of its journal."""

    partition: Annotated[int, Meta(ge=0, le=2**31)]
    looks: list[Look]


class LooksEntry(Struct, frozen=True, gc=False, tag_field="type", tag="looks"):
    """What was looked at in other partitions. What a partition has learned of is passed over.

    own_until: the partition's own looks up to this number stand in the journals of all others.
    """

    own_until: LookNumber
    of: list[LooksOf]


Record = Entry | ShopEntry | Tick | ModelEntry | LooksEntry
