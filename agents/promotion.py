"""What is on, and for whom? A promotion is told at its start, and once more before its end.

Planned promotions stand in the settings. A customer's row wakes at the start of the next one, to
the second, and else every ``look_ahead_days``: so a promotion that is planned at least so long
before its start reaches those too who have been silent since. Who is in the audience is asked at
the start, and before the end again.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agents.agent import Act, Agent, Remember, Say, SetTimer, Timer, View
from agents.gate.campaign import check_span, outside
from schemas.decisions import Evidence
from schemas.event import Name
from schemas.instant import DAY, HOUR, to_text
from schemas.orders import OrderPlaced
from schemas.profiles import ConsentChanged, ProfileUpdated

STARTED, ENDING = "promotion", "promotion_ending"
PLANNED_MAX = 50


class PromotionPayload(Struct, frozen=True):
    """What is on, and until when. code: what to type at the checkout, if anything."""

    promotion: str
    starts_at: str
    ends_at: str
    code: str


class Told(Struct, array_like=True, gc=False, frozen=True):
    """What was told of the promotions that are on: kind and name."""

    names: list[str] = []


class Planned(Struct, frozen=True, forbid_unknown_fields=True):
    """One promotion. starts_at, ends_at: with a zone. audience: by trait, the values it is for.

    ending_hours: so long before its end it is told once more; 0: not. code: what to type at the
    checkout, if anything.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{1,64}$", max_length=64)]
    starts_at: Annotated[datetime, Meta(tz=True)]
    ends_at: Annotated[datetime, Meta(tz=True)]
    audience: dict[Name, tuple[Name, ...]] = {}
    ending_hours: Annotated[float, Meta(ge=0)] = 24.0
    code: Name = ""

    def __post_init__(self) -> None:
        check_span(self.starts_at, self.ends_at, f"{self.name}: ")

    @property
    def moments(self) -> tuple[int, ...]:
        """When there is something to tell: at the start, and before the end."""
        start, _, ending = self._span
        return (start, ending) if self.ending_hours else (start,)

    @property
    def _span(self) -> tuple[int, int, int]:
        start, end = (round(it.timestamp() * 1000) for it in (self.starts_at, self.ends_at))
        # One that is shorter than that ends soon from its middle on.
        ending = max(end - round(self.ending_hours * HOUR), (start + end) // 2)
        return start, end, ending

    def to_tell(self, at: int) -> str:
        """The kind of what there is to tell at a moment; empty for nothing."""
        start, end, ending = self._span
        if not start <= at < end:
            return ""
        return ENDING if self.ending_hours and at >= ending else STARTED

    def is_for(self, customer: View) -> bool:
        """Whether the customer is among those who are meant."""
        return not outside(self.audience, customer.row, customer.at)

    def say(self, kind: str, at: int) -> Say:
        """Tell it."""
        start, end, _ = self._span
        return Say(
            kind=kind,
            reason="has_begun" if kind == STARTED else "ends_soon",
            payload=PromotionPayload(self.name, to_text(start), to_text(end), self.code),
            expires_at=end,
            evidence=Evidence(
                values={"hours_left": round((end - at) / HOUR, 2)},
                thresholds={
                    **{name: ", ".join(allowed) for name, allowed in self.audience.items()},
                    "ending_hours": self.ending_hours,
                },
            ),
        )


class Promotion(Agent, frozen=True):
    """planned: the promotions. look_ahead_days: how long before its start one has to be planned.

    apart_hours: of several that begin at once one is told, and the next one so much later.
    """

    listens: ClassVar = (OrderPlaced, ProfileUpdated, ConsentChanged)
    remembers: ClassVar = Told
    says: ClassVar = {STARTED: PromotionPayload, ENDING: PromotionPayload}

    planned: Annotated[tuple[Planned, ...], Meta(max_length=PLANNED_MAX)] = ()
    look_ahead_days: Annotated[float, Meta(ge=1)] = 7.0
    apart_hours: Annotated[float, Meta(gt=0)] = 24.0
    pause_hours: float = 0.0

    def __post_init__(self) -> None:
        names = [it.name for it in self.planned]
        if len(set(names)) < len(names):
            raise ValueError(f"planned names {names}: two promotions must not have the same name")

    def on_event(
        self, event: OrderPlaced | ProfileUpdated | ConsentChanged, customer: View
    ) -> Iterable[Act]:
        """Whoever is heard of for the first time is woken when there is something to tell."""
        if self.name in customer.row.timers:
            return ()
        at = max(customer.at, customer.shop.clock_at)
        is_on = any(it.to_tell(at) for it in self.planned)
        return (SetTimer(at + 1 if is_on else self._next(at)),)

    def on_timer(self, timer: Timer, customer: View) -> Iterable[Act]:
        """Tell what has begun, or what ends soon, and be woken for what comes next."""
        at = customer.at
        told = customer.recall(Told).names
        on = [(it, kind) for it in self.planned if (kind := it.to_tell(at))]
        new = [
            (it, kind) for it, kind in on
            if _mark(it, kind) not in told and it.is_for(customer)
        ]  # fmt: skip
        new.sort(key=lambda it: it[1] != ENDING)  # What ends soon can't wait.
        apart = at + round(self.apart_hours * HOUR)
        yield SetTimer(min(self._next(at), apart) if len(new) > 1 else self._next(at))
        if new:
            # Two at once would only outrank each other.
            first, kind = new[0]
            running = [mark for mark in told if any(mark.endswith(f" {it.name}") for it, _ in on)]
            yield Remember(Told([*running, _mark(first, kind)]))
            yield first.say(kind, at)

    def on_release(self, held: Say, customer: View) -> Say | None:
        """In the morning: if it is on still."""
        is_on = held.expires_at is not None and customer.at < held.expires_at
        return held if is_on else None

    def _next(self, at: int) -> int:
        """The next moment after this one at which there may be something to tell."""
        moments = [moment for it in self.planned for moment in it.moments if moment > at]
        return min([*moments, at + round(self.look_ahead_days * DAY)])


def _mark(planned: Planned, kind: str) -> str:
    return f"{kind} {planned.name}"
