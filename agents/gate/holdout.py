"""Who is left out, so that the effect can be measured? A share of the customers, by a keyed hash.

The law: it depends on the key, the campaign and the customer's first id alone. So it is the same
after a restart, in a replay and on another machine, and a larger share holds out those whom the
smaller one held out, and some more.
"""

from functools import cache
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from state.exposure import ALL_CAMPAIGNS, Exposures

#: Of all customers; more than half would be a strange business.
Share = Annotated[float, Meta(ge=0, le=0.5)]

_WHOLE = 2**64


class Holdout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings in ``[gate.holdout]``.

    share: of the customers, for each campaign anew; an agent may have another one. over_all: of the
    customers, from all campaigns at once. 0 holds out nobody, and then no effect can be claimed.
    key: the secret of the hash; comes from the environment, not from the file. Another key draws
    other customers.
    """

    share: Share = 0.05
    over_all: Share = 0.02
    key: str = "development"

    def arm(self, campaign: str, share: float, first_id: str, exposures: Exposures) -> bool:
        """Whether the customer is held out: as they were counted before, or by the hash."""
        if share <= 0:
            return False
        counted = exposures.get(campaign)
        return self.draws(campaign, share, first_id) if counted is None else counted.held_out

    def arm_over_all(self, first_id: str, exposures: Exposures) -> bool:
        """Whether the customer is held out of all campaigns."""
        return self.arm(ALL_CAMPAIGNS, self.over_all, first_id, exposures)

    def draws(self, campaign: str, share: float, first_id: str) -> bool:
        """Whether the hash holds the customer out.

        >>> holdout = Holdout(key="k")
        >>> sum(holdout.draws("spring", 0.05, f"c{it}") for it in range(10_000))
        502
        """
        text = msgspec.json.encode([campaign, first_id])
        digest = blake2b(text, key=_short(self.key), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * _WHOLE


@cache
def _short(key: str) -> bytes:
    """The key in as many bytes as the hash takes for one (RFC 7693: 64 at most)."""
    return blake2b(key.encode()).digest()
