"""What do all events have in common? Who, when, and an id that survives a retry.

An event is a fact about one customer, in the past tense. Unknown fields are tolerated and left
out; a field of the wrong type is refused with its path.
"""

import re
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from schemas.instant import EARLIEST, LATEST, Instant, to_millis

ID_MAX = 128
Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=10_000)]
# Ten thousand million of a currency with cents: a mistake, and a bound for the sums in a row.
CENTS_MAX = 10**12
Cents = Annotated[int, Meta(ge=0, le=CENTS_MAX, description="Minor units of the currency.")]
# The length also, because `$` alone lets a line break follow.
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code.")]

ANONYMOUS = "anon:"


def snake_case(name: str) -> str:
    """Write a class's name as a field's.

    >>> snake_case("ProductViewed")
    'product_viewed'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(
    Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag_field="type",
    tag=snake_case,
):
    """The envelope of every event.

    event_id: unique per fact. A storefront that retries sends the same id, and counts once.
    customer_id, anonymous_id: whose it is; at least one of them.
    occurred_at: when it happened (event time): RFC 3339 with a zone, or epoch milliseconds.
    """

    event_id: Id
    occurred_at: Instant
    customer_id: Id | None = None
    anonymous_id: Id | None = None

    def __post_init__(self) -> None:
        if self.customer_id is None:
            if self.anonymous_id is None:
                raise ValueError("customer_id or anonymous_id is required")
        elif self.customer_id[:5] == "anon:":
            raise ValueError(f"customer_id may not start with {ANONYMOUS!r}, which is reserved")
        at = self.occurred_at
        if type(at) is not int or not EARLIEST <= at < LATEST:
            force_setattr(self, "occurred_at", to_millis(at))

    @property
    def subject(self) -> str:
        """The key of the row that this event belongs to.

        Anonymous visitors are customers of their own, apart from any customer_id.
        """
        return self.customer_id or f"{ANONYMOUS}{self.anonymous_id}"
