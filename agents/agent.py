"""What is an agent? A frozen struct whose fields are its settings, with two methods that decide.

The law: an agent reads the customer's view and its own memory, and yields acts; it changes nothing
itself and knows no other agent. Its section ``[agents.<name>]`` in ``config/engine.toml`` is its
fields, and an agent without a section is off. A new policy is one file, one test, one section.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from agents.product_change import ProductChange
from schemas.decisions import Evidence, Money
from schemas.event import Cents, Currency, Event, Name, snake_case
from schemas.profiles import Channel, Country, Purpose
from schemas.reading import Reading
from state import portrait
from state.customer import Customer
from state.ledger import Ledger, Ledgers
from state.model import Fitted, Models
from state.product import Product
from state.shop import Shop

M = TypeVar("M", bound=Struct)
L = TypeVar("L", bound=Ledger)

#: The engine's own timers, after which no agent may be called: a row's end, and what was held back.
END_OF_ROW, HELD = "row", "held"


class Say(Struct, frozen=True, gc=False, kw_only=True):
    """Let a trigger go out, if the gate agrees.

    payload: a struct of the type that the agent's ``says`` names for the kind.
    kind: the agent's own name where it is left out. expires_at: epoch milliseconds.
    hands_out: what it gives away, such as a coupon's value; it counts against the budget.
    """

    reason: str
    payload: Struct
    evidence: Evidence = Evidence()
    kind: str = ""
    expires_at: int | None = None
    hands_out: Money | None = None


class Note(Struct, frozen=True, gc=False, kw_only=True):
    """Put something on record that is not for sending, such as a coupon that was redeemed.

    redeemed, returned: what was taken up of what had been handed out, and what of that went back.
    """

    reason: str
    evidence: Evidence = Evidence()
    payload: Struct | None = None
    kind: str = ""
    redeemed: Money | None = None
    returned: Money | None = None


class SetTimer(Struct, frozen=True, gc=False):
    """Wake me at this moment, unless I set this timer anew or cancel it before then."""

    due_at: int
    name: str = ""
    #: A history sets no timer for its own past; with this it comes at its next turn (ms) instead.
    every: int = 0


class CancelTimer(Struct, frozen=True, gc=False):
    """Don't wake me after all. A timer that is not set is cancelled already."""

    name: str = ""


class Remember(Struct, frozen=True, gc=False):
    """Keep this as my memory of the customer; None forgets it."""

    memory: Struct | None


class Learn(Struct, frozen=True, gc=False):
    """Put a trait into the customer's portrait, for all to read; a value of None takes it out.

    confidence: how sure it is, from 0 to 1. half_life_days: it fades to half; 0: it does not.
    """

    trait: str
    value: str | None
    confidence: float = 1.0
    half_life_days: int = 0


class Enter(Struct, frozen=True, gc=False):
    """Enter something into the agent's ledger of the partition; see ``state/ledger.py``."""

    entry: Struct


class Await(Struct, frozen=True, gc=False):
    """Tell me, by ``on_product``, what becomes of this product, until I stop awaiting it.

    A row has room for ``AWAITED_MAX``, for all agents together; the longest awaited is let go.
    """

    product_id: str


class StopAwaiting(Struct, frozen=True, gc=False):
    """Tell me no more of this product. One that is not awaited is stopped already."""

    product_id: str


Act = Say | Note | SetTimer | CancelTimer | Remember | Learn | Enter | Await | StopAwaiting


class Timer(Struct, frozen=True, gc=False):
    """A timer that fires. due_at: what it was set to; the tick that fires it may be later."""

    name: str
    due_at: int


class Decided(Struct, frozen=True, gc=False):
    """A trigger was sent to this customer; agents may listen to it as to an event.

    payload, expires_at: as they were sent at last, for the agent who said it.
    """

    kind: str
    id: str
    decided_at: int
    reason: str
    payload: Struct | None = None
    expires_at: int | None = None


Occasion = Event | Timer | Decided | ProductChange


class View(Struct, gc=False):
    """What an agent may read about the customer at this moment. All of it is read-only by contract.

    id: the customer. at: event time, or the tick time at which a timer fires. row: the profile.
    shop: the partition's clock and rhythm. products: rows of the event's products, and of one that
    has changed; visit: at a look, of those of the visit, newest first. ledgers: of the partition.
    agent: whose memory it is. models: those in effect. reading: of the event's text.
    """

    id: str
    at: int
    row: Customer
    shop: Shop
    products: dict[str, Product]
    ledgers: Ledgers = field(default_factory=Ledgers)
    agent: str = ""
    models: Models = field(default_factory=Models)
    visit: dict[str, Product] = {}
    reading: Reading | None = None

    def recall(self, kind: type[M]) -> M:
        """The agent's memory of this customer, or a blank one."""
        memory = self.row.memory.get(self.agent)
        recalled: M = kind() if memory is None else _decoder_of(kind)(memory)
        return recalled

    def trait(self, name: str) -> str:
        """What agents have learned of the customer; empty where it is not known."""
        return portrait.known(self.row.portrait, name, self.at)

    def awaits(self, product_id: str) -> bool:
        """Whether the agent waits for the product."""
        return self.agent in self.row.awaited.get(product_id, ())

    def ledger(self, kind: type[L]) -> L:
        """The agent's ledger of the partition. It is for reading; yield ``Enter`` to change it."""
        return self.ledgers.read(self.agent, kind)

    def model(self, kind: type[M]) -> Fitted[M] | None:
        """The agent's model in effect in the partition; None where none has been fitted yet.

        Whatever is decided by it names its version, in ``Evidence.values["model"]``.
        """
        return self.models.read(self.agent, kind)

    def of(self, agent: str) -> "View":
        """The same view with another agent's memory."""
        self.agent = agent
        return self


