"""What do people look for and not find? Searches without a result, each customer counted once.

It keeps a ledger of its partition: see ``agents/ops/lookout.py``. A query is said when enough
customers have made it within a window, and not again as long as they go on doing so window after
window. Queries are made alike (case, punctuation, spaces), and one that few have made never leaves
the ledger: what somebody types may be about themselves.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agents.agent import Act, Enter, Remember, View
from agents.ops.tally import NAME_MAX, Seen, Tally, Tallying
from schemas.clickstream import ProductsSearched
from schemas.decisions import Evidence
from schemas.instant import SECOND
from schemas.ops import Alert

#: Of how many of their last queries in a window it is known that a customer was counted.
QUERIES_MAX = 8
_DIGEST_BYTES = 4


class DemandGapPayload(Struct, frozen=True):
    """customers: how many have looked for it in vain, at least; customers_max: and at most."""

    query: str
    customers: int
    customers_max: int


class Asked(Struct, array_like=True, gc=False, frozen=True):
    """The customer's queries that are counted in the newest window, by hash. Bytes: 40 at most.

    begins_s: when that window begins, in seconds; its number tells it at one width only.
    """

    begins_s: int = 0
    digests: bytes = b""


class DemandGap(Tallying, frozen=True):
    """customers_min: so many make a gap. names_max: queries kept of a window and partition."""

    listens: ClassVar = (ProductsSearched,)
    remembers: ClassVar = Asked
    keeps: ClassVar = Tally
    alert: ClassVar = "demand_gap"
    tells: ClassVar = DemandGapPayload

    names_max: Annotated[int, Meta(ge=8, le=1_000)] = 200
    customers_min: Annotated[int, Meta(ge=1)] = 10

    def on_event(self, event: ProductsSearched, customer: View) -> Iterable[Act] | Enter:
        """Enter a search that found nothing, if it is the customer's first one of its kind."""
        if event.result_count != 0 or not (query := normalised(event.query)):
            return ()
        seen = Seen(self, query, event.occurred_at, customer.shop.clock_at)
        asked = customer.recall(Asked)
        width = self.width
        begins_s = event.occurred_at // width * width // SECOND
        digest = blake2b(query.encode(), digest_size=_DIGEST_BYTES).digest()
        if begins_s < asked.begins_s:
            return Enter(seen)  # A late one; what is remembered is of a newer window.
        known = asked.digests if begins_s == asked.begins_s else b""
        if digest in [known[i : i + _DIGEST_BYTES] for i in range(0, len(known), _DIGEST_BYTES)]:
            return ()
        kept = (known + digest)[-QUERIES_MAX * _DIGEST_BYTES :]
        return (Remember(Asked(begins_s, kept)), Enter(seen))

    def conclude(self, ledgers: Sequence[Tally], window: int) -> list[Alert]:
        """Queries that so many have surely made, and had not in the window before."""
        before, now = self.pooled(ledgers, window - 1), self.pooled(ledgers, window)
        found = sorted(
            (-low, query, high) for query, (low, high) in now.bounds.items()
            if low >= self.customers_min > before.least(query)
        )  # fmt: skip
        return [
            self.alert_of(
                query,
                window,
                reason="searched_in_vain",
                payload=DemandGapPayload(query, -low, high),
                evidence=Evidence(
                    values={"customers": -low, "customers_before": before.least(query)},
                    thresholds={"customers_min": self.customers_min},
                ),
            )
            for low, query, high in found[: self.alerts_max]
        ]


def normalised(query: str) -> str:
    """A query as it is counted: what is typed in several ways is one.

    >>> normalised("  Oat-Milk, 1l "), normalised("OAT MILK 1L"), normalised("燕麦奶!")
    ('oat milk 1l', 'oat milk 1l', '燕麦奶')
    """
    # What is cut off here nobody has typed into a search field; what is left makes a whole name.
    plain = unicodedata.normalize("NFKC", query[: 4 * NAME_MAX]).casefold()
    # Marks too: in many scripts a vowel is one.
    words = "".join(it if unicodedata.category(it)[0] in "LMN" else " " for it in plain).split()
    return " ".join(words)[:NAME_MAX].rstrip()
