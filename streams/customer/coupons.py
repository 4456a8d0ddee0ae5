"""Which coupons does a customer have? Those in the memory of the agents that give them away."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from agents.coupons.coupon import Coupons
from agents.roster import known_agents
from schemas.instant import to_text, to_text_if_ever

#: The agents whose memory is ``Coupons``, or begins with it.
KEEP_COUPONS = tuple(
    name
    for name, agent in known_agents().items()
    if agent.remembers and issubclass(agent.remembers, Coupons)
)


class Kept(Struct, frozen=True):
    """A coupon. state: ``open``, ``expired``, or ``redeemed`` by the order ``order_id``."""

    agent: str
    code: str
    value_cents: int
    currency: str
    state: str
    sent_at: str | None
    expires_at: str
    order_id: str


def coupons(memory: Mapping[str, Raw], at: int) -> list[Kept]:
    """What they are at a moment, the one that can be redeemed coming first."""
    found = []
    for agent in KEEP_COUPONS:
        if agent not in memory:
            continue
        kept = msgspec.msgpack.decode(memory[agent], type=Coupons)
        state = "open" if kept.open_at(at) else "expired"
        for it, state_of_it in ((kept.given, state), (kept.redeemed, "redeemed")):
            if it is not None:
                sent_at = to_text_if_ever(it.sent_at)
                found.append(
                    Kept(
                        agent, it.code, it.value_cents, it.currency, state_of_it, sent_at,
                        to_text(it.expires_at), it.order_id,
                    )
                )  # fmt: skip
    return found
