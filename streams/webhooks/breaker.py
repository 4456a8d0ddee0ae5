"""Is a target left alone for now? A circuit breaker: who fails again and again gets a rest.

Closed, everything passes. After so many failures one after the other it opens, and nothing passes;
triggers wait, and no attempt is burnt. After a while one request may pass, the probe: a good answer
closes the breaker, a bad one opens it for twice as long. A target that said that it is gone is
asked no more until the next start.

It is our own because none of those on the package index fits: aiobreaker has had no release since
2021, pybreaker knows no asyncio, and both refuse a call where ours has to wait.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

State = Literal["closed", "half_open", "open", "gone"]
# What a request passes as; nothing: it does not pass.
Pass = Literal["", "request", "probe"]
# What a request's end has changed; nothing: it is as it was.
Change = Literal["", "opened", "opened_again", "closed"]


class Breaker:
    """One target's. clock: seconds that never go back. Waiting is for one event loop."""

    def __init__(
        self, failures_max: int, open_s: float, open_max_s: float, clock: Callable[[], float]
    ) -> None:
        self._failures_max = failures_max
        self._first_open_s = open_s
        self._open_max_s = open_max_s
        self._clock = clock
        self._failures = 0
        self._is_gone = self._is_open = self._is_probing = False
        self._open_s = open_s
        self._open_until = self._held_until = self._opened_at = 0.0
        self._changed = asyncio.Event()

    @property
    def state(self) -> State:
        """What it is at this moment; a target that wants to be left alone is open too."""
        if self._is_gone:
            return "gone"
        if self.rest_s > 0:
            return "open"
        return "half_open" if self._is_open else "closed"

    @property
    def rest_s(self) -> float:
        """For how many seconds more nothing passes; 0 or less where something may."""
        until = max(self._held_until, self._open_until if self._is_open else 0.0)
        return until - self._clock()

    @property
    def open_s(self) -> float:
        """How long a rest is, the one that goes on or the next one."""
        return self._open_s

    @property
    def failing_s(self) -> float:
        """How long ago it opened, for the first time since it was last closed."""
        return self._clock() - self._opened_at

    def admit(self) -> Pass:
        """Let a request begin, or not. Who is admitted tells with ``note`` how it ended."""
        state = self.state
        if state == "closed":
            return "request"
        if state == "half_open" and not self._is_probing:
            self._is_probing = True
            return "probe"
        return ""

    async def settled(self) -> None:
        """Return when a request might be admitted."""
        while (state := self.state) in ("open", "gone") or (
            state == "half_open" and self._is_probing
        ):
            changed, rest_s = self._changed, self.rest_s if state == "open" else None
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), rest_s)

    def note(self, admitted: Pass, *, failed: bool) -> Change:
        """Take a request's end into account; returns what that has changed."""
        change: Change = ""
        if admitted == "probe":
            self._is_probing = False
        if not failed:
            self._failures, self._open_s = 0, self._first_open_s
            change = "closed" if self._is_open else ""
            self._is_open = False
        elif self._is_open and admitted == "probe":
            self._open_s = min(self._open_s * 2, self._open_max_s)
            self._open_until = self._clock() + self._open_s
            change = "opened_again"
        elif not self._is_open:
            self._failures += 1
            if self._failures >= self._failures_max:
                self._is_open = True
                self._opened_at = self._clock()
                self._open_until = self._opened_at + self._open_s
                change = "opened"
        self._tell()
        return change

    def withdraw(self, admitted: Pass) -> None:
        """A request was admitted and not made, or nobody knows how it ended."""
        if admitted == "probe":
            self._is_probing = False
            self._tell()

    def hold(self, seconds: float) -> None:
        """Let nothing pass for so long, because the target asked for it."""
        self._held_until = max(self._held_until, self._clock() + seconds)
        self._tell()

    def give_up(self) -> None:
        """The target is gone: let nothing pass any more."""
        self._is_gone = True
        self._tell()

    def _tell(self) -> None:
        """Wake up whoever waits, to look again."""
        self._changed.set()
        self._changed = asyncio.Event()
