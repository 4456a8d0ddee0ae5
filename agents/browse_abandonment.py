"""Who looks at something again and again, and does not buy it? Then the hesitation is worth a word.

How often a product was looked at, and on how many visits, stands on the trail of the row, and an
order takes it off. So a view costs a look into the row, and only one that makes a product worth
telling of starts the wait, once.
"""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from agents.agent import Act, Agent, Remember, Say, SetTimer, Timer, View
from schemas.clickstream import ProductViewed
from schemas.decisions import Evidence
from schemas.instant import HOUR
from state import trail
from state.customer import Customer


class LookedAt(Struct, frozen=True):
    """One product. looks: how often its page was opened; visits: on how many visits."""

    product_id: str
    looks: int
    visits: int


class BrowseAbandonmentPayload(Struct, frozen=True):
    """The products that were looked at again and again, the most looked at first."""

    products: list[LookedAt]


class Look(Struct, array_like=True, gc=False, frozen=True):
    """The look with which the wait began."""

    event_id: str = ""


class BrowseAbandonment(Agent, frozen=True):
    """looks_min, visits_min: how often, and on how many visits, a product was looked at at least.

    after_hours: how long nothing must happen. products_max: of how many products is told.
    """

    listens: ClassVar = (ProductViewed,)
    remembers: ClassVar = Look
    says: ClassVar = {"browse_abandonment": BrowseAbandonmentPayload}

    looks_min: Annotated[int, Meta(ge=1, le=60)] = 3
    visits_min: Annotated[int, Meta(ge=1, le=15)] = 2
    after_hours: Annotated[float, Meta(gt=0)] = 4.0
    valid_hours: Annotated[float, Meta(gt=0)] = 72.0
    products_max: Annotated[int, Meta(ge=1)] = 3
    pause_hours: float = 168.0

    def __post_init__(self) -> None:
        if self.looks_min < self.visits_min:
            raise ValueError(
                f"looks_min is {self.looks_min}, less than visits_min, which is {self.visits_min}:"
                " each visit holds a look"
            )

    def on_event(self, event: ProductViewed, customer: View) -> Iterable[Act]:
        """Wait, if this look makes it worth it; how long the wait is will be seen at its end."""
        row = customer.row
        entry = row.trail.get(trail.VIEWED + event.product_id, 0)
        if trail.times(entry) < self.looks_min or trail.visits(entry) < self.visits_min:
            return ()
        if self.name in row.timers or event.product_id in row.cart:
            return ()
        said = row.said.get(self.name)
        if said and customer.at - said.sent_at < self.pause_hours * HOUR:
            return ()
        return Remember(Look(event.event_id)), SetTimer(row.session.last_at + self._wait)

    @property
    def _wait(self) -> int:
        return round(self.after_hours * HOUR)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Nothing came: say what they could not decide on. Something did: wait from there on."""
        row = customer.row
        seen_at = row.session.last_at
        if seen_at + self._wait > timer.due_at:
            yield SetTimer(seen_at + self._wait)
            return
        yield Remember(None)
        products = self._looked_at(row)
        if not products:
            return
        yield Say(
            reason="looked_again_and_again",
            payload=BrowseAbandonmentPayload(products),
            expires_at=customer.at + round(self.valid_hours * HOUR),
            evidence=Evidence(
                events=(customer.recall(Look).event_id,),
                values={
                    "looks": products[0].looks,
                    "visits": products[0].visits,
                    "quiet_hours": round((customer.at - seen_at) / HOUR, 1),
                },
                thresholds={
                    "looks_min": self.looks_min,
                    "visits_min": self.visits_min,
                    "after_hours": self.after_hours,
                },
            ),
        )

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: what is not bought still, unless they are about to look once more."""
        products = self._looked_at(customer.row)
        if not products or self.name in customer.row.timers:
            return None
        return replace(held, payload=BrowseAbandonmentPayload(products))

    def _looked_at(self, row: Customer) -> list[LookedAt]:
        """What was looked at often enough since the last order, and is in no cart.

        What they have bought once they may look up, and need not be told of.
        """
        often = [
            it
            for it in trail.steps(row.trail)
            if it.kind == trail.VIEWED
            and it.times >= self.looks_min
            and it.visits >= self.visits_min
            and it.last_at > row.last_order_at
            and it.name not in row.cart
            and it.name not in row.bought
            and trail.BOUGHT + it.name not in row.trail
        ]
        often.sort(key=lambda it: (-it.times, -it.last_at, it.name))
        return [LookedAt(it.name, it.times, it.visits) for it in often[: self.products_max]]
