"""Triggers to deliver, as they stand on their topics, and a target that answers as it is told."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from msgspec import Raw

from schemas.cloud_event import messages
from schemas.decisions import Decision
from schemas.instant import SECOND
from streams.webhooks.answers import Answer
from streams.webhooks.courier import Courier, Outcome
from streams.webhooks.parcel import Parcel, Place, Source, parcel_of
from streams.webhooks.targets import Target

START = 1_768_896_000_000  # 2026-01-20 08:00 UTC
PLACE = Place("triggers.churn_alert", 0)

DELIVERED = Answer(204, "delivered", "answered 204")
REFUSED = Answer(422, "refused", "answered 422: no such person")
ERROR = Answer(500, "error", "answered 500")
BUSY = Answer(429, "busy", "answered 429", 60.0)
AWAY = Answer(0, "unreachable", "no connection")
GONE = Answer(410, "gone", "answered 410")

_offsets = count()


def source(customer_id: str = "ann", number: int = 0, **fields: Any) -> Source:
    """A trigger's record."""
    plain: dict[str, Any] = {
        "id": f"{number:032x}", "kind": "churn_alert", "agent": "churn_alert",
        "customer_id": customer_id, "cause": "e1", "cause_at": START, "decided_at": START,
        "outcome": "sent", "reason": "quiet", "payload": Raw(b'{"orders":4}'),
    }  # fmt: skip
    decision = Decision(**(plain | fields))
    trigger, _ = messages(decision)
    headers = {name: content.decode() for name, content in trigger.headers}
    return Source(PLACE, next(_offsets), START, trigger.key, trigger.value, headers)


def parcel(customer_id: str = "ann", number: int = 0, **fields: Any) -> Parcel:
    """A trigger, ready to be delivered."""
    found = parcel_of(source(customer_id, number, **fields))
    assert isinstance(found, Parcel)
    return found


class Town:
    """A courier and its target in simulated time. Make it where the loop runs.

    answers: what each request is told, one after the other, or by its parcel; the last goes on.
    """

    def __init__(
        self,
        answers: list[Answer] | Callable[[Parcel], Answer],
        takes_s: float = 0.1,
        **settings: Any,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self._answers: Iterator[Answer] | None = None
        self._last = DELIVERED
        self._by_parcel = answers if callable(answers) else None
        if not callable(answers):
            self._answers = iter(answers)
        self._takes_s = takes_s
        self.posted: list[tuple[float, str, str]] = []
        self.outcomes: dict[str, Outcome] = {}
        self.ended: list[str] = []
        self.under_way: set[str] = set()
        self.most_under_way = 0
        self.conclude_fails = False
        target = Target(**({"url": "https://x.example"} | settings))
        self.courier = Courier(
            "mailer", target, self._post, self._conclude, lambda it: self.ended.append(it.id),
            lambda: START + round(self.loop.time() * SECOND),
        )  # fmt: skip

    async def _post(self, it: Parcel) -> Answer:
        assert it.customer_id not in self.under_way, "two of one customer at once"
        self.under_way.add(it.customer_id)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        self.posted.append((round(self.loop.time(), 1), it.customer_id, it.id))
        await asyncio.sleep(self._takes_s)
        self.under_way.discard(it.customer_id)
        if self._by_parcel is not None:
            return self._by_parcel(it)
        if self._answers is not None:
            self._last = next(self._answers, self._last)
        return self._last

    async def _conclude(self, it: Parcel, outcome: Outcome) -> None:
        if self.conclude_fails:
            raise ZeroDivisionError
        self.outcomes[it.id] = outcome

    async def finish(self, look_s: float = 0.05) -> None:
        """Wait until all is dealt with. look_s: how often it is looked; each look is work."""
        while self.courier.waiting:
            await asyncio.sleep(look_s)
            if self.courier.broken.done():
                self.courier.broken.result()
