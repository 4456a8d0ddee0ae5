"""What waits for a better moment, and what has been said lately? The gate's part of a row."""

from msgspec import Struct

from schemas.decisions import Evidence, Money

# A kind is held once, so this is as many kinds as an agent may want to say in one night.
HELD_MAX = 8
# More than one a day for a month. A cap counts no more than these, so none can be larger.
TOUCHES_MAX = 32


class Touch(Struct, array_like=True, gc=False, frozen=True):
    """A trigger that was let out, or would have been, were the customer not held out.

    at: when it left. channel: empty for none.
    """

    at: int
    kind: str
    channel: str


class Held(Struct, array_like=True, gc=False, frozen=True):
    """A trigger that may leave later: what the agent said, why it waits, and until when.

    cause, cause_at: why it was decided; its id is derived from that, whenever it leaves.
    until: the first moment at which it may leave. due_at: when it is asked again, within the same
    second: whoever was held back first goes first. payload: JSON.
    """

    agent: str
    kind: str
    cause: str
    cause_at: int
    held_at: int
    until: int
    due_at: int
    why: str
    reason: str
    evidence: Evidence
    payload: bytes
    expires_at: int | None = None
    hands_out: Money | None = None