class Agent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that every agent has, and the methods.

    purpose: what the customer must have consented to; ``internal`` triggers reach the shop's own
    people and need none. pause_hours: the gate lets one trigger of a kind pass in that time.
    priority: who speaks, when several want to at once: the highest. campaign: under which name
    budget, holdout and effect are counted; the agent's own where it is left out. channels: those
    that come into question, the first one first; empty: the gate's. keeps_quiet_hours: whether it
    waits for the morning; waits_its_turn: and where another trigger goes first, or went shortly
    before. holdout_share: another than the gate's. budget_cents: by currency, what may be handed
    out in ``budget_days``; empty: no limit. message_cost_cents: of sending one, for the effect.
    starts_at, ends_at: from when to when it speaks, with a zone; left out: always. audience: by
    trait, the values it is for. markets: by country, what is set otherwise there.
    """

    #: The types of events that reach ``on_event``; all others cost nothing.
    listens: ClassVar[tuple[type[Event] | type[Decided], ...]] = ()
    #: The kinds of trigger that the agent may say, with the type of their payload.
    says: ClassVar[dict[str, type[Struct]]] = {}
    #: Whether ``view.products``, ``view.visit`` and what is sold out are wanted, or not there.
    reads_products: ClassVar[bool] = False
    reads_visits: ClassVar[bool] = False
    reads_sold_out: ClassVar[bool] = False
    #: The type of what the agent remembers of a customer, for those who show it by name.
    remembers: ClassVar[type[Struct] | None] = None
    #: The traits that the agent learns, each with the type of its values, such as a Literal.
    learns: ClassVar[dict[str, Any]] = {}
    #: What the agent keeps of the partition as a whole; there when an event reaches it.
    keeps: ClassVar[type[Ledger] | None] = None
    #: Whether the ledger is there for timers too: it is loaded at each tick then.
    keeps_at_ticks: ClassVar[bool] = False
    #: The type of what is fitted from the ledgers of all partitions; see ``fit``.
    model: ClassVar[type[Struct] | None] = None
    #: The agent's name, made from its class's: its file, its section and its timers go by it.
    name: ClassVar[str] = ""

    purpose: Purpose | Literal["internal"] = "marketing"
    pause_hours: float = 24.0
    priority: int = 0
    campaign: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{0,64}$", max_length=64)] = ""
    channels: tuple[Channel, ...] = ()
    keeps_quiet_hours: bool = True
    waits_its_turn: bool = False
    holdout_share: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    budget_cents: dict[Currency, Cents] = {}
    budget_days: Annotated[float, Meta(gt=0)] = 30.0
    message_cost_cents: Annotated[float, Meta(ge=0)] = 0.0
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    ends_at: Annotated[datetime, Meta(tz=True)] | None = None
    audience: dict[Name, tuple[Name, ...]] = {}
    markets: dict[Country, dict[str, Any]] = {}

    def __init_subclass__(cls, **_: Any) -> None:
        cls.name = snake_case(cls.__name__)

    @property
    def counted_as(self) -> str:
        """The campaign under whose name budget, holdout and effect are counted."""
        return self.campaign or self.name

    def timer_key(self, name: str) -> str:
        """Under which key a row has the agent's timer of this name."""
        return f"{self.name}/{name}" if name else self.name

    def on_event(self, event: Any, customer: View) -> Iterable[Act] | Enter:
        """Decide on an event just folded into ``customer.row``; an entry may be returned alone."""
        return ()

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Decide on something that did not happen."""
        return ()

    def on_product(self, change: ProductChange, customer: View) -> Iterable[Act]:
        """Decide on what has become of a product that the agent awaits for this customer."""
        return ()

    def on_end(self, customer: View) -> Iterable[Enter]:
        """Take out of the ledger what the customer has in it, because their row ends.

        At an erasure; and at the end of a row after silence, of agents who keep it at ticks too.
        """
        return ()

    def fit(self, ledgers: Sequence[Any], before: Struct | None, at: int) -> Struct | None:
        """A model of what the ledgers of all partitions say; None where that is not enough.

        The leader asks, each day of the log, and puts the answer into the journal: from that record
        on it is what ``view.model`` gives. So this alone may use numpy, imported here, and need not
        give the same twice. ledgers: of the partitions that have one, for reading, each as it is at
        some moment after ``at``. before: the model in effect. Batches load it: tens of KB at most.
        """
        return None

    def on_release(self, held: Say, customer: View) -> Say | None:
        """Decide on something that was held back: leave it, say it otherwise, or drop it (None).

        The gate asks when it might leave at last, in the morning or after those who came first.
        """
        return held


@cache
def _decoder_of(kind: type[Struct]) -> Callable[[bytes], Any]:
    return msgspec.msgpack.Decoder(kind).decode
