"""What do we learn about the person, and about our own messages? The raw topic ``profiles``."""

from datetime import date
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones, reset_tzpath

from msgspec import Meta

from schemas.event import Event, Id, Name
from schemas.orders import Coupons

Channel = Literal["email", "sms", "push", "in_app", "web", "phone", "post"]
Purpose = Literal["marketing", "personalisation", "service"]
Failure = Literal["refused", "failed", "expired", "too_old"]
# 35: what RFC 5646 (4.4.1) wants every reader to take. `$` alone would let a line break follow.
Locale = Annotated[str, Meta(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$(?!\n)", max_length=35)]
Country = Annotated[
    str, Meta(pattern="^[A-Z]{2}$", max_length=2, description="ISO 3166-1 alpha-2 code.")
]
Traits = Annotated[dict[Name, Name], Meta(max_length=32)]


# The zones of the package that is locked with us, and not those of the machine: a replay on another
# one has to find the same nights.
reset_tzpath(to=())


@cache
def time_zones() -> frozenset[str]:
    """The IANA time zones that we know."""
    return frozenset(available_timezones())


class ProfileUpdated(Event, frozen=True):
    """What is known of the person; fields that are left out stay as they were.

    time_zone: IANA name, such as ``Asia/Kolkata``. country: where they live, which is their market.
    """

    birthday: date | None = None
    locale: Locale | None = None
    time_zone: Name | None = None
    traits: Traits = {}
    country: Country | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_zone is not None and self.time_zone not in time_zones():
            raise ValueError(f"time_zone {self.time_zone!r} is not an IANA time zone")


class ConsentChanged(Event, frozen=True):
    """Consent was given or withdrawn for a purpose, on one channel or, without one, on all."""

    purpose: Purpose
    granted: bool
    channel: Channel | None = None


class Message(Event, frozen=True):
    """What marketing automation reports about a message that it sent for a trigger."""

    message_id: Id
    channel: Channel
    trigger_id: Id | None = None


class MessageSent(Message, frozen=True):
    """A message went out.

    coupons: the codes that it carries; one that ends in ``*`` stands for all that begin like it.
    template: what kind of message it is, as the sender names it.
    """

    coupons: Coupons = ()
    template: Name = ""


class MessageOpened(Message, frozen=True):
    """A message was opened."""


class MessageClicked(Message, frozen=True):
    """A link in a message was followed."""


class MessageBounced(Message, frozen=True):
    """A message could not be delivered. permanent: nor can the next one (RFC 3463: 5.x.x)."""

    permanent: bool = True


class MessageUnsubscribed(Message, frozen=True):
    """The customer left the channel by way of a message."""


class TriggerReport(Event, frozen=True):
    """What the webhook sink reports about a trigger. It tells nothing of what the customer does.

    target: the name of the target in the file of webhooks. attempts: requests that it was sent in.
    """

    trigger_id: Id
    kind: Name
    target: Name
    attempts: Annotated[int, Meta(ge=0, le=10**9)]


class TriggerDelivered(TriggerReport, frozen=True):
    """A target has taken a trigger."""


class TriggerUndelivered(TriggerReport, frozen=True):
    """A target has not got a trigger, and it is not tried any more.

    reason: refused and failed are a dead letter too, expired and too_old were not worth sending.
    """

    reason: Failure


class ErasureRequested(Event, frozen=True):
    """The customer wants to be forgotten."""


Profiles = (
    ProfileUpdated
    | ConsentChanged
    | MessageSent
    | MessageOpened
    | MessageClicked
    | MessageBounced
    | MessageUnsubscribed
    | TriggerDelivered
    | TriggerUndelivered
    | ErasureRequested
)
