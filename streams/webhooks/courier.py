"""How are one target's triggers handed over? Each customer's in order and one at a time.

Customers go side by side. A trigger that has to wait for its next attempt keeps no other customer
from theirs, and takes no slot meanwhile. What is not worth sending any more is not sent.
"""

import asyncio
import random
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog
from aiolimiter import AsyncLimiter
from msgspec import Struct

from schemas.instant import HOUR
from schemas.profiles import Failure
from streams.webhooks import metrics
from streams.webhooks.address import hushed, shown
from streams.webhooks.answers import Answer, backoff_s
from streams.webhooks.breaker import Breaker, Change, Pass
from streams.webhooks.parcel import Parcel
from streams.webhooks.targets import Target

log = structlog.get_logger()


class Outcome(Struct, frozen=True):
    """What became of a trigger. failure: empty where it was delivered."""

    failure: Failure | Literal[""]
    attempts: int
    detail: str = ""


class _Lane:
    """One customer's triggers, the oldest first. is_busy: the first one is under way."""

    def __init__(self) -> None:
        self.parcels: deque[Parcel] = deque()
        self.is_busy = False
        self.task: asyncio.Task[None] | None = None


class Courier:
    """Hands one target its triggers. Make it where an event loop runs.

    post: makes one request. conclude: reports an outcome, and returns when that is safe; what it
    has returned for may be forgotten. done: is told of each trigger that is dealt with.
    now_ms: wall time in epoch milliseconds.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        post: Callable[[Parcel], Awaitable[Answer]],
        conclude: Callable[[Parcel, Outcome], Awaitable[None]],
        done: Callable[[Parcel], None],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.name, self.target = name, target
        self._post, self._conclude, self._done = post, conclude, done
        self._now_ms = now_ms
        self._lanes: dict[str, _Lane] = {}
        self._slots = asyncio.Semaphore(target.in_flight_max)
        # It allows as many at once as in its period, and no period shorter than one request's.
        burst = max(1.0, target.rate_per_s)
        self._limiter = AsyncLimiter(burst, burst / target.rate_per_s)
        self.breaker = Breaker(
            target.breaker_failures, target.breaker_open_s, target.breaker_open_max_s, loop.time
        )
        self._is_letting_go = False
        self.waiting = self.waiting_bytes = 0
        self.broken: asyncio.Future[None] = loop.create_future()

    def accept(self, parcel: Parcel) -> None:
        """Take a trigger; it is delivered after all of its customer that were taken before."""
        lane = self._lanes.get(parcel.customer_id)
        if lane is None:
            lane = self._lanes[parcel.customer_id] = _Lane()
        lane.parcels.append(parcel)
        self.waiting += 1
        self.waiting_bytes += parcel.source.size
        if lane.task is None:
            lane.task = asyncio.create_task(self._walk(parcel.customer_id, lane))
            lane.task.add_done_callback(self._ended)

    def is_too_old(self, parcel: Parcel) -> bool:
        """Whether nobody should act on it any more, whatever it says itself."""
        return self._too_old_at(parcel) <= self._now_ms()

    async def let_go(self, within_s: float) -> None:
        """Begin nothing more; return when what is under way has ended, and forget the rest.

        within_s: then what is still under way is given up. It may have arrived.
        """
        self._is_letting_go = True
        tasks = []
        for lane in self._lanes.values():
            if lane.task is not None:
                tasks.append(lane.task)
                if not lane.is_busy:
                    lane.task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._lanes.clear()
        self.waiting = self.waiting_bytes = 0
        self._is_letting_go = False

    async def _walk(self, customer_id: str, lane: _Lane) -> None:
        while lane.parcels:
            parcel = lane.parcels[0]
            outcome = await self._deliver(parcel, lane)
            if outcome is None:
                return
            lane.is_busy = True
            await self._conclude(parcel, outcome)
            metrics.TRIGGERS.labels(self.name, outcome.failure or "delivered").inc()
            lane.parcels.popleft()
            self.waiting -= 1
            self.waiting_bytes -= parcel.source.size
            self._done(parcel)
            lane.is_busy = False
            if self._is_letting_go:
                return
        del self._lanes[customer_id]

    async def _deliver(self, parcel: Parcel, lane: _Lane) -> Outcome | None:
        """Send it until it has arrived or there is no point any more; None where we let go."""
        tries = attempts = 0
        wait_s = 0.0
        while True:
            failure, worth_s = self._worth(parcel)
            if worth_s <= 0:
                return Outcome(failure, attempts)
            try:
                async with asyncio.timeout(worth_s):
                    await asyncio.sleep(wait_s)
                    admitted = await self._turn()
            except TimeoutError:
                continue
            lane.is_busy = True
            answer = await self._try(parcel, admitted)
            tries += 1
            attempts += answer.reached
            match answer.meaning:
                case "delivered":
                    return Outcome("", attempts)
                case "refused":
                    return Outcome("refused", attempts, answer.detail)
                case "again" if attempts >= self.target.attempts_max:
                    return Outcome("failed", attempts, answer.detail)
            lane.is_busy = False
            if self._is_letting_go:
                return None
            wait_s = backoff_s(
                tries, self.target.backoff_s, self.target.backoff_max_s, random.uniform
            )

    def _worth(self, parcel: Parcel) -> tuple[Failure, float]:
        """Why it will not be worth sending one day, and in how many seconds that is."""
        too_old_at = self._too_old_at(parcel)
        if parcel.expires_at is not None and parcel.expires_at <= too_old_at:
            return "expired", (parcel.expires_at - self._now_ms()) / 1000
        return "too_old", (too_old_at - self._now_ms()) / 1000

    def _too_old_at(self, parcel: Parcel) -> int:
        return parcel.decided_at + round(self.target.age_max_hours * HOUR)

    async def _turn(self) -> Pass:
        """Wait for a slot, for the breaker and for the rate. The slot is the caller's then."""
        await self._slots.acquire()
        try:
            while True:
                await self.breaker.settled()
                await self._limiter.acquire()
                if admitted := self.breaker.admit():
                    return admitted
        except BaseException:
            self._slots.release()
            raise

    async def _try(self, parcel: Parcel, admitted: Pass) -> Answer:
        began = time.perf_counter()
        try:
            answer = await self._post(parcel)
        except Exception as error:  # noqa: BLE001 - one request's bad luck is no other's
            answer = self._broke(error)
        except BaseException:
            self.breaker.withdraw(admitted)
            raise
        finally:
            self._slots.release()
        metrics.REQUEST_SECONDS.labels(self.name).observe(time.perf_counter() - began)
        metrics.REQUESTS.labels(self.name, answer.ending).inc()
        self._tell(self.breaker.note(admitted, failed=answer.is_failure), answer)
        if answer.retry_after_s:
            self.breaker.hold(answer.retry_after_s)
        if answer.meaning == "gone" and self.breaker.state != "gone":
            self.breaker.give_up()
            log.error(
                "webhook_target_gone",
                target=self.name, url=shown(self.target.url), detail=answer.detail,
                what="nothing more is sent there; triggers wait. Mend the url or take the target"
                " out of the file, then start `ebbtide webhooks` again",
            )  # fmt: skip
        return answer

    def _tell(self, change: Change, answer: Answer) -> None:
        """Log what the target does differently now."""
        match change:
            case "opened" | "opened_again":
                log.warning(
                    "webhook_target_fails" if change == "opened" else "webhook_target_still_fails",
                    target=self.name, detail=answer.detail,
                    what=f"it is left alone for {self.breaker.open_s:g} s; triggers wait",
                )  # fmt: skip
            case "closed":
                log.info(
                    "webhook_target_works_again",
                    target=self.name, failed_for_s=round(self.breaker.failing_s),
                )  # fmt: skip

    def _broke(self, error: Exception) -> Answer:
        """What nobody has thought of. It may have arrived, so it counts, and so it has an end."""
        detail = f"{type(error).__name__}: {hushed(self.target.url, str(error))}"
        # Without the error itself, which may quote the url.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("webhook_request_broke", target=self.name, detail=detail, where=where)
        return Answer(0, "broken", f"the request could not be made: {detail}")

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A lane that ends with an error is a mistake of ours, and must not go unseen."""
        if not task.cancelled() and (error := task.exception()) and not self.broken.done():
            self.broken.set_exception(error)
