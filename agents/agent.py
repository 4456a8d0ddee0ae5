"""What is an agent? A frozen struct whose fields are its settings, with two methods that decide.

The law: an agent reads the customer's view and its own memory, and yields acts; it changes nothing
itself and knows no other agent. Its section ``[agents.<name>]`` in ``config/engine.toml`` is its
fields, and an agent without a section is off. A new policy is one file, one test, one section.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from schemas.codec import encode_json, encode_row
from schemas.decisions import Evidence, Money
from schemas.event import Cents, Currency, Event, snake_case
from schemas.instant import LATEST
from schemas.profiles import Channel, Purpose
from state.customer import Customer
from state.product import Product
from state.shop import Shop

M = TypeVar("M", bound=Struct)

#: The engine's own timers, after which no agent may be called: the row ends after long silence, and
#: what was held back is asked again.
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


class CancelTimer(Struct, frozen=True, gc=False):
    """Don't wake me after all. A timer that is not set is cancelled already."""

    name: str = ""


class Remember(Struct, frozen=True, gc=False):
    """Keep this as my memory of the customer; None forgets it."""

    memory: Struct | None


Act = Say | Note | SetTimer | CancelTimer | Remember


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


Occasion = Event | Timer | Decided


class View(Struct, gc=False):
    """What an agent may read about the customer at this moment. All of it is read-only by contract.

    id: the customer. at: event time, or the tick time at which a timer fires.
    row: the profile. shop: the partition's clock and rhythm. products: rows of the event's
    products, for agents with ``reads_products``. agent: whose memory it is.
    """

    id: str
    at: int
    row: Customer
    shop: Shop
    products: dict[str, Product]
    agent: str = ""

    def recall(self, kind: type[M]) -> M:
        """The agent's memory of this customer, or a blank one."""
        memory = self.row.memory.get(self.agent)
        recalled: M = kind() if memory is None else _decoder_of(kind)(memory)
        return recalled

    def of(self, agent: str) -> "View":
        """The same view with another agent's memory."""
        self.agent = agent
        return self


class Agent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that every agent has, and the methods.

    purpose: what the customer must have consented to; ``internal`` triggers reach the shop's own
    people and need none. pause_hours: the gate lets one trigger of a kind pass in that time.
    priority: who speaks, when several want to at once: the highest. campaign: under which name
    budget, holdout and effect are counted; the agent's own where it is left out.
    channels: those that come into question, the first one first; empty: the gate's.
    keeps_quiet_hours: whether it waits for the morning. holdout_share: another than the gate's.
    budget_cents: by currency, what may be handed out in ``budget_days``; empty: no limit.
    message_cost_cents: what sending one costs, for the report of the effect.
    """

    #: The types of events that reach ``on_event``; all others cost nothing.
    listens: ClassVar[tuple[type[Event] | type[Decided], ...]] = ()
    #: The kinds of trigger that the agent may say, with the type of their payload.
    says: ClassVar[dict[str, type[Struct]]] = {}
    #: Whether ``view.products`` is wanted: rows of products are loaded for nobody else.
    reads_products: ClassVar[bool] = False
    #: The agent's name, made from its class's: its file, its section and its timers go by it.
    name: ClassVar[str] = ""

    purpose: Purpose | Literal["internal"] = "marketing"
    pause_hours: float = 24.0
    priority: int = 0
    campaign: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{0,64}$", max_length=64)] = ""
    channels: tuple[Channel, ...] = ()
    keeps_quiet_hours: bool = True
    holdout_share: Annotated[float, Meta(ge=0, le=0.5)] | None = None
    budget_cents: dict[Currency, Cents] = {}
    budget_days: Annotated[float, Meta(gt=0)] = 30.0
    message_cost_cents: Annotated[float, Meta(ge=0)] = 0.0

    def __init_subclass__(cls, **_: Any) -> None:
        cls.name = snake_case(cls.__name__)

    @property
    def counted_as(self) -> str:
        """The campaign under whose name budget, holdout and effect are counted."""
        return self.campaign or self.name

    def timer_key(self, name: str) -> str:
        """Under which key a row has the agent's timer of this name."""
        return f"{self.name}/{name}" if name else self.name

    def on_event(self, event: Any, customer: View) -> Iterable[Act]:
        """Decide on an event that has just been folded into ``customer.row``."""
        return ()

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Decide on something that did not happen."""
        return ()

    def on_release(self, held: Say, customer: View) -> Say | None:
        """Decide on something that was held back: leave it, say it otherwise, or drop it (None).

        The gate asks when it might leave at last, in the morning or after those who came first.
        """
        return held


@cache
def _decoder_of(kind: type[Struct]) -> Callable[[bytes], Any]:
    return msgspec.msgpack.Decoder(kind).decode


NO_PAYLOAD = Raw(b"{}")
_Told = tuple[str, str, int | None, Evidence, Money | None, Money | None]
_readable = msgspec.msgpack.Decoder(_Told).decode


def written(agent: Agent, acts: Iterable[Act]) -> list[tuple[Act, Raw]]:
    """Acts, each with what it lays down as bytes: a payload as JSON, a memory as msgpack.

    Raises TypeError or ValueError for acts that could not be written, not be read again, or not be
    told apart. Asked before any of them is done, so that they are taken whole or not at all.
    """
    ready = [(act, _body(agent, act)) for act in acts]
    kinds = [act.kind or agent.name for act, _ in ready if type(act) is Say]
    if len(kinds) > 1 and len(set(kinds)) < len(kinds):
        raise ValueError(f"says {kinds} on one occasion: two of a kind would have the same id")
    return ready


def _body(agent: Agent, act: Act) -> Raw:
    match act:
        case Remember():
            return Raw(encode_row(act.memory))
        case SetTimer():
            due_at = act.due_at
            if type(due_at) is not int or due_at >= LATEST:
                raise TypeError(f"SetTimer.due_at is {due_at!r}: epoch milliseconds are wanted")
        case Say() | Note():
            return _told(agent, act)
        case CancelTimer():
            pass
        case _:
            # Its type alone: how an object is written may differ from one process to the next.
            raise TypeError(f"a {type(act).__name__} is not an act")
    return NO_PAYLOAD


def _told(agent: Agent, act: Say | Note) -> Raw:
    if isinstance(act, Say) and (act.kind or agent.name) not in agent.says:
        raise ValueError(f"says {act.kind or agent.name!r}, which its `says` does not name")
    told: _Told
    if isinstance(act, Say):
        told = (act.reason, act.kind, act.expires_at, act.evidence, act.hands_out, None)
    else:
        told = (act.reason, act.kind, None, act.evidence, act.redeemed, act.returned)
    _readable(encode_row(told))
    return NO_PAYLOAD if act.payload is None else Raw(encode_json(act.payload))
